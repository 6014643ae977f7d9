//! Lists: conditions and loops among the items are dissolved, templates are put in, and a list that an expression gives joins
//! the list around it.

use super::{
    Expander, Slot,
    directive::{Directive, directive},
    mapping::{Chain, Order},
    scope::Scope,
    settle::uses_template,
};
use crate::yaml::{Kind, Node};

impl Expander<'_> {
    /// Appends the items of a list, expanded.
    pub(super) fn sequence(
        &mut self,
        items: &[Node],
        scope: &Scope,
        slot: Slot,
        depth: usize,
        out: &mut Vec<Node>,
    ) {
        let mut scope = scope.clone();
        let mut chain = Chain::None;
        for item in items {
            if self.stopped {
                return;
            }
            let from = out.len();
            match conditional(item) {
                Some(pairs) => {
                    for (key, value) in pairs {
                        self.directed(key, value, &scope, slot, depth, &mut chain, out);
                    }
                }
                None => {
                    chain = Chain::None;
                    self.item(item, &scope, slot, depth, out);
                }
            }
            if slot == Slot::Variables {
                // Each entry sees those before it.
                scope = scope.with_variables(super::variables::listed(&out[from..]));
            }
        }
    }

    fn directed(
        &mut self,
        key: &Node,
        value: &Node,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        chain: &mut Chain,
        out: &mut Vec<Node>,
    ) {
        let Some(found) = key.text().and_then(directive) else {
            return;
        };
        match self.order(&found, key, scope, chain) {
            Order::Skip => {}
            Order::Once => self.splice(value, scope, slot, depth, out),
            Order::Each(scopes) => {
                for scope in scopes {
                    self.splice(value, &scope, slot, depth, out);
                }
            }
        }
    }

    /// What stands below a directive joins the list.
    fn splice(
        &mut self,
        value: &Node,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        out: &mut Vec<Node>,
    ) {
        let place = scope.place(value.place);
        if !self.count(1, place) || !self.deep(depth, place) {
            return;
        }
        match &value.kind {
            Kind::Sequence(items) => self.sequence(items, scope, slot, depth + 1, out),
            Kind::Scalar { .. } if value.is_null() => {}
            _ => self.item(value, scope, slot, depth, out),
        }
    }

    fn item(&mut self, item: &Node, scope: &Scope, slot: Slot, depth: usize, out: &mut Vec<Node>) {
        let takes = slot.list().is_some();
        if let (true, Kind::Mapping(pairs)) = (takes && uses_template(item), &item.kind) {
            self.include(item, pairs, scope, slot, depth, out);
            return;
        }
        let made = self.node(item, scope, slot.item(), depth);
        // One template that an expression, or a loop around keys, gives.
        if takes && uses_template(&made) {
            self.settle(made, scope, slot, depth, out);
            return;
        }
        match (&item.kind, made.kind) {
            // A list that an expression gives.
            (Kind::Scalar { .. }, Kind::Sequence(items)) => {
                for item in items {
                    self.settle(item, scope, slot, depth, out);
                }
            }
            // Conditions, none of which held.
            (Kind::Mapping(pairs), Kind::Mapping(made)) if made.is_empty() && !pairs.is_empty() => {
            }
            (_, kind) => out.push(Node {
                kind,
                place: made.place,
            }),
        }
    }
}

/// The pairs of an item that is nothing but conditions and loops around items. Several of them around keys make one mapping
/// together, and are none of this.
fn conditional(item: &Node) -> Option<&[(Node, Node)]> {
    let Kind::Mapping(pairs) = &item.kind else {
        return None;
    };
    let orders = |(key, _): &(Node, Node)| {
        key.text()
            .and_then(directive)
            .is_some_and(|found| found != Directive::Insert)
    };
    let lists = pairs
        .iter()
        .any(|(_, value)| matches!(value.kind, Kind::Sequence(_)));
    // A loop around keys makes one mapping of all its rounds.
    let keys = |(key, value): &(Node, Node)| {
        let each = matches!(key.text().and_then(directive), Some(Directive::Each { .. }));
        each && matches!(value.kind, Kind::Mapping(_))
    };
    let single = pairs.len() == 1 && !pairs.iter().any(keys);
    let fits = pairs.iter().all(orders) && (single || lists);
    (fits && !pairs.is_empty()).then_some(pairs.as_slice())
}
