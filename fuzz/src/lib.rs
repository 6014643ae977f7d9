//! The promises that the targets look for a breach of. They stand beside the tests of the crates that make them, which keep
//! them for the seeds; nothing is promised here.

#[path = "../../crates/pipeline/tests/promises/held/mod.rs"]
mod pipeline;
#[path = "../../crates/seal/tests/promises/held.rs"]
mod seal;

/// Hands bytes to a promise.
macro_rules! targets {
    ($from:ident: $($name:ident),*) => { $(
        #[doc = concat!("See `", stringify!($from), "::", stringify!($name), "`.")]
        pub fn $name(data: &[u8]) {
            $from::$name(data);
        }
    )* };
}

targets!(pipeline: expression, condition, query, yaml, template, hidden);
targets!(seal: open);
