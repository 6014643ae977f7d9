//! What a person gets to read when something is wrong: tasks, inputs and secure files. The texts are the product here, so they
//! stand in full.

use super::check;

#[test]
fn secure_files_that_cannot_be_found() {
    check(
        r"
        jobs:
        - job: Sign
          steps:
          - task: DownloadSecureFile@1
            name: cert
            inputs:
              secureFile: 'other.pem'
          - task: DownloadSecureFile@1
            inputs:
              secureFile: $(later)
          - task: DownloadSecureFile@1
            enabled: false
            inputs:
              secureFile: disabled-is-not-looked-up
          - task: DownloadSecureFile@1
            condition: false
            inputs:
              secureFile: myCACertificate.pem, 99999999-2222-4333-8444-abcdefabcdef, twin
        ",
        r"
        a.yml:7:19: Job Sign: Step cert input secureFile references secure file other.pem which could not be found. The secure file does not exist or has not been authorized for use.
          hint: check the spelling, or upload the file in the library of this project
        a.yml:10:19: Job Sign: Step DownloadSecureFile1 input secureFile references secure file $(later) which could not be found. The secure file does not exist or has not been authorized for use.
          hint: `$(later)` is not known when the plan is made: only variables at the root of the YAML and predefined ones are; write the name of the file, set the variable there, or let the pipeline name files by variables: `coffer permission permit FILE PIPELINE --by-variable`
        a.yml:18:19: Job Sign: Step DownloadSecureFile2 input secureFile references secure file 99999999-2222-4333-8444-abcdefabcdef which could not be found. The secure file does not exist or has not been authorized for use.
          hint: check the spelling, or upload the file in the library of this project
        a.yml:18:19: Job Sign: Step DownloadSecureFile2 input secureFile references secure file twin, and several secure files have this name.
          hint: name the file by its id
        ",
    );
    check(
        r"
        steps:
        - task: DownloadSecureFile@1
          inputs: {secureFile: nope}
        ",
        r"
        a.yml:3:24: Job Job: Step DownloadSecureFile input secureFile references secure file nope which could not be found. The secure file does not exist or has not been authorized for use.
          hint: check the spelling, or upload the file in the library of this project
        ",
    );
    check(
        r"
        variables: {empty: ''}
        steps:
        - task: DownloadSecureFile@1
          inputs: {secureFile: $(empty)}
        - task: DownloadSecureFile@1
          inputs: {secureFile: ' , '}
        ",
        r"
        a.yml:4:24: the input `secureFile` is empty once `$(empty)` is replaced
          hint: give the variable a value at the root of the YAML
        a.yml:6:24: the input `secureFile` names no secure file
          hint: write the name of a file; several with commas between
        ",
    );
}

#[test]
fn tasks_that_cannot_be_used() {
    check(
        r"
        steps:
        - task: DownloadSecureFile
        - task: DownloadSecureFile@latest
        - task: '@1'
        - task: DownloadSecureFile@1.2
        - task: DownloadSecureFile@2
        - task: DownloadSecureFiles@1
        - task: Gradle@3
        - task:
        - task: SignThings@5
        ",
        r"
        a.yml:2:9: `DownloadSecureFile` is no task reference
          hint: write the name and the version, for example `DownloadSecureFile@1`
        a.yml:3:9: `DownloadSecureFile@latest` is no task reference
          hint: write the name and the version, for example `DownloadSecureFile@1`
        a.yml:4:9: `@1` is no task reference
          hint: write the name and the version, for example `DownloadSecureFile@1`
        a.yml:5:9: `DownloadSecureFile@1.2` is no task reference
          hint: write the name and the version, for example `DownloadSecureFile@1`
        a.yml:6:9: A task is missing: there is no task `DownloadSecureFile@2`.
          hint: the version here is `DownloadSecureFile@1` (1.274.0)
        a.yml:7:9: A task is missing: there is no task `DownloadSecureFiles@1`.
          hint: did you mean `DownloadSecureFile`?
        a.yml:8:9: A task is missing: there is no task `Gradle@3`.
          hint: check the spelling, or have an administrator install the task
        a.yml:9:7: this `task` step names no task
          hint: write the name and the version, for example `DownloadSecureFile@1`
        a.yml:10:9: A task is missing: there is no task `SignThings@5`.
          hint: check the spelling, or have an administrator install the task
        ",
    );
}

#[test]
fn inputs() {
    check(
        r"
        steps:
        - task: DownloadSecureFile@1
        - task: DownloadSecureFile@1
          inputs:
            secureFile:
        - task: DownloadSecureFile@1
          inputs:
            secureFile: myCACertificate.pem
            SecureFile: myCACertificate.pem
        - task: SignThings@4
          inputs:
            what: x
            keystore: myCACertificate.pem
            keystoreFile: myCACertificate.pem
        - script:
        - bash: ''
        ",
        r"
        a.yml:2:9: the task `DownloadSecureFile` needs the input `secureFile`
          hint: add `secureFile: …` below `inputs:`
        a.yml:3:9: the task `DownloadSecureFile` needs the input `secureFile`
          hint: add `secureFile: …` below `inputs:`
        a.yml:9:5: the input `secureFile` is given twice; names ignore case, and an alias is the same input
          hint: remove one of the two
        a.yml:14:5: the input `keystore` is given twice; names ignore case, and an alias is the same input
          hint: remove one of the two
        a.yml:15:3: this `script` step has no script
          hint: write the commands after it, or below `|` and indented
        a.yml:16:3: this `bash` step has no script
          hint: write the commands after it, or below `|` and indented
        ",
    );
    check(
        r"
        steps:
        - task: SignThings@4
        ",
        r"
        a.yml:2:9: the task `SignThings` needs the input `what`
          hint: add `what: …` below `inputs:`
        ",
    );
}

#[test]
fn the_first_key_says_what_a_step_is() {
    check(
        r"
        steps:
        - name: a
          task: DownloadSecureFile@1
        - displayName: b
          pwsh: x
        - {}
        - nothing: x
        ",
        r"
        a.yml:2:3: Unexpected value 'name': the first key of a step says what it is
          hint: move `task:` (line 3) to the top of the step
        a.yml:4:3: Unexpected value 'displayName': the first key of a step says what it is
          hint: move `pwsh:` (line 5) to the top of the step
        a.yml:7:3: Unexpected value 'nothing': there is no step of this kind
          hint: known here: task, script, bash, pwsh, powershell, checkout, download, downloadBuild, getPackage, publish, upload, reviewApp, template
        ",
    );
}

#[test]
fn two_kinds_of_content() {
    check(
        r"
        steps:
        - script: x
        jobs:
        - job: A
          steps: [script: x]
        ",
        r"
        a.yml:1:1: a pipeline has either `jobs` or `steps`, not both
          hint: move the content of `steps` into `jobs`
        ",
    );
    check(
        r"
        continueOnError: true
        jobs:
        - job: A
          steps: [script: x]
        ",
        r"
        a.yml:1:1: Unexpected value 'continueOnError': a pipeline with `jobs` has no such key
          hint: `continueOnError` may stand here with `steps` only; move it to the job
        ",
    );
}
