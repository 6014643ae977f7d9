//! The organization and its projects, with the groups and rights that each starts with.

use crate::access::member_of;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::identities::NewIdentity;
use crate::page::{Page, PageFrom, window};
use crate::sql::{Value, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{self, Scope};
use coffer_model::act::{
    ChangeMembership, CompleteRights, CreateOrganization, CreateProject, DescribeProject,
    RenameProject,
};
use coffer_model::library::{IdentityKind, Project};
use coffer_model::{Caller, IdentityId, OrganizationId, ProjectId, Timestamp, name};
use uuid::Uuid;

/// Which default groups and rights of the organization are there.
const RIGHTS: &str = "organization_rights";
const RIGHTS_VERSION: &str = "1";

/// A condition on `p`, a project: the caller's entries at it allow to read it, and none denies. `$1` caller, `$2` the
/// namespace of projects.
macro_rules! project_seen {
    () => {
        "(exists (select 1 from access_entry e join member_of c on c.id = e.identity_id
            where e.namespace_id = $2 and e.token = p.access_token and (e.allow_bits & 1) = 1)
        and not exists (select 1 from access_entry e join member_of c on c.id = e.identity_id
            where e.namespace_id = $2 and e.token = p.access_token and (e.deny_bits & 1) = 1))"
    };
}
pub(crate) use project_seen;

/// A condition on `p`, a project: the caller may know of it. `$3` the namespace of libraries, `$4` that of pipelines.
///
/// Visible is also a project in whose library, or among whose pipelines, something is for the caller. The GUID stands at the
/// end of a project's token, and at a fixed place in the tokens of what belongs to it: there an index finds the first entry
/// of each holder, however many there are.
macro_rules! project_visible {
    ($engine:ident) => {
        concat!("(", project_seen!(), "
            or exists (select 1 from ", of_caller!($engine), "
                and e.namespace_id = $3 and substr(e.token, 9, 36) = substr(p.access_token, 46) and e.allow_bits <> 0)
            or exists (select 1 from ", of_caller!($engine), "
                and e.namespace_id = $4 and substr(e.token, 1, 36) = substr(p.access_token, 46) and e.allow_bits <> 0))
        and not exists (
            select 1 from access_entry e join member_of c on c.id = e.identity_id
            where e.namespace_id = $2 and e.token = p.access_token and (e.deny_bits & 1) = 1)")
    };
}

/// The caller's entries `e`, by holder. More conditions follow.
macro_rules! of_caller {
    (sqlite) => {
        "member_of c cross join access_entry e where e.identity_id = c.id"
    };
    // An array is looked up in the index; a join is not, when its length cannot be guessed.
    (postgres) => {
        "access_entry e where e.identity_id = any (array(select id from member_of))"
    };
}

macro_rules! projects_of {
    () => {
        "select p.id, p.name, p.description, p.revision, p.changed_at, p.name_key from project p"
    };
}

/// The projects that the caller may know of, by name.
macro_rules! visible {
    ($which:literal, $engine:ident) => {
        concat!(
            member_of!(),
            " ",
            projects_of!(),
            " where ",
            $which,
            project_visible!($engine),
            " order by p.name_key"
        )
    };
}

/// A page of projects: `$5` search, `$6` the only one or none, `$7` how many, `$8` after how many.
macro_rules! page {
    ($contains:literal, $engine:ident) => {
        concat!(
            member_of!(),
            " ",
            projects_of!(),
            " where (cast($5 as text) = '' or ",
            $contains,
            ") and (cast($6 as text) = '' or substr(p.access_token, 46) = $6) and ",
            project_visible!($engine),
            " order by p.name_key limit $7 offset $8"
        )
    };
}

macro_rules! count {
    ($contains:literal, $engine:ident) => {
        concat!(
            member_of!(),
            " select count(*) as n from (select 1 as one from project p where (cast($5 as text) = '' or ",
            $contains,
            ") and (cast($6 as text) = '' or substr(p.access_token, 46) = $6) and ",
            project_visible!($engine),
            " limit $7) x"
        )
    };
}

statements! {
    ORGANIZATION = "select id, name from organization order by created_at limit 1";
    ORGANIZATION_INSERT = "insert into organization (id, name, name_key, created_at) values ($1, $2, $3, $4)
        on conflict (name_key) do nothing";
    INSERT = "insert into project (id, organization_id, name, name_key, created_at, changed_at, access_token)
        values ($1, $2, $3, $4, $5, $5, $6) on conflict (organization_id, name_key) do nothing";
    VISIBLE = visible!("", sqlite), postgres: visible!("", postgres);
    FIND = visible!("(p.name_key = $5 or p.id = $6) and ", sqlite),
        postgres: visible!("(p.name_key = $5 or p.id = $6) and ", postgres);
    PAGE = page!("instr(p.name_key, $5) > 0", sqlite), postgres: page!("strpos(p.name_key, $5) > 0", postgres);
    COUNT = count!("instr(p.name_key, $5) > 0", sqlite), postgres: count!("strpos(p.name_key, $5) > 0", postgres);
    RENAME = "update project set name = $1, name_key = $2, revision = revision + 1, changed_at = $3 where id = $4
        and not exists (select 1 from project o where o.organization_id = project.organization_id and o.name_key = $2
            and o.id <> $4)";
    DESCRIBE = "update project set description = $1, revision = revision + 1, changed_at = $2 where id = $3";
    OF_PROJECT = "select id, kind, display_name from identity where project_id = $1";
    IS_STANDARD = "update identity set standard = 1 where id = $1";
    RENAME_IDENTITY = "update identity set unique_name = $1, unique_key = $2, display_name = $3, display_key = $4 where id = $5";
    NAME = "select name from project where id = $1";
    BUILD_SERVICE = "select id from identity where project_id = $1 and kind = 3";
}

/// A project as lists show it.
#[derive(Clone, Debug)]
pub struct ProjectRow {
    /// Id and name.
    pub project: Project,
    /// What it is for.
    pub description: String,
    /// How often it was changed, counting from 1.
    pub revision: i64,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// Id, name, description, revision, when changed, and the name's key.
type Row = (Uuid, String, String, i64, i64, String);

fn project((id, name, description, revision, changed_at, _): Row) -> ProjectRow {
    ProjectRow {
        project: Project {
            id: ProjectId(id),
            name,
        },
        description,
        revision,
        changed_at: Timestamp(changed_at),
    }
}

/// The arguments that [`project_visible`] needs.
fn seen_by(caller: &Caller) -> Vec<Value> {
    args![
        caller.identity.0,
        access::PROJECT.0,
        access::LIBRARY.0,
        access::BUILD.0
    ]
}

/// The sign-in name of a group of a project, or of the organization.
pub(crate) fn group_name(project: Option<&str>, group: &str) -> String {
    match project {
        Some(project) => format!("[{project}]\\{group}"),
        None => format!("[Organization]\\{group}"),
    }
}

impl Tx {
    /// Creates the organization with its administrators' group.
    pub async fn organization_insert(
        &mut self,
        grant: Grant<CreateOrganization>,
        name: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let done = self
            .run(
                &ORGANIZATION_INSERT,
                args![act.organization.0, name, name::key(name), self.now.0],
            )
            .await?;
        if done != 1 {
            return Err(Refusal::NameTaken.into());
        }
        self.take_changes_told().await?;
        self.change(&facts::organization(act.organization.0, name));
        for group in access::organization_groups(act.organization) {
            let id = IdentityId::random(self.entropy());
            self.group_insert(id, None, None, group.name).await?;
            for (scope, bits) in group.rights {
                let place = scope.place();
                self.access_put(place.namespace, &place.token, id.0, bits)
                    .await?;
            }
        }
        self.claim_setting(RIGHTS, RIGHTS_VERSION).await?;
        Ok(())
    }

    /// Gives an organization of an older version the groups and rights that a new one starts with. Once: what an
    /// administrator takes away later stays away.
    pub async fn organization_complete(
        &mut self,
        caller: &Caller,
        organization: OrganizationId,
    ) -> Result<(), Stop> {
        if self.setting(RIGHTS).await?.is_some() {
            return Ok(());
        }
        for group in access::organization_groups(organization) {
            let known = self.group_named(None, group.name).await?;
            let identity = known.unwrap_or_else(|| IdentityId::random(self.entropy()));
            for (scope, bits) in group.rights {
                let place = scope.place();
                let (has, _) = self
                    .access_row(&place.token, place.namespace, identity)
                    .await?;
                if has & bits == bits {
                    continue;
                }
                let allow = has | bits;
                let details = [
                    ("group", group.name.to_owned()),
                    ("namespace", place.namespace.0.to_string()),
                    ("token", place.token.clone()),
                    ("identity", identity.to_string()),
                    ("allow", allow.to_string()),
                    ("deny", "0".to_owned()),
                ];
                let act = CompleteRights {
                    organization,
                    identity,
                };
                let grant = self.authorize_with(caller, act, &details).await?;
                grant.redeem(self)?;
                if known.is_none()
                    && self
                        .identity_named(&group_name(None, group.name))
                        .await?
                        .is_none()
                {
                    self.group_insert(identity, None, None, group.name).await?;
                }
                self.access_put(place.namespace, &place.token, identity.0, allow)
                    .await?;
            }
        }
        self.claim_setting(RIGHTS, RIGHTS_VERSION).await?;
        Ok(())
    }

    /// Creates a project with its default groups, its build service and their rights. Who creates it administers it.
    pub async fn project_insert(
        &mut self,
        grant: Grant<CreateProject>,
        caller: &Caller,
        name: &str,
    ) -> Result<(), Stop> {
        let because = grant.event();
        let (act, creator) = grant.redeem(self)?;
        self.project_with_groups(act.organization, act.project, name)
            .await?;
        let administrators = self
            .group_named(Some(name), access::PROJECT_ADMINISTRATORS)
            .await?
            .ok_or(StoreError::Missing {
                statement: "project administrators",
            })?;
        let joins = ChangeMembership {
            organization: act.organization,
            project: Some(act.project),
            group: administrators,
            member: IdentityId(creator),
            joins: true,
        };
        self.membership_insert(joins.group, joins.member).await?;
        let details = joins.details();
        Ok(self.follow(because, caller, &joins, &details).await?)
    }

    /// Creates the first project together with the organization.
    pub async fn first_project_insert(
        &mut self,
        grant: Grant<CreateOrganization>,
        project: ProjectId,
        name: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.project_with_groups(act.organization, project, name)
            .await
    }

    async fn project_with_groups(
        &mut self,
        organization: OrganizationId,
        project: ProjectId,
        name: &str,
    ) -> Result<(), Stop> {
        let done = self
            .run(
                &INSERT,
                args![
                    project.0,
                    organization.0,
                    name,
                    name::key(name),
                    self.now.0,
                    access::project_token(project)
                ],
            )
            .await?;
        if done != 1 {
            return Err(Refusal::NameTaken.into());
        }
        self.change(&facts::project(project.0, name));
        let library = Scope::Library(project).place();
        let pipelines = Scope::Pipelines(project).place();
        let itself = Scope::Project(project).place();
        let mut valid_users = None;
        for group in access::default_groups() {
            let id = IdentityId::random(self.entropy());
            self.group_insert(id, Some(project), Some(name), group.name)
                .await?;
            for (place, bits) in [
                (&library, group.library),
                (&pipelines, group.pipelines),
                (&itself, group.project),
            ] {
                if bits != 0 {
                    self.access_put(place.namespace, &place.token, id.0, bits)
                        .await?;
                }
            }
            match valid_users {
                None => valid_users = Some(id),
                Some(valid_users) => self.membership_insert(valid_users, id).await?,
            }
            if group.name == access::PROJECT_ADMINISTRATORS {
                let all = group_name(None, access::COLLECTION_ADMINISTRATORS);
                if let Some(administrators) = self.identity_named(&all).await? {
                    self.membership_insert(id, administrators.id).await?;
                }
            }
        }
        let service = NewIdentity {
            id: IdentityId::random(self.entropy()),
            kind: IdentityKind::Service,
            project: Some(project),
            unique_name: build_service_name(project),
            display_name: build_service_display(name),
        };
        self.identity_insert(&service).await?;
        self.access_put(
            library.namespace,
            &library.token,
            service.id.0,
            access::Role::Reader.library_bits(),
        )
        .await?;
        let see = access::build::VIEW_BUILDS | access::build::VIEW_DEFINITION;
        self.access_put(pipelines.namespace, &pipelines.token, service.id.0, see)
            .await?;
        let read = access::project::READ;
        self.access_put(itself.namespace, &itself.token, service.id.0, read)
            .await?;
        Ok(())
    }

    /// Renames a project. The names of its groups, which hold its own, go with it.
    pub async fn project_rename(
        &mut self,
        grant: Grant<RenameProject>,
        name: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let values = args![name, name::key(name), self.now.0, act.project.0];
        if self.run(&RENAME, values).await? != 1 {
            return Err(Refusal::NameTaken.into());
        }
        self.change(&facts::project(act.project.0, name));
        let rows: Vec<(Uuid, i64, String)> = self.all(&OF_PROJECT, args![act.project.0]).await?;
        for (id, kind, display) in rows {
            let (unique, display) = if kind == IdentityKind::Group.code() {
                (group_name(Some(name), &display), display)
            } else {
                (build_service_name(act.project), build_service_display(name))
            };
            self.change(&facts::identity(id, kind, &unique, false));
            self.run_one(
                &RENAME_IDENTITY,
                args![
                    &unique,
                    name::key(&unique),
                    &display,
                    name::key(&display),
                    id
                ],
            )
            .await?;
        }
        Ok(())
    }

    /// Describes a project.
    pub async fn project_describe(
        &mut self,
        grant: Grant<DescribeProject>,
        description: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let values = args![description, self.now.0, act.project.0];
        Ok(self.run_one(&DESCRIBE, values).await?)
    }

    async fn group_insert(
        &mut self,
        id: IdentityId,
        project: Option<ProjectId>,
        project_name: Option<&str>,
        name: &str,
    ) -> Result<(), Stop> {
        let group = NewIdentity {
            id,
            kind: IdentityKind::Group,
            project,
            unique_name: group_name(project_name, name),
            display_name: name.to_owned(),
        };
        self.identity_insert(&group).await?;
        Ok(self.run_one(&IS_STANDARD, args![id.0]).await?)
    }

    /// The name of a project that is there.
    pub(crate) async fn project_named(&mut self, project: ProjectId) -> Result<String, StoreError> {
        Ok(self.conn.one::<(String,)>(&NAME, args![project.0]).await?.0)
    }

    /// The id of a group of a project, or of the organization.
    pub async fn group_named(
        &mut self,
        project: Option<&str>,
        group: &str,
    ) -> Result<Option<IdentityId>, StoreError> {
        Ok(self
            .identity_named(&group_name(project, group))
            .await?
            .map(|found| found.id))
    }

    /// The group that every person of the organization is in.
    pub async fn everybody(&mut self) -> Result<IdentityId, StoreError> {
        self.group_named(None, access::COLLECTION_VALID_USERS)
            .await?
            .ok_or(StoreError::Missing {
                statement: "everybody",
            })
    }

    /// The service identity that a project's jobs act as.
    pub async fn build_service(&mut self, project: ProjectId) -> Result<IdentityId, StoreError> {
        Ok(IdentityId(
            self.conn
                .one::<(Uuid,)>(&BUILD_SERVICE, args![project.0])
                .await?
                .0,
        ))
    }
}

fn build_service_name(project: ProjectId) -> String {
    format!("Build\\{project}")
}

fn build_service_display(project: &str) -> String {
    format!("{project} Build Service")
}

/// What the group of everybody is found by.
pub(crate) fn everybody_key() -> String {
    name::key(&group_name(None, access::COLLECTION_VALID_USERS))
}

impl ReadTx {
    /// The organization, once the first start has made it.
    pub async fn organization(&mut self) -> Result<Option<(OrganizationId, String)>, StoreError> {
        let row: Option<(Uuid, String)> = self.conn.maybe(&ORGANIZATION, Vec::new()).await?;
        Ok(row.map(|(id, name)| (OrganizationId(id), name)))
    }

    /// The name of a project, for what the product itself says of it.
    pub async fn project_name(&mut self, project: ProjectId) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = self.conn.maybe(&NAME, args![project.0]).await?;
        Ok(row.map(|(name,)| name))
    }

    /// The projects that the caller may know of.
    pub async fn projects_visible(
        &mut self,
        caller: &Caller,
    ) -> Result<Vec<ProjectRow>, StoreError> {
        if !caller.authentication.has_rights() {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = self.conn.all(&VISIBLE, seen_by(caller)).await?;
        Ok(rows.into_iter().map(project).collect())
    }

    /// The project of this name or id, if the caller may know of it.
    pub async fn project_named(
        &mut self,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<Option<ProjectRow>, StoreError> {
        let key = name::key(name_or_id);
        if !caller.authentication.has_rights() || key.contains('\0') {
            return Ok(None);
        }
        let id = Uuid::parse_str(&key)
            .ok()
            .filter(|id| id.to_string() == key);
        let mut values = seen_by(caller);
        values.extend(args![key, id]);
        let rows: Vec<Row> = self.conn.all(&FIND, values).await?;
        Ok(rows.into_iter().map(project).next())
    }

    /// A page of the projects that the caller may know of, by name: those whose names hold a text, ignoring case. With
    /// `only`, that one or none.
    pub async fn projects_page(
        &mut self,
        caller: &Caller,
        search: &str,
        only: Option<ProjectId>,
        skip: u64,
        top: u32,
    ) -> Result<Page<ProjectRow>, StoreError> {
        let search = name::key(search.trim());
        if !caller.authentication.has_rights() || search.contains('\0') {
            return Ok(Page::empty());
        }
        let window = window(PageFrom::Start(skip), top);
        let mut values = seen_by(caller);
        let only = only.map(|project| project.to_string()).unwrap_or_default();
        values.extend(args![search, only]);
        let counted = values.clone();
        values.extend(args![window.top, window.skip]);
        let rows: Vec<Row> = self.conn.all(&PAGE, values).await?;
        let total = self.total(&window, rows.len(), &COUNT, counted).await?;
        let (more, rows) = window.cut(rows);
        let rows = rows.into_iter().map(project).collect();
        Ok(window.page(rows, more, total))
    }
}
