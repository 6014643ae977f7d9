//! A YAML tree to write, and how it is written. It must not know pipelines.

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// A text, in quotes where it would be something else without.
    Text(String),
    /// A boolean, a number: never in quotes.
    Word(&'static str),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn map<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Self)>) -> Self {
        let pairs = pairs.into_iter();
        Self::Map(pairs.map(|(key, value)| (key.into(), value)).collect())
    }

    /// Whether there is a word in it, which JSON writes in another way.
    pub(super) fn has_words(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Word(_) => true,
            Self::List(items) => items.iter().any(Self::has_words),
            Self::Map(pairs) => pairs.iter().any(|(_, value)| value.has_words()),
        }
    }

    /// Whether one of these keys is in it.
    pub(super) fn has_key(&self, keys: &[&str]) -> bool {
        match self {
            Self::Text(_) | Self::Word(_) => false,
            Self::List(items) => items.iter().any(|item| item.has_key(keys)),
            Self::Map(pairs) => pairs
                .iter()
                .any(|(key, value)| keys.contains(&key.as_str()) || value.has_key(keys)),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Word(word) => serde_json::from_str(word).unwrap_or_else(|_| (*word).into()),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(pairs) => pairs
                .iter()
                .map(|(key, value)| (key.clone(), value.json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

pub(super) fn written(tree: &Tree) -> String {
    let mut out = String::new();
    block(tree, 0, &mut out);
    out
}

/// Begins on a line of its own, or after `- `.
fn block(tree: &Tree, indent: usize, out: &mut String) {
    let begin = |out: &mut String| {
        if out.is_empty() || out.ends_with('\n') {
            out.push_str(&" ".repeat(indent));
        }
    };
    match tree {
        Tree::Map(pairs) => {
            for (key, value) in pairs {
                begin(out);
                out.push_str(&scalar(key));
                out.push(':');
                below(value, indent, out);
            }
        }
        Tree::List(items) => {
            for item in items {
                begin(out);
                out.push('-');
                match item {
                    Tree::Map(pairs) if !pairs.is_empty() => {
                        out.push(' ');
                        block(item, indent + 2, out);
                    }
                    _ => below(item, indent, out),
                }
            }
        }
        Tree::Text(_) | Tree::Word(_) => {}
    }
}

fn below(tree: &Tree, indent: usize, out: &mut String) {
    match tree {
        Tree::Text(text) => {
            out.push(' ');
            out.push_str(&scalar(text));
            out.push('\n');
        }
        Tree::Word(word) => {
            out.push(' ');
            out.push_str(word);
            out.push('\n');
        }
        Tree::List(items) if items.is_empty() => out.push_str(" []\n"),
        Tree::Map(pairs) if pairs.is_empty() => out.push_str(" {}\n"),
        Tree::List(_) | Tree::Map(_) => {
            out.push('\n');
            block(tree, indent + 2, out);
        }
    }
}

fn scalar(text: &str) -> String {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic()) || text.starts_with("${{ ");
    let simple = |c: char| c.is_ascii_alphanumeric() || " _./()',@${}[]".contains(c);
    let plain = starts
        && text.chars().all(simple)
        && !text.ends_with(' ')
        && !words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if plain {
        return text.to_owned();
    }
    // What JSON writes, YAML reads.
    serde_json::Value::from(text).to_string()
}
