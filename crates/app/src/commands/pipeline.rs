//! `coffer pipeline`.

use super::bundle::{self, Bundle, BundleArgs};
use super::shell::quoted;
use super::start_values::StartValues;
use super::validate::{self, ValidateArgs};
use super::{not_found, permits};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use clap::Subcommand;
use coffer_client::{Client, Filter};
use coffer_wire::pipelines::{Pipeline, RunRequest};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// No pipeline file is larger.
const MAX_YAML: u64 = 4 << 20;

/// Verbs of `pipeline`.
#[derive(Subcommand)]
pub(crate) enum PipelineCommand {
    /// Add a pipeline from a YAML file
    #[command(after_help = "\
Examples:
  coffer pipeline add azure-pipelines.yml
  coffer pipeline add ci/release.yml --name release
  coffer pipeline add azure-pipelines.yml --include templates

The text is stored with the pipeline, and so are the templates that it names, from the same folder, with theirs. `coffer
pipeline update` stores the next revision, whole.")]
    Add {
        #[command(flatten)]
        text: BundleArgs,
        /// Name of the pipeline [default: the file's name without its extension]
        #[arg(long)]
        name: Option<String>,
    },
    /// Store a new revision of a pipeline's YAML and templates
    #[command(after_help = "Examples:\n  coffer pipeline update release ci/release.yml")]
    Update {
        /// Name or id of the pipeline
        pipeline: String,
        #[command(flatten)]
        text: BundleArgs,
    },
    /// List the pipelines
    #[command(after_help = "Examples:\n  coffer pipeline list")]
    List,
    /// Show a pipeline with its YAML
    #[command(after_help = "\
Examples:
  coffer pipeline show release
  coffer pipeline show release --yaml > release.yml
  coffer pipeline show release --file templates/build.yml")]
    Show {
        /// Name or id
        pipeline: String,
        /// Write the YAML alone, byte for byte
        #[arg(long)]
        yaml: bool,
        /// Write this file of the pipeline alone, byte for byte
        #[arg(long, value_name = "PATH")]
        file: Option<String>,
    },
    /// Check a YAML file and its templates, without a server
    #[command(after_help = validate::EXAMPLES)]
    Validate(ValidateArgs),
    /// Show a pipeline as it reads once templates are put in
    #[command(after_help = "\
Examples:
  coffer pipeline preview release
  coffer pipeline preview release --parameter environment=production
  coffer pipeline preview release --file ci/release.yml

Starts nothing. Unlike `validate` it knows the secure files and tasks of the server, and reads templates as they are stored
with the pipeline, also for a text that is given with --file.")]
    Preview {
        /// Name or id
        pipeline: String,
        /// This text instead of the pipeline's own; `-` is standard input
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        values: StartValues,
    },
    /// List the secure files a pipeline may use
    #[command(after_help = "Examples:\n  coffer pipeline permissions release")]
    Permissions {
        /// Name or id
        pipeline: String,
    },
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: PipelineCommand) -> Result {
    if let PipelineCommand::Validate(args) = &command {
        return validate::run(context, args);
    }
    let client = context.client()?;
    let project = context.project(&client).await?;
    let pipelines = client.pipelines(&project);
    match command {
        PipelineCommand::Validate(_) => Ok(()),
        PipelineCommand::Add { text, name } => {
            let bundle = bundle::collect(&text)?;
            let stem = text.file.file_stem().and_then(|stem| stem.to_str());
            let Some(name) = name.as_deref().or(stem.filter(|stem| *stem != "-")) else {
                return Err(
                    CommandError::usage("the pipeline needs a name").hint("give one with --name")
                );
            };
            let pipeline = pipelines.create(&bundle.request(name, None)).await?;
            context
                .out
                .note(&format!("Added pipeline {}.", pipeline.name));
            tell_files(context, &bundle);
            tell_authorization(context, &pipeline);
            if let Some(parameters) = can_run(context, &client, &project, &pipeline).await {
                tell_start(context, &pipeline, &parameters);
            }
            context
                .out
                .show(&pipeline, |p| table(std::slice::from_ref(p)))
        }
        PipelineCommand::Update { pipeline, text } => {
            let bundle = bundle::collect(&text)?;
            let old = permits::pipeline(&client, &project, &pipeline).await?;
            let request = bundle.request(&old.name, Some(&old.folder));
            let new = pipelines.replace(old.id, &request).await?;
            context
                .out
                .note(&format!("{} is at revision {}.", new.name, new.revision));
            tell_files(context, &bundle);
            let parameters = can_run(context, &client, &project, &new).await;
            if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
                tell_start(context, &new, &parameters);
            }
            context.out.show(&new, |p| table(std::slice::from_ref(p)))
        }
        PipelineCommand::List => {
            let list = pipelines.list().await?;
            context.out.show(&list, |list| table(list))
        }
        PipelineCommand::Show {
            pipeline,
            yaml,
            file,
        } => {
            let found = permits::pipeline(&client, &project, &pipeline).await?;
            let pipeline = pipelines.get(found.id).await?;
            match file {
                Some(path) => show_file(context, &pipeline, &path),
                None => show(context, &pipeline, yaml),
            }
        }
        PipelineCommand::Preview {
            pipeline,
            file,
            values,
        } => {
            let mut request = values.request()?;
            request.yaml_override = file.as_deref().map(read).transpose()?;
            let found = permits::pipeline(&client, &project, &pipeline).await?;
            let preview = pipelines.preview(found.id, &request).await?;
            if context.out.is_json() {
                return context.out.json(&preview);
            }
            context.out.text(&preview.final_yaml)
        }
        PipelineCommand::Permissions { pipeline } => {
            let pipeline = permits::pipeline(&client, &project, &pipeline).await?;
            permissions(context, &client, &project, &pipeline).await
        }
    }
}

/// Says what a new pipeline may use already, because who adds it may, and what it will wait for.
fn tell_authorization(context: &Context, pipeline: &Pipeline) {
    let Some(authorization) = &pipeline.authorization else {
        return;
    };
    for resource in &authorization.permitted {
        let name = resource.name.as_deref().unwrap_or(&resource.id);
        context.out.note(&format!("It may use {name}."));
    }
    for waiting in &authorization.waiting {
        let who = match waiting.who_may_permit.join(", ") {
            who if who.is_empty() => "somebody with the User role on it".to_owned(),
            who => who,
        };
        context.out.note(&format!(
            "Its runs will wait for {}, until it is permitted by: {who}.",
            super::watch::resource_name(waiting)
        ));
    }
}

/// Says which files were stored with a pipeline, and what was named and is not among them.
fn tell_files(context: &Context, bundle: &Bundle) {
    let stored: Vec<&str> = bundle.files().collect();
    if !stored.is_empty() {
        let stored = stored.join(", ");
        context.out.note(&format!("Stored with it: {stored}."));
    }
    for left in &bundle.left {
        context.out.note(&format!("Not stored: {left}."));
    }
}

/// The command that starts a run, with the parameters that it must be given.
fn tell_start(context: &Context, pipeline: &Pipeline, parameters: &[String]) {
    if !parameters.is_empty() {
        context.out.note(&format!(
            "A run must be given what has no default: {}.",
            parameters.join(", ")
        ));
    }
    let mut command = format!("coffer run start {}", quoted(&pipeline.name));
    for name in parameters {
        command.push_str(&format!(" --parameter {name}=…"));
    }
    context.out.note(&format!("Run it: {command}"));
}

/// Whether a run could start now, and which parameters it must be given; if not, says what is wrong, and where. A pipeline
/// is stored either way: the file that it names may follow.
async fn can_run(
    context: &Context,
    client: &Client,
    project: &str,
    pipeline: &Pipeline,
) -> Option<Vec<String>> {
    let pipelines = client.pipelines(project);
    let error = match pipelines.preview(pipeline.id, &RunRequest::default()).await {
        Ok(preview) if preview.runnable => return Some(Vec::new()),
        Ok(preview) => {
            context.out.heading("This server cannot run it yet:");
            for found in &preview.validation_results {
                context.out.note(&format!("  {}", found.message));
            }
            return None;
        }
        Err(error) => error,
    };
    let results = error.validation_results();
    // Whoever may not start runs has no use for an answer.
    if results.is_empty() {
        return None;
    }
    let required = results
        .iter()
        .map(|result| result.required_parameter().map(str::to_owned));
    if let Some(parameters) = required.collect::<Option<Vec<String>>>() {
        return Some(parameters);
    }
    let error = CommandError::from(error);
    context.out.heading("It cannot run yet:");
    for detail in &error.details {
        context.out.note(&format!("  {detail}"));
    }
    for hint in &error.hints {
        context.out.note(&format!("hint: {hint}"));
    }
    context.out.note(&format!(
        "Mend it, and store it with `coffer pipeline update {} FILE`.",
        pipeline.id
    ));
    None
}

/// A pipeline's own file, or one beside it.
fn show_file(context: &Context, pipeline: &Pipeline, path: &str) -> Result {
    let stored = pipeline.configuration.iter().flat_map(|configuration| {
        let own = (
            configuration.path.as_str(),
            configuration.yaml.as_deref().unwrap_or_default(),
        );
        let files = configuration.files.iter();
        files
            .map(|file| (file.path.as_str(), file.content.as_str()))
            .chain([own])
    });
    let stored: Vec<(&str, &str)> = stored.collect();
    match stored.iter().find(|(known, _)| *known == path) {
        Some((_, content)) => context.out.text(content),
        None => Err(not_found(
            "file of this pipeline",
            path,
            stored.iter().map(|(known, _)| (*known).to_owned()),
        )),
    }
}

fn show(context: &Context, pipeline: &Pipeline, yaml_only: bool) -> Result {
    let yaml = pipeline
        .configuration
        .as_ref()
        .and_then(|c| c.yaml.as_deref())
        .unwrap_or_default();
    if yaml_only {
        return context.out.text(yaml);
    }
    if context.out.is_json() {
        return context.out.json(pipeline);
    }
    let path = pipeline.configuration.as_ref().map(|c| c.path.clone());
    let files = pipeline.configuration.iter().flat_map(|c| &c.files);
    let files: Vec<&str> = files.map(|file| file.path.as_str()).collect();
    context.out.show(pipeline, |pipeline| {
        let mut facts = Table::facts();
        facts.fact("Name", pipeline.name.as_str());
        facts.fact("Id", pipeline.id.to_string());
        facts.fact("Revision", pipeline.revision.to_string());
        facts.fact("File", path.unwrap_or_default());
        if !files.is_empty() {
            facts.fact("Stored with it", files.join(", "));
        }
        facts
    })?;
    context.out.line("")?;
    for line in yaml.lines() {
        context.out.line(&crate::output::escaped(line))?;
    }
    Ok(())
}

/// A file of the list and whether it is open to all.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Permitted {
    id: String,
    name: String,
    through: &'static str,
}

async fn permissions(
    context: &Context,
    client: &Client,
    project: &str,
    pipeline: &Pipeline,
) -> Result {
    let mut permitted = Vec::new();
    let mut hidden = 0;
    for file in client
        .secure_files(project)
        .list(&Filter::default())
        .await?
    {
        let Some(state) = permits::permissions(client, project, &file.id).await? else {
            hidden += 1;
            continue;
        };
        let named = state.pipelines.iter().any(|one| one.id == pipeline.id);
        let open = state.all_pipelines.is_some_and(|all| all.authorized);
        if named || open {
            permitted.push(Permitted {
                id: file.id,
                name: file.name,
                through: if named { "permit" } else { "open access" },
            });
        }
    }
    if hidden > 0 {
        context.out.note(&format!(
            "{hidden} more files have permissions you may not see."
        ));
    }
    context.out.show(&permitted, |permitted| {
        let mut table = Table::new(["secure file", "through", "id"]);
        for file in permitted {
            table.row([file.name.clone(), file.through.into(), file.id.clone()]);
        }
        table
    })
}

pub(super) fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_YAML + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_YAML + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| CommandError::file("cannot read", path, &error))?;
    if bytes.len() as u64 > MAX_YAML {
        return Err(CommandError::new(
            Exit::Invalid,
            format!("{} is too large for a pipeline", path.display()),
        ));
    }
    String::from_utf8(bytes).map_err(|_| {
        CommandError::new(
            Exit::Invalid,
            format!("{} is not UTF-8 text", path.display()),
        )
    })
}

fn table(pipelines: &[Pipeline]) -> Table {
    let mut table = Table::new(["id", "name", "revision", "folder"]);
    for pipeline in pipelines {
        table.row([
            pipeline.id.to_string(),
            pipeline.name.clone(),
            pipeline.revision.to_string(),
            pipeline.folder.clone(),
        ]);
    }
    table
}
