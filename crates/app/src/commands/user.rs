//! `coffer user`.

use super::group::split;
use super::not_found;
use super::recover::RecoverArgs;
use super::short_date;
use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use clap::Subcommand;
use coffer_client::Client;
use coffer_wire::coffer::{GroupReference, User, UserChange};
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
    /// Show a user
    #[command(after_help = "Examples:\n  coffer user show grace")]
    Show {
        /// Sign-in name
        name: String,
    },
    /// Change the name that people see; the sign-in name stays
    #[command(after_help = "Examples:\n  coffer user rename grace 'Grace Hopper'")]
    Rename {
        /// Sign-in name
        name: String,
        /// The name people see
        display_name: String,
    },
    /// Shut a user out: tokens and sessions end at once, and for good
    #[command(after_help = "\
Examples:
  coffer user disable grace

Jobs that run go on: their tokens are the build service's. The last administrator cannot be disabled.")]
    Disable {
        /// Sign-in name
        name: String,
    },
    /// Let a user in again, who then signs in anew
    #[command(after_help = "Examples:\n  coffer user enable grace")]
    Enable {
        /// Sign-in name
        name: String,
    },
    /// On the server's host: make a one-time code for an administrator who cannot sign in
    Recover(RecoverArgs),
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: UserCommand) -> Result {
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
                disabled: false,
                groups,
            };
            let user = context.client()?.coffer().add_user(&user).await?;
            context
                .out
                .note(&format!("Added user {}.", user.unique_name));
            context
                .out
                .show(&user, |user| table(std::slice::from_ref(user)))
        }
        UserCommand::Invite { name } => {
            let mut made = context.client()?.coffer().invite(&name).await?;
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
            context.client()?.coffer().sign_out(&name).await?;
            context
                .out
                .note(&format!("The browser sessions of {name} are over."));
            Ok(())
        }
        UserCommand::ResetSecondFactor { name } => {
            context
                .client()?
                .coffer()
                .reset_second_factor(&name)
                .await?;
            context
                .out
                .note(&format!("The second factor of {name} is removed."));
            Ok(())
        }
        UserCommand::List => {
            let users = context.client()?.coffer().users().await?;
            context.out.show(&users, |users| table(users))
        }
        UserCommand::Show { name } => {
            let user = find(&context.client()?, &name).await?;
            context.out.show(&user, facts)
        }
        UserCommand::Rename { name, display_name } => {
            let wanted = UserChange {
                display_name: Some(display_name),
                ..UserChange::default()
            };
            change(context, &name, wanted, "is renamed.").await
        }
        UserCommand::Disable { name } => {
            let wanted = UserChange {
                disabled: Some(true),
                ..UserChange::default()
            };
            change(context, &name, wanted, "is shut out.").await
        }
        UserCommand::Enable { name } => {
            let wanted = UserChange {
                disabled: Some(false),
                ..UserChange::default()
            };
            change(context, &name, wanted, "may sign in again.").await
        }
        UserCommand::Recover(args) => super::recover::run(context, args).await,
    }
}

fn group(text: &str) -> Result<GroupReference> {
    let (project, name) = split(text)?;
    Ok(GroupReference {
        project: project.map(str::to_owned),
        name: name.to_owned(),
    })
}

/// The user with a sign-in name.
async fn find(client: &Client, name: &str) -> Result<User> {
    let users = client.coffer().users().await?;
    let wanted = name.to_lowercase();
    let found = users
        .iter()
        .find(|user| user.unique_name.to_lowercase() == wanted);
    match found {
        Some(found) => Ok(found.clone()),
        None => {
            let known = users.into_iter().map(|user| user.unique_name);
            Err(not_found("user", name, known))
        }
    }
}

/// Changes one user, and shows the result.
async fn change(context: &Context, name: &str, change: UserChange, done: &str) -> Result {
    let client = context.client()?;
    let user = find(&client, name).await?;
    let id = user.id.map(|id| id.to_string()).unwrap_or_default();
    let user = client.coffer().change_user(&id, &change).await?;
    context.out.note(&format!("{} {done}", user.unique_name));
    context
        .out
        .show(&user, |user| table(std::slice::from_ref(user)))
}

fn facts(user: &User) -> Table {
    let mut table = Table::facts();
    table.fact("Name", user.unique_name.as_str());
    table.fact(
        "Display name",
        user.display_name.clone().unwrap_or_default(),
    );
    table.fact("State", state(user));
    table.fact("Groups", groups(user).join(", "));
    table.fact("Id", user.id.map(|id| id.to_string()).unwrap_or_default());
    table
}

fn state(user: &User) -> &'static str {
    if user.disabled { "disabled" } else { "enabled" }
}

fn groups(user: &User) -> Vec<String> {
    user.groups
        .iter()
        .map(|group| match &group.project {
            Some(project) => format!("{project}/{}", group.name),
            None => group.name.clone(),
        })
        .collect()
}

fn table(users: &[User]) -> Table {
    let mut table = Table::new(["name", "display name", "state", "groups", "id"]);
    for user in users {
        table.row([
            user.unique_name.clone(),
            user.display_name.clone().unwrap_or_default(),
            state(user).to_owned(),
            groups(user).join(", "),
            user.id.map(|id| id.to_string()).unwrap_or_default(),
        ]);
    }
    table
}
