//! Any pipeline with any files beside it gets a plan or an answer. The bytes are one text: the pipeline, then files, each
//! below a line `=== path` or `=== path@alias`, and values of parameters, each a line `=== ?name=value`, where the value is JSON
//! or text. Paths that no file has lead to some file, so that files use each other, and themselves.

use super::world::World;

pub(crate) fn template(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        cut(text).holds();
    }
}

fn cut(text: &str) -> World {
    let mut parts = text.split("\n=== ");
    let mut world = World::of(parts.next().unwrap_or_default());
    world.any_path = true;
    for part in parts {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        match head
            .strip_prefix('?')
            .and_then(|given| given.split_once('='))
        {
            Some((name, value)) => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                world.inputs.parameters.push((name.to_owned(), value));
            }
            None => {
                world.files.insert(head.to_owned(), body.into());
            }
        }
    }
    world
}
