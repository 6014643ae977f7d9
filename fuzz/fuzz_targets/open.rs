//! See `crates/seal/tests/promises/held.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| coffer_fuzz::open(data));
