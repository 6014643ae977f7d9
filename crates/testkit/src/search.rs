//! Looking for something secret wherever it must not be, in every spelling that it may have taken.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::path::Path;

/// A needle in its spellings.
pub(crate) struct Needle {
    forms: Vec<(&'static str, Vec<u8>)>,
    finder: AhoCorasick,
}

impl Needle {
    pub(crate) fn new(needle: &[u8]) -> Self {
        assert!(needle.len() >= 8, "a short needle is found by chance");
        let mut forms = vec![
            ("as it is", needle.to_vec()),
            ("in hex", hex::encode(needle).into_bytes()),
            ("in hex", hex::encode_upper(needle).into_bytes()),
            ("as a list of numbers", list(needle)),
            ("escaped", needle.escape_ascii().to_string().into_bytes()),
        ];
        for offset in 0..3 {
            // Base64 depends on where the needle begins: only the characters that are the needle's alone count.
            let padded = [&vec![0; offset], needle].concat();
            let from = [0, 2, 3][offset];
            let to = padded.len() / 3 * 4;
            forms.push((
                "in base64",
                STANDARD_NO_PAD.encode(&padded)[from..to].into(),
            ));
            forms.push((
                "in base64url",
                URL_SAFE_NO_PAD.encode(&padded)[from..to].into(),
            ));
        }
        let finder = AhoCorasick::new(forms.iter().map(|(_, form)| form)).unwrap();
        Self { forms, finder }
    }

    /// How it stands in a text, if it does.
    pub(crate) fn form_in(&self, text: &[u8]) -> Option<&'static str> {
        let found = self.finder.find(text)?;
        Some(self.forms[found.pattern().as_usize()].0)
    }

    /// The places in a folder where it stands, also in names of files.
    pub(crate) fn in_folder(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let Ok(entries) = std::fs::read_dir(folder) else {
            return found;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if let Some(form) = self.form_in(name.as_bytes()) {
                found.push(format!("the name {name}, {form}"));
            }
            if path.is_dir() {
                found.extend(self.in_folder(&path));
            } else if let Ok(bytes) = std::fs::read(&path)
                && let Some(form) = self.form_in(&bytes)
            {
                found.push(format!("the file {name}, {form}"));
            }
        }
        found
    }
}

/// As `{:?}` of a slice writes it.
fn list(bytes: &[u8]) -> Vec<u8> {
    let text = format!("{bytes:?}");
    text.trim_matches(['[', ']']).as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    #[test]
    fn every_spelling_is_found_wherever_it_begins() {
        let secret = crate::random(32);
        let needle = Needle::new(&secret);
        for before in 0..5 {
            let text = [&vec![b'x'; before], secret.as_slice(), b"after"].concat();
            for spelling in [
                text.clone(),
                STANDARD.encode(&text).into_bytes(),
                URL_SAFE.encode(&text).into_bytes(),
                hex::encode(&text).into_bytes(),
                hex::encode_upper(&text).into_bytes(),
                format!("{text:?}").into_bytes(),
                text.escape_ascii().to_string().into_bytes(),
            ] {
                assert!(
                    needle.form_in(&spelling).is_some(),
                    "{before}: {spelling:?}"
                );
            }
        }
        assert_eq!(needle.form_in(&crate::random(4096)), None);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/file"), &secret).unwrap();
        assert_eq!(needle.in_folder(folder.path()).len(), 1);
    }
}
