//! `coffer role`: who may see, use, create and administer in the library, and at one file of it.

use super::{not_found, permits};
use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use clap::{Args, Subcommand, ValueEnum};
use coffer_client::{Client, Roles};
use coffer_wire::security::{RoleAssignment, RoleRequest};

/// Verbs of `role`.
#[derive(Subcommand)]
pub(crate) enum RoleCommand {
    /// List who has which role
    #[command(after_help = "\
Examples:
  coffer role list
  coffer role list --file signing.p12 --output json

At a file, a role that stands at the library is marked as inherited.")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Give somebody a role
    #[command(after_help = "\
Examples:
  coffer role assign User ann@example.com --file signing.p12
  coffer role assign Administrator 'Release Managers' --group
  coffer role assign Creator Contributors --group

Roles: Reader sees, User also uses and permits pipelines, Administrator also changes, deletes and hands out roles.
Creator creates, and is a role of the library only. A role at a file replaces the one that is inherited there.")]
    Assign {
        /// Reader, User, Creator or Administrator
        role: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        place: Place,
    },
    /// Take somebody's role away
    #[command(after_help = "\
Examples:
  coffer role remove ann@example.com --file signing.p12
  coffer role remove Readers --group

An inherited role is taken away at the library, or after `coffer role inherit off`.")]
    Remove {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        place: Place,
    },
    /// Switch on or off whether a file inherits the library's roles
    #[command(after_help = "\
Examples:
  coffer role inherit off --file signing.p12
  coffer role inherit on --file signing.p12

Off: only roles at the file count. On again: the library's roles count, and roles at the file of those who have one at
the library are dropped, but never the creator's.")]
    Inherit {
        /// on or off
        switch: Switch,
        /// Name or id of the file
        #[arg(long)]
        file: String,
    },
}

/// Where.
#[derive(Args)]
pub(crate) struct Place {
    /// Name or id of a file [default: the library]
    #[arg(long)]
    file: Option<String>,
}

/// Whose.
#[derive(Args)]
pub(crate) struct Whose {
    /// Sign-in name of a user, or the name of a group with --group
    who: String,
    /// It is a group of the project, or `[Organization]\NAME`
    #[arg(long)]
    group: bool,
}

/// A switch.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Whose {
    /// The name that the server knows: a group's carries its project.
    fn unique_name(&self, project: &str) -> String {
        if self.group && !self.who.starts_with('[') {
            format!("[{project}]\\{}", self.who)
        } else {
            self.who.clone()
        }
    }
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: RoleCommand) -> Result {
    let client = context.client()?;
    let name = context.project(&client).await?;
    match command {
        RoleCommand::List { place } => {
            let roles = at(&client, &name, place.file.as_deref()).await?;
            let rows = roles.list().await?;
            context.out.show(&rows, |rows| table(rows))
        }
        RoleCommand::Assign { role, whose, place } => {
            let roles = at(&client, &name, place.file.as_deref()).await?;
            let request = RoleRequest {
                user_id: None,
                role_name: role,
                unique_name: Some(whose.unique_name(&name)),
            };
            let set = roles.assign(&[request]).await?;
            for row in &set {
                context.out.note(&format!(
                    "{} is {} now.",
                    row.identity.display_name, row.role.display_name
                ));
            }
            context.out.show(&set, |rows| table(rows))
        }
        RoleCommand::Remove { whose, place } => {
            let roles = at(&client, &name, place.file.as_deref()).await?;
            let wanted = whose.unique_name(&name).to_lowercase();
            let rows = roles.list().await?;
            let found = rows.iter().find(|row| {
                row.identity.unique_name.to_lowercase() == wanted || row.identity.id == wanted
            });
            let Some(row) = found else {
                let known = rows.into_iter().map(|row| row.identity.unique_name);
                return Err(not_found("role", &whose.who, known));
            };
            roles.remove(&row.identity.id).await?;
            context.out.note(&format!(
                "{} has no role of its own here any more.",
                row.identity.display_name
            ));
            Ok(())
        }
        RoleCommand::Inherit { switch, file } => {
            let roles = at(&client, &name, Some(&file)).await?;
            let on = matches!(switch, Switch::On);
            roles.inherit(on).await?;
            context.out.note(if on {
                "The file inherits the library's roles."
            } else {
                "The file does not inherit roles: only those at the file count."
            });
            Ok(())
        }
    }
}

async fn at<'a>(client: &'a Client, project: &str, file: Option<&str>) -> Result<Roles<'a>> {
    let wanted = project.to_lowercase();
    let projects = client.coffer().projects().await?;
    let found = projects.iter().find_map(|known| {
        let id = known.id.as_ref()?.to_string();
        (known.name.to_lowercase() == wanted || id == wanted).then_some(id)
    });
    let Some(id) = found else {
        let known = projects.into_iter().map(|project| project.name);
        return Err(not_found("project", project, known));
    };
    Ok(match file {
        None => client.library_roles(&id),
        Some(file) => client.file_roles(&id, &permits::file(client, project, file).await?.id),
    })
}

fn table(rows: &[RoleAssignment]) -> Table {
    let mut table = Table::new(["who", "role", "access", "name"]);
    for row in rows {
        table.row([
            row.identity.display_name.clone(),
            row.role.display_name.clone(),
            row.access.to_string(),
            row.identity.unique_name.clone(),
        ]);
    }
    table
}
