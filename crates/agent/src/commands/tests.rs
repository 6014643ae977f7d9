//! The commands as a task writes them, told against the table of the original.

use super::*;
use crate::log::tests::{sample, told};
use coffer_pipeline::tasks;
use coffer_wire::agent::Record;
use std::sync::Arc;

/// What a step that printed these lines did to its job.
struct Said {
    lines: Vec<String>,
    record: Record,
    variables: JobVariables,
    result: Option<Outcome>,
    done: bool,
}

fn say_as(task: &str, given: &[(&str, &str)], lines: &[&str]) -> Said {
    let masker = Arc::new(Masker::default());
    let (mut log, journal) = sample(&masker);
    log.set_debug(given.contains(&("System.Debug", "true")));
    let given = given
        .iter()
        .map(|(n, v)| {
            let value = coffer_wire::agent::Variable {
                value: (*v).into(),
                is_secret: false,
                is_read_only: false,
            };
            ((*n).to_owned(), value)
        })
        .collect();
    let mut variables = JobVariables::new(&given, Arc::clone(&masker));
    let task = tasks::builtin(task, if task == "Bash" { "3" } else { "1" }).unwrap();
    let mut task_variables = TaskVariables::new();
    let mut scope = Scope {
        task: &task,
        step_name: "s",
        variables: &mut variables,
        task_variables: &mut task_variables,
        masker: &masker,
        log: &mut log,
        result: None,
        done: false,
    };
    for line in lines {
        scope.line(line);
    }
    let (result, done) = (scope.result, scope.done);
    log.start("s");
    let (lines, record) = told(&journal);
    Said {
        lines,
        record: record.unwrap(),
        variables,
        result,
        done,
    }
}

fn say(lines: &[&str]) -> Said {
    say_as("Bash", &[], lines)
}

#[test]
fn variables_outputs_and_path() {
    let said = say(&[
        "##vso[task.setvariable variable=a]1",
        "##vso[task.setvariable variable=b;isoutput=true]2",
        "##vso[task.prependpath]/tools",
        "text",
    ]);
    assert_eq!(said.variables.get("a"), Some("1"));
    assert_eq!(said.variables.get("s.b"), Some("2"));
    assert_eq!(said.variables.prepended(), ["/tools"]);
    assert_eq!(said.lines, ["text"]);
    assert_eq!(said.result, None);
}

#[test]
fn a_secret_is_masked_from_the_next_line_on() {
    let said = say(&[
        "##vso[task.setvariable variable=a;issecret=true]hunter2",
        "is hunter2",
        "##vso[task.setsecret]other1",
        "other1",
    ]);
    assert_eq!(said.lines, ["is ***", "***"]);
}

#[test]
fn a_multi_line_secret_is_refused_and_masked_all_the_same() {
    let said = say(&[
        "##vso[task.setvariable variable=a;issecret=true]first-line%0Asecond-line",
        "second-line",
    ]);
    assert_eq!(said.variables.get("a"), None);
    assert_eq!(said.result, Some(Outcome::Failed));
    assert_eq!(said.lines.last().unwrap(), "***");
}

#[test]
fn the_worst_result_counts() {
    for (lines, result, done) in [
        (vec!["##vso[task.complete]"], Outcome::Succeeded, false),
        (
            vec![
                "##vso[task.complete result=Failed;]x",
                "##vso[task.complete result=Succeeded;done=true]",
            ],
            Outcome::Failed,
            true,
        ),
        (
            vec!["##vso[task.complete result=succeededwithissues]x"],
            Outcome::SucceededWithIssues,
            false,
        ),
        (
            vec!["##vso[task.complete result=nonsense]x"],
            Outcome::Failed,
            false,
        ),
    ] {
        let said = say(&lines);
        assert_eq!((said.result, said.done), (Some(result), done), "{lines:?}");
    }
}

#[test]
fn issues_are_recorded_and_do_not_fail_the_step() {
    let said = say(&[
        "##vso[task.logissue type=error;sourcepath=a.c;linenumber=3;columnnumber=4;code=E1]bad",
        "##vso[task.issue type=Warning]careful",
        "##[error]only text",
    ]);
    assert_eq!(said.result, None);
    assert_eq!((said.record.error_count, said.record.warning_count), (1, 1));
    assert_eq!(said.record.issues[0].message, "a.c(3,4): error E1: bad");
    assert_eq!(said.record.issues[0].category, "Code");
    assert_eq!(
        said.lines,
        [
            "##[error]a.c(3,4): error E1: bad",
            "##[warning]careful",
            "##[error]only text"
        ]
    );
}

#[test]
fn what_cannot_be_obeyed_fails_the_step_and_what_is_unknown_warns() {
    for (line, failed) in [
        ("##vso[task.nothing]x", true),
        ("##vso[task.setvariable]x", true),
        ("##vso[task.logissue]x", true),
        ("##vso[release.updatereleasename]x", true),
        ("##vso[task.uploadfile]/etc/passwd", true),
        ("##vso[nowhere.event]x", false),
        ("##vso[telemetry.publish area=a]{}", false),
        ("##vso[task.setprogress value=5]x", false),
        ("##vso is no command", false),
    ] {
        let said = say(&[line]);
        assert_eq!(said.result == Some(Outcome::Failed), failed, "{line}");
        assert_eq!(said.record.error_count > 0, failed, "{line}");
    }
    assert_eq!(
        say(&["##vso is no command"]).lines[0],
        "##vso is no command"
    );
}

#[test]
fn a_restricted_task_is_heard_only_where_it_may_speak() {
    let said = say_as(
        "DownloadSecureFile",
        &[],
        &[
            "##vso[task.setvariable variable=PATH]/evil",
            "##vso[task.setvariable variable=SECUREFILEPATH]/w/_temp/x",
            "##vso[task.prependpath]/evil",
            "##vso[task.uploadfile]/etc/passwd",
            "##vso[build.updatebuildnumber]1",
        ],
    );
    assert_eq!(said.variables.get("PATH"), None);
    assert_eq!(
        said.variables.get("s.secureFilePath"),
        Some("/w/_temp/x"),
        "declared outputs are outputs by themselves"
    );
    assert!(said.variables.prepended().is_empty());
    assert_eq!((said.result, said.record.warning_count), (None, 4));
}

#[test]
fn debug_lines_and_processed_commands_show_only_when_asked_for() {
    let lines = [
        "##vso[task.debug]look",
        "##vso[task.setvariable variable=a]1",
    ];
    assert!(say(&lines).lines.is_empty());
    let said = say_as("Bash", &[("System.Debug", "true")], &lines);
    assert_eq!(
        said.lines,
        [
            "##[debug]look",
            "##[debug]Processed: ##vso[task.setvariable …]1"
        ]
    );
}

#[test]
fn percents_are_left_alone_when_the_job_says_so() {
    let line = ["##vso[task.setvariable variable=a]%AZP25"];
    assert_eq!(say(&line).variables.get("a"), Some("%"));
    assert_eq!(
        say_as("Bash", &[("DECODE_PERCENTS", "false")], &line)
            .variables
            .get("a"),
        Some("%AZP25")
    );
}

#[test]
fn read_only_variables_warn_or_fail() {
    let line = ["##vso[task.setvariable variable=system.debug]true"];
    let said = say(&line);
    assert_eq!((said.result, said.record.warning_count), (None, 1));
    let said = say_as("Bash", &[("agent.readOnlyVariables", "true")], &line);
    assert_eq!(
        (said.result, said.record.error_count),
        (Some(Outcome::Failed), 1)
    );
    assert_eq!(said.variables.get("system.debug"), None);
}
