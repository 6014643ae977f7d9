//! The one thread that owns a session: calls come to it through a bounded queue and are given up after their deadline.
//!
//! A session that is lost, because the token was taken out or somebody logged it out, is opened again, once for each
//! call; after that nobody tries for a while. Must not know keys.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coffer_seal::KeyError;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::types::AuthPin;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::settings::Settings;

/// Calls that may wait for the token. More than so many are a token that stands still.
const QUEUE: usize = 64;
/// After a failure, first and longest time until the next try.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));
/// More than a PIN has.
const MAX_PIN: u64 = 1024;

/// Why a call did not end well.
pub(super) enum Failure {
    /// What the module said.
    Module(Error),
    /// What we say.
    Key(KeyError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Sends calls to the thread. The thread ends with it.
pub(super) struct Token {
    jobs: mpsc::Sender<Job>,
    deadline: Duration,
}

impl Token {
    pub(super) fn new(settings: &Settings) -> Result<Self, KeyError> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let mut worker = Worker {
            module: settings.module.clone(),
            token: settings.token.clone(),
            pin_file: settings.pin_file.clone(),
            session: None,
            failed: None,
            refused_pin: None,
        };
        std::thread::Builder::new()
            .name("coffer-pkcs11".into())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut worker);
                }
            })
            .map_err(|source| KeyError::unavailable("no thread could be started", source))?;
        Ok(Self {
            jobs,
            deadline: settings.deadline,
        })
    }

    /// Runs `act` in the thread, perhaps a second time with a new session.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        act: impl Fn(&Session) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, KeyError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            // Nobody waits any more: it is not begun.
            if !answer.is_closed() {
                // Nobody waits any more: it was done for nothing.
                let _unheard = answer.send(worker.call(&act));
            }
        });
        let called = tokio::time::timeout(self.deadline, async {
            self.jobs.send(job).await.ok()?;
            answered.await.ok()
        });
        match called.await {
            Ok(Some(result)) => result,
            Ok(None) => Err(unavailable("the token's thread has ended; restart Coffer")),
            Err(_) => Err(unavailable("the token does not answer in time")),
        }
    }
}

fn unavailable(hint: impl Into<String>) -> KeyError {
    KeyError::Unavailable {
        hint: hint.into(),
        source: None,
    }
}

/// What the thread holds.
struct Worker {
    module: PathBuf,
    token: String,
    pin_file: PathBuf,
    session: Option<Session>,
    failed: Option<Failed>,
    /// A PIN that the token did not take. It is not tried again: tokens lock after a few.
    refused_pin: Option<Zeroizing<String>>,
}

struct Failed {
    hint: String,
    again: Instant,
    pause: Duration,
}

impl Worker {
    fn call<T>(&mut self, act: &impl Fn(&Session) -> Result<T, Failure>) -> Result<T, KeyError> {
        let mut told = String::new();
        for _ in 0..2 {
            let session = self.session()?;
            let result = act(session);
            // Who was logged out meanwhile sees no private objects, which looks as if there were none.
            let result = match session.get_session_info() {
                Ok(info) if info.session_state() == SessionState::RwUser => result,
                Ok(_) => Err(Error::Pkcs11(RvError::UserNotLoggedIn, Function::Login).into()),
                Err(error) => Err(error.into()),
            };
            match result {
                Ok(value) => {
                    self.failed = None;
                    return Ok(value);
                }
                Err(Failure::Key(error)) => return Err(error),
                Err(Failure::Module(error)) if is_refusal(&error) => {
                    return Err(KeyError::refused(format!("the token said no: {error}")));
                }
                Err(Failure::Module(error)) => {
                    told = error.to_string();
                    self.session = None;
                }
            }
        }
        Err(self.pause(format!("the token failed: {told}")))
    }

    /// The session, opened when there is none.
    fn session(&mut self) -> Result<&Session, KeyError> {
        if self.session.is_none() {
            if let Some(failed) = &self.failed
                && Instant::now() < failed.again
            {
                return Err(unavailable(failed.hint.clone()));
            }
            self.session = Some(self.open()?);
        }
        Ok(self.session.as_ref().expect("it was opened above"))
    }

    fn open(&mut self) -> Result<Session, KeyError> {
        let pin = read_pin(&self.pin_file).map_err(|hint| self.pause(hint))?;
        let wrong = |path: &Path| KeyError::Forbidden {
            right: "log in",
            hint: format!(
                "the token did not take the PIN in {}; correct the file, it is not tried again before it changes",
                path.display()
            ),
        };
        if self.refused_pin.as_ref() == Some(&pin) {
            return Err(wrong(&self.pin_file));
        }
        match log_in(&self.module, &self.token, &pin) {
            Ok(session) => {
                self.refused_pin = None;
                Ok(session)
            }
            Err(Failure::Module(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            ))) => {
                self.refused_pin = Some(pin);
                Err(wrong(&self.pin_file))
            }
            Err(Failure::Module(Error::Pkcs11(RvError::PinLocked | RvError::PinExpired, _))) => {
                self.refused_pin = Some(pin);
                Err(KeyError::Forbidden {
                    right: "log in",
                    hint: "the user's PIN is locked or has expired; set a new one with the token's own tool".into(),
                })
            }
            Err(Failure::Module(error)) => {
                Err(self.pause(format!("the token cannot be used: {error}")))
            }
            Err(Failure::Key(error)) if error.is_passing() => Err(self.pause(error.to_string())),
            Err(Failure::Key(error)) => Err(error),
        }
    }

    /// Nobody tries for a while, and each time for longer.
    fn pause(&mut self, hint: String) -> KeyError {
        let before = self.failed.take();
        let pause = before.map_or(PAUSE.0, |failed| (failed.pause * 2).min(PAUSE.1));
        self.failed = Some(Failed {
            hint: hint.clone(),
            again: Instant::now() + pause,
            pause,
        });
        unavailable(hint)
    }
}

fn log_in(module: &Path, label: &str, pin: &str) -> Result<Session, Failure> {
    let context = loaded(module)?;
    let mut found = None;
    for slot in context.get_slots_with_token()? {
        let info = context.get_token_info(slot)?;
        if info.label().trim_end() == label && found.replace(slot).is_some() {
            return Err(KeyError::refused(format!(
                "two tokens are labelled {label}; label them differently"
            ))
            .into());
        }
    }
    let slot = found.ok_or_else(|| unavailable(format!("no token labelled {label} is present")))?;
    let session = context.open_rw_session(slot)?;
    match session.login(UserType::User, Some(&AuthPin::from(pin.to_owned()))) {
        // Logging in is for the whole process: another session was first.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(error.into()),
    }
}

/// A module can be initialized once in a process, so all providers share it. It stays until the process ends.
pub(super) fn loaded(module: &Path) -> Result<Pkcs11, Failure> {
    static LOADED: Mutex<Option<HashMap<PathBuf, Pkcs11>>> = Mutex::new(None);
    let mut modules = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let modules = modules.get_or_insert_default();
    let context = match modules.get(module) {
        Some(context) => context.clone(),
        None => {
            let context = Pkcs11::new(module).map_err(|error| {
                KeyError::refused(format!(
                    "{} cannot be loaded as a PKCS#11 module: {error}",
                    module.display()
                ))
            })?;
            modules.insert(module.to_owned(), context.clone());
            context
        }
    };
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(error.into()),
    }
}

/// What trying again, with whatever session, does not change.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Pkcs11(said, _) => matches!(
            said,
            RvError::ActionProhibited
                | RvError::ArgumentsBad
                | RvError::AttributeReadOnly
                | RvError::AttributeSensitive
                | RvError::AttributeTypeInvalid
                | RvError::AttributeValueInvalid
                | RvError::FunctionNotSupported
                | RvError::KeyFunctionNotPermitted
                | RvError::KeySizeRange
                | RvError::KeyTypeInconsistent
                | RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::TemplateIncomplete
                | RvError::TemplateInconsistent
                | RvError::TokenWriteProtected
        ),
        _ => true,
    }
}

fn read_pin(file: &Path) -> Result<Zeroizing<String>, String> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::with_capacity(MAX_PIN as usize));
    std::fs::File::open(file)
        .and_then(|opened| opened.take(MAX_PIN).read_to_string(&mut text))
        .map_err(|error| format!("the PIN in {} cannot be read: {error}", file.display()))?;
    let pin = text.trim_end_matches(['\n', '\r']);
    Ok(Zeroizing::new(pin.to_owned()))
}
