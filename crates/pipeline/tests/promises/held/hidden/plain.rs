//! A pipeline without templates that is always valid: what somebody might have written by hand.

use super::{Choices, tree::Tree};

const TEXTS: &[&str] = &[
    "one",
    "two words",
    "it's",
    "a: b # c",
    "ключ 钥",
    "$(v0) and $(v1)",
    "a}}b",
    "-",
    "true",
    "12",
    "x{0}y",
    "line\n  and line\n",
    "'",
    "1.2.3",
];
const CONDITIONS: &[&str] = &[
    "succeeded()",
    "and(succeeded(), eq(variables['v0'], 'one'))",
    "in(variables.v1, 'a', 'it''s')",
];

pub(super) fn pipeline(choices: &mut Choices<'_>) -> Tree {
    let mut maker = Maker { choices, named: 0 };
    let mut pairs = Vec::new();
    if maker.choices.once_in(4) {
        pairs.push(("trigger", Tree::Word("none")));
    }
    if maker.choices.once_in(3) {
        let tools = [
            ("repository", "tools"),
            ("type", "git"),
            ("name", "Fabrikam/tools"),
        ];
        let tools = Tree::map(tools.map(|(key, value)| (key, Tree::text(value))));
        pairs.push((
            "resources",
            Tree::map([("repositories", Tree::List(vec![tools]))]),
        ));
    }
    if maker.choices.once_in(3) {
        pairs.push(("name", Tree::text("$(Build.BuildId)")));
    }
    if maker.choices.once_in(2) {
        pairs.push(("variables", maker.variables()));
    }
    pairs.push(match maker.choices.pick(3) {
        0 => ("steps", maker.steps()),
        1 => ("jobs", maker.jobs()),
        _ => ("stages", maker.stages()),
    });
    Tree::map(pairs)
}

struct Maker<'a, 'b> {
    choices: &'a mut Choices<'b>,
    named: usize,
}

impl Maker<'_, '_> {
    fn name(&mut self, prefix: &str) -> Tree {
        self.named += 1;
        Tree::text(format!("{prefix}{}", self.named))
    }

    fn text(&mut self) -> Tree {
        Tree::text(*self.choices.of(TEXTS))
    }

    fn variables(&mut self) -> Tree {
        let count = 1 + self.choices.pick(3);
        let values: Vec<_> = (0..count).map(|n| (format!("v{n}"), self.text())).collect();
        if self.choices.once_in(2) {
            return Tree::Map(values);
        }
        let entry = |(name, value)| Tree::map([("name", Tree::Text(name)), ("value", value)]);
        Tree::List(values.into_iter().map(entry).collect())
    }

    /// So many of them, some of which differ from the one before by the value of their first key only.
    fn list(&mut self, make: fn(&mut Self) -> Tree, again: fn(&mut Self) -> Tree) -> Tree {
        let mut items: Vec<Tree> = Vec::new();
        for _ in 0..=self.choices.pick(4) {
            let repeated = self.choices.once_in(3);
            let item = match items.last() {
                Some(Tree::Map(pairs)) if repeated => {
                    let mut pairs = pairs.clone();
                    // Names of steps are unique.
                    pairs.retain(|(key, _)| key != "name" && key != "dependsOn");
                    if let Some((key, value)) = pairs.first_mut()
                        && matches!(
                            key.as_str(),
                            "script" | "bash" | "job" | "deployment" | "stage"
                        )
                    {
                        *value = again(self);
                    }
                    Tree::Map(pairs)
                }
                _ => make(self),
            };
            items.push(item);
        }
        Tree::List(items)
    }

    fn stages(&mut self) -> Tree {
        self.list(Self::stage, |maker| maker.name("S"))
    }

    fn stage(&mut self) -> Tree {
        let mut pairs = vec![("stage", self.name("S"))];
        if self.choices.once_in(3) {
            pairs.push(("displayName", self.text()));
        }
        if self.choices.once_in(3) {
            pairs.push(("condition", Tree::text(*self.choices.of(CONDITIONS))));
        }
        if self.choices.once_in(3) {
            pairs.push(("variables", self.variables()));
        }
        pairs.push(("jobs", self.jobs()));
        Tree::map(pairs)
    }

    fn jobs(&mut self) -> Tree {
        self.list(Self::job, |maker| maker.name("J"))
    }

    fn job(&mut self) -> Tree {
        if self.choices.once_in(4) {
            return self.deployment();
        }
        let mut pairs = vec![("job", self.name("J"))];
        if self.choices.once_in(3) {
            pairs.push(("displayName", self.text()));
        }
        if self.choices.once_in(3) {
            pairs.push(("variables", self.variables()));
        }
        if self.choices.once_in(4) {
            let leg = |maker: &mut Self| Tree::map([("v0", maker.text()), ("v5", maker.text())]);
            let legs = Tree::map([("first", leg(self)), ("second", leg(self))]);
            pairs.push(("strategy", Tree::map([("matrix", legs)])));
        }
        if self.choices.once_in(4) {
            pairs.push(("timeoutInMinutes", Tree::Word("5")));
        }
        pairs.push(("steps", self.steps()));
        Tree::map(pairs)
    }

    fn deployment(&mut self) -> Tree {
        let deploy = Tree::map([("steps", self.steps())]);
        let once = Tree::map([("deploy", deploy)]);
        Tree::map([
            ("deployment", self.name("D")),
            ("environment", Tree::text("production")),
            ("strategy", Tree::map([("runOnce", once)])),
        ])
    }

    fn steps(&mut self) -> Tree {
        self.list(Self::step, Self::text)
    }

    fn step(&mut self) -> Tree {
        let mut pairs = match self.choices.pick(5) {
            0 => vec![("script", self.text())],
            1 => vec![("bash", self.text()), ("failOnStderr", Tree::Word("True"))],
            2 => {
                let inputs = [("what", self.text()), ("keystore", Tree::text("a"))];
                vec![
                    ("task", Tree::text("SignThings@4")),
                    ("inputs", Tree::map(inputs)),
                ]
            }
            3 => vec![
                ("checkout", Tree::text("self")),
                ("clean", Tree::Word("False")),
            ],
            _ => {
                let inputs = [("secureFile", Tree::text("a"))];
                vec![
                    ("task", Tree::text("DownloadSecureFile@1")),
                    ("inputs", Tree::map(inputs)),
                ]
            }
        };
        if self.choices.once_in(3) {
            pairs.push(("displayName", self.text()));
        }
        if self.choices.once_in(4) {
            pairs.push(("env", Tree::map([("A", self.text()), ("B", self.text())])));
        }
        if self.choices.once_in(4) {
            pairs.push((
                "enabled",
                Tree::Word(["True", "False"][self.choices.pick(2)]),
            ));
        }
        if self.choices.once_in(4) {
            pairs.push(("condition", Tree::text(*self.choices.of(CONDITIONS))));
        }
        if self.choices.once_in(4) {
            pairs.push(("name", self.name("step")));
        }
        Tree::map(pairs)
    }
}
