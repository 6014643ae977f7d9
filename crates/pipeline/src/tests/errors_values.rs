//! What a person gets to read when something is wrong: single values: words, shapes, names, conditions, variables. The texts are the product here, so they
//! stand in full.

use super::check;

#[test]
fn words_and_numbers() {
    check(
        r"
        steps:
        - script: x
          enabled: maybe
          continueOnError: 1
          timeoutInMinutes: soon
          retryCountOnTaskFailure: 11
        - script: x
          timeoutInMinutes: -1
          retryCountOnTaskFailure: 1.5
          failOnStderr: x
        - script: x
          timeoutInMinutes: 99999999999
        ",
        r"
        a.yml:3:12: Unexpected value 'maybe': enabled must be true or false
          hint: write `true` or `false`
        a.yml:4:20: Unexpected value '1': continueOnError must be true or false
          hint: write `true` or `false`
        a.yml:5:21: Unexpected value 'soon': timeoutInMinutes must be a whole number from 0 to 2147483647
          hint: write the number in digits
        a.yml:6:28: Unexpected value '11': retryCountOnTaskFailure must be a whole number from 0 to 10
          hint: write the number in digits
        a.yml:8:21: Unexpected value '-1': timeoutInMinutes must be a whole number from 0 to 2147483647
          hint: write the number in digits
        a.yml:9:28: Unexpected value '1.5': retryCountOnTaskFailure must be a whole number from 0 to 10
          hint: write the number in digits
        a.yml:10:17: Unexpected value 'x': failOnStderr must be true or false
          hint: write `true` or `false`
        a.yml:12:21: Unexpected value '99999999999': timeoutInMinutes must be a whole number from 0 to 2147483647
          hint: write the number in digits
        ",
    );
}

#[test]
fn shapes() {
    check(
        r"
        steps: {script: x}
        ",
        r"
        a.yml:1:8: A mapping was not expected: steps must be a list (`- item`), not a mapping
          hint: begin each entry with `- `
        ",
    );
    check(
        r"
        steps: hello
        ",
        r"
        a.yml:1:8: Unexpected value 'hello': steps must be a list (`- item`), not a text
          hint: write it as an entry, beginning with `- `
        ",
    );
    check(
        r"
        steps:
        - hello
        - [a]
        - script: {a: b}
        - script: x
          env: [A]
        - script: x
          env: {A: [b], '': c, 'a=b': d}
        - task: SignThings@4
          inputs: [what]
        - task: SignThings@4
          inputs:
            what: {a: b}
        ",
        r"
        a.yml:2:3: Unexpected value 'hello': a step must be a mapping (`key: value`), not a text
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:3:3: A sequence was not expected: a step must be a mapping (`key: value`), not a list
          hint: write `name: value` below it, without dashes
        a.yml:4:11: A mapping was not expected: script must be a text, not a mapping
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:6:8: A sequence was not expected: env must be a mapping, not a list
          hint: write `NAME: value` below `env:`, without dashes
        a.yml:8:12: A sequence was not expected: the value of `A` must be a text, not a list
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:8:17: an environment variable may not be called ``
          hint: write `NAME: value`
        a.yml:8:24: an environment variable may not be called `a=b`
          hint: write `NAME: value`
        a.yml:10:11: A sequence was not expected: inputs must be a mapping (`key: value`), not a list
          hint: write `name: value` below it, without dashes
        a.yml:13:11: A mapping was not expected: the input `what` must be a text, not a mapping
          hint: check the indentation; docs/yaml.md shows the form
        ",
    );
    check(
        r"
        variables: x
        pool: [a]
        jobs: {job: A}
        ",
        r"
        a.yml:1:12: Unexpected value 'x': variables must be a mapping (`name: value`) or a list, not a text
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:2:7: A sequence was not expected: pool must be a name or a mapping, not a list
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:3:7: A mapping was not expected: jobs must be a list (`- item`), not a mapping
          hint: begin each entry with `- `
        ",
    );
    check(
        r"
        stages: x
        pool: {demands: [a b, -c], size: 3}
        ",
        r"
        a.yml:1:9: Unexpected value 'x': stages must be a list (`- item`), not a text
          hint: write it as an entry, beginning with `- `
        a.yml:2:18: `a b` is no demand
          hint: write a demand as `name`, `name -equals value` or `name -gtVersion 1.2.3`
        a.yml:2:23: `-c` is no demand
          hint: write a demand as `name`, `name -equals value` or `name -gtVersion 1.2.3`
        ",
    );
}

#[test]
fn names() {
    check(
        r"
        steps:
        - {script: x, name: 1st}
        - {script: x, name: has space}
        - {script: x, name: ключ}
        - {script: x, name: Same}
        - {script: x, name: sAME}
        ",
        r"
        a.yml:2:21: Step 1st has an invalid name. Valid names may only contain alphanumeric characters and '_' and may not start with a number.
          hint: at most 100 letters from a to z, digits and `_`; `displayName` takes any text
        a.yml:3:21: Step has space has an invalid name. Valid names may only contain alphanumeric characters and '_' and may not start with a number.
          hint: at most 100 letters from a to z, digits and `_`; `displayName` takes any text
        a.yml:4:21: Step ключ has an invalid name. Valid names may only contain alphanumeric characters and '_' and may not start with a number.
          hint: at most 100 letters from a to z, digits and `_`; `displayName` takes any text
        a.yml:6:21: Job Job: The step name sAME appears more than once. Step names must be unique within a job. The first is at 5:21
          hint: give this one another name; names ignore case
        ",
    );
    check(
        r"
        jobs:
        - job: a-b
          steps: [script: x]
        ",
        r"
        a.yml:2:8: Job a-b has an invalid name. Valid names may only contain alphanumeric characters and '_' and may not start with a number.
          hint: at most 100 letters from a to z, digits and `_`; `displayName` takes any text
        ",
    );
}

#[test]
fn conditions() {
    check(
        r#"
        steps:
        - script: x
          condition: eq(dependencies.a.result, 'b')
        - script: x
          condition: and(succeeded(), nope())
        - script: x
          condition: "succeeded("
        - script: x
          condition: |
            and(always(),
                ~)
        - script: x
          condition: succeded()
        - script: x
          condition: $[ succeeded() ]
        "#,
        r"
        a.yml:3:17: there is no value `dependencies` in the condition of a step
          hint: `dependencies` exists only in `$[ ]`, the condition of a stage, the condition of a job
        a.yml:5:31: there is no function `nope`
          hint: did you mean `not`?
        a.yml:7:25: the expression ends too early
          hint: a condition is an expression, for example `succeededOrFailed()`
        a.yml:11:9: `~` is not part of an expression
          hint: a condition is an expression, for example `succeededOrFailed()`
        a.yml:13:14: there is no function `succeded`
          hint: did you mean `succeeded`?
        a.yml:15:14: `$` has no meaning in an expression: write variables['name']
          hint: a condition is an expression already: write it without `$[` and `]`
        ",
    );
    check(
        r"
        jobs:
        - job: A
          condition: eq(1, parameters.a)
          steps: [script: x]
        ",
        r"
        a.yml:3:20: there is no value `parameters` in the condition of a job
          hint: `parameters` exists only in `${{ }}`
        ",
    );
}

#[test]
fn expressions_of_another_time() {
    check(
        r"
        variables:
          a: $[ parameters.x ]
          b: $[ succeeded() ]
        steps: [script: x]
        ",
        r"
        a.yml:2:9: there is no value `parameters` in `$[ ]`
          hint: `parameters` exists only in `${{ }}`
        a.yml:3:9: the function `succeeded` does not exist in `$[ ]`
          hint: `succeeded` exists only in conditions of stages, jobs and steps, which are no `$[ ]`
        ",
    );
}

#[test]
fn variables_that_may_not_be_set() {
    check(
        r"
        variables:
          endpoint.Url: a
          INPUT_x: a
          secret_Thing: a
          SecureFile_Name: a
          Path: a
          secretName: fine
          system.restrictSecrets: false
          system.debug: true
          System.TeamProject: x
          'a b': c
          queued: x
        steps: [script: x]
        ",
        r"
        a.yml:2:3: a variable may not be called `endpoint.Url`: the agent hands things to tasks in environment variables that begin with `ENDPOINT_`
          hint: give it another name, for example `myendpoint.Url`
        a.yml:3:3: a variable may not be called `INPUT_x`: the agent hands things to tasks in environment variables that begin with `INPUT_`
          hint: give it another name, for example `myINPUT_x`
        a.yml:4:3: a variable may not be called `secret_Thing`: the agent hands things to tasks in environment variables that begin with `SECRET_`
          hint: give it another name, for example `mysecret_Thing`
        a.yml:5:3: a variable may not be called `SecureFile_Name`: the agent hands things to tasks in environment variables that begin with `SECUREFILE_`
          hint: give it another name, for example `mySecureFile_Name`
        a.yml:6:3: a variable may not be called `Path`: it would change which programs run
          hint: give it another name, for example `myPath`
        a.yml:8:3: the variable `system.restrictSecrets` is set by the server
          hint: give your variable another name
        a.yml:10:3: the variable `System.TeamProject` is set by the server
          hint: give your variable another name
        a.yml:11:3: a variable may not be called `a b`
          hint: use letters, digits, `.`, `_` and `-`
        a.yml:12:3: the variable `queued` is set here and was also given when the run was started
          hint: start the run without it, or remove it here
        ",
    );
    check(
        r"
        variables:
        - {name: a, value: 1, readonly: true}
        - {name: A, value: 2}
        - {value: 3}
        - b: 4
        - {name: c, value: d, secret: true}
        jobs:
        - job: A
          variables: {a: 5}
          steps: [script: x]
        ",
        r"
        a.yml:3:10: the variable `A` is read-only and set above
          hint: remove one of the two
        a.yml:4:3: this variable has no name
          hint: add `name:`
        a.yml:5:3: this variable has no name
          hint: in a list, write `- name: …` and `value: …`; without dashes, `name: value` is enough
        a.yml:6:23: Unexpected value 'secret': an entry of variables has no such key
          hint: known here: name, value, readonly, group
        ",
    );
}
