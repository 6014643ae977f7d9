//! Values that an expression brings to a place. What was handed to a template may use templates itself: they are put in where
//! there are lists. Their paths lead from the file that they were written in, which their frame tells.

use super::{Expander, Slot, scope::Scope, variables};
use crate::{
    read,
    yaml::{Kind, Node},
};

impl Expander<'_> {
    /// A finished value that an expression brought to a place: templates are put in where there are lists. What was handed
    /// over may use templates too; their paths lead from where they were written.
    pub(super) fn settled(&mut self, node: Node, scope: &Scope, slot: Slot, depth: usize) -> Node {
        if !slot.has_lists() {
            return node;
        }
        let kind = match node.kind {
            Kind::Sequence(items) if slot.list().is_some() => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    self.settle(item, scope, slot, depth + 1, &mut out);
                }
                Kind::Sequence(out)
            }
            Kind::Mapping(mut pairs) => {
                let mut scope = scope.clone();
                let early = pairs
                    .iter()
                    .position(|(key, _)| key.text() == Some("variables"));
                if let Some((_, value)) = early.and_then(|at| pairs.get_mut(at)) {
                    let own = std::mem::replace(value, Node::refused(node.place));
                    *value = self.settled(own, &scope, slot.below("variables"), depth + 1);
                    scope = scope.with_variables(variables::known(value));
                }
                let settle = |(at, (key, value)): (usize, (Node, Node))| {
                    let below = slot.below(key.text().unwrap_or_default());
                    let value = if early == Some(at) {
                        value
                    } else {
                        self.settled(value, &scope, below, depth + 1)
                    };
                    (key, value)
                };
                Kind::Mapping(pairs.into_iter().enumerate().map(settle).collect())
            }
            kind => kind,
        };
        Node {
            kind,
            place: node.place,
        }
    }

    /// An item of such a list.
    pub(super) fn settle(
        &mut self,
        item: Node,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        out: &mut Vec<Node>,
    ) {
        if !uses_template(&item) {
            let item = self.settled(item, scope, slot.item(), depth);
            out.push(item);
            return;
        }
        let place = item.place;
        let used = match item.kind {
            Kind::Mapping(pairs) => self.written_use(pairs, place),
            _ => None,
        };
        self.put_in(used, place, scope, slot, depth, out);
    }
}

/// Steps as templates see them: scripts are tasks too.
pub(super) fn complete(node: Node, slot: Slot) -> Node {
    let kind = match node.kind {
        Kind::Sequence(items) if slot.has_lists() => Kind::Sequence(
            items
                .into_iter()
                .map(|item| complete(item, slot.item()))
                .collect(),
        ),
        Kind::Mapping(pairs) if slot == Slot::Step => Kind::Mapping(read::as_task(pairs)),
        Kind::Mapping(pairs) if slot.has_lists() => {
            let below = |(key, value): (Node, Node)| {
                let slot = slot.below(key.text().unwrap_or_default());
                (key, complete(value, slot))
            };
            Kind::Mapping(pairs.into_iter().map(below).collect())
        }
        kind => kind,
    };
    Node {
        kind,
        place: node.place,
    }
}

/// Whether an item names a template.
pub(super) fn uses_template(item: &Node) -> bool {
    matches!(&item.kind, Kind::Mapping(pairs)
        if pairs.iter().any(|(key, _)| key.text() == Some("template")))
}
