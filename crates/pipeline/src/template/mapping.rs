//! Mappings: conditions and loops among the keys are dissolved first, in the order of the text, except that `variables` come
//! before everything that may use them; then the values are expanded.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Expander, Slot,
    directive::{Directive, directive},
    evaluate::Answer,
    scope::{Bound, Scope},
};
use crate::{
    diagnostic::{Code, Place, quotable},
    expression::Value,
    yaml::{Kind, Node},
};

/// How the chain of `if`, `elseif` and `else` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// The thing before was no condition.
    None,
    /// No condition held so far.
    Open,
    /// One did.
    Taken,
}

/// What is to become of a value.
enum Pending<'n> {
    Node(&'n Node, Scope),
    Done(Node),
}

/// What a directive asks for.
pub(super) enum Order {
    /// Once, with the scope as it is.
    Once,
    /// Once for each.
    Each(Vec<Scope>),
    /// Not at all.
    Skip,
}

impl Expander<'_> {
    /// The pairs of a mapping, expanded.
    pub(super) fn mapping(
        &mut self,
        pairs: &[(Node, Node)],
        scope: &Scope,
        slot: Slot,
        depth: usize,
    ) -> Vec<(Node, Node)> {
        let mut scope = scope.clone();
        let mut flat = Flat::default();
        let scoped = matches!(slot, Slot::Root | Slot::Stage | Slot::Job);
        let early = pairs
            .iter()
            .position(|(key, _)| scoped && key.text() == Some("variables"));
        let mut rest = pairs;
        if let Some((key, value)) = early.and_then(|at| pairs.get(at)) {
            let expanded = self.node(value, &scope, Slot::Variables, depth);
            scope = scope.with_variables(super::variables::known(&expanded));
            let (before, after) = pairs.split_at(early.unwrap_or_default());
            self.flatten(before.iter(), &scope, slot, depth, &mut flat);
            let key = Node {
                kind: key.kind.clone(),
                place: scope.place(key.place),
            };
            flat.add(self, key, Pending::Done(expanded));
            rest = &after[1..];
        }
        self.flatten(rest.iter(), &scope, slot, depth, &mut flat);
        let mut late = None;
        if scoped && early.is_none() {
            late = flat.expand_variables(self, depth).map(Rc::<[_]>::from);
        }
        let mut out = Vec::new();
        for (key, pending) in flat.pairs {
            let below = key.text().map_or(Slot::Plain, |key| slot.below(key));
            let value = match pending {
                Pending::Done(node) => node,
                Pending::Node(node, inner) => {
                    let inner = match &late {
                        Some(variables) => inner.with_variables(Rc::clone(variables)),
                        None => inner,
                    };
                    self.node(node, &inner, below, depth)
                }
            };
            out.push((key, value));
        }
        out
    }

    fn flatten<'n>(
        &mut self,
        pairs: impl Iterator<Item = &'n (Node, Node)>,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        flat: &mut Flat<'n>,
    ) {
        let mut scope = scope.clone();
        let mut chain = Chain::None;
        let mut pairs = pairs.peekable();
        while let Some((key, value)) = pairs.next() {
            if self.stopped {
                return;
            }
            let from = flat.pairs.len();
            let found = key.text().and_then(directive);
            if found.is_some() && value.is_null() {
                self.empty(key, pairs.peek().copied(), &scope);
            }
            match found {
                None => {
                    chain = Chain::None;
                    let key = self.scalar(key, &scope, Slot::Plain, depth);
                    let pending = if slot == Slot::Variables {
                        Pending::Done(self.node(value, &scope, Slot::Plain, depth))
                    } else {
                        Pending::Node(value, scope.clone())
                    };
                    flat.add(self, key, pending);
                }
                Some(Directive::Insert) => {
                    chain = Chain::None;
                    self.merge(value, &scope, slot, depth, flat);
                }
                Some(found) => match self.order(&found, key, &scope, &mut chain) {
                    Order::Skip => {}
                    Order::Once => self.merge(value, &scope, slot, depth, flat),
                    Order::Each(scopes) => {
                        for scope in scopes {
                            self.merge(value, &scope, slot, depth, flat);
                        }
                    }
                },
            }
            if slot == Slot::Variables {
                // Each sees those before it.
                scope = scope.with_variables(flat.variables(from));
            }
        }
    }

    /// What stands below a directive joins the mapping.
    fn merge<'n>(
        &mut self,
        value: &'n Node,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        flat: &mut Flat<'n>,
    ) {
        let place = scope.place(value.place);
        if !self.count(1, place) || !self.deep(depth, place) {
            return;
        }
        match &value.kind {
            Kind::Refused => {}
            Kind::Mapping(pairs) => self.flatten(pairs.iter(), scope, slot, depth, flat),
            Kind::Scalar { .. } if value.is_null() => {}
            Kind::Scalar { .. } => {
                let made = self.scalar(value, scope, Slot::Plain, depth);
                match made.kind {
                    Kind::Mapping(pairs) => {
                        for (key, value) in pairs {
                            let below = key.text().map_or(Slot::Plain, |key| slot.below(key));
                            let value = self.settled(value, scope, below, depth);
                            flat.add(self, key, Pending::Done(value));
                        }
                    }
                    Kind::Refused => {}
                    _ if made.is_null() => {}
                    _ => self.no_mapping(place),
                }
            }
            Kind::Sequence(_) => self.no_mapping(place),
        }
    }

    fn no_mapping(&mut self, place: Place) {
        self.report.error(
            Code::WrongType,
            place,
            "Expected a mapping: what is inserted among keys must have keys itself",
            "indent `key: value` below it; in a list, begin the line of the condition with `- `",
        );
    }

    /// A directive with nothing below it, and lines after it that look as if they belonged to it.
    fn empty(&mut self, key: &Node, next: Option<&(Node, Node)>, scope: &Scope) {
        let follows = |(next, _): &(Node, Node)| next.text().and_then(directive).is_none();
        if next.is_some_and(follows) {
            self.report.warn(
                Code::Suspicious,
                scope.place(key.place),
                "nothing stands below this: the lines after it count whether or not it holds",
                "indent what belongs to it further than the `$`",
            );
        }
    }

    /// Decides what a directive asks for, and keeps the chain of conditions.
    pub(super) fn order(
        &mut self,
        found: &Directive<'_>,
        key: &Node,
        scope: &Scope,
        chain: &mut Chain,
    ) -> Order {
        let before = std::mem::replace(chain, Chain::None);
        let mut branch = |expander: &mut Self, text: &str, offset: usize| {
            let truth = expander.truth(text, key, offset, scope);
            // A condition that cannot be told is reported; nothing of the chain is shown to be wrong for it.
            *chain = if truth == Some(false) {
                Chain::Open
            } else {
                Chain::Taken
            };
            if truth == Some(true) {
                Order::Once
            } else {
                Order::Skip
            }
        };
        match found {
            Directive::If { condition, offset } => branch(self, condition, *offset),
            Directive::ElseIf { .. } | Directive::Else if before == Chain::None => {
                self.report.error(
                    Code::Expression,
                    scope.place(key.place),
                    "there is no `if` right before this",
                    "put it right after the `${{ if … }}:` it belongs to, on the same level",
                );
                Order::Skip
            }
            Directive::ElseIf { .. } if before == Chain::Taken => {
                *chain = Chain::Taken;
                Order::Skip
            }
            Directive::ElseIf { condition, offset } => branch(self, condition, *offset),
            Directive::Else if before == Chain::Open => Order::Once,
            Directive::Else => Order::Skip,
            Directive::Each {
                name,
                collection,
                offset,
            } => match self.each(name, collection, *offset, key, scope) {
                Some(scopes) => Order::Each(scopes),
                None => Order::Skip,
            },
            Directive::Insert => {
                self.report.error(
                    Code::Expression,
                    scope.place(key.place),
                    "`insert` joins keys, and this is an item of a list",
                    "write the list itself as the item: `- ${{ parameters.list }}`",
                );
                Order::Skip
            }
            Directive::Broken {
                message,
                hint,
                offset,
            } => {
                let at = scope.place(key.place_of(*offset));
                self.report.error(Code::Syntax, at, *message, *hint);
                *chain = Chain::Taken;
                Order::Skip
            }
        }
    }

    /// A scope for each item of a collection. Over an object an item has `key` and `value`.
    fn each(
        &mut self,
        name: &str,
        collection: &str,
        offset: usize,
        key: &Node,
        scope: &Scope,
    ) -> Option<Vec<Scope>> {
        let place = scope.place(key.place_of(offset));
        let answer = self.answer(collection, key, offset, scope)?;
        let node = match &answer {
            Answer::Written(bound) => bound.as_node(),
            Answer::Computed(_) => None,
        };
        let items: Option<Vec<Bound>> = match node.map(|node| &node.kind) {
            Some(Kind::Sequence(items)) => Some(items.iter().cloned().map(Bound::node).collect()),
            Some(Kind::Mapping(pairs)) => Some(
                pairs
                    .iter()
                    .map(|(key, value)| Bound::node(pair(key, value)))
                    .collect(),
            ),
            _ => counted(&answer.get()),
        };
        let Some(items) = items else {
            self.no_collection(place);
            return None;
        };
        let work = node.map_or(0, |node| node.size().0);
        self.count(items.len() + work, place).then(|| {
            items
                .into_iter()
                .map(|item| scope.with_loop(name, item))
                .collect()
        })
    }

    fn no_collection(&mut self, place: Place) {
        self.report.error(
            Code::Expression,
            place,
            "`each` goes over a list or a mapping, and this is neither",
            "split(…) makes a list of a text; a parameter of type `object` may be a list",
        );
    }

    fn duplicate(&mut self, name: &str, key: Place, first: Place) {
        let first = self.report.location(first);
        self.report.error(
            Code::DuplicateKey,
            key,
            format!("'{}' is already defined, at {first}", quotable(name)),
            "remove one of the two, or let only one of the conditions hold",
        );
    }
}

/// `key` and `value` of one member.
fn pair(key: &Node, value: &Node) -> Node {
    let named = |name: &str| Node::made(name, false, key.place);
    Node {
        kind: Kind::Mapping(vec![
            (named("key"), key.clone()),
            (named("value"), value.clone()),
        ]),
        place: key.place,
    }
}

/// The items of a computed collection.
fn counted(value: &Value) -> Option<Vec<Bound>> {
    match value {
        Value::Array(items) => Some(items.iter().cloned().map(Bound::value).collect()),
        Value::Object(_) => Some(
            super::value::entries(value)
                .into_iter()
                .map(|(key, value)| {
                    let key = super::value::text(&key);
                    let pair = [("key".to_owned(), key), ("value".to_owned(), value)];
                    Bound::value(super::value::object(pair))
                })
                .collect(),
        ),
        // Nothing was given: nothing to go over.
        Value::Null => Some(Vec::new()),
        _ => None,
    }
}

/// Pairs without directives.
#[derive(Default)]
struct Flat<'n> {
    pairs: Vec<(Node, Pending<'n>)>,
    seen: BTreeMap<String, Place>,
}

impl<'n> Flat<'n> {
    fn add(&mut self, expander: &mut Expander<'_>, key: Node, pending: Pending<'n>) {
        let Some(name) = key.text() else {
            if !matches!(key.kind, Kind::Refused) {
                expander.report.error(
                    Code::WrongType,
                    key.place,
                    "a key must be a text",
                    "only an expression that gives a text can be a key",
                );
            }
            return;
        };
        if let Some(first) = self.seen.get(name) {
            expander.duplicate(name, key.place, *first);
            return;
        }
        self.seen.insert(name.to_owned(), key.place);
        self.pairs.push((key, pending));
    }

    /// Names and texts of those that were added last.
    fn variables(&self, from: usize) -> Vec<(String, String)> {
        let added = self.pairs.iter().skip(from);
        added
            .filter_map(|(name, pending)| match pending {
                Pending::Done(value) => super::variables::one(name, value),
                Pending::Node(..) => None,
            })
            .collect()
    }

    /// `variables` that only a condition brought in: expanded before the values beside them.
    fn expand_variables(
        &mut self,
        expander: &mut Expander<'_>,
        depth: usize,
    ) -> Option<Vec<(String, String)>> {
        let (_, pending) = self
            .pairs
            .iter_mut()
            .find(|(key, _)| key.text() == Some("variables"))?;
        if let Pending::Node(node, scope) = pending {
            let expanded = expander.node(node, scope, Slot::Variables, depth);
            *pending = Pending::Done(expanded);
        }
        match pending {
            Pending::Done(node) => Some(super::variables::known(node)),
            Pending::Node(..) => None,
        }
    }
}
