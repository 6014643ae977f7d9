//! A place for anchors that a story can look into, write to and take away.

use coffer_service::{AnchorPlace, BoxFuture};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A place. It stays while its server is stopped and started again.
#[derive(Clone, Default)]
pub struct TestPlace(Arc<Inner>);

#[derive(Default)]
struct Inner {
    text: Mutex<Option<String>>,
    guarded: AtomicBool,
    away: AtomicBool,
    writes: AtomicUsize,
}

impl TestPlace {
    /// What it keeps.
    pub fn text(&self) -> Option<String> {
        self.0.text.lock().unwrap().clone()
    }

    /// Keeps something else, past the server.
    pub fn put(&self, text: Option<String>) {
        *self.0.text.lock().unwrap() = text;
    }

    /// Whether only who holds the key provider's credential can write there.
    pub fn guard(&self, guarded: bool) {
        self.0.guarded.store(guarded, Ordering::SeqCst);
    }

    /// Takes it away, or brings it back.
    pub fn away(&self, away: bool) {
        self.0.away.store(away, Ordering::SeqCst);
    }

    /// How often it was written to.
    pub fn writes(&self) -> usize {
        self.0.writes.load(Ordering::SeqCst)
    }

    fn reached(&self) -> io::Result<()> {
        match self.0.away.load(Ordering::SeqCst) {
            true => Err(io::Error::other("the place is away")),
            false => Ok(()),
        }
    }
}

impl AnchorPlace for TestPlace {
    fn name(&self) -> String {
        "the story's place".into()
    }

    fn read(&self) -> BoxFuture<'_, io::Result<Option<String>>> {
        Box::pin(async move { self.reached().map(|()| self.text()) })
    }

    fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            self.reached()?;
            self.put(Some(text.to_owned()));
            self.0.writes.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    }

    fn has_room(&self) -> bool {
        !self.0.guarded.load(Ordering::SeqCst)
    }

    fn is_guarded(&self) -> bool {
        self.0.guarded.load(Ordering::SeqCst)
    }

    fn pause(&self) -> i64 {
        0
    }
}
