//! `coffer run`: runs of pipelines.

use super::permits::RefArgs;
use super::start_values::StartValues;
use super::watch::{self, WatchArgs, Watched};
use super::{permits, short_date};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::{LogStyle, Table, log_line};
use clap::{Args, Subcommand};
use coffer_client::Client;
use coffer_wire::builds::{Build, TimelineRecord};
use coffer_wire::coffer::WaitingFor;
use coffer_wire::pipelines::Run;
use std::collections::{BTreeMap, BTreeSet};

/// Verbs of `run`.
#[derive(Subcommand)]
pub(crate) enum RunCommand {
    /// Start a run of a pipeline
    #[command(after_help = "\
Examples:
  coffer run start release
  coffer run start release --var version=1.2.3 --watch

With --watch, the exit code is the run's: 0 succeeded, 8 did not. 7: it still waits, see --timeout and
--fail-if-waiting.")]
    Start(StartArgs),
    /// List runs, newest first
    #[command(after_help = "\
Examples:
  coffer run list
  coffer run list release --top 5")]
    List {
        /// Name or id of a pipeline [default: all]
        pipeline: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        top: u32,
    },
    /// Show a run: where it is, what it waits for
    #[command(after_help = "Examples:\n  coffer run show 12")]
    Show {
        /// The run's number
        run: i64,
    },
    /// Follow a run's log until it ends
    #[command(after_help = "\
Examples:
  coffer run watch 12
  coffer run watch 12 --timeout 600

Exit codes: 0 the run succeeded, 8 it did not, 7 time is up or it waits. The run goes on without its watcher.")]
    Watch {
        /// The run's number
        run: i64,
        #[command(flatten)]
        watch: WatchArgs,
    },
    /// Print the log of a run
    #[command(after_help = "\
Examples:
  coffer run log 12
  coffer run log 12 --step 'Install certificate' --timestamps")]
    Log {
        /// The run's number
        run: i64,
        /// Only the step of this name
        #[arg(long, value_name = "NAME")]
        step: Option<String>,
        /// Keep the time of each line
        #[arg(long)]
        timestamps: bool,
    },
    /// Permit a waiting run's pipeline what it waits for
    #[command(after_help = "\
Examples:
  coffer run permit 12
  coffer run permit 12 --file ca.pem

The permission stays with the pipeline: its later runs do not ask again. `coffer file revoke` takes it back.")]
    Permit {
        /// The run's number
        run: i64,
        /// Only this secure file, by name or id
        #[arg(long, value_name = "NAME")]
        file: Option<String>,
        #[command(flatten)]
        refs: RefArgs,
    },
    /// Cancel a run
    #[command(after_help = "Examples:\n  coffer run cancel 12")]
    Cancel {
        /// The run's number
        run: i64,
    },
}

/// Arguments of `run start`.
#[derive(Args)]
pub(crate) struct StartArgs {
    /// Name or id of the pipeline
    pipeline: String,
    #[command(flatten)]
    values: StartValues,
    /// Follow the log until the run ends
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    follow: WatchArgs,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: RunCommand) -> Result<Exit> {
    if let RunCommand::Start(args) = &command {
        args.values.request()?;
    }
    let client = context.client()?;
    let project = context.project(&client).await?;
    let at = |pipeline: i64, run: i64| Watched {
        client: &client,
        project: &project,
        pipeline,
        run,
    };
    match command {
        RunCommand::Start(args) => {
            let pipeline = permits::pipeline(&client, &project, &args.pipeline).await?;
            let request = args.values.request()?;
            let run = client
                .pipelines(&project)
                .run(pipeline.id, &request)
                .await?;
            context.out.note(&format!(
                "Run {} ({}) of {} is queued.",
                run.id, run.name, pipeline.name
            ));
            if args.watch {
                return watch::watch(context, &at(pipeline.id, run.id), &args.follow).await;
            }
            watch::tell_waiting(context, &project, &run);
            context
                .out
                .note(&format!("Follow it: coffer run watch {}", run.id));
            context.out.show(&run, facts)?;
        }
        RunCommand::List { pipeline, top } => {
            let id = match &pipeline {
                Some(name) => Some(permits::pipeline(&client, &project, name).await?.id),
                None => None,
            };
            let builds = client.builds(&project).list(id, top).await?;
            context.out.show(&builds, |builds| table(builds))?;
        }
        RunCommand::Show { run } => {
            let run = find(&client, &project, run).await?;
            let records = client.builds(&project).timeline(run.id).await?.records;
            context.out.show(&run, facts)?;
            if !context.out.is_json() {
                context.out.line("")?;
                context.out.show(&records, |records| steps(records))?;
                watch::tell_waiting(context, &project, &run);
            }
        }
        RunCommand::Watch { run, watch } => {
            let pipeline = client.builds(&project).get(run).await?.definition.id;
            return watch::watch(context, &at(pipeline, run), &watch).await;
        }
        RunCommand::Log {
            run,
            step,
            timestamps,
        } => log(context, &client, &project, run, step.as_deref(), timestamps).await?,
        RunCommand::Permit { run, file, refs } => {
            permit(context, &client, &project, run, file.as_deref(), &refs).await?;
        }
        RunCommand::Cancel { run } => {
            let build = client.builds(&project).cancel(run).await?;
            context.out.note(&format!("Run {run} is {}.", build.status));
            if context.out.is_json() {
                context.out.json(&build)?;
            }
        }
    }
    Ok(Exit::Success)
}

/// A run by its number alone.
async fn find(client: &Client, project: &str, id: i64) -> Result<Run> {
    let pipeline = client.builds(project).get(id).await?.definition.id;
    Ok(client.pipelines(project).get_run(pipeline, id).await?)
}

async fn permit(
    context: &Context,
    client: &Client,
    project: &str,
    id: i64,
    file: Option<&str>,
    refs: &RefArgs,
) -> Result {
    let run = find(client, project, id).await?;
    if run.waiting_for.is_empty() {
        return Err(CommandError::new(
            Exit::Conflict,
            format!("run {id} does not wait for a permission"),
        )
        .hint(format!("`coffer run show {id}` shows where it is")));
    }
    let chosen: Vec<&WaitingFor> = run
        .waiting_for
        .iter()
        .filter(|waiting| is_meant(waiting, file))
        .collect();
    if chosen.is_empty() {
        let names: Vec<String> = run.waiting_for.iter().map(watch::resource_name).collect();
        return Err(CommandError::new(
            Exit::NotFound,
            format!("run {id} does not wait for '{}'", file.unwrap_or_default()),
        )
        .hint(format!("it waits for: {}", names.join(", "))));
    }
    let pipeline = client.pipelines(project).get(run.pipeline.id).await?;
    let mut states = Vec::new();
    let mut done = BTreeSet::new();
    for waiting in chosen {
        let resource = &waiting.resource;
        // Several stages may wait for one file.
        if !done.insert((&resource.kind, &resource.id)) {
            continue;
        }
        let (state, given) = permits::permit(
            client,
            project,
            (&resource.kind, &resource.id),
            &pipeline,
            refs,
        )
        .await?;
        context.out.note(&format!(
            "Pipeline {} may use {} now{}.",
            run.pipeline.name,
            watch::resource_name(waiting),
            permits::for_refs(given.as_deref())
        ));
        states.push(state);
    }
    if context.out.is_json() {
        context.out.json(&states)?;
    }
    Ok(())
}

fn is_meant(waiting: &WaitingFor, file: Option<&str>) -> bool {
    let Some(file) = file else { return true };
    let resource = &waiting.resource;
    let name = resource.name.as_deref().unwrap_or_default();
    resource.kind == permits::SECURE_FILE
        && (name.to_lowercase() == file.to_lowercase() || resource.id.eq_ignore_ascii_case(file))
}

async fn log(
    context: &Context,
    client: &Client,
    project: &str,
    id: i64,
    step: Option<&str>,
    timestamps: bool,
) -> Result {
    let builds = client.builds(project);
    let records = builds.timeline(id).await?.records;
    let steps: Vec<&TimelineRecord> = watch::in_order(&records)
        .into_iter()
        .filter(|record| record.kind == "Task")
        .filter(|record| step.is_none_or(|name| record.name.eq_ignore_ascii_case(name)))
        .collect();
    if let (Some(name), true) = (step, steps.is_empty()) {
        let known = records.iter().filter(|record| record.kind == "Task");
        let names: Vec<&str> = known.map(|record| record.name.as_str()).collect();
        return Err(
            CommandError::new(Exit::NotFound, format!("run {id} has no step '{name}'"))
                .hint(format!("its steps: {}", names.join(", "))),
        );
    }
    let style = LogStyle {
        timestamps,
        colour: context.out.colour,
    };
    let mut logs = BTreeMap::new();
    for record in steps {
        let Some(reference) = &record.log else {
            continue;
        };
        let lines = builds.log(id, reference.id, 1).await?;
        if context.out.is_json() {
            logs.insert(record.name.clone(), lines);
            continue;
        }
        context.out.heading(&format!("== {} ==", record.name));
        for line in &lines {
            context.out.line(&log_line(line, style))?;
        }
    }
    if context.out.is_json() {
        context.out.json(&logs)?;
    }
    Ok(())
}

fn facts(run: &Run) -> Table {
    let mut facts = Table::facts();
    facts.fact("Run", format!("{} ({})", run.id, run.name));
    facts.fact(
        "Pipeline",
        format!("{} (revision {})", run.pipeline.name, run.pipeline.revision),
    );
    facts.fact("State", watch::state(run));
    facts.fact("Queued", short_date(&run.created_date));
    if let Some(date) = &run.finished_date {
        facts.fact("Ended", short_date(date));
    }
    if let Some(page) = run.links["web"]["href"].as_str() {
        facts.fact("Page", page.to_owned());
    }
    facts
}

fn steps(records: &[TimelineRecord]) -> Table {
    let mut table = Table::new(["what", "name", "state", "result", "agent"]);
    for record in watch::in_order(records) {
        table.row([
            record.kind.clone(),
            record.name.clone(),
            record.state.to_string(),
            record.result.as_deref().unwrap_or_default().to_owned(),
            record.worker_name.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn table(builds: &[Build]) -> Table {
    let mut table = Table::new([
        "run", "name", "pipeline", "status", "result", "queued", "by",
    ]);
    for build in builds {
        table.row([
            build.id.to_string(),
            build.build_number.clone(),
            build.definition.name.clone(),
            build.status.to_string(),
            build.result.as_deref().unwrap_or_default().to_owned(),
            short_date(&build.queue_time),
            build.requested_for.display_name.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_wire::permissions::Resource;

    #[test]
    fn a_file_is_chosen_by_name_or_id_and_other_resources_are_not_files() {
        let waiting = |kind: &str| WaitingFor {
            resource: Resource {
                kind: kind.into(),
                id: "ab-cd".into(),
                name: Some("CA.pem".into()),
            },
            stage: "Build".into(),
            message: String::new(),
            you_may_permit: true,
            who_may_permit: Vec::new(),
            why: "notPermitted".into(),
            until: None,
        };
        let file = waiting("securefile");
        assert!(is_meant(&file, None));
        assert!(is_meant(&file, Some("ca.PEM")));
        assert!(is_meant(&file, Some("AB-CD")));
        assert!(!is_meant(&file, Some("ca")));
        assert!(!is_meant(&waiting("variablegroup"), Some("CA.pem")));
    }
}
