//! Names: one canonical form, made at the edge, kept beside the name as it was typed.
//!
//! A secure file's name becomes a file name in a job's temporary folder and text on pages and in logs. So the rules
//! are strict: what could leave a folder, split a header, or look like another name is refused, never rewritten.

use std::fmt;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A secure file's name that follows the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileName(String);

/// Why a name is refused. The texts never repeat the name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameProblem {
    /// No characters, or white space only.
    Empty,
    /// More than [`MAX_BYTES`] bytes of UTF-8.
    TooLong,
    /// Not in Unicode normalization form C.
    NotNormalized,
    /// `/`, `\`, `:` or another character that has a meaning in paths.
    PathCharacter(char),
    /// A control character, a line break, or one that changes the direction of text.
    Invisible(u32),
    /// `.` or `..`.
    Dots,
    /// White space or a dot at an end, where file systems drop it.
    Edges,
}

/// The longest name, in bytes of UTF-8.
pub const MAX_BYTES: usize = 255;

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("The name is empty. Give the file a name."),
            Self::TooLong => write!(f, "The name is longer than {MAX_BYTES} bytes. Choose a shorter one."),
            Self::NotNormalized => f.write_str(
                "The name is not in Unicode normalization form C. Type it again, or normalize it before uploading.",
            ),
            Self::PathCharacter(c) => {
                write!(f, "The name holds the character '{c}', which has a meaning in paths. Choose a name without it.")
            }
            Self::Invisible(code) => write!(
                f,
                "The name holds the invisible or control character U+{code:04X}. Choose a name without it."
            ),
            Self::Dots => f.write_str("A name cannot be '.' or '..'."),
            Self::Edges => f.write_str("The name begins or ends with white space, or ends with a dot. Remove it."),
        }
    }
}

impl std::error::Error for NameProblem {}

impl FileName {
    /// Checks a name. Nothing is changed silently: the name is taken as it is or refused.
    pub fn parse(name: &str) -> Result<Self, NameProblem> {
        if name.trim().is_empty() {
            return Err(NameProblem::Empty);
        }
        if name.len() > MAX_BYTES {
            return Err(NameProblem::TooLong);
        }
        if name == "." || name == ".." {
            return Err(NameProblem::Dots);
        }
        for c in name.chars() {
            if matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                return Err(NameProblem::PathCharacter(c));
            }
            if is_invisible(c) {
                return Err(NameProblem::Invisible(c as u32));
            }
        }
        if name.starts_with(char::is_whitespace)
            || name.ends_with(|c: char| c.is_whitespace() || c == '.')
        {
            return Err(NameProblem::Edges);
        }
        if !is_nfc(name) {
            return Err(NameProblem::NotNormalized);
        }
        Ok(Self(name.into()))
    }

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What uniqueness is judged by.
    pub fn key(&self) -> String {
        key(&self.0)
    }
}

/// The canonical form for comparisons that ignore case: compatibility-composed, lower case.
///
/// Lower case of the upper case, so that `ß` and `SS`, or the two small sigmas, are one.
pub fn key(name: &str) -> String {
    name.nfkc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .collect()
}

/// A text with its letters and marks composed: one form, however it was typed. Upper and lower case stay.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Whether a text is fit as the name of a person, project, pipeline or agent: visible, normalized, not long.
pub fn is_fit(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_BYTES
        && name.trim() == name
        && is_nfc(name)
        && !name
            .chars()
            .any(|c| is_invisible(c) || matches!(c, '/' | '\\'))
}

fn is_invisible(c: char) -> bool {
    matches!(
        get_general_category(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_people_use_are_taken_as_they_are() {
        for name in [
            "myCACertificate.pem",
            "Zertifikat für iOS.p12",
            "a,b.txt",
            ".npmrc",
            "証明書.cer",
            "a..b",
            "%2e%2e",
        ] {
            assert_eq!(FileName::parse(name).map(|n| n.0), Ok(name.to_owned()));
        }
    }

    #[test]
    fn names_that_could_do_harm_are_refused() {
        use NameProblem as P;
        for (name, problem) in [
            ("", P::Empty),
            ("  ", P::Empty),
            (".", P::Dots),
            ("..", P::Dots),
            ("../x", P::PathCharacter('/')),
            ("a\\b", P::PathCharacter('\\')),
            ("C:x", P::PathCharacter(':')),
            ("a\0b", P::Invisible(0)),
            ("a\r\nSet-Cookie: x", P::Invisible(0x0d)),
            ("gpj\u{202e}exe.p12", P::Invisible(0x202e)),
            ("a\u{200b}b", P::Invisible(0x200b)),
            ("a\u{2028}b", P::Invisible(0x2028)),
            (" a", P::Edges),
            ("a ", P::Edges),
            ("a.", P::Edges),
            ("e\u{301}", P::NotNormalized),
        ] {
            assert_eq!(FileName::parse(name), Err(problem), "{name:?}");
        }
        assert_eq!(FileName::parse(&"x".repeat(256)), Err(P::TooLong));
        assert!(FileName::parse(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn keys_ignore_case_and_width() {
        assert_eq!(key("Straße.P12"), key("STRASSE.p12"));
        assert_eq!(key("ΣΑΣ"), key("σας"));
        assert_eq!(key("Ａ.pem"), key("a.pem"));
        assert_ne!(key("a.pem"), key("b.pem"));
    }
}
