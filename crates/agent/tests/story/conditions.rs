//! Conditions of steps: what they see, what the log says of them, and what a cancel does.

use crate::jobs::{StepExt as _, bash, job, script};
use crate::{options, run, stage};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn conditions_see_variables_and_the_log_says_why_a_step_was_skipped() {
    let (server, work) = stage().await;
    let steps = vec![
        script("echo '##vso[task.setvariable variable=go]now'").named("Sets"),
        bash("echo it goes")
            .named("Goes")
            .when("and(succeeded(), eq(variables.go, 'NOW'), eq(variables['Agent.JobStatus'], 'Succeeded'))"),
        bash("echo never")
            .named("Waits")
            .when("and(succeeded(), in(variables.go, 'later', 'soon'), variables.none)"),
        bash("echo never").named("Asks").when("ne(variables.password, variables['PASSWORD'])"),
        bash("echo never").named("All").when("containsValue(variables, 'nowhere')"),
        bash("echo never").named("Compares").when("gt(1, variables.go)"),
        bash("echo never").named("Strange").when("eq(dependencies.A.result, 'Failed')"),
        bash("echo after").named("After").when("in(variables['Agent.JobStatus'], 'Failed')"),
    ];
    assert_eq!(run(&server, work.path(), job(steps)).await, "failed");
    let told = server.told();
    assert_eq!(
        told.results()[1..9],
        [
            "Sets: succeeded",
            "Goes: succeeded",
            "Waits: skipped",
            "Asks: skipped",
            "All: skipped",
            "Compares: failed",
            "Strange: failed",
            "After: succeeded",
        ]
    );
    let log = told.log();
    for line in [
        "it goes",
        "Evaluating: and(succeeded(), in(variables.go, 'later', 'soon'), variables.none)",
        "Expanded: and(True, in('now', 'later', 'soon'), variables.none)",
        "Expanded: ne('***', '***')",
        "Expanded: containsValue(Object, 'nowhere')",
        "Result: False",
        "Expanded: gt(1, 'now')",
        "##[error]The condition 'gt(1, variables.go)' could not be evaluated: `gt` is unable to convert its right side from \
         String to Number, which its left side is (the right side becomes what the left side is: change the sides, or test \
         with eq() first).",
        "##[error]The condition 'eq(dependencies.A.result, 'Failed')' could not be evaluated: there is no value \
         `dependencies` in the condition of a step (`dependencies` exists only in `$[ ]`, the condition of a stage, the \
         condition of a job).",
        "after",
    ] {
        assert!(log.lines().any(|found| found == line), "{line}\n{log}");
    }
    assert!(!log.contains("never\n"));
}

#[tokio::test]
async fn outputs_of_a_step_are_variables_of_the_steps_after_it() {
    let (server, work) = stage().await;
    let mut sets = script(concat!(
        "echo '##vso[task.setvariable variable=mode;isoutput=true]fast'\n",
        "echo '##vso[task.setvariable variable=key;isoutput=true;issecret=true]zzz-secret'\n",
    ))
    .named("Sets");
    sets.name = "probe".into();
    let steps = vec![
        sets,
        bash("echo \"by name: $(probe.mode) $PROBE_MODE\"")
            .named("Reads")
            .when("eq(variables['probe.MODE'], 'FAST')"),
        bash("echo never")
            .named("Without its step")
            .when("ne(variables.mode, '')"),
        bash("echo \"key: $(probe.key)\"")
            .named("Secret")
            .when("eq(variables['probe.key'], 'zzz-secret')"),
    ];
    assert_eq!(run(&server, work.path(), job(steps)).await, "succeeded");
    let told = server.told();
    assert_eq!(
        told.results()[1..5],
        [
            "Sets: succeeded",
            "Reads: succeeded",
            "Without its step: skipped",
            "Secret: succeeded",
        ]
    );
    let log = told.log();
    for line in ["by name: fast fast", "Expanded: ne(Null, '')", "key: ***"] {
        assert!(log.lines().any(|found| found == line), "{line}\n{log}");
    }
    assert!(!log.contains("zzz-secret"));
}

#[tokio::test]
async fn a_step_whose_condition_holds_after_a_cancel_goes_on() {
    let (server, work) = stage().await;
    let go_on = work.path().join("go on");
    let waits = format!(
        "echo ready; until [ -e '{}' ]; do sleep 0.05; done; echo went on",
        go_on.display()
    );
    let steps = vec![
        bash(&waits)
            .named("Goes on")
            .when("in(variables['Agent.JobStatus'], 'Succeeded', 'Canceled')"),
        bash("echo never").named("Not now").when("not(canceled())"),
        bash("echo cleaning")
            .named("Clean up")
            .when("eq(variables['Agent.JobStatus'], 'Canceled')"),
    ];
    let mut job = job(steps);
    job.cancel_timeout_in_minutes = 100;
    server.queue(job);
    let running = tokio::spawn(coffer_agent::run(
        options(&server, work.path()),
        CancellationToken::new(),
    ));
    server.until_line("ready").await;
    server.set(|told| told.cancel = true);
    server.until_cancel_was_read().await;
    std::fs::write(&go_on, "").unwrap();
    running.await.unwrap().unwrap();
    let told = server.told();
    assert_eq!(
        told.results()[1..4],
        [
            "Goes on: succeeded",
            "Not now: skipped",
            "Clean up: succeeded"
        ]
    );
    assert_eq!(told.finished[0].result, "canceled");
    assert!(told.log().contains("went on\n"));
}
