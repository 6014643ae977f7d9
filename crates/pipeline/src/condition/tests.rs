//! Conditions: which hold when, what is refused, and what their decisions say. Knows no agent and no server.

use super::*;
use crate::expression::{Contexts, Object};

/// Variables of a test.
struct Known(&'static [(&'static str, &'static str)]);

impl Variables for Known {
    fn get(&self, name: &str) -> Option<String> {
        let mut known = self.0.iter();
        known
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| (*value).to_owned())
    }

    fn all(&self) -> Vec<(String, String)> {
        let known = self.0.iter();
        known
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }
}

const VARIABLES: Known = Known(&[
    ("Build.SourceBranch", "refs/heads/main"),
    ("key", "it's a secret"),
    ("empty", ""),
]);

fn step(status: JobStatus, canceled: bool) -> StepScope<'static> {
    StepScope {
        status,
        canceled,
        variables: &VARIABLES,
    }
}

fn holds(text: &str, scope: &dyn Scope) -> bool {
    let condition = Condition::parse(text, scope.time()).unwrap_or_else(|e| panic!("{text}: {e}"));
    condition
        .evaluate(scope)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn the_status_of_a_job_decides_for_its_steps() {
    use JobStatus::{Canceled, Failed, Succeeded, SucceededWithIssues};
    let functions = [
        "succeeded()",
        "failed()",
        "succeededOrFailed()",
        "always()",
        "canceled()",
        "false",
        // Without a function of the status it counts for nothing, a cancel included.
        "eq(1, 1)",
    ];
    for (status, canceled, expected) in [
        (Succeeded, false, "1.11..1"),
        (SucceededWithIssues, false, "1.11..1"),
        (Failed, false, ".111..1"),
        (Canceled, false, "...11.1"),
        (Succeeded, true, "...11.1"),
        (SucceededWithIssues, true, "...11.1"),
        (Failed, true, "...11.1"),
        (Canceled, true, "...11.1"),
    ] {
        let scope = step(status, canceled);
        let row: String = functions
            .iter()
            .map(|text| if holds(text, &scope) { '1' } else { '.' })
            .collect();
        assert_eq!(row, expected, "{status:?} canceled={canceled}");
    }
}

#[test]
fn dependencies_decide_for_stages_and_jobs() {
    use NodeResult::{Canceled, Failed, Skipped, Succeeded, SucceededWithIssues};
    let functions = [
        "succeeded()",
        "failed()",
        "succeededOrFailed()",
        "always()",
        "canceled()",
        "succeeded('a')",
        "failed('A')",
        "succeededOrFailed('A')",
        "failed('A', 'B')",
    ];
    for (a, b, canceled, expected) in [
        (Succeeded, Succeeded, false, "1.11.1.1."),
        (SucceededWithIssues, Succeeded, false, "1.11.1.1."),
        (Succeeded, Failed, false, ".111.1.11"),
        (Failed, Succeeded, false, ".111..111"),
        (Skipped, Succeeded, false, "..11....."),
        (Succeeded, Skipped, false, "..11.1.1."),
        (Skipped, Failed, false, ".111....1"),
        (Skipped, Skipped, false, "...1....."),
        (Canceled, Succeeded, false, "..11....."),
        (Succeeded, Succeeded, true, "...11...."),
        (Failed, Failed, true, "...11...."),
    ] {
        let named = |name: &str, result| Dependency {
            name: name.to_owned(),
            result,
        };
        for time in [Time::Stage, Time::Job] {
            let scope = NodeScope {
                time,
                canceled,
                dependencies: &[named("A", a), named("B", b)],
                contexts: Contexts::new(time),
            };
            let row: String = functions
                .iter()
                .map(|text| if holds(text, &scope) { '1' } else { '.' })
                .collect();
            assert_eq!(row, expected, "{a:?} {b:?} canceled={canceled}");
        }
    }
    // Who waits for nothing has nothing against it, and a name that nothing waits for did nothing.
    let scope = NodeScope {
        time: Time::Job,
        canceled: false,
        dependencies: &[],
        contexts: Contexts::new(Time::Job),
    };
    for (text, expected) in [
        ("succeeded()", true),
        ("succeededOrFailed()", true),
        ("failed()", false),
        ("succeeded('X')", false),
        ("failed('X')", false),
        ("succeededOrFailed('X')", false),
    ] {
        assert_eq!(holds(text, &scope), expected, "{text}");
    }
}

#[test]
fn contexts_of_stages_and_jobs_are_looked_into() {
    let outputs: Object = [("printvar.skip", "false")].into_iter().collect();
    let a = Object::from_iter([
        ("result", expression::Value::from("Skipped")),
        ("outputs", outputs.into()),
    ]);
    let dependencies = Object::from_iter([("A", a)]);
    let scope = NodeScope {
        time: Time::Job,
        canceled: false,
        dependencies: &[],
        contexts: Contexts::new(Time::Job).with("dependencies", dependencies),
    };
    for (text, expected) in [
        ("in(dependencies.a.result, 'Succeeded', 'Skipped')", true),
        ("eq(dependencies.A.outputs['printVar.skip'], 'false')", true),
        ("eq(dependencies.B.result, 'Skipped')", false),
        ("eq(stageDependencies.S.J.result, null)", true),
        ("eq(variables.none, '')", true),
    ] {
        assert_eq!(holds(text, &scope), expected, "{text}");
    }
}

#[test]
fn any_case_and_spaces_and_the_text_stays() {
    for text in [
        "succeeded()",
        " SUCCEEDEDORFAILED ( ) ",
        "True",
        "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))",
    ] {
        let condition = Condition::parse(text, Time::Step).unwrap();
        assert_eq!(condition.as_str(), text.trim());
        let json = serde_json::to_string(&condition).unwrap();
        let read: Condition = serde_json::from_str(&json).unwrap();
        assert_eq!(read, condition);
        assert_eq!(read.expression(), condition.expression());
    }
    assert_eq!(Condition::parse(" ", Time::Step), Ok(Condition::default()));
    assert!(serde_json::from_str::<Condition>("\"eq(1\"").is_err());
}

#[test]
fn a_mistake_is_refused_with_its_place_and_what_to_do() {
    for (text, time, offset, message, hint) in [
        (
            "succeded()",
            Time::Step,
            0,
            "there is no function `succeded`",
            "did you mean `succeeded`?",
        ),
        (
            "or(true, quux())",
            Time::Step,
            9,
            "there is no function `quux`",
            "known here: always,",
        ),
        (
            "always(1)",
            Time::Step,
            0,
            "`always` takes 0 argument(s) and has 1",
            "look at the commas and brackets",
        ),
        (
            "  succeeded('A')",
            Time::Step,
            2,
            "`succeeded` takes 0 argument(s) and has 1",
            "look at the commas and brackets",
        ),
        (
            "succeeded(",
            Time::Step,
            10,
            "the expression ends too early",
            EXAMPLE,
        ),
        (
            "succeeded",
            Time::Step,
            0,
            "there is no value `succeeded` in the condition of a step",
            "to call the function write `succeeded(…)`",
        ),
        (
            "eq(parameters.a, 1)",
            Time::Stage,
            3,
            "there is no value `parameters` in the condition of a stage",
            "`parameters` exists only in `${{ }}`",
        ),
        (
            "eq(dependencies.A.result, 'Failed')",
            Time::Step,
            3,
            "there is no value `dependencies` in the condition of a step",
            "`dependencies` exists only in `$[ ]`, the condition of a stage, the condition of a job",
        ),
        (
            "eq(stageDependencies.A.B.result, 'Failed')",
            Time::Step,
            3,
            "there is no value `stageDependencies` in the condition of a step",
            "`stageDependencies` exists only in `$[ ]`, the condition of a stage, the condition of a job",
        ),
        (
            "eq(variabels.a, 1)",
            Time::Job,
            3,
            "there is no value `variabels` in the condition of a job",
            "did you mean `variables`?",
        ),
        (
            "eq(counter('a', 1), 1)",
            Time::Job,
            3,
            "the function `counter` does not exist in the condition of a job",
            "`counter` exists only where a variable is defined, in `$[ ]`",
        ),
        (
            "eq(property('a'), 1)",
            Time::Job,
            3,
            "there is no function `property`",
            "known here: always,",
        ),
        (
            "eq($(a), 1)",
            Time::Step,
            3,
            "`$` has no meaning in an expression: write variables['name']",
            EXAMPLE,
        ),
    ] {
        let wrong = Condition::parse(text, time).expect_err(text);
        assert_eq!(
            (wrong.offset, wrong.message.as_str()),
            (offset, message),
            "{text}"
        );
        assert!(wrong.hint.starts_with(hint), "{text}: {}", wrong.hint);
    }
}

#[test]
fn a_decision_says_how_it_came() {
    let mask = |text: &str| text.replace("it's a secret", "***");
    let scope = step(JobStatus::Succeeded, false);
    for (text, lines) in [
        (
            "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/dev'))",
            &[
                "Evaluating: and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/dev'))",
                "Expanded: and(True, eq('refs/heads/main', 'refs/heads/dev'))",
                "Result: False",
            ][..],
        ),
        ("failed()", &["Evaluating: failed()", "Result: False"]),
        ("false", &["Evaluating: false", "Result: False"]),
        (
            "eq('a',  'b')",
            &["Evaluating: eq('a', 'b')", "Result: False"],
        ),
        (
            "and(failed(),\n variables.key)",
            &[
                "Evaluating: and(failed(), variables.key)",
                "Expanded: and(False, variables.key)",
                "Result: False",
            ],
        ),
        (
            "eq(variables.key, 'it''s a secret')",
            &[
                "Evaluating: eq(variables.key, '***')",
                "Expanded: eq('***', '***')",
                "Result: True",
            ],
        ),
        (
            "or(variables.none, eq(variables.empty, null), variables)",
            &[
                "Evaluating: or(variables.none, eq(variables.empty, null), variables)",
                "Expanded: or(Null, eq('', null), variables)",
                "Result: True",
            ],
        ),
        (
            "not(containsValue(variables, 'x'))",
            &[
                "Evaluating: not(containsValue(variables, 'x'))",
                "Expanded: not(containsValue(Object, 'x'))",
                "Result: True",
            ],
        ),
    ] {
        let decision = Condition::parse(text, Time::Step)
            .unwrap()
            .decide(&scope, &mask);
        assert_eq!(decision.lines, lines, "{text}");
    }
    let failed = Condition::parse("gt(1, variables.key)", Time::Step)
        .unwrap()
        .decide(&scope, &mask);
    let wrong = failed.holds.unwrap_err();
    assert_eq!(
        wrong.message,
        "`gt` is unable to convert its right side from String to Number, which its left side is"
    );
    assert_eq!(failed.lines.last().unwrap(), "Expanded: gt(1, '***')");
}

#[test]
fn a_text_too_long_to_be_masked_whole_is_not_shown_in_part() {
    struct Long;
    impl Variables for Long {
        fn get(&self, _: &str) -> Option<String> {
            Some("x".repeat(1001))
        }

        fn all(&self) -> Vec<(String, String)> {
            Vec::new()
        }
    }
    let scope = StepScope {
        status: JobStatus::Succeeded,
        canceled: false,
        variables: &Long,
    };
    let decision = Condition::parse("eq(variables.long, 'x')", Time::Step)
        .unwrap()
        .decide(&scope, &str::to_owned);
    assert_eq!(
        decision.lines[1],
        "Expanded: eq('… 1001 characters …', 'x')"
    );
}
