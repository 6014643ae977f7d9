//! The promises of `held`, kept for the seeds of the fuzzer, for texts made of its words, and for arbitrary bytes: with small,
//! fixed effort. What the fuzzer finds becomes a seed in `fuzz/seeds`, and so a test. It must not promise anything itself.

mod held;
mod hostile;

use std::{fs, path::PathBuf};

use proptest::{collection::vec, prelude::*, sample::select};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(name)
}

/// The seeds of a target, each with its name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder("seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|wrong| panic!("{}: {wrong}", folder.display()))
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).expect("a seed"))
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// The words of a dictionary, as libFuzzer reads them.
fn words(dictionary: &str) -> Vec<String> {
    let text = fs::read_to_string(folder("dictionaries").join(dictionary)).expect("a dictionary");
    let words: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'))
        .map(|word| {
            word.replace("\\x0A", "\n")
                .replace("\\\"", "\"")
                .replace("\\\\", "\\")
        })
        .collect();
    assert!(!words.is_empty());
    words
}

/// Seeds with parts cut out, doubled, exchanged for words or for parts of other seeds.
fn changed(target: &'static str, dictionary: &str) -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Vec<u8>> = seeds(target).into_iter().map(|(_, seed)| seed).collect();
    let others = seeds.clone();
    let edit = (
        any::<prop::sample::Index>(),
        0_usize..24,
        0_u8..4,
        select(words(dictionary)),
        any::<prop::sample::Index>(),
    );
    (select(seeds), vec(edit, 1..6)).prop_map(move |(mut data, edits)| {
        for (at, length, how, word, other) in edits {
            let at = at.index(data.len() + 1);
            let to = (at + length).min(data.len());
            let part: Vec<u8> = match how {
                0 => Vec::new(),
                1 => data[at..to].repeat(2),
                2 => word.into_bytes(),
                _ => {
                    let other = &others[other.index(others.len())];
                    let from = at.min(other.len());
                    other[from..(from + length * 4).min(other.len())].to_vec()
                }
            };
            data.splice(at..to, part);
        }
        data
    })
}

/// Words of a dictionary one after the other.
fn soup(dictionary: &str) -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), vec(select(words(dictionary)), 0..60))
        .prop_map(|(first, words)| [vec![first], words.concat().into_bytes()].concat())
}

/// The tests of one target.
macro_rules! target {
    ($name:ident, $dictionary:literal, $cases:literal) => {
        mod $name {
            use super::*;

            #[test]
            fn holds_for_its_seeds() {
                for (name, seed) in seeds(stringify!($name)) {
                    println!("seed {name}");
                    held::$name(&seed);
                }
            }

            proptest! {
                #![proptest_config(ProptestConfig { cases: $cases, failure_persistence: None, ..ProptestConfig::default() })]

                #[test]
                fn holds_for_changed_seeds(data in changed(stringify!($name), $dictionary)) {
                    held::$name(&data);
                }

                #[test]
                fn holds_for_words(data in soup($dictionary)) {
                    held::$name(&data);
                }
            }
        }
    };
}

target!(expression, "expressions.dict", 500);
target!(condition, "expressions.dict", 300);
target!(query, "expressions.dict", 300);
target!(yaml, "pipelines.dict", 200);
target!(template, "pipelines.dict", 200);

/// Its bytes are decisions, so that words would mean nothing.
mod hidden {
    use super::*;

    #[test]
    fn holds_for_its_seeds() {
        for (name, seed) in seeds("hidden") {
            println!("seed {name}");
            held::hidden(&seed);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_expanded_equals_what_is_written_by_hand(plain in vec(any::<u8>(), 0..150), hide in vec(any::<u8>(), 0..250)) {
            let length = u8::try_from(plain.len()).expect("it is short");
            held::hidden(&[vec![length], plain, hide].concat());
        }
    }
}

/// Texts made to hurt end soon, with what is expected. What each costs is measured by `cargo xtask perf hostile`.
#[test]
fn soak_hostile_texts_end() {
    let all = told("COFFER_EFFORT").as_deref() == Some("soak");
    let mut played = 0;
    for case in hostile::cases()
        .into_iter()
        .filter(|case| all || !case.long)
    {
        let mut world = held::world::World::of(&case.root);
        let files = case.files.into_iter();
        world.files = files
            .map(|(path, text)| (path.to_owned(), text.into()))
            .collect();
        let answer = match world.planned() {
            Ok(_) => String::new(),
            Err(refusal) => format!("{refusal:?}"),
        };
        let fits = answer.contains(case.told) && answer.is_empty() == case.told.is_empty();
        let shown: String = answer.chars().take(2000).collect();
        assert!(
            fits,
            "{}: expected {:?}, and was told {shown}",
            case.name, case.told
        );
        assert!(
            answer.len() < 1 << 20,
            "{}: {} bytes of errors",
            case.name,
            answer.len()
        );
        played += 1;
    }
    println!("{played} hostile texts");
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how long"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
