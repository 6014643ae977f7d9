//! What is hidden in templates comes out again: some bytes, as many as the first says, make a plain pipeline, and the others
//! put parts of it into files, parameters, conditions and loops. Its final text and its plan must be those of the plain one. Fewer bytes, and smaller
//! ones, make less of everything, so that a counterexample shrinks to something to read.

mod condition;
mod hide;
mod plain;
mod rules;
mod tree;

use std::{fmt::Write as _, slice::Iter};

use super::world::{World, stripped};

pub(crate) fn hidden(data: &[u8]) {
    let Some((length, rest)) = data.split_first() else {
        return;
    };
    let (first, second) = rest.split_at(rest.len().min(usize::from(*length)));
    let plain = plain::pipeline(&mut Choices(first.iter()));
    let by_hand = World::of(&tree::written(&plain));
    let world = hide::hidden(&plain, &mut Choices(second.iter()));
    let told = || told(&by_hand, &world);
    let expected = by_hand
        .planned()
        .unwrap_or_else(|wrong| panic!("the plain one is none: {wrong:?}\n{}", told()));
    let found = world
        .planned()
        .unwrap_or_else(|wrong| panic!("what was hidden is lost: {wrong:#?}\n{}", told()));
    assert!(
        found.final_yaml() == expected.final_yaml(),
        "what came out reads\n{}\nand not\n{}\n{}",
        found.final_yaml(),
        expected.final_yaml(),
        told()
    );
    assert_eq!(
        stripped(&found.plan),
        stripped(&expected.plan),
        "another plan of the same text\n{}",
        told()
    );
    world.holds();
}

fn told(by_hand: &World, world: &World) -> String {
    let mut text = format!(
        "--- by hand\n{}\n--- with templates\n{}",
        by_hand.root, world.root
    );
    for (path, file) in &world.files {
        let _ = write!(text, "\n--- {path}\n{file}");
    }
    for (name, value) in &world.inputs.parameters {
        let _ = write!(text, "\n--- given: {name} = {value}");
    }
    text
}

/// Bytes as decisions. When there are none left, every decision is the first, and the simplest.
struct Choices<'a>(Iter<'a, u8>);

impl Choices<'_> {
    /// One of so many.
    fn pick(&mut self, count: usize) -> usize {
        let byte = self.0.next().copied().unwrap_or_default();
        usize::from(byte) % count.max(1)
    }

    /// Once in so many times.
    fn once_in(&mut self, count: usize) -> bool {
        self.pick(count) == count - 1
    }

    fn of<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.pick(list.len())]
    }

    /// A part of so many things that is not empty: from, and to.
    fn range(&mut self, count: usize) -> (usize, usize) {
        let from = self.pick(count);
        (from, from + 1 + self.pick(count - from))
    }
}
