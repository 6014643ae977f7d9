//! Any text is a condition of a stage, job or step, or an answer that says where and what to do; a decision tells how it came,
//! in bounded lines, and is the same twice. The first byte says of what it is the condition, and how things stand.

use coffer_pipeline::{
    condition::{
        Condition, Decision, Dependency, JobStatus, NodeResult, NodeScope, StepScope, Variables,
    },
    expression::{Contexts, MAX_BYTES, Object, Scope, Time, Value},
};

/// Longest line of a log that a decision may write, whatever the condition makes.
const LINE: usize = 2 * MAX_BYTES;

struct Known;

impl Variables for Known {
    fn get(&self, name: &str) -> Option<String> {
        let known = self.all().into_iter();
        let mut found = known.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }

    fn all(&self) -> Vec<(String, String)> {
        [
            ("a", "1.2.3"),
            ("Build.SourceBranch", "refs/heads/main"),
            ("c", ""),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

pub(crate) fn condition(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let time = [Time::Stage, Time::Job, Time::Step][usize::from(mode % 3)];
    let condition = match Condition::parse(text, time) {
        Ok(condition) => condition,
        Err(wrong) => {
            assert!(text.is_char_boundary(wrong.offset), "{wrong:?}");
            assert!(
                !wrong.message.is_empty() && !wrong.hint.is_empty(),
                "{wrong:?}"
            );
            return;
        }
    };
    let kept = serde_json::to_string(&condition).expect("a condition is text");
    let read: Condition = serde_json::from_str(&kept).expect("what was kept is read");
    assert_eq!(read, condition);
    let decide = |scope: &dyn Scope| {
        let decision = condition.decide(scope, &str::to_owned);
        assert_eq!(
            decision,
            condition.decide(scope, &str::to_owned),
            "another answer"
        );
        assert_eq!(
            decision.holds,
            condition.evaluate(scope),
            "telling makes a difference"
        );
        told(&decision);
    };
    let canceled = mode & 0x40 != 0;
    if time == Time::Step {
        let status = [
            JobStatus::Succeeded,
            JobStatus::SucceededWithIssues,
            JobStatus::Failed,
            JobStatus::Canceled,
        ][usize::from(mode / 3 % 4)];
        decide(&StepScope {
            status,
            canceled,
            variables: &Known,
        });
    } else {
        let result = [
            NodeResult::Succeeded,
            NodeResult::SucceededWithIssues,
            NodeResult::Skipped,
            NodeResult::Failed,
        ][usize::from(mode / 3 % 4)];
        let dependencies = [Dependency {
            name: "A".to_owned(),
            result,
        }];
        let outputs = Object::from_iter([("step.x", "y")]);
        let one = Object::from_iter([
            ("result", result.name().into()),
            ("outputs", Value::from(outputs)),
        ]);
        let contexts = Contexts::new(time)
            .with("variables", Known.all().into_iter().collect::<Object>())
            .with("dependencies", Object::from_iter([("A", one)]));
        decide(&NodeScope {
            time,
            canceled,
            dependencies: &dependencies,
            contexts,
        });
    }
}

fn told(decision: &Decision) {
    assert!(decision.lines[0].starts_with("Evaluating: "));
    assert!(decision.lines.iter().all(|line| line.len() <= LINE));
    let last = decision.lines.last().map(String::as_str);
    match &decision.holds {
        Ok(true) => assert_eq!(last, Some("Result: True")),
        Ok(false) => assert_eq!(last, Some("Result: False")),
        Err(wrong) => assert!(!wrong.message.is_empty()),
    }
}
