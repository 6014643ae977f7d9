//! Writes `tests/vectors/good.json` and `bad.json`. The same bytes each time: `git diff` shows a change of format.
//!
//! `cargo run -p coffer-seal --example vectors`. Published vectors are kept for ever: a new format version gets
//! new files beside these.

#[path = "../tests/support/mod.rs"]
mod support;

#[path = "../tests/support/bad.rs"]
mod bad;
#[path = "../tests/support/make.rs"]
mod make;

use std::fs;

use support::{Bad, Good};

const SIZES: [(&str, usize); 11] = [
    ("empty", 0),
    ("one-byte", 1),
    ("short", 100),
    ("segment-less-one", 65_535),
    ("segment", 65_536),
    ("segment-and-one", 65_537),
    ("two-segments", 131_072),
    ("three-segments", 196_608),
    ("other-three-segments", 196_608),
    ("odd", 200_003),
    ("ten-mebibytes", 10_485_760),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let made: Vec<_> = SIZES
        .iter()
        .map(|&(name, length)| make::good(name, length, length <= 100))
        .collect();
    let good = Good {
        about: "Sealed files that open; format in docs/sealed-format.md. Plaintext: byte blocks \
                SHA-256(name ‖ counter as 8 big-endian bytes), cut to the length."
            .into(),
        vectors: made.iter().map(|made| made.vector.clone()).collect(),
    };
    let bad = Bad {
        about: "Bytes that must not open. A sealed file is its pieces, joined; with flip_each_bit it stands for one \
                file per bit of that range. Absent members are those of the good vector named by `of`."
            .into(),
        sealed: bad::sealed(&made),
        wraps: bad::wraps(&made),
    };
    fs::write(
        support::path("good.json"),
        serde_json::to_string_pretty(&good)? + "\n",
    )?;
    fs::write(
        support::path("bad.json"),
        serde_json::to_string_pretty(&bad)? + "\n",
    )?;
    Ok(())
}
