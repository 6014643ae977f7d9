//! What may be hidden where: the kinds of values, the variables that are seen, the items that a loop can make.

use super::tree::Tree;

pub(super) type Variables = Vec<(String, String)>;
type Pairs<'a> = &'a [(String, Tree)];

/// What a value is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Root,
    Stages,
    Stage,
    Jobs,
    Job,
    Steps,
    Variables,
    Strategy,
    Plain,
    /// A value of a parameter: templates are not put in there.
    Given,
}

impl Slot {
    pub(super) fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Given, _) => Self::Given,
            (Self::Root, "stages") => Self::Stages,
            (Self::Root | Self::Stage, "jobs") => Self::Jobs,
            (Self::Root | Self::Job | Self::Strategy, "steps") => Self::Steps,
            (Self::Root | Self::Stage | Self::Job, "variables") => Self::Variables,
            (Self::Job, "strategy") => Self::Strategy,
            (Self::Strategy, "runOnce" | "deploy") => Self::Strategy,
            _ => Self::Plain,
        }
    }

    pub(super) fn item(self) -> Self {
        match self {
            Self::Stages => Self::Stage,
            Self::Jobs => Self::Job,
            Self::Given => Self::Given,
            _ => Self::Plain,
        }
    }

    /// The key of such a list in a template, and types of a parameter that holds one.
    pub(super) fn list(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Stages => Some(("stages", &["stageList", "object"])),
            Self::Jobs => Some(("jobs", &["jobList", "object"])),
            Self::Steps => Some(("steps", &["stepList", "object"])),
            Self::Variables => Some(("variables", &["object"])),
            _ => None,
        }
    }
}

/// Variables seen beside these pairs.
pub(super) fn seen(pairs: &[(String, Tree)], outer: &Variables) -> Variables {
    let mut seen = outer.clone();
    let mut add = |name: &str, value: &Tree| {
        if let Tree::Text(value) = value {
            seen.retain(|(known, _)| known != name);
            seen.push((name.to_owned(), value.clone()));
        }
    };
    match pairs.iter().find(|(key, _)| key == "variables") {
        Some((_, Tree::Map(pairs))) => pairs.iter().for_each(|(name, value)| add(name, value)),
        Some((_, Tree::List(entries))) => {
            for entry in entries {
                if let Tree::Map(pairs) = entry
                    && let [(_, Tree::Text(name)), (_, value)] = pairs.as_slice()
                {
                    add(name, value);
                }
            }
        }
        _ => {}
    }
    seen
}

/// The first key of all, its values, and the rest, if that is the same in all.
pub(super) fn alike(items: &[Tree]) -> Option<(String, Vec<String>, Pairs<'_>)> {
    let parts = |item: &Tree| match item {
        Tree::Map(pairs) => match pairs.split_first()? {
            ((key, Tree::Text(first)), rest) => Some((key.clone(), first.clone(), rest.to_vec())),
            _ => None,
        },
        _ => None,
    };
    let (key, _, rest) = parts(items.first()?)?;
    let mut firsts = Vec::new();
    for item in items {
        let (own, first, others) = parts(item)?;
        if own != key || others != rest {
            return None;
        }
        firsts.push(first);
    }
    match items.first()? {
        Tree::Map(pairs) => Some((key, firsts, &pairs[1..])),
        _ => None,
    }
}
