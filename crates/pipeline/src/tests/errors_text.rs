//! What a person gets to read when something is wrong: the text as YAML, its keys, and what is not understood yet. The texts are the product here, so they
//! stand in full.

use super::check;

#[test]
fn a_list_at_the_root_is_told_where_it_belongs() {
    check(
        r"
        - task: DownloadSecureFile@1
          inputs:
            secureFile: 'myCACertificate.pem'
        - script: echo
        ",
        r"
        a.yml:1:1: A sequence was not expected: a pipeline is a mapping and this is a list
          hint: did you mean `steps:`? Put it on a line before the first `-`
        ",
    );
}

#[test]
fn nothing_to_run() {
    check(
        "",
        r"
        a.yml:1:1: the file is empty
          hint: begin with `steps:` and a list of steps below it
        ",
    );
    check(
        r"
        # only a comment
        ",
        r"
        a.yml:1:1: the file is empty
          hint: begin with `steps:` and a list of steps below it
        ",
    );
    check(
        r"
        just text
        ",
        r"
        a.yml:1:1: Unexpected value 'just text': a pipeline must be a mapping (`key: value`), not a text
          hint: is a `:` missing after `just`?
        ",
    );
    check(
        r"
        name: x
        ",
        r"
        a.yml:1:1: the pipeline has nothing to run
          hint: add `steps:` and a list of steps below it
        ",
    );
    check(
        r"
        steps:
        ",
        r"
        a.yml:1:6: `steps` has no entry
          hint: add at least one below `steps:`, beginning with `- `
        ",
    );
    check(
        r"
        steps: []
        ",
        r"
        a.yml:1:8: `steps` has no entry
          hint: add at least one below `steps:`, beginning with `- `
        ",
    );
    check(
        r"
        jobs: []
        ",
        r"
        a.yml:1:7: `jobs` has no entry
          hint: add at least one below `jobs:`, beginning with `- `
        ",
    );
    check(
        r"
        stages:
        - stage: A
        ",
        r"
        a.yml:2:3: this stage has no jobs
          hint: add `jobs:` and a list of jobs below it
        ",
    );
    check(
        r"
        jobs:
        - job: A
        ",
        r"
        a.yml:2:3: this job has no steps
          hint: add `steps:` and a list of steps below it
        ",
    );
    check(
        r"
        steps:
        - 
        ",
        r"
        a.yml:2:3: Unexpected value '': a step must be a mapping (`key: value`), not empty
          hint: check the indentation; docs/yaml.md shows the form
        ",
    );
}

#[test]
fn broken_yaml() {
    check(
        r"
        steps:
        - script: 'x
        ",
        r"
        a.yml:2:11: this is not valid YAML: while scanning a quoted scalar, found unexpected end of stream
          hint: the quote that opens here is not closed
        ",
    );
    check(
        "steps:\n\t- script: x",
        r"
        a.yml:2:1: this is not valid YAML: tabs disallowed within this context (block indentation)
          hint: YAML is indented with spaces; replace the tab at the beginning of the line
        ",
    );
    check(
        r"
        steps: ]
        ",
        r"
        a.yml:1:8: this is not valid YAML: misplaced bracket
          hint: check indentation, quotes and brackets at and above this line
        ",
    );
    check(
        r"
        steps:
        - script: a: b
        ",
        r"
        a.yml:2:12: this is not valid YAML: mapping values are not allowed in this context
          hint: a text with `: ` in it stands in quotes, or below `|`
        ",
    );
    check(
        r"
        steps: [script: x
        ",
        r"
        a.yml:1:8: this is not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
          hint: this bracket is not closed
        ",
    );
    check(
        r"
        steps: [script: x]
        ---
        steps: []
        ",
        r"
        a.yml:2:1: several YAML documents in one file are not supported
          hint: remove the `---` line
        ",
    );
}

#[test]
fn yaml_that_azure_pipelines_does_not_know() {
    check(
        r"
        x: &a 1
        steps:
        - script: *a
        - bash: !tag x
        ? [a, b]
        : c
        ",
        r"
        a.yml:1:1: Unexpected value 'x': a pipeline has no such key
          hint: known here: name, appendCommitMessageToRunName, trigger, pr, schedules, parameters, resources, variables, lockBehavior, pool, stages, jobs, steps, extends, phases, strategy, continueOnError, container, services, workspace, queue, server
        a.yml:1:4: Anchors are not currently supported: `&name` gives a value a name
          hint: remove the anchor and write the value out where it is needed
        a.yml:3:11: YAML aliases (`*name`) are not supported
          hint: write the value out
        a.yml:4:9: YAML tags (`!name`) are not supported
          hint: remove the tag; quote the value if it begins with `!`
        a.yml:5:3: keys that are lists or mappings are not supported
          hint: quote the key if it begins with a bracket
        ",
    );
}

#[test]
fn duplicate_keys_name_both_places() {
    check(
        r"
        steps:
        - script: x
          name: a
          displayName: b
          name: c
        steps:
        - script: y
        ",
        r"
        a.yml:5:3: 'name' is already defined, at 3:3
          hint: remove one of the two
        a.yml:6:1: 'steps' is already defined, at 1:1
          hint: remove one of the two
        ",
    );
}

#[test]
fn unknown_keys_get_the_nearest_known_one() {
    check(
        r"
        step:
        - script: x
        ",
        r"
        a.yml:1:1: Unexpected value 'step': a pipeline has no such key
          hint: did you mean `steps`?
        ",
    );
    check(
        r"
        steps:
        - script: x
          displayname: y
          zzz: 1
        - task: DownloadSecureFile@1
          secureFile: a
          input:
            secureFile: b
        - scirpt: x
        - bash: x
          workingdir: y
        ",
        r"
        a.yml:3:3: Unexpected value 'displayname': a `script` step has no such key
          hint: did you mean `displayName`?
        a.yml:4:3: Unexpected value 'zzz': a `script` step has no such key
          hint: known here: script, workingDirectory, failOnStderr, name, displayName, condition, continueOnError, enabled, env, timeoutInMinutes, retryCountOnTaskFailure, target
        a.yml:6:3: Unexpected value 'secureFile': a `task` step has no such key
          hint: what a task is given stands below `inputs:`, indented
        a.yml:7:3: Unexpected value 'input': a `task` step has no such key
          hint: did you mean `inputs`?
        a.yml:9:3: Unexpected value 'scirpt': there is no step of this kind
          hint: did you mean `script`?
        a.yml:11:3: Unexpected value 'workingdir': a `bash` step has no such key
          hint: did you mean `workingDirectory`?
        ",
    );
    check(
        r"
        jobs:
        - job: A
          step: []
          steps: [script: x]
        ",
        r"
        a.yml:3:3: Unexpected value 'step': a job has no such key
          hint: did you mean `steps`?
        ",
    );
}
