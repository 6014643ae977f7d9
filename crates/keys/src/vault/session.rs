//! Being signed in: one token for many calls, renewed before its lease ends, taken anew when that does not help.
//!
//! Whoever needs a token while one is being fetched waits for that one, and after a failure nobody tries again for a
//! while: no stampede. Must not know keys.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coffer_seal::KeyError;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::http::{Failure, Http};
use super::settings::SignIn;

/// After a failed sign-in, first and longest time until the next.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));
/// A token is taken for a dead one, and replaced, once in so long: a policy may keep it from looking itself up.
const REPLACED: Duration = Duration::from_secs(5);
/// More than a token has.
const MAX_SECRET: u64 = 64 * 1024;
/// More than a body has with all but the longest token.
const ROOM: usize = 16 * 1024;

/// A token, wiped when the last call that uses it ends.
pub(super) type Token = Arc<Zeroizing<String>>;

/// One identity at the vault.
pub(super) struct Session {
    shared: Arc<Shared>,
    keeping: JoinHandle<()>,
}

struct Shared {
    http: Http,
    how: SignIn,
    state: Mutex<State>,
    /// Told when there is a lease to keep.
    changed: Notify,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<Failed>,
    replaced: Option<Instant>,
}

struct Held {
    token: Token,
    lease: Option<Lease>,
}

/// A token that ends.
#[derive(Clone, Copy)]
struct Lease {
    ends: Instant,
    /// When it is time to renew it, or to take another.
    due: Instant,
    renewable: bool,
}

struct Failed {
    failure: Failure,
    again: Instant,
    pause: Duration,
}

impl Session {
    /// An identity that signs in when it is first needed.
    pub(super) fn new(http: Http, how: SignIn) -> Self {
        let shared = Arc::new(Shared {
            http,
            how,
            state: Mutex::default(),
            changed: Notify::new(),
        });
        let keeping = tokio::spawn(keep(shared.clone()));
        Self { shared, keeping }
    }

    /// A token that is good as far as we know.
    pub(super) async fn token(&self) -> Result<Token, KeyError> {
        let mut state = self.shared.state.lock().await;
        self.shared.token(&mut state).await
    }

    /// Another token after the vault would not take `refused`; `None` when another would not help.
    pub(super) async fn instead_of(&self, refused: &Token) -> Result<Option<Token>, KeyError> {
        let shared = &self.shared;
        let mut state = shared.state.lock().await;
        if let Some(held) = &state.held {
            if !Arc::ptr_eq(&held.token, refused) {
                return Ok(Some(held.token.clone())); // somebody else was here before us
            }
            let lately = state.replaced.is_some_and(|at| at.elapsed() < REPLACED);
            if lately || shared.lookup(refused).await? {
                return Ok(None);
            }
        }
        state.replaced = Some(Instant::now());
        let was = state.held.take();
        let token = shared.token(&mut state).await?;
        let other = was.is_none_or(|held| held.token.as_str() != token.as_str());
        Ok(other.then_some(token))
    }

    /// What to look at when it may not do something.
    pub(super) fn file(&self) -> &Path {
        self.shared.how.file()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// Renews in time, also when nobody calls for long: a token that only we renew would end.
async fn keep(shared: Arc<Shared>) {
    loop {
        let due = {
            let state = shared.state.lock().await;
            state
                .held
                .as_ref()
                .and_then(|held| held.lease)
                .map(|lease| lease.due)
        };
        let changed = shared.changed.notified();
        match due {
            Some(due) => tokio::select! {
                () = tokio::time::sleep_until(due) => {
                    let mut state = shared.state.lock().await;
                    // What failed is tried again by whoever needs it, or here when it is due again.
                    let _renewed = shared.token(&mut state).await.is_ok();
                }
                () = changed => {}
            },
            None => changed.await,
        }
    }
}

impl Shared {
    async fn token(&self, state: &mut State) -> Result<Token, KeyError> {
        let now = Instant::now();
        if let Some(held) = &mut state.held {
            match &mut held.lease {
                Some(lease) if now >= lease.due => {
                    if self.renew(held).await {
                        self.changed.notify_one();
                        return Ok(held.token.clone());
                    }
                }
                _ => return Ok(held.token.clone()),
            }
        }
        if let Some(failed) = &state.failed
            && now < failed.again
        {
            return match &state.held {
                Some(held) if held.lease.is_none_or(|lease| now < lease.ends) => {
                    Ok(held.token.clone())
                }
                _ => Err(self.cannot(failed.failure.clone())),
            };
        }
        match self.sign_in().await {
            Ok(held) => {
                let token = held.token.clone();
                state.held = Some(held);
                state.failed = None;
                self.changed.notify_one();
                Ok(token)
            }
            Err(failure) => {
                let pause = state
                    .failed
                    .as_ref()
                    .map_or(PAUSE.0, |failed| (failed.pause * 2).min(PAUSE.1));
                let busy = match &failure {
                    Failure::Throttled(time) => *time,
                    _ => pause,
                };
                let again = Instant::now() + busy;
                state.failed = Some(Failed {
                    failure: failure.clone(),
                    again,
                    pause,
                });
                if let Some(held) = &mut state.held {
                    let lease = held.lease.get_or_insert(Lease {
                        ends: again,
                        due: again,
                        renewable: false,
                    });
                    lease.due = again;
                    // The old one is good to its end.
                    if Instant::now() < lease.ends {
                        self.changed.notify_one();
                        return Ok(held.token.clone());
                    }
                    state.held = None;
                }
                Err(self.cannot(failure))
            }
        }
    }

    /// Whether the lease goes on. Otherwise a new token is wanted.
    async fn renew(&self, held: &mut Held) -> bool {
        let Some(lease) = held.lease.filter(|lease| lease.renewable) else {
            return false;
        };
        let asked = self
            .http
            .call(
                Method::POST,
                "auth/token/renew-self",
                Some(&held.token),
                Some(Zeroizing::new(b"{}".to_vec())),
            )
            .await;
        match asked.and_then(|answer| Ok(answer.read::<Signed>()?.auth.lease())) {
            // Near its greatest age a token gets less and less time: then another is better.
            Ok(Some(renewed)) if renewed.ends > lease.ends + Duration::from_secs(1) => {
                held.lease = Some(renewed);
                true
            }
            Ok(None) => {
                held.lease = None;
                true
            }
            Ok(Some(_)) | Err(_) => false,
        }
    }

    async fn sign_in(&self) -> Result<Held, Failure> {
        let secret = read_secret(self.how.file())?;
        let secret = secret.trim();
        if let SignIn::Token { .. } = self.how {
            let token = Arc::new(Zeroizing::new(secret.to_owned()));
            // It may be wrong, or may not look itself up: the calls will tell.
            let lease = match self.looked_up(&token).await {
                Ok(lease) => lease,
                Err(Failure::Forbidden | Failure::Refused(_)) => None,
                Err(passing) => return Err(passing),
            };
            return Ok(Held { token, lease });
        }
        let (mount, body) = match &self.how {
            SignIn::AppRole { mount, role_id, .. } => (
                mount,
                json(&AppRole {
                    role_id,
                    secret_id: secret,
                }),
            ),
            SignIn::Kubernetes { mount, role, .. } | SignIn::Jwt { mount, role, .. } => {
                (mount, json(&Jwt { role, jwt: secret }))
            }
            SignIn::Token { .. } => unreachable!("a token needs no call"),
        };
        let path = format!("auth/{mount}/login");
        let answer = self
            .http
            .call(Method::POST, &path, None, Some(body))
            .await?;
        let signed: Signed<'_> = answer.read()?;
        Ok(Held {
            token: Arc::new(Zeroizing::new(signed.auth.client_token.to_owned())),
            lease: signed.auth.lease(),
        })
    }

    /// Whether the vault still knows the token.
    async fn lookup(&self, token: &Token) -> Result<bool, KeyError> {
        match self.looked_up(token).await {
            Ok(_) => Ok(true),
            Err(Failure::Forbidden) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    async fn looked_up(&self, token: &Token) -> Result<Option<Lease>, Failure> {
        #[derive(Deserialize)]
        struct Looked {
            ttl: u64,
            #[serde(default)]
            renewable: bool,
        }
        let looked: Looked = self
            .http
            .data(Method::GET, "auth/token/lookup-self", token, None)
            .await?;
        Ok(lease(looked.ttl, looked.renewable))
    }

    fn cannot(&self, failure: Failure) -> KeyError {
        let file = self.how.file().display();
        match failure {
            Failure::Forbidden | Failure::Missing => KeyError::Forbidden {
                right: "sign in",
                hint: format!("check the role and the secret in {file}"),
            },
            Failure::Refused(told) => KeyError::Forbidden {
                right: "sign in",
                hint: format!("check the role and the secret in {file} ({told})"),
            },
            passing => passing.into(),
        }
    }
}

/// An answer to a sign-in or a renewal.
#[derive(Deserialize)]
struct Signed<'a> {
    #[serde(borrow)]
    auth: Auth<'a>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    client_token: &'a str,
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

impl Auth<'_> {
    fn lease(&self) -> Option<Lease> {
        lease(self.lease_duration, self.renewable)
    }
}

/// A token that never ends has no lease.
fn lease(seconds: u64, renewable: bool) -> Option<Lease> {
    if seconds == 0 {
        return None;
    }
    let time = Duration::from_secs(seconds);
    let now = Instant::now();
    Some(Lease {
        ends: now + time,
        due: now + time.mul_f32(0.66).max(Duration::from_secs(1)),
        renewable,
    })
}

#[derive(Serialize)]
struct AppRole<'a> {
    role_id: &'a str,
    secret_id: &'a str,
}

#[derive(Serialize)]
struct Jwt<'a> {
    role: &'a str,
    jwt: &'a str,
}

/// A body that is wiped. Room enough, so that it does not move while it grows and leaves copies.
pub(super) fn json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
    serde_json::to_writer(&mut *bytes, value).expect("texts and numbers are JSON");
    bytes
}

fn read_secret(file: &Path) -> Result<Zeroizing<String>, Failure> {
    use std::io::Read as _;
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::Unavailable(format!("{} cannot be read: {why}", file.display()))
    };
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    std::fs::File::open(file)
        .and_then(|opened| opened.take(MAX_SECRET).read_to_string(&mut text))
        .map_err(|error| unreadable(&error))?;
    match text.trim().is_empty() {
        true => Err(unreadable(&"it is empty")),
        false => Ok(text),
    }
}
