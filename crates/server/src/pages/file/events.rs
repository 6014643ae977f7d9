//! Events of the audit log about a file, in words for its page. It must not know which events there can be: what it does not
//! know it shows by its id.

use coffer_service::FileEvent;

/// An event as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) event: FileEvent,
    pub(crate) what: String,
    /// What else is known, as name and value.
    pub(crate) more: Vec<(String, String)>,
}

impl From<FileEvent> for Told {
    fn from(event: FileEvent) -> Self {
        let what = words(&event.action).unwrap_or(&event.action).to_owned();
        let shown = |name: &str| !matches!(name, "allow" | "deny");
        let more = event.details.iter().filter(|(name, _)| shown(name));
        Self {
            what,
            more: more
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            event,
        }
    }
}

/// What an action of the audit log did or would have done.
fn words(action: &str) -> Option<&'static str> {
    Some(match action {
        "SecureFile.Created" => "Upload",
        "SecureFile.PropertiesChanged" => "Change of name or properties",
        "SecureFile.Deleted" => "Delete",
        "SecureFile.Viewed" => "Look at the file",
        "SecureFile.Used" => "Look at the digest",
        "SecureFile.AccessViewed" => "Look at who can use it",
        "SecureFile.HistoryViewed" => "Look at what happened to it",
        "SecureFile.TicketIssued" => "Ticket for a job",
        "SecureFile.Downloaded" => "Content given to a job",
        "SecureFile.Frozen" => "Freeze",
        "SecureFile.Unfrozen" => "Freeze lifted",
        "BreakGlass.Requested" => "Breaking glass asked for",
        "BreakGlass.Approved" => "Breaking glass agreed to",
        "BreakGlass.Exported" => "Content given to a person, encrypted",
        "BreakGlass.Withdrawn" => "Breaking glass taken back",
        "Pipelines.ResourcePermissionsViewed" => "Look at the pipelines permitted",
        "Pipelines.ResourceAuthorizedForPipeline" => "Pipeline permitted",
        "Pipelines.ResourceUnauthorizedForPipeline" => "Permission revoked",
        "Pipelines.ResourceAuthorizedForProject" => "Opened to every pipeline",
        "Pipelines.ResourceUnauthorizedForProject" => "Restricted again",
        "Security.ModifyPermission" => "Role given",
        "Security.RemovePermission" => "Role taken away",
        "Security.ModifyAccessControlLists" => "Inheritance switched",
        "Security.AccessViewed" => "Look at the roles",
        _ => return None,
    })
}
