//! Who can use a file, and why: people through roles and groups, pipelines through permits, and what stands in the way.

use crate::error::{Error, FILE, Result, unless_denied};
use crate::permissions::Permissions;
use coffer_model::access::library;
use coffer_model::act::{ExplainFile, ViewFile, ViewPermissions};
use coffer_model::explain::Through;
use coffer_model::library::{Freeze, Person, PipelinePermit};
use coffer_model::{Caller, FileId, ProjectId, Timestamp};
use coffer_store::{FileAccess, ReadTx};
use std::collections::HashMap;

/// Who can use a file.
#[derive(Clone, Debug)]
pub struct AccessView {
    /// The file.
    pub file: FileId,
    /// Its name.
    pub name: String,
    /// Whether the people are all there are; otherwise they are the caller alone.
    pub everybody: bool,
    /// The people.
    pub people: Vec<PersonAccess>,
    /// Open access: who opened the file, and when.
    pub open: Option<(Person, Timestamp)>,
    /// The same, where the organization's switch keeps it from counting.
    pub open_suspended: Option<(Person, Timestamp)>,
    /// The pipelines permitted one by one.
    pub pipelines: Vec<PipelineAccess>,
    /// The freezes that hold the file.
    pub freezes: Vec<Freeze>,
}

/// What one person may do with a file.
#[derive(Clone, Debug)]
pub struct PersonAccess {
    /// Who.
    pub person: Person,
    /// The name of the role that fits.
    pub role: &'static str,
    /// Through what.
    pub through: Vec<Reach>,
}

/// One entry that reaches a person.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The groups on the way, the person's own first.
    pub groups: Vec<String>,
    /// Whether it stands at the file itself, and not at the library.
    pub own: bool,
    /// What it allows, as a role.
    pub allows: &'static str,
    /// What it denies, as names of rights.
    pub denies: Vec<&'static str>,
    /// Whether it counts.
    pub counts: bool,
}

/// A pipeline that is permitted.
#[derive(Clone, Debug)]
pub struct PipelineAccess {
    /// Its name, if the caller may see pipelines.
    pub name: Option<String>,
    /// By whom, since when, for which refs.
    pub permit: PipelinePermit,
}

/// Which pipelines may use a file.
#[derive(Clone, Debug)]
pub struct Permits {
    /// Open access: who opened the file, and when.
    pub open: Option<(Person, Timestamp)>,
    /// The same, where the organization's switch keeps it from counting.
    pub open_suspended: Option<(Person, Timestamp)>,
    /// The pipelines permitted one by one. Kept while the file is open.
    pub pipelines: Vec<PipelineAccess>,
    /// Names of people and groups that may permit one.
    pub who: Vec<String>,
}

impl Permissions<'_> {
    /// Which pipelines may use a file, with the names of those that the caller may see.
    pub async fn permits(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<Permits> {
        let mut read = self.0.store().read().await?;
        permits(&mut read, caller, project, file).await
    }

    /// Who can use a file, and why. For administrators of the file; others who see it get what concerns themselves.
    pub async fn access(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<AccessView> {
        let mut read = self.0.store().read().await?;
        let about = |stop| Error::from(stop).about(&FILE);
        let seen = read
            .look(caller, ViewFile { project, file })
            .await
            .map_err(about)?;
        let name = read.file(caller, &seen).await.map_err(about)?.name;
        let all = unless_denied(read.look(caller, ExplainFile { project, file }).await)?;
        let access = match &all {
            Some(all) => read.file_access(all).await?,
            None => read.file_access_own(caller, &seen).await?,
        };
        let permits = permits(&mut read, caller, project, file).await?;
        let freezes = read.freezes_of_file(&seen).await?;
        Ok(AccessView {
            file,
            name,
            everybody: all.is_some(),
            people: people(&access, all.is_none().then_some(caller)),
            open: permits.open,
            open_suspended: permits.open_suspended,
            pipelines: permits.pipelines,
            freezes,
        })
    }
}

async fn permits(
    read: &mut ReadTx,
    caller: &Caller,
    project: ProjectId,
    file: FileId,
) -> Result<Permits> {
    let seen = read
        .look(caller, ViewPermissions { project, file })
        .await
        .map_err(|stop| Error::from(stop).about(&FILE))?;
    let permissions = read.permissions(&seen).await?;
    let names: HashMap<i64, String> = match permissions.pipelines.is_empty() {
        true => HashMap::new(),
        false => {
            let rows = read.pipelines_visible(caller, project).await?;
            rows.into_iter().map(|row| (row.id, row.name)).collect()
        }
    };
    let file_seen = read
        .look(caller, ViewFile { project, file })
        .await
        .map_err(|stop| Error::from(stop).about(&FILE))?;
    let mut who = read.who_may_permit(project, &[file_seen]).await?;
    Ok(Permits {
        who: who.remove(&file).unwrap_or_default(),
        open: permissions.all,
        open_suspended: permissions.all_suspended,
        pipelines: permissions
            .pipelines
            .into_iter()
            .map(|permit| PipelineAccess {
                name: names.get(&permit.pipeline.0).cloned(),
                permit,
            })
            .collect(),
    })
}

fn people(access: &FileAccess, only: Option<&Caller>) -> Vec<PersonAccess> {
    access
        .people
        .iter()
        .filter(|person| only.is_none_or(|caller| caller.identity == person.id))
        .map(|person| {
            let found = access.ground.explain(person.id);
            PersonAccess {
                person: person.clone(),
                role: role(found.bits),
                through: found
                    .through
                    .into_iter()
                    .map(|through| reach(access, through))
                    .collect(),
            }
        })
        .filter(|person| !person.through.is_empty())
        .collect()
}

fn reach(access: &FileAccess, through: Through) -> Reach {
    let name = |id: &coffer_model::IdentityId| {
        let known = access.names.get(&id.0);
        known.map_or_else(|| id.to_string(), |person| person.unique_name.clone())
    };
    Reach {
        groups: through.groups.iter().map(name).collect(),
        own: through.own,
        allows: role(through.allow),
        denies: [
            (library::VIEW, "View"),
            (library::USE, "Use"),
            (library::ADMINISTER, "Administer"),
        ]
        .into_iter()
        .filter(|(bit, _)| through.deny & bit != 0)
        .map(|(_, name)| name)
        .collect(),
        counts: through.counts,
    }
}

/// The role whose rights at an item these bits are.
fn role(bits: i64) -> &'static str {
    let has = |bit| bits & bit != 0;
    match (
        has(library::VIEW),
        has(library::USE),
        has(library::ADMINISTER),
    ) {
        (true, true, true) => "Administrator",
        (true, true, false) => "User",
        (true, false, false) => "Reader",
        (false, _, _) => "None",
        (true, false, true) => "Custom",
    }
}
