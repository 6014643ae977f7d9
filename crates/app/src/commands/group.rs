//! `coffer group`.

use super::not_found;
use crate::context::Context;
use crate::error::{CommandError, Result};
use crate::output::Table;
use clap::Subcommand;
use coffer_client::{Client, Graph};
use coffer_wire::graph::{GraphSubject, NewGraphGroup, PatchStep};
use serde::Serialize;

/// Verbs of `group`.
#[derive(Subcommand)]
pub(crate) enum GroupCommand {
    /// List the groups you may see
    #[command(
        after_help = "Examples:\n  coffer group list\n  coffer group list --project Mobile --output json"
    )]
    List,
    /// Show a group, and who is in it
    #[command(after_help = "\
Examples:
  coffer group show Mobile/Contributors
  coffer group show 'Project Collection Administrators' --output json")]
    Show {
        /// The group, as PROJECT/GROUP or GROUP
        group: String,
    },
    /// Create a group
    #[command(after_help = "\
Examples:
  coffer group create 'Mobile/Release crew' --description 'May use what is shipped'
  coffer group create Officers

Without a project it is a group of the organization. What it may do, `coffer role assign` says.")]
    Create {
        /// The new group, as PROJECT/GROUP or GROUP
        group: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Rename a group, or describe it anew
    #[command(after_help = "\
Examples:
  coffer group rename 'Mobile/Release crew' Shippers
  coffer group rename Officers Officers --description 'Break glass, two at a time'")]
    Rename {
        /// The group, as PROJECT/GROUP or GROUP
        group: String,
        /// Its new name
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Delete a group, with its memberships and rights
    #[command(after_help = "Examples:\n  coffer group delete 'Mobile/Release crew'")]
    Delete {
        /// The group, as PROJECT/GROUP or GROUP
        group: String,
    },
    /// Put people or groups into a group
    #[command(after_help = "\
Examples:
  coffer group add Mobile/Contributors grace
  coffer group add 'Mobile/Release crew' Mobile/Contributors")]
    Add {
        /// The group, as PROJECT/GROUP or GROUP
        group: String,
        /// Who: a sign-in name, or a group as PROJECT/GROUP or GROUP
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Take people or groups out of a group
    #[command(after_help = "Examples:\n  coffer group remove Mobile/Contributors grace")]
    Remove {
        /// The group, as PROJECT/GROUP or GROUP
        group: String,
        /// Who: a sign-in name, or a group as PROJECT/GROUP or GROUP
        #[arg(required = true)]
        members: Vec<String>,
    },
}

/// A group with its members.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    group: GraphSubject,
    members: Vec<GraphSubject>,
    #[serde(rename = "memberOf")]
    member_of: Vec<GraphSubject>,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: GroupCommand) -> Result {
    let client = context.client()?;
    let graph = client.graph();
    let out = context.out;
    match command {
        GroupCommand::List => {
            let scope = match &context.global.project {
                Some(project) => Some(scope_of(&client, project).await?),
                None => None,
            };
            let groups = graph.groups(scope.as_deref()).await?;
            return out.show(&groups, |groups| table(groups));
        }
        GroupCommand::Show { group } => {
            let group = find_group(&graph, &group).await?;
            let shown = Shown {
                members: graph.memberships(&group.descriptor, false).await?,
                member_of: graph.memberships(&group.descriptor, true).await?,
                group,
            };
            return out.show(&shown, facts);
        }
        GroupCommand::Create { group, description } => {
            let (project, name) = split(&group)?;
            let scope = match project {
                Some(project) => Some(scope_of(&client, project).await?),
                None => None,
            };
            let new = NewGraphGroup {
                display_name: Some(name.to_owned()),
                description,
                ..NewGraphGroup::default()
            };
            let made = graph.create_group(scope.as_deref(), &new).await?;
            out.note(&format!("Created group {}.", made.principal_name));
            return out.show(&made, |made| table(std::slice::from_ref(made)));
        }
        GroupCommand::Rename {
            group,
            name,
            description,
        } => {
            let group = find_group(&graph, &group).await?;
            let step = |path: &str, text: String| PatchStep {
                op: "replace".into(),
                path: path.into(),
                value: text.into(),
            };
            let mut steps = vec![step("/displayName", name)];
            steps.extend(description.map(|text| step("/description", text)));
            let changed = graph.change_group(&group.descriptor, &steps).await?;
            return out.show(&changed, |changed| table(std::slice::from_ref(changed)));
        }
        GroupCommand::Delete { group } => {
            let group = find_group(&graph, &group).await?;
            graph.delete_group(&group.descriptor).await?;
            out.note(&format!("Deleted group {}.", group.principal_name));
        }
        GroupCommand::Add { group, members } => {
            let group = find_group(&graph, &group).await?;
            for member in members {
                let member = find_member(&graph, &member).await?;
                graph.join(&member.descriptor, &group.descriptor).await?;
                out.note(&format!(
                    "{} is in {}.",
                    member.principal_name, group.principal_name
                ));
            }
        }
        GroupCommand::Remove { group, members } => {
            let group = find_group(&graph, &group).await?;
            for member in members {
                let member = find_member(&graph, &member).await?;
                graph.leave(&member.descriptor, &group.descriptor).await?;
                out.note(&format!(
                    "{} is no longer in {}.",
                    member.principal_name, group.principal_name
                ));
            }
        }
    }
    Ok(())
}

/// `PROJECT/GROUP` or `GROUP`; also `[Project]\Group`, as lists show it.
pub(crate) fn split(text: &str) -> Result<(Option<&str>, &str)> {
    let shown = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]\\"));
    let (project, name) = match (shown, text.split_once('/')) {
        (Some(("Organization", name)), _) => (None, name.trim()),
        (Some((project, name)), _) | (None, Some((project, name))) => {
            (Some(project.trim()), name.trim())
        }
        (None, None) => (None, text.trim()),
    };
    if name.is_empty() || project.is_some_and(str::is_empty) {
        return Err(CommandError::usage(format!("'{text}' is not a group"))
            .hint("write it as PROJECT/GROUP, such as 'Mobile/Contributors', or as GROUP"));
    }
    Ok((project, name))
}

/// How the server calls a group.
fn principal(project: Option<&str>, name: &str) -> String {
    format!("[{}]\\{name}", project.unwrap_or("Organization"))
}

async fn scope_of(client: &Client, project: &str) -> Result<String> {
    let graph = client.graph();
    let found = graph.project(project).await?;
    Ok(graph.descriptor(&found.id).await?)
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

async fn find_group(graph: &Graph<'_>, text: &str) -> Result<GraphSubject> {
    let (project, name) = split(text)?;
    let wanted = principal(project, name);
    let groups = graph.groups(None).await?;
    let found = groups
        .iter()
        .find(|group| same(&group.principal_name, &wanted));
    match found {
        Some(found) => Ok(found.clone()),
        None => {
            let known = groups.into_iter().map(|group| written(&group));
            Err(not_found("group", text, known))
        }
    }
}

/// A person by sign-in name, else a group.
async fn find_member(graph: &Graph<'_>, text: &str) -> Result<GraphSubject> {
    let users = graph.users().await?;
    let found = users.iter().find(|user| same(&user.principal_name, text));
    match found {
        Some(found) => Ok(found.clone()),
        None => find_group(graph, text).await,
    }
}

/// A group as it is typed.
fn written(group: &GraphSubject) -> String {
    match split(&group.principal_name) {
        Ok((Some(project), name)) => format!("{project}/{name}"),
        Ok((None, name)) => name.to_owned(),
        Err(_) => group.principal_name.clone(),
    }
}

fn table(groups: &[GraphSubject]) -> Table {
    let mut table = Table::new(["group", "description", "id"]);
    for group in groups {
        table.row([
            written(group),
            group.description.clone().unwrap_or_default(),
            group.origin_id.clone(),
        ]);
    }
    table
}

fn facts(shown: &Shown) -> Table {
    let names = |list: &[GraphSubject]| {
        let names: Vec<_> = list
            .iter()
            .map(|one| {
                if one.subject_kind == "group" {
                    written(one)
                } else {
                    one.principal_name.clone()
                }
            })
            .collect();
        names.join(", ")
    };
    let mut table = Table::facts();
    table.fact("Group", written(&shown.group));
    table.fact("Id", shown.group.origin_id.as_str());
    table.fact(
        "Description",
        shown.group.description.clone().unwrap_or_default(),
    );
    table.fact("Members", names(&shown.members));
    table.fact("Member of", names(&shown.member_of));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_a_project_or_of_the_organization() {
        let of = |text| split(text).unwrap();
        let administrators = "Project Administrators";
        assert_eq!(
            of("Mobile/Project Administrators"),
            (Some("Mobile"), administrators)
        );
        assert_eq!(
            of("[Mobile]\\Project Administrators"),
            (Some("Mobile"), administrators)
        );
        assert_eq!(of("[Organization]\\Officers"), (None, "Officers"));
        assert_eq!(of("Officers"), (None, "Officers"));
        for bad in ["", "/x", "x/", " / ", "[]\\x"] {
            assert!(split(bad).is_err(), "{bad:?}");
        }
    }
}
