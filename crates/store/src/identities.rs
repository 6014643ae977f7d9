//! People, groups and services as rows: finding them, and lists of those that a caller may see.
//!
//! Who may see the organization sees its people, its groups, and the groups and services of the projects that the
//! caller may see. Everybody else sees nobody.

use crate::access::member_of;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Seen;
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::PROJECT;
use coffer_model::act::ViewOrganization;
use coffer_model::library::{Identity, IdentityKind, Person, Project};
use coffer_model::{Caller, IdentityId, ProjectId, name};
use uuid::Uuid;

/// Columns of an identity `i` and its project `p`.
macro_rules! columns {
    () => {
        "i.id, i.kind, i.project_id, p.name as project_name, i.unique_name, i.unique_key, i.display_name, \
         i.description, i.standard, i.disabled_at"
    };
}
pub(crate) use columns;

/// A condition on an identity `i` with its project `p`: it is of no project, or of one that the caller sees.
macro_rules! identity_seen {
    () => {
        concat!(
            "(i.project_id is null or ",
            crate::projects::project_seen!(),
            ")"
        )
    };
}
pub(crate) use identity_seen;

/// Where identities of a list belong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Home {
    /// Anywhere.
    #[default]
    Any,
    /// In the organization, and in no project.
    Organization,
    /// In this project.
    Project(ProjectId),
    /// Where rights in this project can be given to it: people and groups of the organization, groups and the build
    /// service of the project.
    For(ProjectId),
}

impl Home {
    /// As statements ask it: a number and a project.
    pub(crate) fn asked(self) -> (i64, Option<Uuid>) {
        match self {
            Self::Any => (0, None),
            Self::Organization => (1, None),
            Self::Project(project) => (2, Some(project.0)),
            Self::For(project) => (3, Some(project.0)),
        }
    }
}

/// A condition on an identity `i`: it belongs where `$5` and `$6` say, as [`Home::asked`] has it.
macro_rules! at_home {
    () => {
        "($5 = 0 or ($5 = 1 and i.project_id is null) or ($5 = 2 and i.project_id = $6)
            or ($5 = 3 and (i.project_id = $6 or (i.project_id is null and i.kind <> 3))))"
    };
}
pub(crate) use at_home;

statements! {
    INSERT = "insert into identity (id, kind, project_id, unique_name, unique_key, display_name, display_key, description, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (unique_key) do nothing";
    JOIN = "insert into membership (group_id, member_id) values ($1, $2) on conflict (group_id, member_id) do nothing";
    BY_KEY = "select id, unique_name, display_name from identity where unique_key = $1 and disabled_at is null";
    BY_ID = "select id, unique_name, display_name from identity where id = $1";
    ROW = concat!("select ", columns!(), " from identity i left join project p on p.id = i.project_id where i.id = $1");
    KEY_OF = "select id from identity where unique_key = $1";
    SEEN_BY_ID = concat!(member_of!(), "
        select ", columns!(), " from identity i left join project p on p.id = i.project_id
        where i.id = $3 and ", identity_seen!());
    SEEN = concat!(member_of!(), "
        select ", columns!(), " from identity i left join project p on p.id = i.project_id
        where (i.kind = $3 or $3 = 0) and i.unique_key > $4 and ", at_home!(), " and ", identity_seen!(), "
        order by i.unique_key limit $7");
    SEEN_GROUPS_OF = concat!(member_of!(), "
        select ", columns!(), " from membership m join identity i on i.id = m.group_id left join project p on p.id = i.project_id
        where m.member_id = $3 and ", identity_seen!(), " order by i.unique_key");
    SEEN_MEMBERS_OF = concat!(member_of!(), "
        select ", columns!(), " from membership m join identity i on i.id = m.member_id left join project p on p.id = i.project_id
        where m.group_id = $3 and ", identity_seen!(), " order by i.unique_key");
    SEEN_MEMBERSHIPS = concat!(member_of!(), "
        select m.member_id, p.name, i.display_name from membership m join identity i on i.id = m.group_id
        join identity u on u.id = m.member_id left join project p on p.id = i.project_id
        where u.kind = 1 and ", identity_seen!(), " order by p.name, i.display_name");
}

/// A new person, group or service.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// Its id.
    pub id: IdentityId,
    /// What it is.
    pub kind: IdentityKind,
    /// The project a group or service belongs to.
    pub project: Option<ProjectId>,
    /// Unique, ignoring case. A group's is `[Project]\Name`.
    pub unique_name: String,
    /// The name people see.
    pub display_name: String,
}

/// A membership for lists: member, the group's project, the group's name.
#[derive(Clone, Debug)]
pub struct GroupMembership {
    /// Who.
    pub member: IdentityId,
    /// The group's project; none for a group of the organization.
    pub project: Option<String>,
    /// The group.
    pub group: String,
}

/// Which identities to list. They come in the order of their canonical unique names.
#[derive(Clone, Debug, Default)]
pub struct IdentityFilter {
    /// Only this kind.
    pub kind: Option<IdentityKind>,
    /// Only those that belong there.
    pub home: Home,
    /// Only those after this canonical unique name.
    pub after: String,
    /// At most so many.
    pub top: i64,
}

fn person((id, unique_name, display_name): (Uuid, String, String)) -> Person {
    Person {
        id: IdentityId(id),
        unique_name,
        display_name,
    }
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    kind: i64,
    project_id: Option<Uuid>,
    project_name: Option<String>,
    unique_name: String,
    display_name: String,
    description: String,
    standard: i64,
    disabled_at: Option<i64>,
}

impl Row {
    fn into_identity(self) -> Result<Identity, StoreError> {
        Ok(Identity {
            id: IdentityId(self.id),
            kind: IdentityKind::from_code(self.kind)
                .ok_or(StoreError::corrupt("identity", "kind"))?,
            project: self
                .project_id
                .zip(self.project_name)
                .map(|(id, name)| Project {
                    id: ProjectId(id),
                    name,
                }),
            unique_name: self.unique_name,
            display_name: self.display_name,
            description: self.description,
            standard: self.standard != 0,
            disabled: self.disabled_at.is_some(),
        })
    }
}

pub(crate) fn identities(rows: Vec<Row>) -> Result<Vec<Identity>, StoreError> {
    rows.into_iter().map(Row::into_identity).collect()
}

/// An identity, if the caller may see where it belongs. That the caller may see the organization is asked elsewhere.
async fn seen_by(
    conn: &mut Conn,
    caller: &Caller,
    id: IdentityId,
) -> Result<Option<Identity>, StoreError> {
    let values = args![caller.identity.0, PROJECT.0, id.0];
    let row: Option<Row> = conn.maybe(&SEEN_BY_ID, values).await?;
    row.map(Row::into_identity).transpose()
}

impl Tx {
    pub(crate) async fn identity_insert(&mut self, new: &NewIdentity) -> Result<(), Stop> {
        self.identity_insert_described(new, "").await
    }

    pub(crate) async fn identity_insert_described(
        &mut self,
        new: &NewIdentity,
        description: &str,
    ) -> Result<(), Stop> {
        let done = self
            .run(
                &INSERT,
                args![
                    new.id.0,
                    new.kind.code(),
                    new.project.map(|project| project.0),
                    &new.unique_name,
                    name::key(&new.unique_name),
                    &new.display_name,
                    name::key(&new.display_name),
                    description,
                    self.now.0,
                ],
            )
            .await?;
        if done != 1 {
            return Err(Refusal::NameTaken.into());
        }
        self.change(&facts::identity(
            new.id.0,
            new.kind.code(),
            &new.unique_name,
            false,
        ));
        Ok(())
    }

    pub(crate) async fn membership_insert(
        &mut self,
        group: IdentityId,
        member: IdentityId,
    ) -> Result<(), StoreError> {
        self.run(&JOIN, args![group.0, member.0]).await?;
        self.change(&facts::member(group.0, member.0));
        Ok(())
    }

    /// The identity with a sign-in name, or a group's unique name.
    pub async fn identity_named(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<Person>, StoreError> {
        Ok(self
            .maybe(&BY_KEY, args![name::key(unique_name)])
            .await?
            .map(person))
    }

    /// The person with a sign-in name, also one who is disabled. Never a group or a service.
    pub async fn person_by_name(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<Identity>, StoreError> {
        let row: Option<(Uuid,)> = self.maybe(&KEY_OF, args![name::key(unique_name)]).await?;
        let Some((id,)) = row else { return Ok(None) };
        let found = self.identity_row(IdentityId(id)).await?;
        Ok(found.filter(|found| found.kind == IdentityKind::User))
    }

    /// The person with a sign-in name who can sign in. Never a group or a service.
    pub async fn person_enabled(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<Person>, StoreError> {
        let found = self.person_by_name(unique_name).await?;
        Ok(found
            .filter(|found| !found.disabled)
            .map(|found| found.person()))
    }

    /// An identity, whoever asks: for what the product itself decides in a unit of work.
    pub async fn identity_row(&mut self, id: IdentityId) -> Result<Option<Identity>, StoreError> {
        let row: Option<Row> = self.maybe(&ROW, args![id.0]).await?;
        row.map(Row::into_identity).transpose()
    }

    /// An identity, if the caller may see where it belongs.
    pub async fn identity_seen(
        &mut self,
        caller: &Caller,
        id: IdentityId,
    ) -> Result<Option<Identity>, StoreError> {
        seen_by(&mut self.conn, caller, id).await
    }
}

impl ReadTx {
    /// An identity by id, also a disabled one: history names it.
    pub async fn identity(&mut self, id: IdentityId) -> Result<Option<Person>, StoreError> {
        Ok(self.conn.maybe(&BY_ID, args![id.0]).await?.map(person))
    }

    /// The id behind a canonical unique name, whoever asks. What is made of it goes through the lists below.
    pub async fn identity_keyed(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<IdentityId>, StoreError> {
        let row: Option<(Uuid,)> = self
            .conn
            .maybe(&KEY_OF, args![name::key(unique_name)])
            .await?;
        Ok(row.map(|(id,)| IdentityId(id)))
    }

    /// One's own identity, as the caller.
    pub async fn identity_own(&mut self, caller: &Caller) -> Result<Option<Identity>, StoreError> {
        let row: Option<Row> = self.conn.maybe(&ROW, args![caller.identity.0]).await?;
        row.map(Row::into_identity).transpose()
    }

    /// An identity, if the caller may see it.
    pub async fn identity_seen(
        &mut self,
        _seen: &Seen<ViewOrganization>,
        caller: &Caller,
        id: IdentityId,
    ) -> Result<Option<Identity>, StoreError> {
        seen_by(&mut self.conn, caller, id).await
    }

    /// The identities that the caller may see, a page at a time.
    pub async fn identities(
        &mut self,
        _seen: &Seen<ViewOrganization>,
        caller: &Caller,
        filter: &IdentityFilter,
    ) -> Result<Vec<Identity>, StoreError> {
        let (home, project) = filter.home.asked();
        let values = args![
            caller.identity.0,
            PROJECT.0,
            filter.kind.map_or(0, IdentityKind::code),
            &filter.after,
            home,
            project,
            filter.top,
        ];
        identities(self.conn.all(&SEEN, values).await?)
    }

    /// The groups that an identity is in directly, of those that the caller may see.
    pub async fn groups_of(
        &mut self,
        _seen: &Seen<ViewOrganization>,
        caller: &Caller,
        member: IdentityId,
    ) -> Result<Vec<Identity>, StoreError> {
        let values = args![caller.identity.0, PROJECT.0, member.0];
        identities(self.conn.all(&SEEN_GROUPS_OF, values).await?)
    }

    /// Who is in a group directly, of those that the caller may see.
    pub async fn members_of(
        &mut self,
        _seen: &Seen<ViewOrganization>,
        caller: &Caller,
        group: IdentityId,
    ) -> Result<Vec<Identity>, StoreError> {
        let values = args![caller.identity.0, PROJECT.0, group.0];
        identities(self.conn.all(&SEEN_MEMBERS_OF, values).await?)
    }

    /// Which people are in which group, directly, of the groups that the caller may see.
    pub async fn memberships(
        &mut self,
        _seen: &Seen<ViewOrganization>,
        caller: &Caller,
    ) -> Result<Vec<GroupMembership>, StoreError> {
        let values = args![caller.identity.0, PROJECT.0];
        let rows: Vec<(Uuid, Option<String>, String)> =
            self.conn.all(&SEEN_MEMBERSHIPS, values).await?;
        Ok(rows
            .into_iter()
            .map(|(member, project, group)| GroupMembership {
                member: IdentityId(member),
                project,
                group,
            })
            .collect())
    }
}
