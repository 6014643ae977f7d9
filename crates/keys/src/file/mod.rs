//! The file provider: root generations in one text file that only Coffer's user can read.
//!
//! The default. Who can read the file can unwrap every project key, so it belongs outside the data folder
//! and its backups. It can be sealed with a passphrase; then who has the file alone has nothing. No root key is cached:
//! each call reads the file again, so that a generation disabled by another process is refused at once, and root keys
//! are in memory only while they are used.
//!
//! Must not know the database or when to rotate.

mod disk;
mod form;
mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer_seal::{
    BoxFuture, Entropy, GenerationId, Gone, KeyError, KeyLifecycle, KeyNotes, KeyProvider,
    KeyRight, KeyRights, May, ProjectKeySecret, WrapContext, WrappingKey,
};

pub use disk::KeyFileError;
use form::Form;
pub use form::Passphrase;
use text::{Generation, KeyFile};
pub use text::{GenerationInfo, State};

const WRAP_LABEL: &str = "coffer/root-wrap/file/v1";

/// Root generations in a file. See the module for what it promises.
pub struct FileProvider {
    path: PathBuf,
    form: Form,
    entropy: Arc<Entropy>,
}

/// Where the root key file is and how it is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// What it is sealed with; `None`: it is not sealed.
    pub passphrase: Option<Passphrase>,
}

/// Whether [`connect`] found a root key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It made a new one, still without a generation: tell the operator where it is and to keep a copy apart.
    New,
    /// It was there.
    Existing,
}

/// Opens the root key file, or creates it with mode 0600, in a folder made with mode 0700 if absent.
///
/// # Errors
///
/// [`KeyFileError`] when the file is a symbolic link, may be read by others, belongs to another user, lies in
/// a folder that others may write to, is damaged, or is sealed with another passphrase, or with one where none is given,
/// or the other way about; nothing is ever repaired or replaced silently.
pub fn connect(
    settings: &Settings,
    entropy: Arc<Entropy>,
) -> Result<(FileProvider, Created), KeyFileError> {
    let path = settings.path.as_path();
    let form = Form::new(settings.passphrase.clone(), entropy.clone());
    let created = disk::create_if_absent(path, &form, &KeyFile::default())?;
    disk::read(path, &form)?;
    let created = if created {
        Created::New
    } else {
        Created::Existing
    };
    let path = path.to_owned();
    let provider = FileProvider {
        path,
        form,
        entropy,
    };
    Ok((provider, created))
}

/// Seals the root key file with another passphrase, seals it for the first time, or takes the seal off.
///
/// A server that runs reads the new passphrase from its file when it uses the key next. Copies of the file keep
/// the passphrase that they had.
///
/// # Errors
///
/// [`KeyError`] when the file cannot be used as `from` says, or not be replaced. Then it is as it was.
pub fn change_passphrase(
    from: &Settings,
    to: Option<Passphrase>,
    entropy: &Arc<Entropy>,
) -> Result<(), KeyError> {
    let old = Form::new(from.passphrase.clone(), entropy.clone());
    let new = Form::new(to, entropy.clone());
    disk::recode(&from.path, &old, &new)
}

/// Whether the root key file is sealed with a passphrase.
///
/// # Errors
///
/// [`KeyFileError`] when the file cannot be read, or others may use it.
pub fn is_sealed(path: &Path) -> Result<bool, KeyFileError> {
    Ok(form::is_sealed(&disk::read_private(path, 0o077)?))
}

impl FileProvider {
    /// [`connect`] for a file that is not sealed.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_or_create(
        path: &Path,
        entropy: Arc<Entropy>,
    ) -> Result<(Self, Created), KeyFileError> {
        let settings = Settings {
            path: path.to_owned(),
            passphrase: None,
        };
        connect(&settings, entropy)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All generations in the order they were made, without their keys.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] when the file cannot be read now.
    pub fn generations(&self) -> Result<Vec<GenerationInfo>, KeyFileError> {
        Ok(disk::read(&self.path, &self.form)?
            .generations
            .into_iter()
            .map(|generation| generation.info)
            .collect())
    }

    async fn set_state(&self, generation: &GenerationId, state: State) -> Result<(), KeyError> {
        let id = generation.0.clone();
        self.change(move |file, _| {
            let found = file
                .generations
                .iter_mut()
                .find(|entry| entry.info.id == id);
            let entry = found.ok_or(KeyError::UnknownGeneration { generation: id })?;
            entry.info.state = state;
            Ok(())
        })
        .await
    }

    /// Reads, changes and replaces the file under its lock, away from the async threads: it waits for the disk.
    async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut KeyFile, u64) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let (path, form) = (self.path.clone(), self.form.clone());
        tokio::task::spawn_blocking(move || disk::change(&path, &form, act))
            .await
            .map_err(|join| KeyError::unavailable("the server is stopping", join))?
    }

    /// The wrapping key of an active generation of this scale unit. One small file read, so done in place.
    fn active(&self, generation: &GenerationId, scale_unit: &str) -> Result<WrappingKey, KeyError> {
        let file = disk::read(&self.path, &self.form).map_err(disk::unusable)?;
        let id = || generation.0.clone();
        let entry = file
            .generations
            .iter()
            .find(|entry| entry.info.id == generation.0)
            .ok_or_else(|| KeyError::UnknownGeneration { generation: id() })?;
        if entry.info.scale_unit != scale_unit {
            return Err(KeyError::OtherScaleUnit { generation: id() });
        }
        match entry.info.state {
            State::Active => Ok(WrappingKey::new(entry.key.as_bytes())),
            State::Disabled => Err(KeyError::Disabled { generation: id() }),
        }
    }
}

impl KeyProvider for FileProvider {
    fn name(&self) -> &'static str {
        "file"
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        Box::pin(async move {
            let file = disk::read(&self.path, &self.form).map_err(disk::unusable)?;
            let newest = file.generations.iter().rev().find(|entry| {
                entry.info.scale_unit == scale_unit && entry.info.state == State::Active
            });
            Ok(newest.map(|entry| GenerationId(entry.info.id.clone())))
        })
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            let key = self.active(generation, &context.scale_unit)?;
            let version = context.version.to_be_bytes();
            let parts = parts(generation, context, &version);
            Ok(key.wrap(WRAP_LABEL, &parts, secret.as_bytes(), self.entropy.as_ref()))
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            let key = self.active(generation, &context.scale_unit)?;
            let version = context.version.to_be_bytes();
            let secret = key
                .unwrap(WRAP_LABEL, &parts(generation, context, &version), wrapped)
                .map_err(|_| KeyError::Damaged)?;
            Ok(ProjectKeySecret::from_bytes(secret.as_bytes()))
        })
    }

    /// One file, one credential: who may read it may do everything.
    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        Some(self)
    }

    fn notes(&self) -> Option<&dyn KeyNotes> {
        Some(self)
    }

    fn rights<'a>(
        &'a self,
        _scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeyRights>, KeyError>> {
        Box::pin(async move {
            disk::read(&self.path, &self.form).map_err(disk::unusable)?;
            // Whoever can write to the folder can replace the file.
            let writable = May::from(disk::can_replace(&self.path));
            let reading = [
                KeyRight::Find,
                KeyRight::Wrap,
                KeyRight::Unwrap,
                KeyRight::Export,
            ];
            let writing = [KeyRight::Note].into_iter().chain(KeyRight::LIFECYCLE);
            let reading = reading.map(|right| (right, May::Yes));
            let writing = writing.map(|right| (right, writable.clone()));
            Ok(Some(KeyRights {
                daily: reading.into_iter().chain(writing).collect(),
                one_credential: Some("a file has one credential for everything: its reader"),
                ..KeyRights::default()
            }))
        })
    }
}

impl KeyNotes for FileProvider {
    fn put_note<'a>(
        &'a self,
        scale_unit: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            crate::check_scale_unit(scale_unit)?;
            crate::check_note(text)?;
            let (unit, text) = (scale_unit.to_owned(), text.to_owned());
            self.change(move |file, _| {
                file.notes.retain(|(of, _)| *of != unit);
                file.notes.push((unit, text));
                Ok(())
            })
            .await
        })
    }

    fn note<'a>(&'a self, scale_unit: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyError>> {
        Box::pin(async move {
            let file = disk::read(&self.path, &self.form).map_err(disk::unusable)?;
            let found = file.notes.into_iter().find(|(unit, _)| unit == scale_unit);
            Ok(found.map(|(_, text)| text))
        })
    }
}

impl KeyLifecycle for FileProvider {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        Box::pin(async move {
            crate::check_scale_unit(scale_unit)?;
            let generation = Generation::new(scale_unit, self.entropy.as_ref());
            let id = GenerationId(generation.info.id.clone());
            self.change(move |file, now| {
                let mut generation = generation;
                generation.info.created = now;
                file.generations.push(generation);
                Ok(())
            })
            .await?;
            Ok(id)
        })
    }

    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.set_state(generation, State::Disabled))
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.set_state(generation, State::Active))
    }

    /// Takes the generation out of the file. Old blocks of the disk, and copies made by others, are out of reach.
    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            let id = generation.0.clone();
            self.change(move |file, _| {
                if file
                    .generations
                    .iter()
                    .any(|entry| entry.info.id == id && entry.info.state == State::Active)
                {
                    return Err(crate::still_active());
                }
                file.generations.retain(|entry| entry.info.id != id);
                Ok(())
            })
            .await
        })
    }

    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        Box::pin(async move {
            let file = disk::read(&self.path, &self.form).map_err(disk::unusable)?;
            let mut entries = file.generations.iter();
            Ok(match entries.any(|entry| entry.info.id == generation.0) {
                true => Gone::There,
                false => Gone::ForGood,
            })
        })
    }
}

fn parts<'a>(
    generation: &'a GenerationId,
    context: &'a WrapContext,
    version: &'a [u8; 8],
) -> [&'a [u8]; 5] {
    [
        generation.0.as_bytes(),
        context.scale_unit.as_bytes(),
        context.organization.as_bytes(),
        context.project.as_bytes(),
        version,
    ]
}
