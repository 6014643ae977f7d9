//! The layers of configuration laid over one another: defaults, file, environment, flags.

use super::keys::{self, Fallback, Key, Kind};
use super::{Entry, Problem, file, folders};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// All that configuration is made from. A value of its own, so that tests need no process environment.
#[derive(Default)]
pub(crate) struct Inputs {
    /// Name and text of the configuration file.
    pub(crate) file: Option<(String, String)>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Flags that were given.
    pub(crate) flags: Vec<Flag>,
    /// Version and commit of this build.
    pub(crate) build: String,
}

/// A flag that was given.
pub(crate) struct Flag {
    /// `section.key`, or a secret's `section.key_file`.
    pub(crate) key: &'static str,
    pub(crate) value: String,
    /// With its dashes.
    pub(crate) flag: &'static str,
}

/// A value that a layer holds.
pub(super) struct Found {
    pub(super) key: &'static Key,
    /// The text is the path of a file that holds the value.
    pub(super) in_file: bool,
    pub(super) text: Zeroizing<String>,
    pub(super) source: String,
}

/// The effective values: one for each key.
pub(super) struct Settings {
    values: BTreeMap<&'static str, Setting>,
}

/// One effective value.
pub(super) struct Setting {
    pub(super) text: Zeroizing<String>,
    pub(super) source: String,
}

impl Settings {
    /// The value of a key of the table.
    pub(super) fn get(&self, name: &str) -> &Setting {
        self.values
            .get(name)
            .expect("every key of the table has a value")
    }

    /// All values in the table's order, secrets replaced.
    pub(super) fn entries(&self) -> Vec<Entry> {
        keys::all()
            .map(|key| {
                let setting = self.get(key.name);
                Entry {
                    key: key.name,
                    value: shown(key, &setting.text),
                    source: setting.source.clone(),
                }
            })
            .collect()
    }
}

impl Inputs {
    /// What this process was given. `config` is the value of `--config`.
    ///
    /// Without `--config` and `COFFER_CONFIG`, a `coffer.toml` in the current folder is read if there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn of_process(
        environment: BTreeMap<String, String>,
        config: Option<&Path>,
        flags: Vec<Flag>,
        build: String,
    ) -> Result<Self, Problem> {
        let named = config
            .map(Path::to_owned)
            .or_else(|| environment.get("COFFER_CONFIG").map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| "coffer.toml".into());
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => Some((path.display().to_string(), text)),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Problem {
                    place: path.display().to_string(),
                    message: format!("the configuration file cannot be read: {error}"),
                    hint: None,
                });
            }
        };
        Ok(Self {
            file,
            environment,
            flags,
            build,
        })
    }
}

/// Lays the layers over one another.
pub(super) fn merge(inputs: &Inputs, problems: &mut Vec<Problem>) -> Settings {
    let mut values: BTreeMap<&'static str, Setting> = keys::all()
        .map(|key| (key.name, fallback(key, inputs)))
        .collect();
    let mut layers = Vec::new();
    if let Some((name, text)) = &inputs.file {
        layers.push(file::read(name, text, problems));
    }
    layers.push(environment(inputs, problems));
    layers.push(flags(inputs));
    for layer in layers {
        for (at, found) in layer.iter().enumerate() {
            let twice = layer[..at]
                .iter()
                .find(|other| other.key.name == found.key.name);
            if let Some(other) = twice {
                problems.push(Problem {
                    place: found.source.clone(),
                    message: format!("`{}` is set twice", found.key.name),
                    hint: Some(format!("the other place is {}", other.source)),
                });
                continue;
            }
            if let Some(setting) = settle(found, problems) {
                values.insert(found.key.name, setting);
            }
        }
    }
    Settings { values }
}

/// Reads a secret from its file, and leaves everything else as it is.
fn settle(found: &Found, problems: &mut Vec<Problem>) -> Option<Setting> {
    if !found.in_file {
        return Some(Setting {
            text: found.text.clone(),
            source: found.source.clone(),
        });
    }
    let path = found.text.as_str();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            Some(Setting {
                text: Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()),
                source: format!("{}, file {path}", found.source),
            })
        }
        Err(error) => {
            problems.push(Problem {
                place: found.source.clone(),
                message: format!("{path} cannot be read: {error}"),
                hint: None,
            });
            None
        }
    }
}

fn fallback(key: &Key, inputs: &Inputs) -> Setting {
    let (text, source) = match (key.name, key.fallback) {
        (_, Fallback::Is(text)) => (text.to_owned(), "default".to_owned()),
        ("keys.key_file", _) => folders::default_key_file(&inputs.environment),
        ("keys.file.passphrase_file", _) => folders::default_passphrase_file(&inputs.environment),
        _ => (inputs.build.clone(), "default".to_owned()),
    };
    Setting {
        text: text.into(),
        source,
    }
}

fn environment(inputs: &Inputs, problems: &mut Vec<Problem>) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, value) in &inputs.environment {
        let Some(rest) = name.strip_prefix("COFFER_") else {
            continue;
        };
        let source = format!("environment {name}");
        let dotted = rest.replace("__", ".").to_lowercase();
        let file_variant = keys::find_file_variant(&dotted);
        if let Some(key) = file_variant.or_else(|| keys::find(&dotted)) {
            found.push(Found {
                key,
                in_file: file_variant.is_some(),
                text: value.clone().into(),
                source,
            });
            continue;
        }
        // A name with one underscore too few is ours as well; anything else may belong to somebody else.
        let bare = |name: &str| name.replace(['_', '.'], "").to_lowercase();
        let meant = keys::all().find(|key| bare(key.name) == bare(rest));
        let known = keys::VARIABLES.iter().any(|(known, _)| known == name);
        if let Some(key) = meant.filter(|_| !known) {
            problems.push(Problem {
                place: source,
                message: "no such setting".into(),
                hint: Some(format!("did you mean `{}`?", key.variable())),
            });
        } else if rest.contains("__") {
            let near = keys::nearest(&dotted);
            problems.push(Problem {
                place: source,
                message: "no such setting".into(),
                hint: near.map(|near| format!("did you mean `{}`?", keys::variable(&near))),
            });
        }
    }
    found
}

fn flags(inputs: &Inputs) -> Vec<Found> {
    let found = |flag: &Flag| {
        let file_variant = keys::find_file_variant(flag.key);
        let key = file_variant.or_else(|| keys::find(flag.key))?;
        Some(Found {
            key,
            in_file: file_variant.is_some(),
            text: flag.value.clone().into(),
            source: format!("flag {}", flag.flag),
        })
    };
    inputs.flags.iter().filter_map(found).collect()
}

/// What stands for a secret that is set.
pub(crate) const HIDDEN: &str = "(secret)";

/// A value as it may be shown: of a database URL, what names the place but not who may enter.
fn shown(key: &Key, text: &str) -> String {
    if key.secret && key.name != "storage.database" {
        return if text.is_empty() { "" } else { HIDDEN }.to_owned();
    }
    if !key.secret || !text.contains("://") {
        return text.to_owned();
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = place.split(['?', '#']).next().unwrap_or(place);
    let redacted = if rest.len() == place.len() {
        ""
    } else {
        " (redacted)"
    };
    format!("{scheme}://{place}{redacted}")
}

/// Checks the form of a value; `None` after a problem.
pub(super) fn well_formed(
    name: &str,
    setting: &Setting,
    problems: &mut Vec<Problem>,
) -> Option<()> {
    let kind = keys::find(name)?.kind;
    let text = setting.text.as_str();
    let wrong = match kind {
        Kind::Text => return Some(()),
        Kind::Path if text.is_empty() => "must not be empty".to_owned(),
        Kind::Path => return Some(()),
        Kind::Boolean if matches!(text, "true" | "false") => return Some(()),
        Kind::Boolean => "must be `true` or `false`".to_owned(),
        Kind::Integer { least, most } => match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => return Some(()),
            _ => format!("must be a whole number from {least} to {most}"),
        },
        Kind::Choice(words) if words.contains(&text) => return Some(()),
        Kind::Choice(words) => format!("must be one of: {}", words.join(", ")),
        Kind::List(known) => {
            let mut given: Vec<&str> = keys::words(text).collect();
            let all_known = given.iter().all(|word| known.contains(word));
            let count = given.len();
            given.sort_unstable();
            given.dedup();
            if all_known && given.len() == count {
                return Some(());
            }
            format!("must name each at most once of: {}", known.join(", "))
        }
    };
    problems.push(Problem {
        place: setting.source.clone(),
        message: format!("`{name}` {wrong}"),
        hint: None,
    });
    None
}
