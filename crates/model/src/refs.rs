//! Which refs a permit names: full refs, with `*` for any run of characters. It must not know Git.

use std::fmt;

/// Patterns in one permit at most.
pub const MAX_REFS: usize = 20;
/// The longest pattern, bytes.
pub const MAX_REF: usize = 250;

/// The refs that a permit is for: at least one pattern, each a full ref. `*` stands for any run of characters, `/`
/// among them; nothing else is special, and case counts, as in Git.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AllowedRefs(Vec<String>);

/// What is wrong with a list of refs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefsError {
    /// There is none, or there are too many.
    Count,
    /// This one is no full ref.
    NotFull(String),
}

impl fmt::Display for RefsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => write!(f, "a permit names one to {MAX_REFS} refs, or none for all"),
            Self::NotFull(text) => write!(
                f,
                "'{text}' is not a full ref: write refs/heads/main, or refs/heads/release/* for a family of them"
            ),
        }
    }
}

impl std::error::Error for RefsError {}

/// Whether text is a ref, spelled in full, as Git lets refs be called; with `*` if `star`.
fn is_full(text: &str, star: bool) -> bool {
    let odd = |c: char| {
        c.is_control() || c.is_whitespace() || "~^:?[\\".contains(c) || (c == '*' && !star)
    };
    text.len() <= MAX_REF
        && text.starts_with("refs/")
        && text.len() > "refs/".len()
        && !text.ends_with('/')
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("@{")
        && !text.chars().any(odd)
}

impl AllowedRefs {
    /// A list of patterns. Those that are there twice count once.
    pub fn parse<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, RefsError> {
        let mut refs: Vec<String> = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref().trim();
            if !is_full(pattern, true) {
                return Err(RefsError::NotFull(pattern.chars().take(MAX_REF).collect()));
            }
            if !refs.iter().any(|known| known == pattern) {
                refs.push(pattern.to_owned());
            }
            if refs.len() > MAX_REFS {
                return Err(RefsError::Count);
            }
        }
        if refs.is_empty() {
            return Err(RefsError::Count);
        }
        Ok(Self(refs))
    }

    /// From the text in the store: a pattern a line.
    pub fn from_stored(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    /// The text for the store.
    pub fn stored(&self) -> String {
        self.0.join("\n")
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    /// Whether a ref is among them. What is not a ref is not.
    pub fn cover(&self, name: &str) -> bool {
        is_full(name, false) && self.0.iter().any(|pattern| matches(pattern, name))
    }
}

impl fmt::Display for AllowedRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// Goes back to the last star only, so that the time is bounded by the product of the lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            n = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(patterns: &[&str], name: &str) -> bool {
        AllowedRefs::parse(patterns).unwrap().cover(name)
    }

    #[test]
    fn a_plain_pattern_is_that_ref_and_no_other() {
        assert!(cover(&["refs/heads/main"], "refs/heads/main"));
        for other in [
            "refs/heads/main2",
            "refs/heads/Main",
            "refs/heads/x/main",
            "refs/tags/main",
            "main",
        ] {
            assert!(!cover(&["refs/heads/main"], other), "{other}");
        }
    }

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, name, good) in [
            ("refs/heads/release/*", "refs/heads/release/1.2", true),
            ("refs/heads/release/*", "refs/heads/release/1/2", true),
            ("refs/heads/release/*", "refs/heads/release", false),
            ("refs/heads/release/*", "refs/heads/releases/1", false),
            ("refs/*/main", "refs/heads/x/main", true),
            ("refs/*/main", "refs/heads/maine", false),
            ("refs/tags/v*.*", "refs/tags/v1.2.3", true),
            ("refs/tags/v*.*", "refs/tags/v12", false),
            ("refs/*", "refs/pull/7/merge", true),
            (
                "refs/heads/a*a*a*b",
                "refs/heads/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
                false,
            ),
        ] {
            assert_eq!(cover(&[pattern], name), good, "{pattern} {name}");
        }
        assert!(cover(&["refs/heads/main", "refs/tags/*"], "refs/tags/1"));
    }

    #[test]
    fn only_full_refs_are_taken_and_not_too_many() {
        for bad in [
            "main",
            "",
            "refs/",
            "heads/main",
            "refs/heads/a b",
            "refs/heads/../x",
            "refs/heads/a?",
            "refs//a",
            "refs/heads/",
        ] {
            assert!(AllowedRefs::parse([bad]).is_err(), "{bad}");
        }
        assert_eq!(
            AllowedRefs::parse(Vec::<String>::new()),
            Err(RefsError::Count)
        );
        let many: Vec<String> = (0..=MAX_REFS).map(|n| format!("refs/heads/{n}")).collect();
        assert_eq!(AllowedRefs::parse(&many), Err(RefsError::Count));
        assert!(AllowedRefs::parse(&many[1..]).is_ok());
        assert_eq!(
            AllowedRefs::parse(["refs/a", " refs/a "])
                .unwrap()
                .patterns()
                .len(),
            1
        );
    }

    #[test]
    fn what_is_no_ref_is_never_covered() {
        for name in [
            "refs/heads/a\nb",
            "refs/heads/..",
            "refs/heads/*",
            "",
            "refs/",
        ] {
            assert!(!cover(&["refs/*"], name), "{name}");
        }
    }

    #[test]
    fn the_store_gives_back_what_it_was_given() {
        let refs = AllowedRefs::parse(["refs/heads/main", "refs/tags/*"]).unwrap();
        assert_eq!(AllowedRefs::from_stored(&refs.stored()), refs);
        assert_eq!(refs.to_string(), "refs/heads/main refs/tags/*");
    }
}
