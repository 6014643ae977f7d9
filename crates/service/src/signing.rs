//! Signed records: the scale unit's signing key, and statements about the audit log that others can hold it to.
//!
//! The key is made at first need, wrapped by the key provider, and unwrapped once per process. Records go to the
//! database, and to whatever keeps them outside. Nothing here knows files or the wire's shapes.

use crate::Service;
use crate::error::{Error, Kind, Result};
use crate::keys::unverified::{self, Unverified};
use coffer_model::Timestamp;
use coffer_model::act::{CreateKey, SignRecord};
use coffer_model::audit::Digest;
use coffer_model::record::{self, Record, Signed, key_id, payload};
use coffer_model::tree::Tree;
use coffer_seal::{GenerationId, KeyError, KeyProvider, ProjectKeySecret, SigningKey};
use coffer_store::{ReadTx, Refusal, SigningKeyRow, Stop};
use std::sync::{Arc, Mutex, PoisonError};

/// Links read at once.
const PIECE: i64 = 5000;
/// Events after which a checkpoint is due at once.
const MANY: i64 = 1000;
/// Seconds after which a checkpoint is due when there is anything new.
const DUE_SECONDS: i64 = 300;
/// Records written outside at once.
const OUTSIDE: i64 = 500;
/// Other nodes may take a number first; this often is enough.
const TRIES: usize = 8;

/// Keeps signed records outside the database: where who can change the database cannot change them.
pub trait RecordKeeper: Send + Sync {
    /// The record that was kept last; none before the first.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn newest(&self) -> std::io::Result<Option<Signed>>;

    /// Keeps records, durably.
    ///
    /// # Errors
    /// When they could not be kept. They come again.
    fn keep(&self, records: &[Signed]) -> std::io::Result<()>;
}

/// The signing key of this process.
pub(crate) struct Signing {
    key: Mutex<Option<Arc<SigningKey>>>,
    /// When this process began: the first checkpoint is due some time after.
    began: Timestamp,
}

impl Signing {
    pub(crate) fn new(began: Timestamp) -> Self {
        Self {
            key: Mutex::default(),
            began,
        }
    }
}

/// The state of the log that a record is about.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) sequence: i64,
    pub(crate) head: Digest,
    pub(crate) tree: Tree,
}

/// The log as it is now.
pub(crate) async fn state(read: &mut ReadTx) -> Result<State> {
    let mut tree = read.record_tree().await?;
    // Whoever shortened the log would otherwise have it signed as if it were whole.
    let (sequence, _) = read.audit_head().await?;
    if sequence < tree.leaves() {
        return Err(Error::new(
            Kind::Internal,
            "audit.shortened",
            "The audit log has fewer rows than its own records were signed for.",
        )
        .hint("Verify the log with `coffer audit verify`, and compare it with what is kept elsewhere."));
    }
    let mut head = None;
    loop {
        let links = read.audit_chain(tree.leaves(), PIECE).await?;
        let Some((_, _, chain)) = links.last() else {
            break;
        };
        head = Some(*chain);
        let full = links.len() as i64 == PIECE;
        for (at, digest, _) in &links {
            if *at != tree.leaves() + 1 {
                return Err(Error::new(
                    Kind::Internal,
                    "audit.holes",
                    format!("Row {} of the audit log is missing.", tree.leaves() + 1),
                )
                .hint("Verify the log with `coffer audit verify`, and compare it with what is kept elsewhere."));
            }
            tree.leaf(digest);
        }
        if !full {
            break;
        }
    }
    let head = match head {
        Some(head) => head,
        None => read.audit_head().await?.1,
    };
    Ok(State {
        sequence: tree.leaves(),
        head,
        tree,
    })
}

impl Service {
    /// The scale unit's signing key. Makes it if there is none.
    pub(crate) async fn signing_key(&self) -> Result<Arc<SigningKey>> {
        let known = || {
            self.0
                .signing
                .key
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(key) = known().clone() {
            return Ok(key);
        }
        let unit = self.store().scale_unit().to_owned();
        // Twice: another node may make it at the same moment.
        for _ in 0..2 {
            let rows = self.store().read().await?.signing_keys().await?;
            if let Some(row) = rows.first() {
                let organization = self.organization().id.0;
                let provider = self.keys().provider(&row.provider)?;
                let open = opened(provider, organization, row);
                let key = match self.keys().call(provider, open).await {
                    Ok(key) => Arc::new(key),
                    Err(error) => {
                        self.note_signing_key(row, &error).await;
                        return Err(error);
                    }
                };
                *known() = Some(key.clone());
                return Ok(key);
            }
            self.make_signing_key(&unit).await?;
        }
        Err(Error::from(Refusal::KeyNotActive))
    }

    async fn note_signing_key(&self, row: &SigningKeyRow, error: &Error) {
        if let Some(why) = error.of_keys().and_then(unverified::why) {
            let thing = Unverified {
                what: "signing key",
                project: None,
                id: hex::encode(row.id),
                why,
            };
            self.keys().note(thing).await;
        }
    }

    /// Learns from the reports of rotations which root generations have had their time. What cannot be learned now is
    /// learned later; until then nothing new is sealed.
    pub(crate) async fn learn_reports(&self) {
        if let Err(error) = self.try_learn_reports().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the reports of rotations cannot be verified; nothing new is sealed until they can"
            );
        }
    }

    async fn try_learn_reports(&self) -> Result<()> {
        let settled = self.keys().settled();
        let reports = self
            .store()
            .read()
            .await?
            .rotation_reports(settled.newest())
            .await?;
        if reports.is_empty() {
            settled.nothing_new();
            return Ok(());
        }
        let public = match self.public_key().await {
            Ok(public) => public,
            Err(error) => {
                if error.kind != Kind::Unavailable {
                    settled.doubt();
                }
                return Err(error);
            }
        };
        for number in settled.learn(&reports, &public) {
            let thing = Unverified {
                what: "signed report of a rotation",
                project: None,
                id: number.to_string(),
                why: "it is not signed by this scale unit's key, or was changed since",
            };
            self.keys().note(thing).await;
        }
        Ok(())
    }

    /// The secret of a signing key, to be wrapped anew, once it is shown to be that key's.
    pub(crate) async fn signing_secret(
        &self,
        provider: &dyn KeyProvider,
        row: &SigningKeyRow,
    ) -> std::result::Result<ProjectKeySecret, KeyError> {
        let organization = self.organization().id.0;
        Ok(with_secret(provider, organization, row).await?.1)
    }

    async fn make_signing_key(&self, unit: &str) -> Result<()> {
        let version = 1;
        let generation = self.keys().generation().await?;
        self.keys().settled().check_replaced(&generation.id)?;
        let secret = ProjectKeySecret::generate(self.entropy());
        let context = SigningKey::context(unit, self.organization().id.0, 1);
        let key = SigningKey::derive(&secret, &context)?;
        let provider = self.keys().provider(&generation.provider)?;
        let root = GenerationId(generation.id.clone());
        let wrap = provider.wrap(&root, &secret, &context);
        let wrapped = self.keys().call(provider, wrap).await?;
        let new = SigningKeyRow {
            id: key_id(key.public_key()),
            version,
            generation: generation.id,
            provider: generation.provider,
            public_key: *key.public_key(),
            wrapped,
            scale_unit: unit.to_owned(),
            made_for: unit.to_owned(),
        };
        let caller = self.duty("make keys");
        let stored = self
            .store()
            .write("key.signing", move |tx| {
                let (caller, new) = (caller.clone(), new.clone());
                Box::pin(async move {
                    let act = CreateKey {
                        project: None,
                        version: "signing 1".into(),
                    };
                    let details = [("publicKey", hex::encode(new.public_key))];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.signing_key_insert(grant, &new).await
                })
            })
            .await;
        match stored {
            Ok(()) | Err(Stop::Refused(Refusal::State | Refusal::KeyNotActive)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }

    /// Public keys of this scale unit, the one in use first. Each is shown to be the provider's, or not listed.
    pub(crate) async fn public_key(&self) -> Result<[u8; 32]> {
        Ok(*self.signing_key().await?.public_key())
    }

    /// A record about a state, to be stored in the unit that `last` was read for.
    pub(crate) async fn draft(
        &self,
        kind: record::Kind,
        text: &str,
        state: &State,
        time: i64,
    ) -> Result<Signed> {
        let key = self.signing_key().await?;
        let last = self.store().read().await?.record_last().await?;
        let record = Record {
            kind,
            scale_unit: self.store().scale_unit().to_owned(),
            organization: self.organization().id.0,
            number: last.as_ref().map_or(0, |last| last.record.number) + 1,
            previous: last.map_or([0; 32], |last| last.record.digest()),
            time,
            key: key_id(key.public_key()),
            sequence: state.sequence,
            head: state.head,
            root: state.tree.root(),
            payload: payload(text),
        };
        Ok(Signed {
            signature: key.sign(&record.bytes()),
            record,
            text: text.to_owned(),
        })
    }

    /// Signs and stores a record about a state of the log: the present one when none is given.
    pub(crate) async fn sign(
        &self,
        kind: record::Kind,
        text: &str,
        about: Option<&State>,
    ) -> Result<Signed> {
        for _ in 0..TRIES {
            let mut read = self.store().read().await?;
            let time = read.now().0;
            let state = match about {
                Some(state) => state.clone(),
                None => state(&mut read).await?,
            };
            drop(read);
            let signed = self.draft(kind, text, &state, time).await?;
            let (caller, new, tree) = (self.duty("sign records"), signed.clone(), state.tree);
            let stored = self
                .store()
                .write("audit.record", move |tx| {
                    let (caller, new, tree) = (caller.clone(), new.clone(), tree.clone());
                    Box::pin(async move {
                        let act = SignRecord {
                            kind: new.record.kind.word(),
                            number: new.record.number,
                        };
                        let details = [
                            ("kind", act.kind.to_owned()),
                            ("rows", new.record.sequence.to_string()),
                            ("root", hex::encode(new.record.root)),
                        ];
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.record_insert(grant, &new, &tree).await
                    })
                })
                .await;
            match stored {
                Ok(()) => {
                    self.0.guard.due();
                    return Ok(signed);
                }
                // Another node took the number.
                Err(Stop::Refused(Refusal::State)) => {}
                Err(stop) => return Err(stop.into()),
            }
        }
        Err(Error::from(Refusal::State))
    }

    /// Signs a checkpoint if one is due: after many events, or after some time when there is anything new.
    ///
    /// `now` asks for one whatever the time, as at the end of a process. Returns whether there is a new one.
    pub(crate) async fn checkpoint(&self, now: bool) -> Result<bool> {
        let mut read = self.store().read().await?;
        let last = read.record_last().await?;
        let (sequence, time) = last.map_or((0, self.0.signing.began.0), |last| {
            (last.record.sequence, last.record.time)
        });
        let newer = read.audit_newer(sequence, MANY).await?;
        let age = read.now().0 - time;
        drop(read);
        if newer == 0 || (newer < MANY && age < DUE_SECONDS * 1_000_000 && !now) {
            return Ok(false);
        }
        self.sign(record::Kind::Checkpoint, "", None).await?;
        Ok(true)
    }

    /// The number after which records are to be kept, where this one was kept last.
    async fn follows(&self, kept: &Signed) -> Result<i64> {
        let mut read = self.store().read().await?;
        let number = kept.record.number;
        let same = read.record(number).await?;
        if same.is_some_and(|here| here.record.digest() == kept.record.digest()) {
            return Ok(number);
        }
        // A history that was left behind: what follows begins where that was accepted.
        let accepted = read.rollback_accepted().await?;
        Ok(accepted.map_or(number, |accepted| accepted.record.number - 1))
    }

    /// Brings what is kept outside up to date.
    pub(crate) async fn keep_records(&self) -> Result<()> {
        let Some(keeper) = self.0.keeper.clone() else {
            return Ok(());
        };
        let failed = |error: std::io::Error| {
            Error::new(
                Kind::Unavailable,
                "audit.checkpoints",
                "Checkpoints of the audit log could not be written to the outside place.",
            )
            .caused_by(error)
        };
        let asked = keeper.clone();
        let newest = blocking(move || asked.newest()).await.map_err(failed)?;
        let mut after = match newest {
            Some(kept) => self.follows(&kept).await?,
            None => 0,
        };
        loop {
            let records = self.store().read().await?.records(after, OUTSIDE).await?;
            let Some(last) = records.last() else {
                return Ok(());
            };
            after = last.record.number;
            let keeper = keeper.clone();
            blocking(move || keeper.keep(&records))
                .await
                .map_err(failed)?;
        }
    }
}

/// A signing key as its provider unwraps it, compared with its public key.
pub(crate) async fn opened(
    provider: &dyn KeyProvider,
    organization: uuid::Uuid,
    row: &SigningKeyRow,
) -> std::result::Result<SigningKey, KeyError> {
    Ok(with_secret(provider, organization, row).await?.0)
}

/// The same, with the secret that it is made of.
async fn with_secret(
    provider: &dyn KeyProvider,
    organization: uuid::Uuid,
    row: &SigningKeyRow,
) -> std::result::Result<(SigningKey, ProjectKeySecret), KeyError> {
    let version = row.version.unsigned_abs();
    // Wrapped for the unit that has the database, made for the one where it began.
    let wrap = SigningKey::context(&row.scale_unit, organization, version);
    let context = SigningKey::context(&row.made_for, organization, version);
    let generation = GenerationId(row.generation.clone());
    let secret = provider.unwrap(&generation, &row.wrapped, &wrap).await?;
    let key = SigningKey::open(&secret, &context, &row.public_key)?;
    Ok((key, secret))
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::other("it broke off")))
}
