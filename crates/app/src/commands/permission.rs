//! `coffer permission`: which pipelines may use which files.

use super::permits::{self, RefArgs, SECURE_FILE};
use super::short_date;
use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use clap::Subcommand;
use coffer_client::Client;
use coffer_wire::permissions::{DefinitionResource, Permission, ResourcePipelinePermissions};

/// Verbs of `permission`.
#[derive(Subcommand)]
pub(crate) enum PermissionCommand {
    /// List the permissions of a file or of a pipeline, or what is open to all
    #[command(after_help = "\
Examples:
  coffer permission list signing.p12
  coffer permission list --pipeline release
  coffer permission list                     files that are open to every pipeline")]
    List {
        /// Name or id of a file
        #[arg(conflicts_with = "pipeline")]
        file: Option<String>,
        /// Name or id of a pipeline
        #[arg(long, value_name = "NAME")]
        pipeline: Option<String>,
    },
    /// Permit a pipeline to use a file
    #[command(after_help = "\
Examples:
  coffer permission permit signing.p12 release
  coffer permission permit signing.p12 release --refs refs/heads/main,'refs/heads/release/*'
  coffer permission permit signing.p12 release --all-refs
  coffer permission permit signing.p12 release --by-variable

Permitting again changes the terms: what is not said again is as if it were never said. A permit that names refs covers no run of text that is stored with its
pipeline: such text is of no ref. Runs of forks are given nothing, whatever is permitted.")]
    Permit {
        /// Name or id of the file
        file: String,
        /// Name or id of the pipeline
        pipeline: String,
        #[command(flatten)]
        refs: RefArgs,
    },
    /// Take a pipeline's permission back
    #[command(after_help = "\
Examples:
  coffer permission revoke signing.p12 release

The next download is refused, whether a job runs or not.")]
    Revoke {
        /// Name or id of the file
        file: String,
        /// Name or id of the pipeline
        pipeline: String,
    },
    /// Open a file to every pipeline of the project, now and later
    #[command(after_help = "Examples:\n  coffer permission open ca.pem")]
    Open {
        /// Name or id of the file
        file: String,
    },
    /// Restrict a file to the pipelines permitted one by one
    #[command(after_help = "Examples:\n  coffer permission restrict ca.pem")]
    Restrict {
        /// Name or id of the file
        file: String,
    },
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: PermissionCommand) -> Result {
    let client = context.client()?;
    let project = context.project(&client).await?;
    let permissions = client.permissions(&project);
    match command {
        PermissionCommand::List { file, pipeline } => {
            list(context, &client, &project, file, pipeline).await
        }
        PermissionCommand::Permit {
            file,
            pipeline,
            refs,
        } => {
            let file = permits::file(&client, &project, &file).await?;
            let pipeline = permits::pipeline(&client, &project, &pipeline).await?;
            let resource = (SECURE_FILE, file.id.as_str());
            let (state, given) =
                permits::permit(&client, &project, resource, &pipeline, &refs).await?;
            context.out.note(&format!(
                "Pipeline {} may use {} now{}.",
                pipeline.name,
                file.name,
                permits::for_refs(given.as_deref())
            ));
            if refs.named() && pipeline.default_branch.is_none() {
                context.out.note(
                    "Its text is stored with it and is of no ref: this permit covers none of its runs. Use --all-refs.",
                );
            }
            show(context, &client, &project, &state).await
        }
        PermissionCommand::Revoke { file, pipeline } => {
            let file = permits::file(&client, &project, &file).await?;
            let pipeline = permits::pipeline(&client, &project, &pipeline).await?;
            let state = permissions
                .set_pipeline(SECURE_FILE, &file.id, pipeline.id, false)
                .await?;
            if state.all_pipelines.is_some() {
                context.out.note(&format!(
                    "The permission is gone, but {} is open to all pipelines: `coffer permission restrict` ends that.",
                    file.name
                ));
            } else {
                context.out.note(&format!(
                    "Pipeline {} may not use {} any more.",
                    pipeline.name, file.name
                ));
            }
            show(context, &client, &project, &state).await
        }
        PermissionCommand::Open { file } => {
            let file = permits::file(&client, &project, &file).await?;
            let state = permissions
                .set_all_pipelines(SECURE_FILE, &file.id, true)
                .await?;
            context.out.note(&format!(
                "Every pipeline of the project may use {} now.",
                file.name
            ));
            show(context, &client, &project, &state).await
        }
        PermissionCommand::Restrict { file } => {
            let file = permits::file(&client, &project, &file).await?;
            let state = permissions
                .set_all_pipelines(SECURE_FILE, &file.id, false)
                .await?;
            context.out.note(&format!(
                "Only pipelines permitted one by one may use {} now.",
                file.name
            ));
            show(context, &client, &project, &state).await
        }
    }
}

async fn list(
    context: &Context,
    client: &Client,
    project: &str,
    file: Option<String>,
    pipeline: Option<String>,
) -> Result {
    if let Some(file) = file {
        let file = permits::file(client, project, &file).await?;
        let permissions = client.permissions(project);
        let state = permissions.get(SECURE_FILE, &file.id).await?;
        return show(context, client, project, &state).await;
    }
    let id = match pipeline {
        Some(name) => Some(permits::pipeline(client, project, &name).await?.id),
        None => None,
    };
    let found = client.permissions(project).permitted(id).await?;
    context.out.show(&found, |found| resources(found))
}

async fn show(
    context: &Context,
    client: &Client,
    project: &str,
    state: &ResourcePipelinePermissions,
) -> Result {
    if context.out.is_json() {
        return context.out.json(state);
    }
    let known = client.pipelines(project).list().await.unwrap_or_default();
    context.out.show(state, |state| {
        let mut table = Table::new(["pipeline", "refs", "by variable", "since", "by"]);
        let mut row = |name: String, refs: String, by_variable: bool, permission: &Permission| {
            let by = permission.authorized_by.as_ref();
            table.row([
                name,
                refs,
                if by_variable { "yes" } else { "no" }.to_owned(),
                permission
                    .authorized_on
                    .as_deref()
                    .map(short_date)
                    .unwrap_or_default(),
                by.map(|by| by.display_name.clone()).unwrap_or_default(),
            ]);
        };
        if let Some(all) = &state.all_pipelines {
            row("all of the project".into(), "all".into(), false, all);
        }
        for one in &state.pipelines {
            let name = known.iter().find(|pipeline| pipeline.id == one.id);
            row(
                name.map_or_else(|| one.id.to_string(), |pipeline| pipeline.name.clone()),
                refs(one.refs.as_deref()),
                one.by_variable,
                &one.permission,
            );
        }
        table
    })
}

fn refs(refs: Option<&[String]>) -> String {
    refs.map_or_else(|| "all".to_owned(), |refs| refs.join(", "))
}

fn resources(found: &[DefinitionResource]) -> Table {
    let mut table = Table::new(["secure file", "refs", "id"]);
    for one in found {
        table.row([
            one.name.clone().unwrap_or_default(),
            refs(one.refs.as_deref()),
            one.id.clone(),
        ]);
    }
    table
}
