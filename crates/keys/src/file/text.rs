//! The text of a root key file: one line a generation, closed by a line that shows whether it is whole.
//!
//! Must not know where the text is kept.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_seal::{Digest, Entropy, KEY_LEN, NOTE_MAX, Secret, SecretKey, random_key};
use zeroize::Zeroizing;

const FIRST_LINE: &str = "coffer-root-keys 1";
const WARNING: &str = "# Who reads this file can open every secure file of this installation.\n\
    # Keep a copy apart from the data and its backups. Do not edit it.\n";
const KEY_TEXT_LEN: usize = 44;

/// Whether a generation may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Wraps and unwraps.
    Active,
    /// Refuses both, until enabled again or destroyed.
    Disabled,
}

/// What may be told about a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationInfo {
    /// The opaque id, random.
    pub id: String,
    /// The one scale unit it serves.
    pub scale_unit: String,
    /// Whether it may be used.
    pub state: State,
    /// When it was made, in seconds since 1970, by the clock of the file system that holds the file.
    pub created: u64,
}

/// A generation with its key, which is wiped when dropped.
pub(super) struct Generation {
    pub(super) info: GenerationInfo,
    pub(super) key: SecretKey,
}

/// All of a root key file.
#[derive(Default)]
pub(super) struct KeyFile {
    pub(super) generations: Vec<Generation>,
    /// One note a scale unit, at most.
    pub(super) notes: Vec<(String, String)>,
}

/// Why a text is not a root key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The first line names another version of the format, or nothing known.
    Version,
    /// This line (from 1) is not as it was written.
    Line(usize),
    /// The last line is missing or does not fit the rest.
    Incomplete,
}

impl Generation {
    pub(super) fn new(scale_unit: &str, entropy: &Entropy) -> Self {
        let mut id = [0; 16];
        entropy(&mut id);
        let key = random_key(entropy);
        let id = id.iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a string does not fail
            text
        });
        let info = GenerationInfo {
            id,
            scale_unit: scale_unit.to_owned(),
            state: State::Active,
            created: 0,
        };
        Self { info, key }
    }
}

impl KeyFile {
    /// The text, allocated once so that growing leaves no copy of a key behind.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let lines: usize = self
            .generations
            .iter()
            .map(|generation| generation.info.scale_unit.len() + 192)
            .sum();
        let notes: usize = self
            .notes
            .iter()
            .map(|(unit, note)| unit.len() + note.len() * 4 / 3 + 32)
            .sum();
        let mut text = Zeroizing::new(String::with_capacity(lines + notes + 512));
        text.push_str(FIRST_LINE);
        text.push('\n');
        text.push_str(WARNING);
        for Generation { info, key } in &self.generations {
            let state = match info.state {
                State::Active => "active",
                State::Disabled => "disabled",
            };
            let mut encoded = Box::new(Zeroizing::new([0; KEY_TEXT_LEN]));
            STANDARD
                .encode_slice(key.as_bytes(), encoded.as_mut_slice())
                .expect("32 bytes are 44 characters");
            let encoded = std::str::from_utf8(encoded.as_slice()).expect("base64 is ASCII");
            let GenerationInfo {
                id,
                scale_unit,
                created,
                ..
            } = info;
            let _ = writeln!(
                text,
                "generation id={id} unit={scale_unit} state={state} created={created} key={encoded}"
            );
        }
        for (unit, note) in &self.notes {
            let _ = writeln!(text, "note unit={unit} text={}", STANDARD.encode(note));
        }
        let digest = Digest::of(text.as_bytes()).to_hex();
        let _ = writeln!(
            text,
            "end generations={} sha256={digest}",
            self.generations.len()
        );
        text
    }

    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        if text.lines().next() != Some(FIRST_LINE) {
            return Err(Flaw::Version);
        }
        let body_end = text
            .strip_suffix('\n')
            .and_then(|text| text.rfind('\n'))
            .ok_or(Flaw::Incomplete)?
            + 1;
        let (body, last) = text.split_at(body_end);
        let mut file = Self::default();
        for (index, line) in body.lines().enumerate().skip(1) {
            let flaw = Flaw::Line(index + 1);
            if line.starts_with("note ") {
                file.notes.push(parse_note(line).ok_or(flaw)?);
            } else if !line.starts_with('#') {
                file.generations.push(parse_line(line).ok_or(flaw)?);
            }
        }
        let digest = Digest::of(body.as_bytes()).to_hex();
        let expected = format!(
            "end generations={} sha256={digest}\n",
            file.generations.len()
        );
        if last == expected {
            Ok(file)
        } else {
            Err(Flaw::Incomplete)
        }
    }
}

fn parse_note(line: &str) -> Option<(String, String)> {
    let (unit, encoded) = line.strip_prefix("note unit=")?.split_once(" text=")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    (text.len() <= NOTE_MAX).then(|| (unit.to_owned(), text))
}

fn parse_line(line: &str) -> Option<Generation> {
    let mut words = line.split(' ');
    if words.next() != Some("generation") {
        return None;
    }
    let mut value = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
    let id = value("id")?.to_owned();
    let scale_unit = value("unit")?.to_owned();
    let state = match value("state")? {
        "active" => State::Active,
        "disabled" => State::Disabled,
        _ => return None,
    };
    let created = value("created")?.parse().ok()?;
    let encoded = value("key")?;
    if words.next().is_some() || encoded.len() != KEY_TEXT_LEN {
        return None;
    }
    // Room for what 44 characters could say, so that a wrong length is seen and not cut.
    let mut decoded = Secret::<{ KEY_LEN + 1 }>::zeroed();
    let length = STANDARD
        .decode_slice(encoded, decoded.as_mut_bytes())
        .ok()?;
    if length != KEY_LEN {
        return None;
    }
    let mut key = SecretKey::zeroed();
    key.as_mut_bytes()
        .copy_from_slice(&decoded.as_bytes()[..KEY_LEN]);
    Some(Generation {
        info: GenerationInfo {
            id,
            scale_unit,
            state,
            created,
        },
        key,
    })
}

#[cfg(test)]
mod tests {
    use coffer_seal::os_entropy;

    use super::*;
    use crate::check_scale_unit;

    fn sample() -> KeyFile {
        let mut file = KeyFile::default();
        for (unit, state) in [
            ("unit-1", State::Disabled),
            ("unit-1", State::Active),
            ("eu/2", State::Active),
        ] {
            let mut generation = Generation::new(unit, &os_entropy);
            generation.info.state = state;
            generation.info.created = 1_700_000_000;
            file.generations.push(generation);
        }
        file.notes.push(("unit-1".into(), "7 a note = b".into()));
        file
    }

    #[test]
    fn what_is_written_reads_back() {
        let file = sample();
        let text = file.to_text();
        assert!(text.capacity() > text.len(), "the text never had to grow");
        let read = KeyFile::parse(&text).ok().unwrap();
        assert_eq!(read.generations.len(), 3);
        assert_eq!(read.notes, file.notes);
        for (read, written) in read.generations.iter().zip(&file.generations) {
            assert_eq!(read.info, written.info);
            assert!(read.key.as_bytes() == written.key.as_bytes());
        }
        assert!(
            KeyFile::parse(&KeyFile::default().to_text())
                .is_ok_and(|file| file.generations.is_empty())
        );
    }

    #[test]
    fn a_changed_or_cut_text_is_refused() {
        let text = sample().to_text();
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            assert!(KeyFile::parse(&text[..end]).is_err(), "cut at {end}");
        }
        for (index, line) in text.lines().enumerate() {
            let without: String = text
                .split_inclusive('\n')
                .filter(|other| other.trim_end() != line)
                .collect();
            assert!(
                KeyFile::parse(&without).is_err(),
                "without line {}",
                index + 1
            );
        }
        assert_eq!(
            KeyFile::parse(&text.replace("state=disabled", "state=active")).err(),
            Some(Flaw::Incomplete)
        );
        assert_eq!(
            KeyFile::parse(&text.replace("state=disabled", "state=other")).err(),
            Some(Flaw::Line(4))
        );
        assert_eq!(
            KeyFile::parse(&text.replace("keys 1", "keys 2")).err(),
            Some(Flaw::Version)
        );
        assert_eq!(
            KeyFile::parse(&format!("{}more\n", *text)).err(),
            Some(Flaw::Line(8))
        );
    }

    #[test]
    fn a_unit_is_one_word() {
        for bad in ["", "a b", "a\nb", "a\u{a0}b", &"x".repeat(129)] {
            assert!(check_scale_unit(bad).is_err(), "{bad:?}");
        }
        assert!(check_scale_unit("eu-west/2").is_ok());
    }
}
