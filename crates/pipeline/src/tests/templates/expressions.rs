//! Expressions in keys and values: types, texts, escapes, and what they see.

use super::{expands, expands_with, made};
use crate::{Refusal, tests::inputs};

#[test]
fn a_whole_value_keeps_its_type_and_a_part_becomes_text() {
    expands(
        "
        parameters:
        - {name: flag, type: boolean, default: true}
        - {name: count, type: number, default: 3}
        - {name: list, type: object, default: [a, b]}
        steps:
        - script: echo ${{ parameters.flag }} ${{ parameters.count }} ${{ join(';', parameters.list) }}
          enabled: ${{ parameters.flag }}
          timeoutInMinutes: ${{ parameters.count }}
          displayName: ${{ '${{' }} stays
        ",
        &[],
        "
        steps:
        - script: echo True 3 a;b
          enabled: True
          timeoutInMinutes: 3
          displayName: ${{ stays
        ",
    );
}

#[test]
fn keys_can_be_expressions() {
    expands(
        "
        parameters: {prefix: APP}
        steps:
        - script: env
          env:
            ${{ parameters.prefix }}_NAME: x
            ${{ format('{0}_TWO', parameters.prefix) }}: y
        ",
        &[],
        "
        steps:
        - script: env
          env:
            APP_NAME: x
            APP_TWO: y
        ",
    );
}

#[test]
fn variables_of_the_root_and_predefined_ones_are_seen() {
    expands(
        "
        steps:
        - ${{ if eq(variables['Build.SourceBranchName'], 'main') }}:
          - script: ${{ variables.kind }} ${{ variables.queued }} ${{ variables.unknown }}.
        variables:
          kind: release
        ",
        &[],
        "
        steps:
        - script: release at start .
        variables:
          kind: release
        ",
    );
}

#[test]
fn an_entry_of_variables_sees_those_before_it() {
    expands(
        "
        variables:
        - name: a
          value: 1
        - name: b
          value: ${{ variables.a }}-${{ variables.c }}
        - ${{ if eq(variables.a, '1') }}:
          - name: c
            value: yes
        steps:
        - script: ${{ variables.b }} ${{ variables.c }}
        ",
        &[],
        "
        variables:
        - name: a
          value: 1
        - name: b
          value: '1-'
        - name: c
          value: yes
        steps:
        - script: 1- yes
        ",
    );
}

#[test]
fn in_a_mapping_of_variables_too() {
    expands(
        "
        variables:
          python: '3.8'
          short: py${{ replace(variables.python, '.', '') }}
          ${{ if eq(variables.short, 'py38') }}:
            image: quay.io/${{ variables.short }}
          ${{ each n in split('1 2', ' ') }}:
            copy${{ n }}: ${{ variables.image }}
          after: ${{ variables.copy2 }} ${{ variables.later }}.
          later: x
        steps:
        - script: ${{ variables.after }}
        ",
        &[],
        "
        variables:
          python: '3.8'
          short: py38
          image: quay.io/py38
          copy1: quay.io/py38
          copy2: quay.io/py38
          after: quay.io/py38 .
          later: x
        steps:
        - script: quay.io/py38 .
        ",
    );
}

#[test]
fn run_time_macros_and_expressions_are_left_alone() {
    expands(
        "
        steps:
        - script: echo $(Build.BuildId) $[ no ]
          condition: succeeded()
        ",
        &[],
        "
        steps:
        - script: echo $(Build.BuildId) $[ no ]
          condition: succeeded()
        ",
    );
}

#[test]
fn parameters_of_the_pipeline_are_given_at_its_start() {
    let main = "
        parameters:
        - name: environment
          values: [test, production]
        - name: targets
          type: object
          default: []
        - name: dry
          type: boolean
          default: false
        steps:
        - script: to ${{ parameters.environment }} ${{ parameters.dry }}
        - ${{ each target in parameters.targets }}:
          - script: ${{ target }}
        ";
    expands_with(
        main,
        &[
            ("Environment", "test".into()),
            (
                "targets",
                "[ios, {a: b}.c]".replace(", {a: b}.c", "").into(),
            ),
            ("dry", true.into()),
        ],
        "
        steps:
        - script: to test True
        - script: ios
        ",
    );
    expands_with(
        main,
        &[
            ("environment", "staging".into()),
            ("targets", serde_json::json!(["ios"])),
            ("dry", "maybe".into()),
            ("other", "x".into()),
        ],
        "
        a.yml:1:1: Unexpected parameter 'other'
          hint: known here: environment, targets, dry
        a.yml:2:9: The 'environment' parameter value 'staging' is not a valid value
          hint: known here: test, production
        a.yml:7:9: The 'dry' parameter value 'maybe' is not a valid Boolean
          hint: it must be true or false; the type stands in `parameters:` of the file that declares it
        ",
    );
}

#[test]
fn what_cannot_be_evaluated_is_said_at_its_place() {
    expands(
        "
        parameters: {name: x, list: [a]}
        steps:
        - script: ${{ parameters.nmae }}
        - script: a ${{ parameters.list }}
        - script: ${{ eq(1) }}
        - script: ${{ nope('a') }}
        - script: ${{ parameters.name
        - script: ${{ dependencies.A.result }}
        - script: |
            first
            ${{ 'x' 'y' }}
        trigger:
        - ${{ parameters.name }}
        ",
        &[],
        "
        a.yml:3:26: Key not found 'nmae': this file has no such parameter
          hint: did you mean `name`?
        a.yml:4:16: a list or a mapping cannot stand inside a text
          hint: use join(', ', …) or convertToJson(…), or let the expression be the whole value
        a.yml:5:15: `eq` takes 2 argument(s) and has 1
          hint: look at the commas and brackets
        a.yml:6:15: there is no function `nope`
          hint: did you mean `not`?
        a.yml:7:11: this `${{` is never closed
          hint: an expression stands between `${{` and `}}`; a literal `${{` is written `${{ '${{' }}`
        a.yml:8:15: there is no value `dependencies` in `${{ }}`
          hint: `dependencies` exists only in `$[ ]`, the condition of a stage, the condition of a job
        a.yml:11:13: the expression should end here
          hint: an expression is a value, a path such as parameters.name, or a function such as eq(a, b)
        a.yml:13:3: A template expression is not allowed in this context: it is read before templates are
          hint: write the value out
        ",
    );
}

#[test]
fn a_default_that_is_no_literal_is_told_once() {
    expands(
        "
        parameters:
        - name: a
          default: ${{ variables.b }}
        steps:
        - script: x
        ",
        &[],
        "
        a.yml:3:12: A template expression is not allowed in this context
          hint: a default is written out: other parameters and variables are not known yet
        ",
    );
}

#[test]
fn an_expression_alone_keeps_its_kind_and_others_become_text() {
    for (value, expected) in [
        ("${{ parameters.list }}", "\n  - a\n  - B\n  - ''\n  - c"),
        ("${{ parameters.flag }}", " True"),
        ("' ${{ parameters.flag }}'", " ' True'"),
        ("${{ parameters.none }}", ""),
        ("a${{ parameters.none }}b", " ab"),
        ("${{ variables.a }}${{ parameters.count }}", " x8"),
        ("a ${{ '${{' }} b", " a ${{ b"),
        ("no expression", " no expression"),
    ] {
        let parameters = "parameters:\n- {name: list, type: object, default: [a, B, '', c]}\n- {name: flag, type: boolean, default: true}\n- {name: none, type: object, default: }\n- {name: count, type: number, default: 8}\nvariables: {a: x}\n";
        expands(
            &format!(
                "{parameters}trigger: none\nstages:\n- stage: A\n  templateContext: {value}\n  jobs: [{{job: J, steps: [{{script: x}}]}}]\n"
            ),
            &[],
            &format!(
                "variables:\n  a: x\ntrigger: none\nstages:\n- stage: A\n  templateContext:{expected}\n  jobs:\n  - job: J\n    steps:\n    - script: x\n"
            ),
        );
    }
}

#[test]
fn places_are_counted_in_the_whole_text() {
    for (text, column, message) in [
        ("ab ${{ eq(1, }}", 24, "the expression ends too early"),
        ("ab ${{ }}", 17, "an expression is expected here"),
        (
            "ab ${{ trim(nope) }}",
            23,
            "there is no value `nope` in `${{ }}`",
        ),
    ] {
        let refused = made(&format!("steps:\n- script: {text}"), &[], &inputs());
        let Err(Refusal::Invalid(errors)) = refused else {
            panic!("{text}: it must not be valid")
        };
        assert_eq!(
            (errors[0].column, errors[0].message.as_str()),
            (column, message),
            "{text}"
        );
    }
}
