//! Texts made to hurt. Each must end soon, with an error or a plan, and never with a panic. The effort is bounded by
//! sizes, not by clocks.

use proptest::prelude::*;

use super::{check, good, run, shown, source};
use crate::{Code, Diagnostic, PlanInputs, Refusal, plan};

fn errors(text: &str) -> Vec<Diagnostic> {
    match run(text) {
        Err(Refusal::Invalid(errors)) => errors,
        other => panic!("expected errors, not {other:?}"),
    }
}

#[track_caller]
fn refused(text: &str, code: Code) -> Diagnostic {
    let errors = errors(text);
    assert_eq!(errors[0].code, code, "{}", errors[0]);
    errors[0].clone()
}

#[test]
fn deep_nesting_ends_at_the_limit() {
    for text in [
        format!("steps:\n{}", "- ".repeat(10_000)),
        format!("steps: {}", "[".repeat(10_000)),
        format!("steps: {}", "{a: ".repeat(10_000)),
        "? ".repeat(10_000),
        (0..10_000)
            .map(|depth| format!("{}a:\n", " ".repeat(depth % 900)))
            .take(900)
            .collect(),
    ] {
        let error = refused(&text, Code::Limit);
        assert_eq!(error.message, "mappings and lists may be 64 levels deep");
    }
}

#[test]
fn ten_megabytes_are_refused_unread() {
    let error = refused(&"a: b\n".repeat(2 << 20), Code::Limit);
    assert_eq!(
        error.message,
        "a file may have 1048576 bytes and this one has 10485760"
    );
}

#[test]
fn too_many_values_variables_inputs_steps_and_files_are_refused() {
    refused(
        &format!("trigger: [{}]\nsteps: []", "a,".repeat(200_000)),
        Code::Limit,
    );
    let many = |n: usize, line: fn(usize) -> String| (0..n).map(line).collect::<String>();
    let variables = many(20_000, |n| format!("  v{n}: 1\n"));
    refused(
        &format!("variables:\n{variables}steps: [script: x]"),
        Code::Limit,
    );
    let inputs = many(20_000, |n| format!("    i{n}: 1\n"));
    refused(
        &format!("steps:\n- task: SignThings@4\n  inputs:\n{inputs}"),
        Code::Limit,
    );
    refused(
        &format!("steps:\n{}", "- script: x\n".repeat(20_000)),
        Code::Limit,
    );
    let files = many(200, |n| format!("f{n},"));
    let text =
        format!("steps:\n- task: DownloadSecureFile@1\n  inputs: {{secureFile: '{files}'}}\n");
    let Err(Refusal::Needs(needs)) = plan(
        &source(&text),
        &PlanInputs::default(),
        &super::Lazy::default(),
    ) else {
        panic!("facts are needed")
    };
    assert_eq!(needs.len(), 100, "no more files are looked up");
    let mentions = "twin,".repeat(100_000);
    let text =
        format!("steps:\n- task: DownloadSecureFile@1\n  inputs: {{secureFile: '{mentions}'}}\n");
    assert!(
        errors(&text)
            .iter()
            .any(|error| error.message == "a pipeline may name secure files 1000 times")
    );
}

#[test]
fn an_alias_bomb_is_refused_at_its_first_anchor() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (outer, inner) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        text += &format!(
            "{outer}: &{outer} [{}]\n",
            vec![format!("*{inner}"); 9].join(",")
        );
    }
    let anchors: Vec<_> = errors(&text)
        .into_iter()
        .filter(|error| error.code == Code::NotSupported)
        .collect();
    assert_eq!(
        anchors[0].to_string().lines().next(),
        Some(
            "azure-pipelines.yml:1:4: Anchors are not currently supported: `&name` gives a value a name"
        )
    );
}

#[test]
fn variables_that_double_cannot_make_a_file_name_of_any_size() {
    let mut text = "variables:\n".to_owned();
    for n in 0..45 {
        text += &format!("  v{n}: $(v{0})$(v{0})\n", n + 1);
    }
    text += &format!(
        "steps:\n- task: DownloadSecureFile@1\n  inputs: {{secureFile: '{}'}}\n",
        "$(v0),".repeat(50)
    );
    assert!(shown(&run(&text)).contains("which could not be found"));
}

#[test]
fn control_characters_are_refused_before_anything_else() {
    check(
        "steps:\n- script: a\0b\n",
        "
        a.yml:2:12: the character `\\u{0}` may not stand in YAML
          hint: remove it; is this a text file in UTF-8?
        ",
    );
    refused("steps:\n- script: \"\u{1b}[2J\"\n", Code::Syntax);
    refused("\u{7f}", Code::Syntax);
}

#[test]
fn odd_line_ends_keep_places_right() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["steps:", "- script: x", "  enabled: maybe", ""].join(end);
        let error = refused(&text, Code::InvalidValue);
        assert_eq!((error.line, error.column), (3, 12), "{end:?}");
    }
    let error = refused(
        "steps:\n- script: x\n  displayName: 'ключ 钥 😀'\n  enabled: maybe\n",
        Code::InvalidValue,
    );
    assert_eq!((error.line, error.column), (4, 12));
}

#[test]
fn long_lines_and_foreign_names_are_read() {
    let long = "x".repeat(500_000);
    let plan = good(&format!(
        "steps:\n- script: {long}\n  displayName: שלום مرحبا\n"
    ));
    let step = &plan.stages[0].jobs[0].steps[0];
    assert_eq!(step.inputs.get("script").map(str::len), Some(500_000));
    assert_eq!(step.display_name, "שלום مرحبا");
    let error = refused(&format!("{}: 1", "k".repeat(1000)), Code::UnknownKey);
    assert!(error.message.len() < 600, "quoted values are cut");
    assert!(
        errors("steps: [script: x]\n\"\\u202E\\n\\e[2J\": 1")
            .iter()
            .all(|e| !e.message.contains('\u{1b}'))
    );
}

#[test]
fn a_thousand_errors_are_told_as_a_hundred() {
    let text = format!("steps:\n{}", "- script: x\n  oops: 1\n".repeat(900));
    let errors = errors(&text);
    assert_eq!(errors.len(), 101);
    assert_eq!(errors[100].message, "there are more errors than are shown");
    let keys: String = (0..45_000)
        .map(|n| format!("k{n}: ${{{{ x }}}}\n"))
        .collect();
    assert_eq!(self::errors(&keys).len(), 101);
}

#[test]
fn texts_that_cost_other_parsers_much_end() {
    for text in [
        "[a, ".repeat(60) + &"a, ".repeat(30_000),
        "\"".to_owned() + &"\\n".repeat(200_000),
        "'".to_owned() + &"''".repeat(200_000),
        "a: |\n".to_owned() + &" \n".repeat(200_000),
        "- - -\n".repeat(50_000),
        "? a\n".repeat(50_000),
        "&a ".repeat(100_000),
        "!a ".repeat(100_000),
        "# \n".repeat(200_000),
        "---\n".repeat(200_000),
        "{".repeat(63) + &"a: b, ".repeat(20_000),
        "\t".repeat(500_000),
        "a:".repeat(300_000),
        "%".repeat(300_000),
        "*a: ".repeat(100_000),
        " ".repeat(1 << 20),
    ] {
        let head: String = text.chars().take(8).collect();
        assert!(run(&text).is_err(), "{head}");
    }
}

/// A good pipeline that uses every part of the reader.
const GOOD: &str = "name: n\nvariables:\n- {name: a, value: b}\npool: {demands: [x]}\nstages:\n- stage: S\n  jobs:\n  - job: J\n    condition: always()\n    steps:\n    - task: DownloadSecureFile@1\n      name: s\n      inputs:\n        secureFile: 'myCACertificate.pem'\n    - bash: |\n        echo $(a)\n      env: {A: $(s.secureFilePath)}\n      retryCountOnTaskFailure: 3\n    - checkout: self\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        let _ = run(&text);
    }

    #[test]
    fn any_soup_of_yaml_gets_an_answer(parts in proptest::collection::vec(prop_oneof![
        Just("steps:"), Just("- "), Just("\n"), Just("  "), Just("\t"), Just("task: "), Just("script: "), Just("["),
        Just("]"), Just("{"), Just("}"), Just(": "), Just("'"), Just("\""), Just("|"), Just(">"), Just("&a "), Just("*a "),
        Just("!t "), Just("? "), Just("---"), Just("..."), Just("#"), Just("%"), Just("${{"), Just("}}"), Just("$("),
        Just(")"), Just("condition: "), Just("and("), Just("inputs:"), Just("\r\n"), Just("é"), Just("variables:"), Just(","),
    ], 0..80)) {
        let _ = run(&parts.concat());
    }

    #[test]
    fn a_changed_good_file_gets_an_answer_that_is_the_same_twice(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<prop::sample::Index>(), "\\PC"), 1..6),
    ) {
        let mut chars: Vec<char> = GOOD.chars().collect();
        for (at, kind, other, new) in edits {
            let at = at.index(chars.len());
            match kind {
                0 => { chars.remove(at); }
                1 => chars.insert(at, new.chars().next().unwrap_or(' ')),
                _ => { let other = other.index(chars.len()); chars.swap(at, other); }
            }
        }
        let text: String = chars.into_iter().collect();
        let first = run(&text);
        prop_assert_eq!(&first, &run(&text));
        match first {
            // Whatever was changed: only files that exist can be in a plan, and none that no input names.
            Ok(plan) => prop_assert!(plan.secure_files().iter().all(|id| text.contains("myCACertificate.pem") && *id == super::CERTIFICATE)),
            Err(Refusal::Invalid(errors)) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
                    prop_assert!(error.hint.is_some(), "no hint: {}", error);
                }
            }
            Err(Refusal::Needs(needs)) => prop_assert!(false, "all is loaded: {:?}", needs),
        }
    }

    #[test]
    fn any_variables_given_at_start_get_an_answer(variables in proptest::collection::vec(("\\PC{0,12}", "\\PC{0,12}"), 0..6)) {
        let inputs = PlanInputs { variables, ..PlanInputs::default() };
        let _ = plan(&source("steps: [script: x]"), &inputs, &super::Loaded::default());
    }
}
