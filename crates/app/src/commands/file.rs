//! `coffer file`: secure files. What is uploaded never comes back to a person.

use super::file_update::{self, UpdateArgs};
use super::permits::{self, SECURE_FILE};
use super::{access, freeze, short_date, short_size};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::{Table, escaped_value, upload_bar};
use clap::{Args, Subcommand};
use coffer_client::{Body, Client, Filter, Frozen, Upload};
use coffer_wire::secure_files::SecureFile;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// Verbs of `file`.
#[derive(Subcommand)]
pub(crate) enum FileCommand {
    /// Upload files
    #[command(after_help = "\
Examples:
  coffer file upload signing.p12
  coffer file upload build/ca.pem --name caCertificate.pem
  openssl genrsa 4096 | coffer file upload - --name deploy-key.pem

A new file can be used by no pipeline until somebody permits it, and nobody can read it back. Content is never
replaced: delete the file and upload it again; its id changes then.")]
    Upload(UploadArgs),
    /// List the files you may see
    #[command(after_help = "\
Examples:
  coffer file list
  coffer file list '*.p12' --output json
  coffer file list --where \"eq(property('team'), 'mobile')\"
  coffer file list '*.p12' --where \"and(lt(property('expires'), '2026-07'), not(property('retired')))\"

A condition is written in the expression language of pipelines; property('NAME') is a property of the file, null when it
has none of that name. Case does not count.")]
    List {
        /// Only names that match; `*` stands for any run of characters
        pattern: Option<String>,
        /// Only files whose properties this condition is true of
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
    },
    /// Show a file and who may use it
    #[command(after_help = "Examples:\n  coffer file show signing.p12")]
    Show {
        /// Name or id
        file: String,
    },
    /// Change a file's name or properties
    #[command(after_help = "\
Examples:
  coffer file update signing.p12 --name release.p12
  coffer file update release.p12 --property team=mobile --property expires=2027-01-31
  coffer file update release.p12 --remove-property team

Properties are what `coffer file list --where` looks at. Those that are not named stay. Content never changes.")]
    Update(UpdateArgs),
    /// Delete a file for good
    #[command(after_help = "\
Examples:
  coffer file delete signing.p12
  coffer file delete signing.p12 --yes

Runs that need the file fail from then on. Without --yes you are asked first.")]
    Delete {
        /// Name or id
        file: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Permit a pipeline to use a file
    #[command(after_help = "\
Examples:
  coffer file permit signing.p12 release
  coffer file permit ca.pem --all-pipelines

`coffer run permit RUN` permits what one waiting run asks for. `coffer permission` says more: refs, lists.")]
    Permit(PermitArgs),
    /// Show which people and pipelines can use a file, and why
    #[command(after_help = "\
Examples:
  coffer file access signing.p12
  coffer file access signing.p12 --output json

Administrators of the file see everybody. Who only sees the file gets its own part, and the pipelines.")]
    Access {
        /// Name or id
        file: String,
    },
    /// Take a pipeline's permission back
    #[command(after_help = "\
Examples:
  coffer file revoke signing.p12 release
  coffer file revoke ca.pem --all-pipelines")]
    Revoke(PermitArgs),
}

/// Arguments of `file upload`.
#[derive(Args)]
pub(crate) struct UploadArgs {
    /// Files to upload; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Name in the library [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// Let every pipeline of the project use it, now and later
    #[arg(long)]
    authorize_all_pipelines: bool,
}

/// Arguments of `file permit` and `file revoke`.
#[derive(Args)]
pub(crate) struct PermitArgs {
    /// Name or id of the file
    file: String,
    /// Name or id of the pipeline
    #[arg(
        required_unless_present = "all_pipelines",
        conflicts_with = "all_pipelines"
    )]
    pipeline: Option<String>,
    /// All pipelines of the project, now and later
    #[arg(long)]
    all_pipelines: bool,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: FileCommand) -> Result {
    // What can be seen to be wrong here is said before anything is sent.
    match &command {
        FileCommand::Upload(args) => check_upload(args)?,
        FileCommand::Update(args) => file_update::check(args)?,
        _ => {}
    }
    let client = context.client()?;
    let project = context.project(&client).await?;
    match command {
        FileCommand::Upload(args) => upload(context, &client, &project, args).await,
        FileCommand::List { pattern, condition } => {
            let library = client.secure_files(&project);
            let files = match condition {
                Some(condition) => library.query(&condition, pattern.as_deref()).await?,
                None => {
                    let filter = Filter {
                        name_pattern: pattern,
                        ..Filter::default()
                    };
                    library.list(&filter).await?
                }
            };
            context.out.show(&files, |files| table(files))
        }
        FileCommand::Update(args) => file_update::update(context, &client, &project, args).await,
        FileCommand::Show { file } => show(context, &client, &project, &file).await,
        FileCommand::Delete { file, yes } => delete(context, &client, &project, &file, yes).await,
        FileCommand::Access { file } => access::show(context, &client, &project, &file).await,
        FileCommand::Permit(args) => permit(context, &client, &project, args, true).await,
        FileCommand::Revoke(args) => permit(context, &client, &project, args, false).await,
    }
}

fn check_upload(args: &UploadArgs) -> Result {
    let from_input = args.paths.iter().any(|path| path == Path::new("-"));
    if args.name.is_some() && args.paths.len() > 1 {
        return Err(CommandError::usage("--name goes with one file only"));
    }
    if args.name.is_none() && from_input {
        return Err(CommandError::usage("standard input has no name")
            .hint("give one: coffer file upload - --name NAME"));
    }
    Ok(())
}

async fn upload(context: &Context, client: &Client, project: &str, args: UploadArgs) -> Result {
    let mut stored = Vec::new();
    for path in &args.paths {
        match upload_one(client, project, path, &args).await {
            Ok(file) => {
                context.out.note(&format!("Uploaded {}.", file.name));
                stored.push(file);
            }
            Err(mut error) => {
                if !stored.is_empty() {
                    let names: Vec<_> = stored
                        .iter()
                        .map(|f: &SecureFile| f.name.as_str())
                        .collect();
                    error
                        .hints
                        .push(format!("already uploaded: {}", names.join(", ")));
                }
                error.message = format!("{}: {}", path.display(), error.message);
                return Err(error);
            }
        }
    }
    if !args.authorize_all_pipelines {
        context.out.note(
            "No pipeline may use it yet: permit one with `coffer file permit NAME PIPELINE`.",
        );
    }
    context.out.show(&stored, |files| table(files))
}

async fn upload_one(
    client: &Client,
    project: &str,
    path: &Path,
    args: &UploadArgs,
) -> Result<SecureFile> {
    let own_name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = args.name.as_deref().or(own_name) else {
        return Err(CommandError::new(
            Exit::Invalid,
            "the file's name cannot be used in the library",
        )
        .hint("give another one with --name"));
    };
    let (body, size) = if path == Path::new("-") {
        (Body::from_reader(tokio::io::stdin()), None)
    } else {
        let failed = |error| CommandError::file("cannot read", path, &error);
        let file = tokio::fs::File::open(path).await.map_err(failed)?;
        let about = file.metadata().await.map_err(failed)?;
        if about.is_dir() {
            return Err(CommandError::new(
                Exit::Invalid,
                "this is a folder, not a file",
            ));
        }
        // A pipe or device has no size to be trusted.
        let size = about.is_file().then_some(about.len());
        (Body::from_reader(file), size)
    };
    let bar = upload_bar(name, size);
    let moving = bar.clone();
    let upload = Upload {
        size,
        authorize_pipelines: args.authorize_all_pipelines,
        progress: Some(Box::new(move |sent| moving.set_position(sent))),
        ..Upload::named(name)
    };
    let stored = client.secure_files(project).upload(upload, body).await;
    bar.finish_and_clear();
    Ok(stored?)
}

async fn show(context: &Context, client: &Client, project: &str, name: &str) -> Result {
    let found = permits::file(client, project, name).await?;
    // The single file may hold more than its row in a list.
    let file = client.secure_files(project).get(&found.id).await?;
    let permissions = permits::permissions(client, project, &file.id).await?;
    let freezes = client
        .freezes()
        .list(Frozen::File(project, &file.id))
        .await?;
    if context.out.is_json() {
        return context.out.json(&serde_json::json!({
            "secureFile": file,
            "permissions": permissions,
            "freezes": freezes,
        }));
    }
    let who = match permissions {
        None => "(you may not see it)".to_owned(),
        Some(p) if p.all_pipelines.as_ref().is_some_and(|all| all.authorized) => {
            "all of the project".to_owned()
        }
        Some(p) if p.pipelines.is_empty() => "none".to_owned(),
        Some(p) => {
            let known = client.pipelines(project).list().await.unwrap_or_default();
            let name = |id: i64| {
                let found = known.iter().find(|pipeline| pipeline.id == id);
                found.map_or_else(|| id.to_string(), |pipeline| pipeline.name.clone())
            };
            let names: Vec<String> = p
                .pipelines
                .iter()
                .map(|one| name(one.id) + &permits::for_refs(one.refs.as_deref()))
                .collect();
            names.join(", ")
        }
    };
    context.out.show(&file, |file| {
        let mut facts = Table::facts();
        facts.fact("Name", file.name.as_str());
        facts.fact("Id", file.id.as_str());
        if let Some(size) = file.size {
            facts.fact("Size", short_size(size));
        }
        if let Some(sha256) = &file.sha256 {
            facts.fact("SHA-256", sha256.as_str());
        }
        let by = |who: &str, when: &str| format!("{} by {who}", short_date(when));
        facts.fact(
            "Uploaded",
            by(&file.created_by.display_name, &file.created_on),
        );
        facts.fact(
            "Changed",
            by(&file.modified_by.display_name, &file.modified_on),
        );
        for (name, value) in &file.properties {
            facts.fact(&format!("Property {name}"), value.as_str());
        }
        facts.fact("Pipelines", who);
        for one in &freezes {
            facts.fact("Frozen", freeze::text(one));
        }
        facts
    })
}

async fn delete(
    context: &Context,
    client: &Client,
    project: &str,
    name: &str,
    yes: bool,
) -> Result {
    let file = permits::file(client, project, name).await?;
    if !yes && !asked(&format!("Delete {} for good?", escaped_value(&file.name)))? {
        context.out.note("Nothing was deleted.");
        return Ok(());
    }
    client.secure_files(project).delete(&file.id).await?;
    context.out.note(&format!("Deleted {}.", file.name));
    Ok(())
}

/// Asks a person; an error where there is none to ask.
fn asked(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::usage("nobody is there to ask").hint("add --yes"));
    }
    write!(std::io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn permit(
    context: &Context,
    client: &Client,
    project: &str,
    args: PermitArgs,
    authorized: bool,
) -> Result {
    let file = permits::file(client, project, &args.file).await?;
    let permissions = client.permissions(project);
    let (whom, state) = match &args.pipeline {
        Some(name) => {
            let pipeline = permits::pipeline(client, project, name).await?;
            let state = if authorized {
                let resource = (SECURE_FILE, file.id.as_str());
                let refs = permits::RefArgs::default();
                permits::permit(client, project, resource, &pipeline, &refs)
                    .await?
                    .0
            } else {
                permissions
                    .set_pipeline(SECURE_FILE, &file.id, pipeline.id, false)
                    .await?
            };
            (format!("Pipeline {}", pipeline.name), state)
        }
        None => {
            let state = permissions
                .set_all_pipelines(SECURE_FILE, &file.id, authorized)
                .await?;
            ("Every pipeline of the project".to_owned(), state)
        }
    };
    let open = state
        .all_pipelines
        .as_ref()
        .is_some_and(|all| all.authorized);
    context.out.note(&match (authorized, open) {
        (true, _) => format!("{whom} may use {} now.", file.name),
        (false, false) => format!("{whom} may not use {} any more.", file.name),
        (false, true) => format!(
            "The permission is gone, but {} is open to all pipelines: close it with --all-pipelines.",
            file.name
        ),
    });
    if context.out.is_json() {
        context.out.json(&state)?;
    }
    Ok(())
}

/// Characters of a file's properties that a row shows.
const SHOWN: usize = 60;

/// Files, a row each; with their properties where one has any.
pub(super) fn table(files: &[SecureFile]) -> Table {
    let with_properties = files.iter().any(|file| !file.properties.is_empty());
    let mut table = match with_properties {
        true => Table::new(["name", "size", "uploaded", "by", "properties", "id"]),
        false => Table::new(["name", "size", "uploaded", "by", "id"]),
    };
    for file in files {
        let name = file.name.clone();
        let size = file.size.map(short_size).unwrap_or_default();
        let uploaded = short_date(&file.created_on);
        let (by, id) = (file.created_by.display_name.clone(), file.id.clone());
        if with_properties {
            table.row([name, size, uploaded, by, properties(file), id]);
        } else {
            table.row([name, size, uploaded, by, id]);
        }
    }
    table
}

fn properties(file: &SecureFile) -> String {
    let all = file.properties.iter();
    let all: Vec<String> = all.map(|(name, value)| format!("{name}={value}")).collect();
    let all = all.join(", ");
    match all.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
}
