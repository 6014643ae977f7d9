//! Any text gets a plan or an answer, and the final text of a plan is a pipeline again, with the same plan.

use super::world::World;

pub(crate) fn yaml(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        World::of(text).holds();
    }
}
