//! What templates declare and are given.

use super::expands;

const TYPED: &str = "
    parameters:
    - name: text
      type: string
      default: none
    - name: number
      type: number
      default: 0
    - name: flag
      type: boolean
      default: false
    - name: things
      type: object
      default: {}
    - name: steps
      type: stepList
      default: []
    - name: choice
      values: [a, b]
      default: a
    steps:
    - script: ${{ parameters.text }} ${{ parameters.number }} ${{ parameters.flag }} ${{ convertToJson(parameters.things) }} ${{ parameters.choice }}
    - ${{ parameters.steps }}
    ";

#[test]
fn defaults_are_taken_where_nothing_is_given() {
    expands(
        "
        steps:
        - template: t.yml
        ",
        &[("t.yml", TYPED)],
        "
        steps:
        - script: none 0 False {} a
        ",
    );
}

#[test]
fn values_of_every_type_are_handed_over() {
    expands(
        "
        steps:
        - template: t.yml
          parameters:
            TEXT: some
            number: 7
            flag: yes
            things: ''
            choice: B
            steps:
            - script: mine
        ",
        &[("t.yml", TYPED)],
        "
        steps:
        - script: some 7 True \"\" B
        - task: CmdLine@2
          inputs:
            script: mine
        ",
    );
}

#[test]
fn what_does_not_fit_is_said_where_it_is_given() {
    expands(
        "
        steps:
        - template: t.yml
          parameters:
            text: [a]
            number: seven
            flag: 1
            steps: no list
            choice: c
            txet: x
        ",
        &[("t.yml", TYPED)],
        "
        a.yml:4:11: The 'text' parameter value is a list and not a valid String
          hint: it must be a text; the type stands in `parameters:` of the file that declares it
        a.yml:5:13: The 'number' parameter value 'seven' is not a valid Number
          hint: it must be a number; the type stands in `parameters:` of the file that declares it
        a.yml:6:11: The 'flag' parameter value '1' is not a valid Boolean
          hint: it must be true or false; the type stands in `parameters:` of the file that declares it
        a.yml:7:12: The 'steps' parameter value 'no list' is not a valid list
          hint: it must be a list; the type stands in `parameters:` of the file that declares it
        a.yml:8:13: The 'choice' parameter value 'c' is not a valid value
          hint: known here: a, b
        a.yml:9:5: Unexpected parameter 'txet'
          hint: did you mean `text`?
        ",
    );
}

#[test]
fn a_parameter_without_default_must_be_given() {
    expands(
        "
        steps:
        - script: first
        - template: t.yml
        ",
        &[(
            "t.yml",
            "parameters:\n- name: file\nsteps:\n- script: ${{ parameters.file }}",
        )],
        "
        a.yml:3:3: A value for the 'file' parameter must be provided.
          hint: add it below `parameters:`, or declare a `default:` in the template
        ",
    );
}

#[test]
fn a_declaration_is_checked_once_however_often_it_is_used() {
    expands(
        "
        steps:
        - template: t.yml
        - template: t.yml
        ",
        &[(
            "t.yml",
            "
            parameters:
            - name: a b
            - name: c
              type: strnig
            - name: d
              default: ${{ parameters.c }}
            - name: e
              defualt: x
              default: y
            - type: string
            - nmae: z
            - text
            - name: f
              default: 1
            - name: F
              default: 2
            steps:
            - script: x
            ",
        )],
        "
        t.yml:2:9: a parameter may not be called 'a b'
          hint: use letters, digits, `_` and `-`, not beginning with a digit
          used at a.yml:2:3
        t.yml:4:9: there is no type 'strnig'
          hint: did you mean `string`?
          used at a.yml:2:3
        t.yml:6:12: A template expression is not allowed in this context
          hint: a default is written out: other parameters and variables are not known yet
          used at a.yml:2:3
        t.yml:8:3: Unexpected value 'defualt': a parameter has no such key
          hint: did you mean `default`?
          used at a.yml:2:3
        t.yml:10:3: this parameter has no name
          hint: add `name:`
          used at a.yml:2:3
        t.yml:11:3: Unexpected value 'nmae': a parameter has no such key
          hint: did you mean `name`?
          used at a.yml:2:3
        t.yml:12:3: a parameter is declared by a mapping
          hint: write `- name: …`, and `type:` and `default:` below the name
          used at a.yml:2:3
        t.yml:15:9: the parameter 'F' is declared twice; names ignore case
          hint: remove one of the two
          used at a.yml:2:3
        ",
    );
}
