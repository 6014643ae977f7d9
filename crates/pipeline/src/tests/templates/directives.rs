//! `if`, `elseif`, `else`, `each` and `insert`, among keys and among items.

use super::{expands, same_plan};

#[test]
fn conditions_choose_among_items() {
    for (value, script) in [("a", "one"), ("b", "two"), ("c", "three")] {
        let main = format!(
            "
            parameters:
            - name: kind
              default: {value}
            steps:
            - ${{{{ if eq(parameters.kind, 'a') }}}}:
              - script: one
            - ${{{{ elseif eq(parameters.kind, 'b') }}}}:
              - script: two
            - ${{{{ else }}}}:
              - script: three
            - script: last
            "
        );
        expands(
            &main,
            &[],
            &format!("steps:\n- script: {script}\n- script: last\n"),
        );
    }
}

#[test]
fn conditions_choose_among_keys() {
    expands(
        "
        parameters:
        - name: signed
          type: boolean
          default: true
        steps:
        - script: build
          ${{ if parameters.signed }}:
            displayName: Signed
            env:
              SIGN: yes
          ${{ else }}:
            displayName: Unsigned
        ",
        &[],
        "
        steps:
        - script: build
          displayName: Signed
          env:
            SIGN: yes
        ",
    );
}

#[test]
fn an_item_of_which_no_condition_holds_is_none() {
    expands(
        "
        steps:
        - script: always
        - ${{ if false }}:
            script: never
        - ${{ if false }}:
          - script: never
        ",
        &[],
        "
        steps:
        - script: always
        ",
    );
}

#[test]
fn the_same_condition_may_stand_twice_and_two_keys_may_not_meet() {
    expands(
        "
        steps:
        - script: build
          ${{ if true }}:
            displayName: One
          ${{ if true }}:
            name: two
        ",
        &[],
        "
        steps:
        - script: build
          displayName: One
          name: two
        ",
    );
    expands(
        "
        steps:
        - script: build
          displayName: One
          ${{ if true }}:
            displayName: Two
        ",
        &[],
        "
        a.yml:5:5: 'displayName' is already defined, at a.yml:3:3
          hint: remove one of the two, or let only one of the conditions hold
        ",
    );
}

#[test]
fn loops_go_over_lists_and_mappings() {
    expands(
        "
        parameters:
        - name: targets
          type: object
          default: [ios, android]
        - name: images
          type: object
          default:
            mac: macOS-14
            linux: ubuntu-24.04
        steps:
        - ${{ each target in parameters.targets }}:
          - script: build ${{ target }}
            displayName: Build for ${{ upper(target) }}
        - script: env
          env:
            ${{ each image in parameters.images }}:
              IMAGE_${{ image.key }}: ${{ image.value }}
        ",
        &[],
        "
        steps:
        - script: build ios
          displayName: Build for IOS
        - script: build android
          displayName: Build for ANDROID
        - script: env
          env:
            IMAGE_mac: macOS-14
            IMAGE_linux: ubuntu-24.04
        ",
    );
}

#[test]
fn loops_nest_and_the_inner_name_hides_the_outer() {
    expands(
        "
        parameters:
        - name: rows
          type: object
          default:
          - [a, b]
          - [c]
        steps:
        - ${{ each x in parameters.rows }}:
          - ${{ each x in x }}:
            - script: ${{ x }}
        ",
        &[],
        "
        steps:
        - script: a
        - script: b
        - script: c
        ",
    );
}

#[test]
fn insert_joins_a_mapping() {
    expands(
        "
        parameters:
        - name: environment
          type: object
          default: {A: '1', B: '2'}
        steps:
        - script: env
          env:
            ${{ insert }}: ${{ parameters.environment }}
            C: 3
        ",
        &[],
        "
        steps:
        - script: env
          env:
            A: '1'
            B: '2'
            C: 3
        ",
    );
}

#[test]
fn steps_handed_over_can_be_wrapped_key_by_key() {
    expands(
        "
        steps:
        - template: wrapped.yml
          parameters:
            steps:
            - script: one
              displayName: One
            - script: two
        ",
        &[(
            "wrapped.yml",
            "
            parameters:
            - name: steps
              type: stepList
              default: []
            steps:
            - script: before
            - ${{ each step in parameters.steps }}:
              - ${{ each pair in step }}:
                  ${{ if ne(pair.key, 'displayName') }}:
                    ${{ pair.key }}: ${{ pair.value }}
                displayName: Wrapped
            - ${{ parameters.steps }}
            ",
        )],
        "
        steps:
        - script: before
        - task: CmdLine@2
          inputs:
            script: one
          displayName: Wrapped
        - task: CmdLine@2
          inputs:
            script: two
          displayName: Wrapped
        - task: CmdLine@2
          displayName: One
          inputs:
            script: one
        - task: CmdLine@2
          inputs:
            script: two
        ",
    );
}

#[test]
fn an_expanded_pipeline_is_the_one_written_by_hand() {
    same_plan(
        "
        variables:
          kind: release
        steps:
        - ${{ if eq(variables.kind, 'release') }}:
          - template: sign.yml
            parameters: {file: myCACertificate.pem}
        - ${{ each n in split('a b', ' ') }}:
          - script: echo ${{ n }}
        ",
        &[(
            "sign.yml",
            "
            parameters: {file: ''}
            steps:
            - task: DownloadSecureFile@1
              name: certificate
              inputs:
                secureFile: ${{ parameters.file }}
            ",
        )],
        "
        variables:
          kind: release
        steps:
        - task: DownloadSecureFile@1
          name: certificate
          inputs:
            secureFile: myCACertificate.pem
        - script: echo a
        - script: echo b
        ",
    );
}

#[test]
fn what_is_wrong_with_a_directive_is_said() {
    expands(
        "
        steps:
        - ${{ else }}:
          - script: a
        - ${{ if }}:
          - script: b
        - ${{ else if true }}:
          - script: c
        - ${{ each x of parameters.y }}:
          - script: d
        - script: e
          ${{ insert }}: text
        - ${{ each x in 'text' }}:
          - script: f
        - ${{ each x in parameters.text }}:
          - script: f
        - script: g
        - ${{ elif true }}:
          - script: h
        - ${{ unless true }}:
          - script: i
        - ${{ if (true) }}:
          - script: j
        parameters: {text: a}
        ",
        &[],
        "
        a.yml:2:3: there is no `if` right before this
          hint: put it right after the `${{ if … }}:` it belongs to, on the same level
        a.yml:4:9: this condition is empty
          hint: write `${{ if eq(parameters.name, 'value') }}:`
        a.yml:6:12: `else if` is one word here
          hint: write `${{ elseif … }}:`
        a.yml:8:12: `in` is missing between the name and the collection
          hint: write `${{ each item in parameters.list }}:`
        a.yml:11:18: Expected a mapping: what is inserted among keys must have keys itself
          hint: indent `key: value` below it; in a list, begin the line of the condition with `- `
        a.yml:12:17: `each` goes over a list or a mapping, and this is neither
          hint: split(…) makes a list of a text; a parameter of type `object` may be a list
        a.yml:14:17: `each` goes over a list or a mapping, and this is neither
          hint: split(…) makes a list of a text; a parameter of type `object` may be a list
        a.yml:17:7: there is no such directive
          hint: write `${{ elseif … }}:`
        a.yml:19:7: there is no such directive
          hint: write `${{ if not(…) }}:`
        a.yml:21:10: `(` stands only right after the name of a function
          hint: an expression is a value, a path such as parameters.name, or a function such as eq(a, b)
        ",
    );
}
