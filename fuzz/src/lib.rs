//! The promises that the targets look for a breach of. They stand beside the tests of the crate that makes them, which keep
//! them for the seeds; nothing is promised here.

#[path = "../../crates/pipeline/tests/promises/held/mod.rs"]
mod held;

/// Hands bytes to a promise.
macro_rules! targets {
    ($($name:ident),*) => { $(
        #[doc = concat!("See `held::", stringify!($name), "`.")]
        pub fn $name(data: &[u8]) {
            held::$name(data);
        }
    )* };
}

targets!(expression, condition, query, yaml, template, hidden);
