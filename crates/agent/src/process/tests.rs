//! Processes: lines, ends, signals, and what they leave behind.

use super::*;
use proptest::prelude::*;

const SHORT: Grace = Grace {
    interrupt: Duration::from_millis(300),
    terminate: Duration::from_millis(300),
    output: Duration::from_millis(300),
};

fn bash(script: &str) -> Program {
    Program {
        path: "/bin/bash".into(),
        arguments: vec!["-c".into(), script.into()],
        folder: "/".into(),
        environment: vec![("PATH".into(), crate::environment::DEFAULT_PATH.into())],
        streams: Streams::Merged,
    }
}

async fn run_all(
    program: Program,
    cancel: CancellationToken,
    grace: Grace,
) -> (Exit, Vec<OutputLine>) {
    let (sender, mut receiver) = mpsc::channel(16);
    let running = tokio::spawn(async move { run(&program, sender, &cancel, grace).await.unwrap() });
    let mut lines = Vec::new();
    while let Some(line) = receiver.recv().await {
        lines.push(line);
    }
    (running.await.unwrap(), lines)
}

fn texts(lines: &[OutputLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn merged_output_keeps_its_order_and_the_environment_is_empty() {
    let program = bash(
        "echo one; echo two >&2; printf 'three\\r\\n'; printf 'last'; read x || echo .; env | sort; exit 3",
    );
    let (exit, lines) = run_all(program, CancellationToken::new(), SHORT).await;
    assert_eq!(exit, Exit::Code(3));
    let texts = texts(&lines);
    assert_eq!(texts[..4], ["one", "two", "three", "last."]);
    assert!(
        texts[4..]
            .iter()
            .all(|line| ["PATH=", "PWD=", "SHLVL=", "_="]
                .iter()
                .any(|n| line.starts_with(n))),
        "{texts:?}"
    );
}

#[tokio::test]
async fn separate_output_tells_which_is_which() {
    let program = Program {
        streams: Streams::Separate,
        ..bash("echo out; echo err >&2")
    };
    let (_, lines) = run_all(program, CancellationToken::new(), SHORT).await;
    let mut told: Vec<_> = lines
        .iter()
        .map(|line| (line.text.as_str(), line.error))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("err", true), ("out", false)]);
}

#[tokio::test]
async fn bytes_that_are_no_text_and_endless_lines_are_taken() {
    let program =
        bash("printf '\\xff\\xfe ok\\n'; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end");
    let (exit, lines) = run_all(program, CancellationToken::new(), SHORT).await;
    assert_eq!(exit, Exit::Code(0));
    assert_eq!(lines[0].text, "\u{fffd}\u{fffd} ok");
    assert!(lines[1].cut && lines[1].text.len() == MAX_LINE);
    assert!(!lines[2].cut && lines[2].text == "end");
}

/// Runs a script, cancels it as soon as it says `ready`, and answers with what it said afterwards.
async fn cancelled(script: &str) -> (Exit, Vec<String>) {
    let (sender, mut receiver) = mpsc::channel(16);
    let cancel = CancellationToken::new();
    let program = bash(script);
    let token = cancel.clone();
    let running = tokio::spawn(async move { run(&program, sender, &token, SHORT).await.unwrap() });
    let mut lines = Vec::new();
    while let Some(line) = receiver.recv().await {
        if line.text == "ready" {
            cancel.cancel();
        }
        lines.push(line.text);
    }
    (running.await.unwrap(), lines)
}

#[tokio::test]
async fn a_process_is_asked_to_stop_before_it_is_told() {
    let (exit, lines) =
        cancelled("trap 'echo int; exit 7' INT; echo ready; while :; do sleep 0.01; done").await;
    assert_eq!((exit, lines[1].as_str()), (Exit::Code(7), "int"));
}

#[tokio::test]
async fn a_process_that_ignores_the_first_gets_the_second_signal() {
    let (exit, lines) =
        cancelled("trap 'echo int' INT; trap 'echo term; exit 8' TERM; echo ready; while :; do sleep 0.01; done").await;
    assert_eq!(exit, Exit::Code(8));
    // Bash itself may report its child in between.
    let said: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| *line != "Terminated")
        .collect();
    assert_eq!(said, ["ready", "int", "term"]);
}

#[tokio::test]
async fn a_stubborn_process_and_its_children_are_killed() {
    let (exit, lines) = cancelled(
        "trap '' INT TERM; sleep 1000 & echo $!; echo ready; while :; do sleep 0.01; done",
    )
    .await;
    assert_eq!(exit, Exit::Signal(9));
    let child: i32 = lines[0].parse().unwrap();
    gone(child).await;
}

#[tokio::test]
async fn output_held_open_by_a_child_does_not_hold_the_step() {
    let (exit, lines) = run_all(
        bash("sleep 1000 & echo $!"),
        CancellationToken::new(),
        SHORT,
    )
    .await;
    assert_eq!(exit, Exit::Code(0));
    let child = Pid::from_raw(lines[0].text.parse().unwrap()).unwrap();
    rustix::process::kill_process(child, Signal::KILL).unwrap();
}

#[tokio::test]
async fn marked_processes_are_killed_wherever_they_hide() {
    let mark = "9f1d1c2e-7c4c-4a66-8f7c-0a4f9d0a7b11";
    let mut program = bash("setsid sleep 1000 >/dev/null 2>&1 & echo $!");
    program
        .environment
        .push(("VSTS_PROCESS_LOOKUP_ID".into(), mark.into()));
    let (_, lines) = run_all(program, CancellationToken::new(), SHORT).await;
    assert!(kill_marked(mark).await >= 1);
    gone(lines[0].text.parse().unwrap()).await;
    assert_eq!(kill_marked(mark).await, 0);
}

/// Waits until a process has ended. A zombie has: whoever inherits it reaps it in its own time.
async fn gone(pid: i32) {
    for _ in 0..2000 {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Err(_) => return,
            Ok(stat) if stat.contains(") Z ") || stat.contains(") X ") => return,
            Ok(_) => tokio::task::yield_now().await,
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("process {pid} is still there");
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_how_the_bytes_arrive(
        text in "[ab\\r\\n]{0,40}",
        sizes in prop::collection::vec(1_usize..7, 1..50),
    ) {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        let mut rest = text.as_bytes();
        for size in sizes.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(size.min(rest.len()));
            lines.extend(splitter.push(now));
            rest = later;
        }
        lines.extend(splitter.finish());
        let mut expected: Vec<&str> = text.split('\n').collect();
        if expected.last() == Some(&"") {
            expected.pop();
        }
        let expected: Vec<&str> = expected.into_iter().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        let got: Vec<String> = lines.into_iter().map(|(line, _)| line).collect();
        prop_assert_eq!(got, expected);
    }
}
