//! `coffer user`.

use super::short_date;
use crate::context::Context;
use crate::error::{CommandError, Result};
use crate::output::Table;
use clap::Subcommand;
use coffer_wire::coffer::{GroupReference, User};
use zeroize::Zeroizing;

/// Verbs of `user`.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user
    #[command(after_help = "\
Examples:
  coffer user add grace --display-name 'Grace Hopper' --group 'Mobile/Contributors'
  coffer user add ada --group 'Project Collection Administrators'

The user signs in with a token: `coffer token create LABEL --user NAME`.")]
    Add {
        /// Sign-in name
        name: String,
        /// The name people see [default: the sign-in name]
        #[arg(long)]
        display_name: Option<String>,
        /// Group to join, as PROJECT/GROUP or GROUP; may be repeated
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Make the one-time code by which a user sets a password, and show it this once
    #[command(after_help = "\
Examples:
  coffer user invite grace

The code is good for three days, once, and takes the place of one from before. Give it to the user by a way that you
trust. The user opens SERVER/signin/password in a browser, or runs `coffer login SERVER --user NAME --invitation -`.")]
    Invite {
        /// Sign-in name
        name: String,
    },
    /// End every browser session of a user; tokens stay
    #[command(after_help = "Examples:\n  coffer user sign-out grace")]
    SignOut {
        /// Sign-in name
        name: String,
    },
    /// Remove the second factor of a user whose device is lost
    #[command(after_help = "Examples:\n  coffer user reset-second-factor grace")]
    ResetSecondFactor {
        /// Sign-in name
        name: String,
    },
    /// List the users
    #[command(after_help = "Examples:\n  coffer user list\n  coffer user list --output json")]
    List,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: UserCommand) -> Result {
    let client = context.client()?;
    match command {
        UserCommand::Add {
            name,
            display_name,
            groups,
        } => {
            let groups = groups
                .iter()
                .map(|text| group(text))
                .collect::<Result<_>>()?;
            let user = User {
                id: None,
                unique_name: name,
                display_name,
                groups,
            };
            let user = client.coffer().add_user(&user).await?;
            context
                .out
                .note(&format!("Added user {}.", user.unique_name));
            context
                .out
                .show(&user, |user| table(std::slice::from_ref(user)))
        }
        UserCommand::Invite { name } => {
            let mut made = client.coffer().invite(&name).await?;
            context.out.note(&format!(
                "One-time code of {} until {}. It is shown this once.",
                made.identity.display_name,
                short_date(&made.expires_on)
            ));
            if context.out.is_json() {
                return context.out.json(&made);
            }
            let code = Zeroizing::new(std::mem::take(&mut made.code));
            context.out.line(&code)
        }
        UserCommand::SignOut { name } => {
            client.coffer().sign_out(&name).await?;
            context
                .out
                .note(&format!("The browser sessions of {name} are over."));
            Ok(())
        }
        UserCommand::ResetSecondFactor { name } => {
            client.coffer().reset_second_factor(&name).await?;
            context
                .out
                .note(&format!("The second factor of {name} is removed."));
            Ok(())
        }
        UserCommand::List => {
            let users = client.coffer().users().await?;
            context.out.show(&users, |users| table(users))
        }
    }
}

fn group(text: &str) -> Result<GroupReference> {
    let (project, name) = match text.split_once('/') {
        Some((project, name)) => (Some(project.trim().to_owned()), name.trim()),
        None => (None, text.trim()),
    };
    if name.is_empty() || project.as_ref().is_some_and(String::is_empty) {
        return Err(CommandError::usage(format!("'{text}' is not a group"))
            .hint("write it as PROJECT/GROUP, such as 'Mobile/Contributors', or as GROUP"));
    }
    Ok(GroupReference {
        project,
        name: name.to_owned(),
    })
}

fn table(users: &[User]) -> Table {
    let mut table = Table::new(["name", "display name", "groups", "id"]);
    for user in users {
        let groups: Vec<String> = user
            .groups
            .iter()
            .map(|group| match &group.project {
                Some(project) => format!("{project}/{}", group.name),
                None => group.name.clone(),
            })
            .collect();
        table.row([
            user.unique_name.clone(),
            user.display_name.clone().unwrap_or_default(),
            groups.join(", "),
            user.id.map(|id| id.to_string()).unwrap_or_default(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_a_project_or_of_the_organization() {
        let of = |text| group(text).unwrap();
        assert_eq!(
            of("Mobile/Project Administrators").project.as_deref(),
            Some("Mobile")
        );
        assert_eq!(
            of("Mobile/Project Administrators").name,
            "Project Administrators"
        );
        assert_eq!(of("Officers").project, None);
        for bad in ["", "/x", "x/", " / "] {
            assert!(group(bad).is_err(), "{bad:?}");
        }
    }
}
