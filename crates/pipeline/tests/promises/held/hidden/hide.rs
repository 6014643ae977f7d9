//! Puts parts of a plain pipeline into files, parameters, conditions and loops. It knows the rules of `docs/templates.md`, and
//! must not know how they are followed.

use std::collections::BTreeMap;

use super::{
    super::world::World,
    Choices,
    condition::{branches, expression, quoted},
    rules::{Slot, Variables, alike, seen},
    tree::{Tree, written},
};

/// Most files.
const FILES: usize = 20;
/// Most levels of files.
const LEVELS: usize = 5;
/// Most lists within lists that something is done to: conditions take two levels of the 64 that a file may have.
const LISTS: usize = 15;

pub(super) fn hidden(plain: &Tree, choices: &mut Choices<'_>) -> World {
    let mut hider = Hider {
        choices,
        files: BTreeMap::new(),
        named: 0,
        tools: false,
        lists: 0,
        scripts: plain.has_key(&["script", "bash"]),
    };
    let Tree::Map(pairs) = plain else {
        unreachable!("a pipeline is a mapping")
    };
    hider.tools = pairs.iter().any(|(key, _)| key == "resources");
    let mut file = File::default();
    let tree = hider.root(pairs, &mut file, &Vec::new());
    let mut world = World::of(&written(&tree));
    world.files = std::mem::take(&mut hider.files);
    for parameter in file.parameters {
        if let Some(given) = parameter.given {
            let as_text = given.has_words() && !matches!(given, Tree::Word(_));
            let value = if as_text {
                written(&given).into()
            } else {
                given.json()
            };
            world.inputs.parameters.push((parameter.name, value));
        }
    }
    world
}

/// A file that is being written.
#[derive(Default)]
struct File {
    parameters: Vec<Parameter>,
    folder: &'static str,
    in_tools: bool,
    level: usize,
}

struct Parameter {
    name: String,
    kind: &'static str,
    default: Option<Tree>,
    given: Option<Tree>,
}

struct Hider<'a, 'b> {
    choices: &'a mut Choices<'b>,
    files: BTreeMap<String, std::sync::Arc<str>>,
    named: usize,
    /// There is a repository `tools`.
    tools: bool,
    /// How many lists we are in.
    lists: usize,
    /// There are scripts. A template that knows steps as such is handed the tasks that they are, and these read otherwise.
    scripts: bool,
}

impl Hider<'_, '_> {
    /// A type for a parameter that holds such a list.
    fn kind(&mut self, slot: Slot) -> &'static str {
        match slot.list() {
            Some((_, kinds)) if !self.scripts => kinds[self.choices.pick(kinds.len())],
            _ => "object",
        }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.named += 1;
        format!("{prefix}{}", self.named)
    }

    /// Declares a parameter that has this value; its name.
    fn parameter(&mut self, kind: &'static str, value: Tree, file: &mut File) -> String {
        let name = self.name("p");
        let (default, given) = match self.choices.pick(3) {
            0 => (Some(value), None),
            1 => (None, Some(value)),
            _ => {
                let other = match kind {
                    "number" => Tree::Word("77"),
                    "boolean" => Tree::Word("False"),
                    "string" => Tree::text("another"),
                    _ => Tree::List(Vec::new()),
                };
                (Some(other), Some(value))
            }
        };
        file.parameters.push(Parameter {
            name: name.clone(),
            kind,
            default,
            given,
        });
        name
    }

    /// `parameters:` of a file.
    fn declared(&mut self, file: &File) -> Option<Tree> {
        if file.parameters.is_empty() {
            return None;
        }
        let untyped = |parameter: &Parameter| {
            parameter.default.is_some() && matches!(parameter.kind, "string" | "object")
        };
        // A text for something untyped would be read as YAML when it is given at the start.
        let old = file.level > 0 && file.parameters.iter().all(untyped) && self.choices.once_in(3);
        let parameters = file.parameters.iter();
        Some(if old {
            Tree::map(parameters.map(|known| {
                let default = known.default.clone().unwrap_or_else(|| Tree::text(""));
                (known.name.as_str(), default)
            }))
        } else {
            Tree::List(
                parameters
                    .map(|known| {
                        let mut pairs = vec![
                            ("name", Tree::text(known.name.as_str())),
                            ("type", Tree::text(known.kind)),
                        ];
                        pairs.extend(known.default.clone().map(|default| ("default", default)));
                        Tree::map(pairs)
                    })
                    .collect(),
            )
        })
    }

    /// The pipeline's own file, or one that is extended.
    fn root(&mut self, pairs: &[(String, Tree)], file: &mut File, variables: &Variables) -> Tree {
        let literal = |key: &str| matches!(key, "trigger" | "resources");
        let fixed = pairs.iter().take_while(|(key, _)| literal(key)).count();
        let mut out = pairs[..fixed].to_vec();
        let rest = &pairs[fixed..];
        let extends = file.level < 3 && self.choices.once_in(4);
        if extends {
            let (own, others) = rest.split_at(self.choices.pick(rest.len()));
            let inner = seen(own, variables);
            out.extend(self.map(own, Slot::Root, false, file, variables));
            let used = self.file(others, Slot::Root, file, &inner);
            out.push(("extends".to_owned(), used));
        } else {
            out.extend(self.map(rest, Slot::Root, false, file, variables));
        }
        if let Some(declared) = self.declared(file) {
            let at = if self.choices.once_in(3) {
                out.len()
            } else {
                0
            };
            out.insert(at, ("parameters".to_owned(), declared));
        }
        Tree::Map(out)
    }

    /// Writes a file with these pairs at its root; the mapping that uses it.
    fn file(
        &mut self,
        pairs: &[(String, Tree)],
        slot: Slot,
        user: &mut File,
        variables: &Variables,
    ) -> Tree {
        let mut file = File {
            parameters: Vec::new(),
            folder: ["", "ci/", "ci/more/"][self.choices.pick(3)],
            in_tools: self.tools && self.choices.once_in(3),
            level: user.level + 1,
        };
        let name = format!("{}.yml", self.name("t"));
        // The place is taken before others are written.
        let path = format!("{}{name}", file.folder);
        let known = if file.in_tools {
            format!("{path}@tools")
        } else {
            path.clone()
        };
        self.files.insert(known.clone(), "".into());
        let tree = if slot == Slot::Root {
            self.root(pairs, &mut file, variables)
        } else {
            let mut pairs: Vec<_> = pairs
                .iter()
                .map(|(key, value)| (key.clone(), self.value(value, slot, &mut file, variables)))
                .collect();
            if let Some(declared) = self.declared(&file) {
                pairs.insert(0, ("parameters".to_owned(), declared));
            }
            Tree::Map(pairs)
        };
        self.files.insert(known, written(&tree).into());
        let alias = match (user.in_tools, file.in_tools) {
            (false, true) => "@tools",
            (true, false) => "@self",
            _ => ["", "@self"][usize::from(!file.in_tools && self.choices.once_in(4))],
        };
        let near =
            user.folder == file.folder && user.in_tools == file.in_tools && self.choices.once_in(2);
        let path = if near { name } else { format!("/{path}") };
        let path = self.scalar(&Tree::Text(format!("{path}{alias}")), user, variables);
        let given: Vec<_> = file
            .parameters
            .into_iter()
            .filter_map(|known| Some((known.name, known.given?)))
            .map(|(name, given)| (name, self.value(&given, Slot::Given, user, variables)))
            .collect();
        let mut used = vec![("template", path)];
        if !given.is_empty() {
            used.push(("parameters", Tree::Map(given)));
        }
        Tree::map(used)
    }

    fn value(&mut self, tree: &Tree, slot: Slot, file: &mut File, variables: &Variables) -> Tree {
        match tree {
            Tree::Text(_) | Tree::Word(_) => self.scalar(tree, file, variables),
            _ if self.choices.once_in(8) => {
                let kind = match tree {
                    Tree::List(_) => self.kind(slot),
                    _ => "object",
                };
                let name = self.parameter(kind, tree.clone(), file);
                Tree::Text(expression(&format!("parameters.{name}")))
            }
            Tree::List(items) => Tree::List(self.list(items, slot, file, variables)),
            Tree::Map(pairs) => Tree::Map(self.map(pairs, slot, false, file, variables)),
        }
    }

    fn scalar(&mut self, tree: &Tree, file: &mut File, variables: &Variables) -> Tree {
        let text = match tree {
            Tree::Text(text) => text,
            Tree::Word(word) => {
                let kind = if word.parse::<f64>().is_ok() {
                    "number"
                } else {
                    "boolean"
                };
                return match self.choices.pick(6) {
                    3 => {
                        let name = self.parameter(kind, tree.clone(), file);
                        Tree::Text(expression(&format!("parameters.{name}")))
                    }
                    4 => Tree::Text(expression(word)),
                    5 => Tree::Text(expression(&format!("iif(true, {word}, null)"))),
                    _ => tree.clone(),
                };
            }
            Tree::List(_) | Tree::Map(_) => return tree.clone(),
        };
        let one_line = !text.contains('\n');
        let whole = match self.choices.pick(10) {
            3 => {
                let name = self.parameter("string", tree.clone(), file);
                format!("parameters['{name}']")
            }
            4 if one_line => quoted(text),
            5 if one_line => {
                let text = quoted(text);
                let forms = [
                    format!("format('{{0}}', {text})"),
                    format!("coalesce('', {text})"),
                    format!("iif(eq('a', 'A'), {text}, 'another')"),
                    format!("join('', split({text}, ''))"),
                    format!("replace(format('<{{0}}', {text}), '<', '')"),
                ];
                self.choices.of(&forms).clone()
            }
            6 => {
                let object = Tree::map([("other", Tree::text("x")), ("inner", tree.clone())]);
                let name = self.parameter("object", object, file);
                format!("parameters.{name}.inner")
            }
            7 => {
                let list = Tree::List(vec![Tree::text("x"), tree.clone()]);
                let name = self.parameter("object", list, file);
                format!("parameters.{name}[1]")
            }
            8 => {
                let middles: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                let at = middles.get(self.choices.pick(middles.len())).copied();
                let (before, after) = text.split_at(at.unwrap_or_default());
                let name = self.parameter("string", Tree::text(after), file);
                return Tree::Text(format!(
                    "{before}{}",
                    expression(&format!("parameters.{name}"))
                ));
            }
            9 => match variables.iter().rev().find(|(_, value)| value == text) {
                Some((name, _)) => format!("variables.{name}"),
                None => return tree.clone(),
            },
            _ => return tree.clone(),
        };
        Tree::Text(expression(&whole))
    }

    /// The items of a list, some of them hidden.
    fn list(
        &mut self,
        items: &[Tree],
        slot: Slot,
        file: &mut File,
        variables: &Variables,
    ) -> Vec<Tree> {
        if items.is_empty() {
            return Vec::new();
        }
        let how = self.choices.pick(8);
        if how < 2 || self.lists == LISTS {
            return items
                .iter()
                .map(|item| self.item(item, slot, file, variables))
                .collect();
        }
        self.lists += 1;
        let (from, to) = self.choices.range(items.len());
        let part = &items[from..to];
        let mut out: Vec<Tree> = Vec::new();
        for item in &items[..from] {
            out.push(self.item(item, slot, file, variables));
        }
        match (how, slot.list()) {
            (2, _) => {
                let kept = Tree::List(self.list(part, slot, file, variables));
                let junk = match slot {
                    Slot::Given | Slot::Plain => Tree::text("never"),
                    _ => Tree::map([("template", Tree::text("nowhere.yml"))]),
                };
                let branches = branches(kept, &Tree::List(vec![junk]), variables, self.choices);
                if self.choices.once_in(2) {
                    out.push(Tree::Map(branches));
                } else {
                    out.extend(branches.into_iter().map(|branch| Tree::map([branch])));
                }
            }
            (3, _) => {
                let kind = self.kind(slot);
                let name = self.parameter(kind, Tree::List(part.to_vec()), file);
                out.push(Tree::Text(expression(&format!("parameters.{name}"))));
            }
            (4, _) if let Some((key, firsts, rest)) = alike(part) => {
                out.push(self.each(&key, firsts, rest, slot, file, variables));
            }
            (5.., Some((key, _))) if self.files.len() < FILES && file.level < LEVELS => {
                let pairs = [(key.to_owned(), Tree::List(part.to_vec()))];
                out.push(self.file(&pairs, slot, file, variables));
            }
            _ => out.extend(self.list(part, slot, file, variables)),
        }
        for item in &items[to..] {
            out.push(self.item(item, slot, file, variables));
        }
        self.lists -= 1;
        out
    }

    fn item(&mut self, item: &Tree, slot: Slot, file: &mut File, variables: &Variables) -> Tree {
        match item {
            Tree::Map(pairs) => Tree::Map(self.map(pairs, slot.item(), true, file, variables)),
            _ => self.value(item, slot.item(), file, variables),
        }
    }

    /// Items that differ in the value of their first key only, as a loop.
    fn each(
        &mut self,
        key: &str,
        firsts: Vec<String>,
        rest: &[(String, Tree)],
        slot: Slot,
        file: &mut File,
        variables: &Variables,
    ) -> Tree {
        let item = self.name("x");
        let simple = |text: &String| !text.is_empty() && !text.contains([',', '\n']);
        let form = self.choices.pick(4);
        let (collection, value) = if form == 3 && firsts.iter().all(simple) {
            let text = quoted(&firsts.join(","));
            (format!("split({text}, ',')"), item.clone())
        } else if form == 2 {
            let pairs = firsts.into_iter().enumerate();
            let map = Tree::map(pairs.map(|(at, text)| (format!("k{at}"), Tree::Text(text))));
            let name = self.parameter("object", map, file);
            (format!("parameters.{name}"), format!("{item}.value"))
        } else if form == 1 {
            let items = firsts.into_iter();
            let list = items
                .map(|text| Tree::map([("first", Tree::Text(text))]))
                .collect();
            let name = self.parameter("object", Tree::List(list), file);
            (format!("parameters.{name}"), format!("{item}.first"))
        } else {
            let list = firsts.into_iter().map(Tree::Text).collect();
            let name = self.parameter("object", Tree::List(list), file);
            (format!("parameters.{name}"), item.clone())
        };
        let mut pairs = vec![(key.to_owned(), Tree::Text(expression(&value)))];
        pairs.extend(self.map(rest, slot.item(), false, file, variables));
        let each = expression(&format!("each {item} in {collection}"));
        Tree::map([(each, Tree::List(vec![Tree::Map(pairs)]))])
    }

    /// The pairs of a mapping, some of them hidden. A mapping that is an item of a list and nothing but a loop would be as many
    /// items.
    fn map(
        &mut self,
        pairs: &[(String, Tree)],
        slot: Slot,
        item: bool,
        file: &mut File,
        variables: &Variables,
    ) -> Vec<(String, Tree)> {
        let inner = match slot {
            Slot::Root | Slot::Stage | Slot::Job => seen(pairs, variables),
            _ => variables.clone(),
        };
        if pairs.is_empty() {
            return Vec::new();
        }
        let how = self.choices.pick(9);
        let (from, to) = if how < 3 {
            (0, 0)
        } else {
            self.choices.range(pairs.len())
        };
        let mut out = Vec::new();
        for (key, value) in &pairs[..from] {
            out.push(self.pair(key, value, slot, file, variables, &inner));
        }
        let part = &pairs[from..to];
        let all = item && part.len() == pairs.len();
        match how {
            _ if part.is_empty() => {}
            3 => {
                let kept: Vec<_> = part
                    .iter()
                    .map(|(key, value)| self.pair(key, value, slot, file, variables, &inner))
                    .collect();
                let junk = Tree::map([("never", Tree::text("never"))]);
                // Variables beside the condition are seen by it, unless a condition brings them in.
                let known = variables.iter().filter(|known| inner.contains(known));
                let known = known.cloned().collect::<Variables>();
                out.extend(branches(Tree::Map(kept), &junk, &known, self.choices));
            }
            4 => {
                let kept: Vec<_> = part
                    .iter()
                    .map(|(key, value)| self.pair(key, value, slot, file, variables, &inner))
                    .collect();
                out.push((expression("insert"), Tree::Map(kept)));
            }
            5 => {
                let name = self.parameter("object", Tree::Map(part.to_vec()), file);
                let value = Tree::Text(expression(&format!("parameters.{name}")));
                out.push((expression("insert"), value));
            }
            6 if !all => {
                let name = self.parameter("object", Tree::Map(part.to_vec()), file);
                let item = self.name("x");
                let each = expression(&format!("each {item} in parameters.{name}"));
                let key = expression(&format!("{item}.key"));
                let value = Tree::Text(expression(&format!("{item}.value")));
                out.push((each, Tree::map([(key, value)])));
            }
            _ => {
                for (key, value) in part {
                    let (key, value) = self.pair(key, value, slot, file, variables, &inner);
                    let hidden = self.choices.once_in(3);
                    // The first key of a list's item says what it is, and these are looked for as they are written.
                    let key = if hidden && !matches!(key.as_str(), "template" | "extends") {
                        expression(&quoted(&key))
                    } else {
                        key
                    };
                    out.push((key, value));
                }
            }
        }
        for (key, value) in &pairs[to..] {
            out.push(self.pair(key, value, slot, file, variables, &inner));
        }
        out
    }

    fn pair(
        &mut self,
        key: &str,
        value: &Tree,
        slot: Slot,
        file: &mut File,
        outer: &Variables,
        inner: &Variables,
    ) -> (String, Tree) {
        if slot.below(key) != Slot::Variables {
            return (
                key.to_owned(),
                self.value(value, slot.below(key), file, inner),
            );
        }
        // Each entry of a list sees those before it, which may hide one from outside.
        let own = seen(&[(key.to_owned(), value.clone())], &Vec::new());
        let hidden = |name: &str| own.iter().any(|(own, _)| own == name);
        let known = outer
            .iter()
            .filter(|(name, _)| !hidden(name))
            .cloned()
            .collect();
        (
            key.to_owned(),
            self.value(value, Slot::Variables, file, &known),
        )
    }
}
