//! `coffer project`.

use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use clap::Subcommand;
use coffer_wire::coffer::Project;
use coffer_wire::graph::TeamProjectChange;

/// Verbs of `project`.
#[derive(Subcommand)]
pub(crate) enum ProjectCommand {
    /// Add a project, which you then administer
    #[command(
        visible_alias = "create",
        after_help = "Examples:\n  coffer project add Mobile"
    )]
    Add {
        /// Its name
        name: String,
    },
    /// List the projects you may see
    #[command(after_help = "Examples:\n  coffer project list")]
    List,
    /// Rename a project; its groups are renamed with it
    #[command(after_help = "\
Examples:
  coffer project rename Mobile 'Mobile apps'

Ids stay, and so do permissions. URLs and scripts that have the old name do not work any more.")]
    Rename {
        /// The project
        from: String,
        /// Its new name
        to: String,
    },
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: ProjectCommand) -> Result {
    let client = context.client()?;
    match command {
        ProjectCommand::Add { name } => {
            let project = client.coffer().add_project(&name).await?;
            context
                .out
                .note(&format!("Added project {}.", project.name));
            context
                .out
                .show(&project, |p| table(std::slice::from_ref(p)))
        }
        ProjectCommand::Rename { from, to } => {
            let change = TeamProjectChange {
                name: Some(to.clone()),
                ..TeamProjectChange::default()
            };
            let graph = client.graph();
            let done = graph.change_project(&from, &change).await?;
            context.out.note(&format!("Project {from} is called {to}."));
            let project = Project {
                id: Some(done.id),
                name: to,
            };
            context
                .out
                .show(&project, |p| table(std::slice::from_ref(p)))
        }
        ProjectCommand::List => {
            let projects = client.coffer().projects().await?;
            context.out.show(&projects, |projects| table(projects))
        }
    }
}

fn table(projects: &[Project]) -> Table {
    let mut table = Table::new(["name", "id"]);
    for project in projects {
        let id = project.id.map(|id| id.to_string()).unwrap_or_default();
        table.row([project.name.clone(), id]);
    }
    table
}
