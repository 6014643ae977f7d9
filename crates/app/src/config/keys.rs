//! The one table of what can be configured. Everything else about configuration follows it.
//!
//! Its parts are beside it; the sections of key providers stand with what they mean, in `super::providers`.

mod aws;
mod azure;
mod duties;
mod file;
mod people;
mod pkcs11;
mod root;
mod server;
mod vault;

/// What a value has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A file or folder; relative to the folder the server is started in.
    Path,
    /// `true` or `false`.
    Boolean,
    /// A whole number, both ends included.
    Integer { least: u32, most: u32 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any of these words, each once; outside of the file with commas between.
    List(&'static [&'static str]),
}

/// The value when nobody sets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// This text.
    Is(&'static str),
    /// Found out at start; the text says how.
    Computed(&'static str),
}

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// `section.key`, as in the file; a section may have sections: `section.part.key`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) fallback: Fallback,
    /// May hold a secret: never shown, and can be kept in a file of its own, named by `<key>_file`.
    pub(crate) secret: bool,
    /// The flag of `coffer serve`, if it has one.
    pub(crate) flag: Option<&'static str>,
    /// What it does. Markdown.
    pub(crate) about: &'static str,
}

impl Key {
    /// One without a flag that holds no secret itself.
    const fn plain(
        name: &'static str,
        kind: Kind,
        fallback: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            fallback: Fallback::Is(fallback),
            secret: false,
            flag: None,
            about,
        }
    }

    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }
}

/// A name as the section it stands in, and its own.
pub(crate) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// The words of a value of [`Kind::List`].
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

/// The environment variable for `section.key`.
pub(crate) fn variable(name: &str) -> String {
    format!("COFFER_{}", name.replace('.', "__").to_uppercase())
}

/// All keys, in the order of the reference page: those of a section beside one another.
const TABLES: &[&[Key]] = &[
    server::KEYS,
    root::KEYS,
    file::KEYS,
    vault::KEYS,
    pkcs11::KEYS,
    azure::KEYS,
    aws::KEYS,
    duties::KEYS,
    people::KEYS,
];

/// All keys, in the order of the reference page.
pub(crate) fn all() -> impl Iterator<Item = &'static Key> {
    TABLES.iter().copied().flatten()
}

/// Environment variables that are not configuration of the server, and what they do.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("COFFER_URL", "URL of the server, for the command line."),
    (
        "COFFER_TOKEN",
        "Token, for the command line. Stronger than `coffer login`.",
    ),
    ("COFFER_TOKEN_FILE", "A file that holds the token."),
    ("COFFER_PROJECT", "Project, for the command line."),
    (
        "COFFER_CA_FILE",
        "More certificate authorities to trust, PEM, for the command line and the agent.",
    ),
    (
        "COFFER_AGENT_TOKEN",
        "Token that registers an agent, for `coffer agent`.",
    ),
    (
        "COFFER_CONFIG",
        "The configuration file, where `--config` does not name one.",
    ),
    ("NO_COLOR", "When set and not empty: no colours."),
];

/// The key of a name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

/// Splits `section.key_file` of a secret into its key; `None` for anything else.
pub(crate) fn find_file_variant(name: &str) -> Option<&'static Key> {
    find(name.strip_suffix("_file")?).filter(|key| key.secret)
}

/// The known name that comes nearest to an unknown one, if any comes near.
pub(crate) fn nearest(unknown: &str) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let mut names: Vec<String> = Vec::new();
    for key in all() {
        names.push(key.name.to_owned());
        if key.secret {
            names.push(format!("{}_file", key.name));
        }
    }
    names
        .into_iter()
        .map(|name| {
            let whole = strsim::damerau_levenshtein(unknown, &name);
            let part = strsim::damerau_levenshtein(&last(unknown), &last(&name));
            // A right key in a wrong section is near as well.
            (whole.min(part + 1), name)
        })
        .filter(|(distance, _)| *distance <= (last(unknown).len() / 3).max(2))
        .min()
        .map(|(_, name)| name)
}
