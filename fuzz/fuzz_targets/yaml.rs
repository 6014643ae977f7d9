//! See `crates/pipeline/tests/promises/held`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| coffer_fuzz::yaml(data));
