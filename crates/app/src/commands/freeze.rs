//! `coffer freeze` and `coffer unfreeze`.

use super::{permits, short_date};
use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use clap::{Args, Subcommand};
use coffer_client::{Client, Frozen};
use coffer_wire::access::Freeze;

/// What to freeze.
#[derive(Subcommand)]
pub(crate) enum FreezeCommand {
    /// Freeze a secure file
    #[command(after_help = "\
Examples:
  coffer freeze file signing.p12 --reason 'the key may have leaked'

From then on no job is given its content, on any node. The tokens of jobs whose runs use it end; runs that need it
wait. Permissions stay as they are.")]
    File {
        /// Name or id
        file: String,
        #[command(flatten)]
        why: Why,
    },
    /// Freeze every file of the project
    #[command(after_help = "\
Examples:
  coffer freeze project --reason 'incident 7'
  coffer freeze project --project Mobile --reason 'incident 7'

Files that are uploaded later are frozen as well.")]
    Project(Why),
    /// Freeze every file of every project
    #[command(after_help = "\
Examples:
  coffer freeze everything --reason 'incident 7'

For administrators of the organization.")]
    Everything(Why),
    /// List what is frozen in the project, as far as you may see it
    #[command(after_help = "Examples:\n  coffer freeze list")]
    List,
}

/// What to let flow again.
#[derive(Subcommand)]
pub(crate) enum UnfreezeCommand {
    /// Lift a secure file's freeze
    #[command(after_help = "\
Examples:
  coffer unfreeze file signing.p12

Freezes of its project and of everything stay. Runs that waited go on.")]
    File {
        /// Name or id
        file: String,
    },
    /// Lift the project's freeze
    #[command(after_help = "Examples:\n  coffer unfreeze project")]
    Project,
    /// Lift the freeze of everything
    #[command(after_help = "Examples:\n  coffer unfreeze everything")]
    Everything,
}

/// The reason.
#[derive(Args)]
pub(crate) struct Why {
    /// Why, for those who may see it: one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs `freeze`.
pub(crate) async fn freeze(context: &Context, command: FreezeCommand) -> Result {
    let client = context.client()?;
    let (done, freezes) = match &command {
        FreezeCommand::Everything(why) => (
            "Everything is frozen.".to_owned(),
            put(&client, Frozen::Everything, why).await?,
        ),
        FreezeCommand::Project(why) => {
            let project = context.project(&client).await?;
            (
                format!("The files of {project} are frozen."),
                put(&client, Frozen::Project(&project), why).await?,
            )
        }
        FreezeCommand::File { file, why } => {
            let project = context.project(&client).await?;
            let file = permits::file(&client, &project, file).await?;
            (
                format!("{} is frozen.", file.name),
                put(&client, Frozen::File(&project, &file.id), why).await?,
            )
        }
        FreezeCommand::List => {
            let project = context.project(&client).await?;
            let freezes = client.freezes().list(Frozen::Project(&project)).await?;
            return context.out.show(&freezes, |freezes| table(freezes));
        }
    };
    context.out.note(&done);
    context.out.show(&freezes, |freezes| table(freezes))
}

async fn put(client: &Client, what: Frozen<'_>, why: &Why) -> Result<Vec<Freeze>> {
    Ok(client.freezes().freeze(what, &why.reason).await?)
}

/// Runs `unfreeze`.
pub(crate) async fn unfreeze(context: &Context, command: UnfreezeCommand) -> Result {
    let client = context.client()?;
    let done = match &command {
        UnfreezeCommand::Everything => {
            client.freezes().unfreeze(Frozen::Everything).await?;
            "The freeze of everything is lifted.".to_owned()
        }
        UnfreezeCommand::Project => {
            let project = context.project(&client).await?;
            client.freezes().unfreeze(Frozen::Project(&project)).await?;
            format!("The freeze of {project} is lifted.")
        }
        UnfreezeCommand::File { file } => {
            let project = context.project(&client).await?;
            let file = permits::file(&client, &project, file).await?;
            let what = Frozen::File(&project, &file.id);
            client.freezes().unfreeze(what).await?;
            for one in client.freezes().list(what).await? {
                context
                    .out
                    .note(&format!("It stays frozen with more: {}", text(&one)));
            }
            format!("The freeze of {} is lifted.", file.name)
        }
    };
    context.out.note(&done);
    Ok(())
}

/// A freeze in a sentence.
pub(super) fn text(freeze: &Freeze) -> String {
    let what = match freeze.what.as_str() {
        "everything" => "everything is frozen",
        "project" => "its project is frozen",
        _ => "frozen",
    };
    format!(
        "{what} by {} since {}: {}",
        freeze.frozen_by.display_name,
        short_date(&freeze.frozen_on),
        freeze.reason
    )
}

fn table(freezes: &[Freeze]) -> Table {
    let mut table = Table::new(["what", "id", "since", "by", "reason"]);
    for freeze in freezes {
        table.row([
            freeze.what.clone(),
            freeze.id.clone().unwrap_or_default(),
            short_date(&freeze.frozen_on),
            freeze.frozen_by.display_name.clone(),
            freeze.reason.clone(),
        ]);
    }
    table
}
