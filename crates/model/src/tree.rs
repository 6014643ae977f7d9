//! A hash tree over the digests of the audit log, so that a part can be proved without the rest. Pure.
//!
//! The tree is that of RFC 9162: leaves in order, and over them complete subtrees of 2, 4, 8 … leaves. Its root stands
//! in every signed record. Whoever leaves rows out of an export puts the digests of the subtrees they make up in their
//! place: at most two for each doubling of the gap, instead of one for each row. It must not know events.

use crate::audit::{Digest, Fields};

const LEAF: &[u8] = b"coffer audit leaf v1";
const NODE: &[u8] = b"coffer audit node v1";
const ROOT: &[u8] = b"coffer audit root v1";

/// Subtrees over leaves that follow each other, as few as there can be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    start: u64,
    end: u64,
    nodes: Vec<(u32, Digest)>,
}

impl Tree {
    /// No leaves yet; the first will be the one after `leaves` others.
    pub fn after(leaves: i64) -> Self {
        let start = leaves.unsigned_abs();
        Self {
            start,
            end: start,
            nodes: Vec::new(),
        }
    }

    /// A tree from the first leaf on, of so many leaves, from its subtrees as [`Tree::nodes`] gives them.
    pub fn of(leaves: i64, nodes: &[Digest]) -> Option<Self> {
        let mut tree = Self::default();
        tree.skip(leaves, nodes).then_some(tree)
    }

    /// Leaves up to the end of this part, from the first on.
    pub fn leaves(&self) -> i64 {
        i64::try_from(self.end).unwrap_or(i64::MAX)
    }

    /// Adds the next leaf.
    pub fn leaf(&mut self, digest: &Digest) {
        let mut hash = Fields::new(LEAF);
        hash.field(digest);
        self.add(0, hash.finish());
    }

    /// Adds subtrees in the place of the next leaves up to `leaves`. False, and nothing added, if they cannot be those.
    pub fn skip(&mut self, leaves: i64, nodes: &[Digest]) -> bool {
        let Ok(until) = u64::try_from(leaves) else {
            return false;
        };
        let (mut at, mut levels) = (self.end, Vec::new());
        while at < until {
            let fits = (until - at).ilog2();
            let level = if at == 0 {
                fits
            } else {
                fits.min(at.trailing_zeros())
            };
            levels.push(level);
            at += 1 << level;
        }
        if at != until || levels.is_empty() || levels.len() != nodes.len() {
            return false;
        }
        for (level, node) in levels.into_iter().zip(nodes) {
            self.add(level, *node);
        }
        true
    }

    fn add(&mut self, level: u32, digest: Digest) {
        self.nodes.push((level, digest));
        self.end += 1 << level;
        // Two of a size, the left one where a subtree of twice that size begins, become that one.
        while let [.., (left, a), (right, b)] = self.nodes.as_slice()
            && left == right
            && (self.end - (2 << left)).is_multiple_of(2 << left)
        {
            let mut hash = Fields::new(NODE);
            hash.field(&left.to_be_bytes());
            hash.field(a);
            hash.field(b);
            let both = (left + 1, hash.finish());
            self.nodes.truncate(self.nodes.len() - 2);
            self.nodes.push(both);
        }
    }

    /// The subtrees, from left to right.
    pub fn nodes(&self) -> Vec<Digest> {
        self.nodes.iter().map(|(_, digest)| *digest).collect()
    }

    /// The root of a tree from the first leaf on.
    pub fn root(&self) -> Digest {
        let mut hash = Fields::new(ROOT);
        hash.field(&self.end.to_be_bytes());
        for (_, digest) in &self.nodes {
            hash.field(digest);
        }
        hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(n: i64) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&n.to_be_bytes());
        digest
    }

    fn whole(leaves: i64) -> Tree {
        let mut tree = Tree::default();
        (0..leaves).for_each(|n| tree.leaf(&leaf(n)));
        tree
    }

    #[test]
    fn a_gap_of_any_size_anywhere_gives_the_same_root() {
        for leaves in [1, 2, 3, 7, 8, 21, 64, 65] {
            let root = whole(leaves).root();
            for from in 0..leaves {
                for until in from + 1..=leaves {
                    let mut gap = Tree::after(from);
                    (from..until).for_each(|n| gap.leaf(&leaf(n)));
                    let mut tree = whole(from);
                    assert!(tree.skip(until, &gap.nodes()), "{from} {until}");
                    (until..leaves).for_each(|n| tree.leaf(&leaf(n)));
                    assert_eq!(tree.root(), root, "{from} to {until} of {leaves}");
                    assert!(gap.nodes().len() <= 12);
                }
            }
            assert_eq!(
                Tree::of(leaves, &whole(leaves).nodes()),
                Some(whole(leaves))
            );
        }
    }

    #[test]
    fn another_number_or_order_of_leaves_gives_another_root() {
        let mut swapped = Tree::default();
        [1, 0, 2].iter().for_each(|n| swapped.leaf(&leaf(*n)));
        let roots = [
            whole(2).root(),
            whole(3).root(),
            whole(4).root(),
            swapped.root(),
        ];
        for (n, root) in roots.iter().enumerate() {
            assert!(!roots[..n].contains(root));
        }
    }

    #[test]
    fn subtrees_that_do_not_fit_are_not_taken() {
        let mut tree = whole(3);
        let before = tree.clone();
        assert!(!tree.skip(6, &[leaf(0)]));
        assert!(!tree.skip(3, &[]));
        assert!(!tree.skip(2, &[leaf(0)]));
        assert!(!tree.skip(-1, &[leaf(0)]));
        assert_eq!(tree, before);
    }
}
