//! Audit streams: who sets them up, and how far they are. Sending is [`deliver`]'s business.
//!
//! A secret goes in and never comes out again; what this shows of a failure holds none.

mod body;
pub(crate) mod deliver;
mod secret;
mod send;
mod target;

pub use target::StreamOptions;

use crate::error::{Error, Noun, Result};
use crate::keys::TRIES;
use crate::{Service, tokens};
use coffer_model::act::{
    CreateStream, DeleteStream, DisableStream, EnableStream, ModifyStream, TestStream, ViewStreams,
};
use coffer_model::{Caller, StreamId, Timestamp, name};
use coffer_store::{NewSecret, Refusal, Stop, StreamRow, StreamSetting};
use send::Opened;
use target::{Target, Wants, fit_secret};
use zeroize::Zeroizing;

const STREAM: Noun = Noun {
    name: "An audit stream",
    not_found: "audit_stream.not_found",
    name_taken: "audit_stream.name_taken",
};

/// Audit streams.
pub struct Streams<'a>(pub(crate) &'a Service);

/// A stream to make.
#[derive(Clone)]
pub struct NewStream {
    /// Its name, unique ignoring case.
    pub name: String,
    /// `webhook`, `splunk`, `syslog`.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// What the kind needs besides.
    pub options: StreamOptions,
    /// The collector's token or the webhook's key.
    pub secret: Option<Zeroizing<String>>,
    /// Whether it begins with the oldest event instead of the next.
    pub from_start: bool,
}

/// What to change of a stream. What is absent stays.
#[derive(Clone, Default)]
pub struct StreamChange {
    /// Its name.
    pub name: Option<String>,
    /// Where to.
    pub url: Option<String>,
    /// What the kind needs besides, all of it.
    pub options: Option<StreamOptions>,
    /// A new secret.
    pub secret: Option<Zeroizing<String>>,
    /// Whether it is sent to.
    pub enabled: Option<bool>,
}

/// A stream and how far it is.
#[derive(Clone, Debug)]
pub struct StreamView {
    /// Its id.
    pub id: StreamId,
    /// Its name.
    pub name: String,
    /// `webhook`, `splunk`, `syslog`.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// What the kind needs besides.
    pub options: StreamOptions,
    /// Whether it is sent to.
    pub enabled: bool,
    /// The last place in the chain that the target accepted.
    pub delivered: i64,
    /// The last place there is.
    pub head: i64,
    /// When the target accepted last.
    pub delivered_at: Option<Timestamp>,
    /// Failures since then.
    pub failures: i64,
    /// What the last failure was.
    pub last_error: Option<String>,
    /// When it failed last.
    pub failed_at: Option<Timestamp>,
    /// When it is tried again, while it fails.
    pub retry_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A stream that was made.
pub struct CreatedStream {
    /// The stream.
    pub stream: StreamView,
    /// The key that was made up for it; seen this once.
    pub secret: Option<Zeroizing<String>>,
}

fn view(row: StreamRow) -> StreamView {
    StreamView {
        id: row.id,
        options: options(&row.setting),
        name: row.setting.name,
        kind: row.setting.kind,
        url: row.setting.url,
        enabled: row.enabled,
        delivered: row.cursor,
        head: row.head,
        delivered_at: row.delivered_at,
        failures: row.failures,
        last_error: row.last_error,
        failed_at: row.failed_at,
        retry_at: (row.failures > 0 && row.enabled).then_some(row.retry_at),
        created_at: row.created_at,
    }
}

fn options(setting: &StreamSetting) -> StreamOptions {
    serde_json::from_str(&setting.options).unwrap_or_default()
}

/// A stream's target with its secret, ready to send.
async fn opened(service: &Service, row: &StreamRow) -> Result<Opened> {
    let target = Target::read(&row.setting.kind, &row.setting.url, &options(&row.setting))?;
    let secret = match &row.secret {
        Some(sealed) => Some(secret::open(service, row.id, sealed).await?),
        None => None,
    };
    Ok(Opened {
        stream: row.id,
        target,
        secret,
    })
}

/// RFC 3339 with microseconds, UTC.
pub(crate) fn date(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map_or_else(|_| "-".into(), |time| format!("{time:.6}"))
}

fn named(text: &str) -> Result<()> {
    if name::is_fit(text) {
        Ok(())
    } else {
        Err(Error::invalid(
            "A stream's name is visible text of at most 255 bytes.",
        ))
    }
}

impl Streams<'_> {
    /// All streams.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<StreamView>> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewStreams { organization }).await?;
        let rows = read.streams(&seen).await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// One stream.
    pub async fn get(&self, caller: &Caller, id: StreamId) -> Result<StreamView> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewStreams { organization }).await?;
        let row = read.stream(&seen, id).await?;
        row.map(view)
            .ok_or_else(|| Error::from(Refusal::NotFound).about(&STREAM))
    }

    /// Makes a stream. A webhook without a key gets one, which the answer shows this once.
    pub async fn create(&self, caller: &Caller, new: NewStream) -> Result<CreatedStream> {
        let organization = self.0.organization().id;
        named(&new.name)?;
        let target = Target::read(&new.kind, &new.url, &new.options)?;
        target.judge(self.0.outgoing())?;
        let wants = target.wants_secret();
        let made = match (&new.secret, wants) {
            (Some(secret), _) => {
                fit_secret(secret, wants)?;
                None
            }
            (None, Wants::Any) => Some(tokens::secret(self.0.entropy())),
            (None, Wants::Theirs) => fit_secret(&Zeroizing::default(), wants).map(|()| None)?,
            (None, Wants::None) => None,
        };
        let stream = StreamId::random(self.0.entropy());
        // Nobody makes the key service work who may not make a stream.
        let mut read = self.0.store().read().await?;
        let act = CreateStream {
            organization,
            stream,
        };
        let may = read.may(caller, &act).await?;
        drop(read);
        let plain = made.as_ref().or(new.secret.as_ref()).filter(|_| may);
        let setting = StreamSetting {
            name: new.name,
            kind: new.kind,
            url: new.url,
            options: serde_json::to_string(&new.options).map_err(Error::internal)?,
        };
        let details = [
            ("name", setting.name.clone()),
            ("kind", setting.kind.clone()),
            ("host", target.host()),
        ];
        let from_start = new.from_start;
        for tried in 1.. {
            let secret = match plain {
                Some(plain) => Some(secret::seal(self.0, stream, plain).await?),
                None => None,
            };
            let (asked, act, setting) = (caller.clone(), act.clone(), setting.clone());
            let details = details.clone();
            let stored = self.0.store().write("audit_stream.create", move |tx| {
                let (caller, act, setting) = (asked.clone(), act.clone(), setting.clone());
                let (details, secret) = (details.clone(), secret.clone());
                Box::pin(async move {
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.stream_insert(grant, &setting, secret.as_ref(), from_start)
                        .await
                })
            });
            match stored.await {
                Ok(()) => break,
                // A rotation came between.
                Err(Stop::Refused(Refusal::KeyNotActive)) if tried < TRIES => {}
                Err(stop) => return Err(Error::from(stop).about(&STREAM)),
            }
        }
        Ok(CreatedStream {
            stream: self.get(caller, stream).await?,
            secret: made,
        })
    }

    /// Changes a stream, lets it wait, or lets it go on.
    pub async fn change(
        &self,
        caller: &Caller,
        id: StreamId,
        change: StreamChange,
    ) -> Result<StreamView> {
        let organization = self.0.organization().id;
        let modify = change.name.is_some()
            || change.url.is_some()
            || change.options.is_some()
            || change.secret.is_some();
        if !modify && change.enabled.is_none() {
            return Err(Error::invalid("There is nothing to change."));
        }
        let options = change.options.as_ref().map(serde_json::to_string);
        let options = options.transpose().map_err(Error::internal)?;
        for tried in 1.. {
            let sealed = if modify {
                self.fit_change(caller, id, &change).await?
            } else {
                None
            };
            let (asked, change, options) = (caller.clone(), change.clone(), options.clone());
            let changed = self.0.store().write("audit_stream.change", move |tx| {
                let (caller, change) = (asked.clone(), change.clone());
                let (options, sealed) = (options.clone(), sealed.clone());
                Box::pin(async move {
                    let act = ModifyStream {
                        organization,
                        stream: id,
                    };
                    if modify {
                        let fresh_secret = change.secret.is_some();
                        let details = [
                            ("name", change.name.clone().unwrap_or_default()),
                            ("secret", fresh_secret.to_string()),
                            (
                                "target",
                                (change.url.is_some() || options.is_some()).to_string(),
                            ),
                        ];
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        let mut setting = tx.stream(id).await?.setting;
                        setting.name = change.name.unwrap_or(setting.name);
                        setting.url = change.url.unwrap_or(setting.url);
                        setting.options = options.unwrap_or(setting.options);
                        tx.stream_modify(grant, id, &setting, sealed.as_ref())
                            .await?;
                    }
                    match change.enabled {
                        Some(true) => {
                            let act = EnableStream {
                                organization,
                                stream: id,
                            };
                            let grant = tx.authorize(&caller, act).await?;
                            tx.stream_enable(grant, id).await
                        }
                        Some(false) => {
                            let act = DisableStream {
                                organization,
                                stream: id,
                            };
                            let grant = tx.authorize(&caller, act).await?;
                            tx.stream_disable(grant, id).await
                        }
                        None => Ok(()),
                    }
                })
            });
            match changed.await {
                Ok(()) => break,
                // A rotation came between.
                Err(Stop::Refused(Refusal::KeyNotActive)) if tried < TRIES => {}
                Err(stop) => return Err(Error::from(stop).about(&STREAM)),
            }
        }
        self.get(caller, id).await
    }

    /// Judges a change against the stream as it is, and seals a new secret. Whoever may not see the stream is refused
    /// by the gate afterwards, on record.
    async fn fit_change(
        &self,
        caller: &Caller,
        id: StreamId,
        change: &StreamChange,
    ) -> Result<Option<NewSecret>> {
        if let Some(name) = &change.name {
            named(name)?;
        }
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let act = ModifyStream {
            organization,
            stream: id,
        };
        if !read.may(caller, &act).await? {
            return Ok(None);
        }
        let seen = read.look(caller, ViewStreams { organization }).await?;
        let Some(row) = read.stream(&seen, id).await? else {
            return Ok(None);
        };
        drop(read);
        let url = change.url.as_ref().unwrap_or(&row.setting.url);
        let found = options(&row.setting);
        let options = change.options.as_ref().unwrap_or(&found);
        let target = Target::read(&row.setting.kind, url, options)?;
        target.judge(self.0.outgoing())?;
        match &change.secret {
            Some(plain) => {
                fit_secret(plain, target.wants_secret())?;
                Ok(Some(secret::seal(self.0, id, plain).await?))
            }
            None => Ok(None),
        }
    }

    /// Removes a stream.
    pub async fn delete(&self, caller: &Caller, id: StreamId) -> Result<()> {
        let organization = self.0.organization().id;
        let caller = caller.clone();
        self.0
            .store()
            .write("audit_stream.delete", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = DeleteStream {
                        organization,
                        stream: id,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.stream_delete(grant, id).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&STREAM))
    }

    /// Sends something made up to the target, and says whether it was accepted, or why not.
    pub async fn test(
        &self,
        caller: &Caller,
        id: StreamId,
    ) -> Result<std::result::Result<(), String>> {
        let organization = self.0.organization().id;
        let caller = caller.clone();
        let row = self
            .0
            .store()
            .write("audit_stream.test", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = TestStream {
                        organization,
                        stream: id,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.stream_tested(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&STREAM))?;
        let now = self.0.store().read().await?.now();
        let target = opened(self.0, &row).await?;
        let sent = target
            .send(self.0.outgoing(), &[body::trial(now)], now)
            .await;
        Ok(sent.map_err(|refused| refused.text))
    }
}
