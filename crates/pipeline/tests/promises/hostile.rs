//! Small texts that ask for endless work or memory, by name, and what each is told. The test plays them; the measurement
//! `perf_hostile` says what each costs. It must not know how they are stopped.

use std::{collections::BTreeMap, fmt::Write as _};

/// A pipeline made to hurt.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) root: String,
    /// By path.
    pub(crate) files: BTreeMap<&'static str, String>,
    /// A part of what is told; nothing for a pipeline that is planned.
    pub(crate) told: &'static str,
    /// Takes seconds where nothing is optimised.
    pub(crate) long: bool,
}

impl Case {
    fn long(mut self) -> Self {
        self.long = true;
        self
    }
}

const WORK: &str = "templates may make 500000 values, conditions counted";
const BYTES: &str = "templates may make 10 MiB of text";
const FILE: &str = "a file may have 100000 values";

pub(crate) fn cases() -> Vec<Case> {
    [
        texts(),
        expressions(),
        loops(),
        variables(),
        templates(),
        plans(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn case(name: &'static str, root: String, told: &'static str) -> Case {
    Case {
        name,
        root,
        files: BTreeMap::new(),
        told,
        long: false,
    }
}

fn with(mut case: Case, path: &'static str, text: String) -> Case {
    case.files.insert(path, text);
    case
}

fn many(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// A parameter `l` with so many items.
fn list(count: usize) -> String {
    let items = many(count, |n| format!("{n},"));
    format!("- name: l\n  type: object\n  default: [{items}]\n")
}

fn texts() -> Vec<Case> {
    let deep = "mappings and lists may be 64 levels deep";
    vec![
        case("brackets in brackets", "[".repeat(1 << 20), deep),
        case(
            "a line of a megabyte",
            format!("a: {}", "b".repeat(1 << 20)),
            "a file may have 1048576 bytes",
        ),
        case(
            "a scalar of ten megabytes",
            format!("a: |\n  {}", "b".repeat(10 << 20)),
            "a file may have 1048576 bytes",
        ),
        case(
            "lines, and nothing else",
            "\n".repeat(1 << 20),
            "the file is empty",
        ),
        case(
            "a list of nothing",
            format!("steps: [{}]", "a,".repeat(500_000)),
            FILE,
        ),
        case(
            "keys that are all the same",
            "a: 1\n".repeat(200_000),
            "there are more errors than are shown",
        ),
        case(
            "wrong steps on one line",
            format!("steps: [{}]", "{a: b},".repeat(30_000)),
            "there may be 1000 steps",
        ),
        case(
            "a null in a text",
            "steps:\n- script: \"a\0b\"".to_owned(),
            "may not stand in YAML",
        ),
        case(
            "a mark in the middle",
            "steps:\n- script: \"a\u{feff}b\"\n\u{feff}- script: x".to_owned(),
            "a byte order mark must not appear inside a document",
        ),
        case(
            "a hundred thousand stages",
            format!("stages:\n{}", many(100_000, |n| format!("- stage: S{n}\n"))),
            "a file may have",
        ),
    ]
}

fn expressions() -> Vec<Case> {
    let brackets = many(100_000, |_| "${{1}}".to_owned());
    let nested = format!("{}x{}", "${{ ".repeat(20_000), " }}".repeat(20_000));
    let lists = "- name: big\n  type: object\n  default: ";
    let big = format!("{lists}['{}']\n", "x".repeat(500_000));
    vec![
        case(
            "expressions in one block of text",
            format!("steps:\n- script: |\n    x\n    {brackets}\n"),
            "",
        ),
        case(
            "expressions in one long line",
            format!("steps:\n- script: {brackets}\n"),
            "",
        ),
        case(
            "brackets in expressions",
            format!("steps:\n- script: x {nested}\n"),
            "an expression may have 21000 bytes",
        ),
        case(
            "a pattern that grows",
            format!(
                "parameters:\n{big}steps:\n- script: \"${{{{ replace(parameters.big[0], 'x', parameters.big[0]) }}}}\"\n"
            ),
            "the results of this expression take more than 10485760 bytes",
        ),
        case(
            "JSON within JSON",
            format!(
                "parameters:\n{big}steps:\n- script: \"${{{{ {}parameters.big{} }}}}\"\n",
                "convertToJson(".repeat(30),
                ")".repeat(30)
            ),
            "this expression takes more than 20000000 steps",
        ),
        case(
            "joined again and again",
            format!(
                "parameters:\n{}steps:\n- script: \"${{{{ join('{}', parameters.l) }}}}\"\n",
                list(1000),
                "x".repeat(15_000)
            ),
            "the results of this expression take more than",
        ),
    ]
}

/// Loops within loops around something.
fn looped(levels: usize, inner: &str) -> String {
    let mut text = String::new();
    for level in 0..levels {
        let indent = "  ".repeat(level);
        let _ = writeln!(text, "{indent}- ${{{{ each x{level} in parameters.l }}}}:");
    }
    let indent = "  ".repeat(levels);
    for line in inner.lines() {
        let _ = writeln!(text, "{indent}{line}");
    }
    text
}

fn loops() -> Vec<Case> {
    let value = |expression: &str| format!("- script: \"${{{{ {expression} }}}}\"");
    let long = value(&format!("and(false, '{}')", "x".repeat(20_900)));
    let names = value(&format!(
        "and(false, {}true)",
        "parameters.p998, ".repeat(1200)
    ));
    let all = value(&format!("or({}false)", "eq(parameters, 1), ".repeat(900)));
    let parameters = many(999, |n| format!("- {{name: p{n}, default: x}}\n"));
    let branch = format!("[{}]", "a,".repeat(50_000));
    let text = format!("['{}']", "a".repeat(900_000));
    let object = |inner: &str| format!("- name: big\n  type: object\n  default: {{x: {inner}}}\n");
    let depth = |inner: &str| format!("{}{inner}{}", "[".repeat(58), "]".repeat(58));
    vec![
        case(
            "loops around nothing",
            format!(
                "parameters:\n{}steps:\n{}",
                list(10),
                looped(12, "- ${{ if false }}:\n  - script: x")
            ),
            WORK,
        ),
        case(
            "a long expression in loops",
            format!("parameters:\n{}steps:\n{}", list(10), looped(6, &long)),
            WORK,
        ),
        case(
            "a thousand parameters in loops",
            format!(
                "parameters:\n{}{parameters}steps:\n{}",
                list(10),
                looped(6, &names)
            ),
            WORK,
        )
        .long(),
        case(
            "all parameters in loops",
            format!(
                "parameters:\n{}{parameters}steps:\n{}",
                list(10),
                looped(6, &all)
            ),
            WORK,
        ),
        case(
            "a large branch in loops",
            format!(
                "parameters:\n{}{}steps:\n{}",
                list(10),
                object(&branch),
                looped(
                    6,
                    "- ${{ if not(parameters.big.x) }}:\n  - script: x\n- ${{ if parameters.big.x }}:\n  - ${{ if false }}: x"
                )
            ),
            WORK,
        ),
        case(
            "a long text in loops",
            format!(
                "parameters:\n{}{}steps:\n{}",
                list(10),
                object(&text),
                looped(
                    6,
                    "- ${{ if parameters.big.x }}:\n  - ${{ if eq(1, 2) }}: x"
                )
            ),
            WORK,
        ),
        case(
            "depth in every line",
            format!(
                "parameters:\n- name: deep\n  type: object\n  default: {}\nstages:\n- stage: S\n  jobs: [{{job: J, steps: [script: x]}}]\n  templateContext: {}\n",
                depth(&format!("[{}]", "[a],".repeat(33_000))),
                depth(
                    "\"${{ parameters.deep }}\", \"${{ parameters.deep }}\", \"${{ parameters.deep }}\""
                )
            ),
            "a pipeline may have 20 MiB with its templates put in",
        ),
    ]
}

fn variables() -> Vec<Case> {
    let listed = |count, value: &dyn Fn(usize) -> String| {
        let entries = many(count, |n| {
            format!("- {{name: v{n}, value: \"{}\"}}\n", value(n))
        });
        format!("variables:\n{entries}steps:\n- script: x\n")
    };
    let behind = format!(
        "variables:\n{}- template: t.yml\n",
        many(15_000, |n| format!("- {{name: v{n}, value: x}}\n"))
    );
    let names = format!(
        "- script: \"${{{{ and(true, {}true) }}}}\"",
        "variables.v1, ".repeat(1400)
    );
    vec![
        case(
            "variables behind variables",
            listed(19_990, &|_| "x".to_owned()),
            "there may be 1000 variables",
        ),
        case(
            "all variables at each variable",
            listed(9000, &|_| "${{ eq(variables, 1) }}".to_owned()),
            WORK,
        ),
        case(
            "variables that look far back",
            format!(
                "parameters:\n{}variables:\n{}steps:\n{}",
                list(10),
                many(16_000, |n| format!("- {{name: v{n}, value: x}}\n")),
                looped(6, &names)
            ),
            WORK,
        )
        .long(),
        with(
            case("variables behind variables in files", behind.clone(), WORK).long(),
            "t.yml",
            behind,
        ),
        case(
            "text that doubles",
            listed(40, &|n| {
                let last = n.saturating_sub(1);
                format!("x${{{{ variables.v{last} }}}}${{{{ variables.v{last} }}}}")
            }),
            BYTES,
        ),
    ]
}

fn templates() -> Vec<Case> {
    let large = format!("x: [{}]", "a,".repeat(90_000));
    let uses = |count, more: &str| {
        let uses = many(count, |n| {
            format!("- template: t.yml\n  parameters: {{p: k{n}}}\n{more}")
        });
        format!("steps:\n{uses}")
    };
    let mut handed = "parameters:\n- {name: s, type: stepList, default: []}\nsteps:\n".to_owned();
    for level in 0..29 {
        let _ = writeln!(handed, "{}- ${{{{ if true }}}}:", "  ".repeat(level));
    }
    let indent = "  ".repeat(29);
    let _ = writeln!(
        handed,
        "{indent}- template: t.yml\n{indent}  parameters: {{s: [template: t.yml]}}"
    );
    let given = format!(
        "steps:\n- template: t.yml\n  parameters: {{{}}}\n",
        many(45_000, |n| format!("p{n}: 1, "))
    );
    let mut laughs = case(
        "a billion laughs",
        "steps:\n- template: 1.yml\n  parameters:\n    x:\n    - script: ha".to_owned(),
        WORK,
    );
    let doubled = "- ${{ parameters.x }}\n    ".repeat(4);
    for (path, next) in [("1.yml", "2.yml"), ("2.yml", "1.yml")] {
        let text = format!(
            "parameters: {{x: []}}\nsteps:\n- template: {next}\n  parameters:\n    x:\n    {}",
            doubled.trim_end()
        );
        laughs.files.insert(path, text);
    }
    vec![
        laughs,
        with(
            case("a large file that uses itself", uses(1, ""), WORK),
            "t.yml",
            format!("parameters: {{p: x, {large}}}\nsteps:\n- template: t.yml\n"),
        ),
        with(
            case("a large file a hundred times", uses(100, ""), WORK),
            "t.yml",
            format!("parameters: {{p: x, {large}}}\nsteps:\n- script: x\n"),
        ),
        with(
            case(
                "a template in what is handed to it, in conditions",
                "steps:\n- template: t.yml\n".to_owned(),
                "levels deep",
            ),
            "t.yml",
            handed,
        ),
        with(
            case(
                "a template that is given many names",
                given,
                "a template may be given 1000 parameters",
            ),
            "t.yml",
            "steps:\n- script: x\n".to_owned(),
        ),
        with(
            case(
                "a pipeline of many keys that extends another",
                format!(
                    "{}extends: {{template: t.yml}}\n",
                    many(45_000, |n| format!("k{n}: 1\n"))
                ),
                "there are more errors than are shown",
            ),
            "t.yml",
            format!(
                "{}steps:\n- script: x\n",
                many(45_000, |n| format!("t{n}: 1\n"))
            ),
        ),
        case(
            "late variables beside many keys",
            format!(
                "${{{{ if true }}}}:\n  variables:\n{}{}steps:\n- script: x\n",
                many(10_000, |n| format!("    v{n}: x\n")),
                many(35_000, |n| format!("k{n}: 1\n"))
            ),
            "there are more errors than are shown",
        ),
        with(
            case("a file with many repositories", uses(100, ""), WORK),
            "t.yml",
            format!(
                "parameters: {{p: x}}\nresources:\n  repositories:\n{}steps:\n- script: x\n",
                many(24_000, |n| format!("  - repository: r{n}\n"))
            ),
        ),
        with(
            case(
                "a file of lines with another error each time",
                uses(100, ""),
                "Unexpected value 'k99'",
            ),
            "t.yml",
            format!(
                "parameters: {{p: x}}\nsteps:\n- script: x\n  ${{{{ parameters.p }}}}: y\n{}",
                "\n".repeat(1_000_000)
            ),
        ),
        with(
            case(
                "twenty levels with a hundred uses each",
                uses(100, ""),
                "there are more errors than are shown",
            ),
            "t.yml",
            format!("parameters: {{p: x}}\n{}", uses(100, "")),
        ),
        with(
            case(
                "a thousand names to choose from",
                "steps:\n- template: t.yml\n".to_owned(),
                "there are more errors than are shown",
            ),
            "t.yml",
            format!(
                "parameters:\n{}steps:\n{}",
                many(999, |n| format!(
                    "- {{name: p{n}{}, default: x}}\n",
                    "x".repeat(30)
                )),
                many(3000, |n| format!(
                    "- script: ${{{{ parameters.q{n}{} }}}}\n",
                    "y".repeat(30)
                ))
            ),
        ),
    ]
}

fn plans() -> Vec<Case> {
    let jobs = |count: usize| {
        let stages = many(count / 1000, |stage| {
            let jobs = many(1000, |n| format!("  - {{job: J{n}, steps: [script: x]}}\n"));
            format!("- stage: S{stage}\n  jobs:\n{jobs}")
        });
        format!("stages:\n{stages}")
    };
    let demands = many(10_000, |n| format!("d{n},"));
    let variables = many(1000, |n| format!("  v{n}: {}\n", "x".repeat(20)));
    let condition = format!("and({}true)", "eq(1,1),".repeat(2500));
    let stages = |count: usize| {
        many(count, |n| {
            let before = many(n, |n| format!("S{n},"));
            format!(
                "- {{stage: S{n}, dependsOn: [{before}], jobs: [{{job: J, steps: [script: x]}}]}}\n"
            )
        })
    };
    vec![
        case("twenty thousand jobs", jobs(20_000), FILE),
        case("jobs with many variables", format!("variables:\n{variables}{}", jobs(10_000)), ""),
        case("jobs with many demands", format!("pool: {{demands: [{demands}]}}\n{}", jobs(9000)), "a pool may have 50 demands"),
        case("jobs with a long pool", format!("pool: '{}'\n{}", "x".repeat(500_000), jobs(9000)), "the name of a pool or image may have 1000 bytes"),
        case(
            "conditions that are long",
            format!("parameters:\n{}- {{name: c, default: \"{condition}\"}}\nsteps:\n- ${{{{ each x in parameters.l }}}}:\n  - {{script: x, condition: \"${{{{ parameters.c }}}}\"}}\n", list(480)),
            "",
        ).long(),
        case("stages that all wait for all", format!("stages:\n{}", stages(400)), ""),
        case(
            "legs of many jobs",
            format!(
                "jobs:\n{}",
                many(38, |n| {
                    let legs = many(250, |leg| format!("l{leg}: {{v: x}}, "));
                    format!("- {{job: J{n}, strategy: {{matrix: {{{legs}}}}}, steps: [script: x]}}\n")
                })
            ),
            "",
        ),
    ]
}
