//! The two forms of a root key file: as it is, or sealed under a key that a passphrase gives.
//!
//! Sealed, the file shows how the key is derived and nothing else: Argon2id's numbers and salt, one line of sealed text, and
//! a digest that tells a damaged file from a wrong passphrase. The text within is the plain form. The derived key stays in
//! memory, so that each use of the file does not cost a derivation. Must not know what generations are for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_seal::{
    Digest, Entropy, FileKey, OpenError, SealedContext, SecretKey, open_bytes, seal_bytes,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::disk::{self, KeyFileError};
use super::text::{Flaw, KeyFile};

const FIRST_LINE: &str = "coffer-root-keys 1 sealed";
const WARNING: &str = "# Who has this file and its passphrase can open every secure file of this installation.\n\
    # Keep a copy of both, apart from the data and its backups. Do not edit it.\n";
/// What a new passphrase costs to try, in KiB of memory and passes over it.
const COST: (u32, u32) = (64 * 1024, 3);
/// What a file may ask for: more would be an attack on this machine.
const MOST: (u32, u32) = (1024 * 1024, 16);
/// Shortest passphrase that seals.
const SHORTEST: usize = 12;
const LONGEST: usize = 1024;

/// Where the passphrase of a root key file comes from. Shows nothing of it.
#[derive(Clone)]
pub enum Passphrase {
    /// The first line of this file, which others than its owner and group may not read. Read again when the passphrase
    /// of the root key file has changed.
    File(PathBuf),
    /// What somebody typed.
    Typed(Zeroizing<String>),
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Typed(_) => formatter.write_str("Typed(secret)"),
        }
    }
}

impl Passphrase {
    fn text(&self) -> Result<Zeroizing<String>, KeyFileError> {
        let text = match self {
            Self::Typed(text) => text.clone(),
            Self::File(path) => {
                let text = disk::read_private(path, 0o027).map_err(|error| {
                    let cause = std::error::Error::source(&error);
                    KeyFileError::Passphrase {
                        why: match (&error, cause) {
                            (KeyFileError::TooOpen { mode, .. }, _) => format!(
                                "its file {} may be used by others (mode {mode:03o}); change its mode to 600",
                                path.display()
                            ),
                            (_, Some(cause)) => {
                                format!("its file {} cannot be read: {cause}", path.display())
                            }
                            _ => format!(
                                "its file {} is not a regular file of the user that runs Coffer",
                                path.display()
                            ),
                        },
                    }
                })?;
                let line = text.lines().next().unwrap_or_default();
                Zeroizing::new(line.to_owned())
            }
        };
        if text.is_empty() || text.len() > LONGEST {
            return Err(KeyFileError::Passphrase {
                why: format!("it is empty or longer than {LONGEST} bytes"),
            });
        }
        Ok(text)
    }
}

/// How a passphrase becomes a key: the line of the file that says so.
#[derive(Clone, PartialEq, Eq)]
struct Derivation {
    memory: u32,
    passes: u32,
    salt: [u8; 16],
}

/// The key that a passphrase gave, and how. Wiped when dropped.
struct Derived {
    by: Derivation,
    key: FileKey,
}

impl Derivation {
    fn new(entropy: &Entropy) -> Self {
        let mut salt = [0; 16];
        entropy(&mut salt);
        Self {
            memory: COST.0,
            passes: COST.1,
            salt,
        }
    }

    fn line(&self) -> String {
        let Self { memory, passes, .. } = self;
        let salt = STANDARD.encode(self.salt);
        format!("argon2id memory={memory} passes={passes} lanes=1 salt={salt}")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("argon2id ")?.split(' ');
        let mut value = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let memory = value("memory")?.parse().ok()?;
        let passes = value("passes")?.parse().ok()?;
        let lanes = value("lanes")?;
        let salt = STANDARD.decode(value("salt")?).ok()?.try_into().ok()?;
        let found = Self {
            memory,
            passes,
            salt,
        };
        let fits = lanes == "1" && (8..=MOST.0).contains(&memory) && (1..=MOST.1).contains(&passes);
        (fits && found.line() == line).then_some(found)
    }

    /// What a text sealed under the derived key is. The numbers are bound by the derivation itself.
    fn context(&self) -> SealedContext {
        SealedContext {
            organization: Uuid::nil(),
            project: Uuid::nil(),
            file: Uuid::from_bytes(self.salt),
        }
    }

    fn derive(self, passphrase: &str) -> Result<Derived, KeyFileError> {
        let failed = |error: argon2::Error| KeyFileError::Passphrase {
            why: error.to_string(),
        };
        let params = Params::new(self.memory, self.passes, 1, Some(32)).map_err(failed)?;
        let mut key = SecretKey::zeroed();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut_bytes())
            .map_err(failed)?;
        Ok(Derived {
            by: self,
            key: FileKey::from_secret(key),
        })
    }
}

/// Why a text does not read in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is damaged, or of another version.
    Flaw(Flaw),
    /// It is whole, and the passphrase is another.
    WrongPassphrase,
    /// It is sealed, and there is no passphrase.
    NoPassphrase,
    /// It is not sealed, and there is a passphrase.
    NotSealed,
}

/// The form that a root key file has, or is to have.
#[derive(Clone)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// Sealed under what this passphrase gives.
    Sealed(Arc<Sealed>),
}

pub(super) struct Sealed {
    passphrase: Passphrase,
    entropy: Arc<Entropy>,
    derived: Mutex<Option<Arc<Derived>>>,
}

impl Form {
    pub(super) fn new(passphrase: Option<Passphrase>, entropy: Arc<Entropy>) -> Self {
        match passphrase {
            None => Self::Plain,
            Some(passphrase) => Self::Sealed(Arc::new(Sealed {
                passphrase,
                entropy,
                derived: Mutex::default(),
            })),
        }
    }

    /// The content that `text` holds.
    pub(super) fn decode(&self, path: &Path, text: &str) -> Result<KeyFile, KeyFileError> {
        let flawed = |unreadable| disk::flawed(path, unreadable);
        let sealed = match (self, is_sealed(text)) {
            (Self::Plain, false) => {
                return KeyFile::parse(text).map_err(|flaw| flawed(Unreadable::Flaw(flaw)));
            }
            (Self::Plain, true) => return Err(flawed(Unreadable::NoPassphrase)),
            (Self::Sealed(_), false) => {
                // A damaged file is called damaged, whatever the form it should have.
                KeyFile::parse(text).map_err(|flaw| flawed(Unreadable::Flaw(flaw)))?;
                return Err(flawed(Unreadable::NotSealed));
            }
            (Self::Sealed(sealed), true) => sealed,
        };
        let (derivation, bytes) = parse(text).map_err(|flaw| flawed(Unreadable::Flaw(flaw)))?;
        let derived = sealed.derived(derivation)?;
        let plain =
            open_bytes(&derived.key, derived.by.context(), &bytes).map_err(
                |error| match error {
                    OpenError::WrongKey => flawed(Unreadable::WrongPassphrase),
                    _ => flawed(Unreadable::Flaw(Flaw::Incomplete)),
                },
            )?;
        sealed.remember(derived);
        let plain =
            std::str::from_utf8(&plain).map_err(|_| flawed(Unreadable::Flaw(Flaw::Incomplete)))?;
        KeyFile::parse(plain).map_err(|flaw| flawed(Unreadable::Flaw(flaw)))
    }

    /// The text that holds `content`.
    pub(super) fn encode(
        &self,
        path: &Path,
        content: &KeyFile,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let plain = content.to_text();
        let Self::Sealed(sealed) = self else {
            return Ok(plain);
        };
        let derived = match sealed.known() {
            Some(derived) => derived,
            None => sealed.derive_new(path)?,
        };
        let line = derived.by.line();
        let bytes = seal_bytes(
            &derived.key,
            derived.by.context(),
            plain.as_bytes(),
            sealed.entropy.as_ref(),
        );
        let body = format!(
            "{FIRST_LINE}\n{WARNING}{line}\n{}\n",
            STANDARD.encode(bytes)
        );
        let digest = Digest::of(body.as_bytes()).to_hex();
        Ok(Zeroizing::new(format!("{body}end sha256={digest}\n")))
    }
}

impl Sealed {
    fn known(&self) -> Option<Arc<Derived>> {
        self.derived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, derived: Arc<Derived>) {
        *self.derived.lock().unwrap_or_else(PoisonError::into_inner) = Some(derived);
    }

    /// The key for a file that says how it was derived: the known one, unless the passphrase has changed.
    fn derived(&self, by: Derivation) -> Result<Arc<Derived>, KeyFileError> {
        match self.known() {
            Some(known) if known.by == by => Ok(known),
            _ => Ok(Arc::new(by.derive(&self.passphrase.text()?)?)),
        }
    }

    /// The key for a file that is to be sealed from now on.
    fn derive_new(&self, path: &Path) -> Result<Arc<Derived>, KeyFileError> {
        let passphrase = self.passphrase.text()?;
        if passphrase.chars().count() < SHORTEST {
            return Err(KeyFileError::Passphrase {
                why: format!(
                    "it has fewer than {SHORTEST} characters; choose a longer one for {}",
                    path.display()
                ),
            });
        }
        let derived = Arc::new(Derivation::new(self.entropy.as_ref()).derive(&passphrase)?);
        self.remember(derived.clone());
        Ok(derived)
    }
}

/// Whether a text is a sealed root key file.
pub(super) fn is_sealed(text: &str) -> bool {
    text.lines().next() == Some(FIRST_LINE)
}

fn parse(text: &str) -> Result<(Derivation, Vec<u8>), Flaw> {
    let body_end = text
        .strip_suffix('\n')
        .and_then(|text| text.rfind('\n'))
        .ok_or(Flaw::Incomplete)?
        + 1;
    let (body, last) = text.split_at(body_end);
    let digest = Digest::of(body.as_bytes()).to_hex();
    if last != format!("end sha256={digest}\n") {
        return Err(Flaw::Incomplete);
    }
    let mut lines = body
        .lines()
        .enumerate()
        .skip(1)
        .filter(|(_, line)| !line.starts_with('#'));
    let mut next = || lines.next().ok_or(Flaw::Incomplete);
    let (number, line) = next()?;
    let derivation = Derivation::parse(line).ok_or(Flaw::Line(number + 1))?;
    let (number, line) = next()?;
    let bytes = STANDARD.decode(line).map_err(|_| Flaw::Line(number + 1))?;
    match lines.next() {
        None => Ok((derivation, bytes)),
        Some((number, _)) => Err(Flaw::Line(number + 1)),
    }
}
