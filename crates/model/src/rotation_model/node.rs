//! A node: what it keeps in memory, and what it does between two transactions. A crash forgets all of it.

use super::world::{File, Generation, Guard, HORIZON, Key, KeyRow, Life, Outcome, World, Wrap};
use crate::Timestamp;
use crate::rotation::{End, KeyState, Step, next};
use std::collections::BTreeSet;

/// What goes wrong with the next call of the key service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It is away, or its quota is used up: nothing was done.
    Away,
    /// It did the work, and the answer was lost.
    AnswerLost,
}

/// Where a rotation is between two transactions.
#[derive(Clone, Default, Debug)]
enum Hand {
    #[default]
    Empty,
    Making(usize),
    Made(usize, Generation),
    Wrapping(usize, usize, Generation),
    Wrapped(usize, usize, u32, Generation),
    Read(usize, Vec<(File, Wrap)>),
    Rewrapped(usize, Vec<(File, Wrap, Wrap)>),
    Secret(usize, Generation, Generation),
    SecretWrapped(usize, Generation, Generation),
}

#[derive(Clone, Debug)]
enum Upload {
    Wants(usize),
    Makes(usize, u32, Generation),
    Has(usize, Key),
    Again(File, u32, usize),
    HasAgain(File, u32, Key),
}

/// What a download has read.
#[derive(Clone, Copy, Debug)]
struct Download {
    file: File,
    payload: u32,
    wrap: Wrap,
    row: KeyRow,
    /// Somebody else wrote the wrap.
    tampered: bool,
    began: Timestamp,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Node {
    pub(super) id: usize,
    pub(super) deployment: u32,
    cache: BTreeSet<Key>,
    stuck: BTreeSet<u32>,
    hand: Hand,
    upload: Option<Upload>,
    download: Option<Download>,
    ending: Option<(Generation, End)>,
    pub(super) fault: Option<Fault>,
}

/// The key service did not answer.
struct NoAnswer;

impl Node {
    pub(super) fn new(id: usize, deployment: u32) -> Self {
        Self {
            id,
            deployment,
            ..Self::default()
        }
    }

    pub(super) fn idle(&self) -> bool {
        matches!(self.hand, Hand::Empty)
    }

    /// Calls the key service: `work` is what it does.
    fn call<T>(&mut self, work: impl FnOnce() -> T) -> Result<T, NoAnswer> {
        match self.fault.take() {
            Some(Fault::Away) => Err(NoAnswer),
            Some(Fault::AnswerLost) => {
                work();
                Err(NoAnswer)
            }
            None => Ok(work()),
        }
    }

    /// Unwraps a project key, or finds it in memory.
    fn unwrap(&mut self, world: &World, key: Key, row: &KeyRow) -> Outcome<bool> {
        if self.cache.contains(&key) {
            return Ok(true);
        }
        match self.call(|| world.usable(row.generation)) {
            Ok(true) => {
                self.cache.insert(key);
                Ok(true)
            }
            Ok(false) => Err(format!("{row:?} is needed and its generation refuses")),
            Err(NoAnswer) => Ok(false),
        }
    }

    /// The next thing that this node's rotation does: one transaction, or one call of the key service.
    pub(super) fn rotate(&mut self, world: &mut World) -> Outcome {
        self.hand = match std::mem::take(&mut self.hand) {
            Hand::Empty => self.begin(world)?,
            Hand::Making(number) => {
                let made = self.make_generation(world)?;
                made.map_or(Hand::Empty, |made| Hand::Made(number, made))
            }
            Hand::Made(number, generation) => {
                world.settle(self.id, number, generation);
                Hand::Empty
            }
            Hand::Wrapping(number, scope, generation) => {
                match self.call(|| world.usable(generation)) {
                    Ok(true) => Hand::Wrapped(number, scope, version(world, scope), generation),
                    Ok(false) => return Err(format!("{generation} is settled and refuses")),
                    Err(NoAnswer) => Hand::Empty,
                }
            }
            Hand::Wrapped(number, scope, version, generation) => {
                world.insert_key(Some((self.id, number)), scope, version, generation);
                Hand::Empty
            }
            Hand::Read(number, page) => self.rewrap(world, number, &page)?,
            Hand::Rewrapped(number, page) => {
                world.rewrap(self.id, number, &page);
                Hand::Empty
            }
            Hand::Secret(number, old, new) => {
                match self.call(|| world.usable(old) && world.usable(new)) {
                    Ok(true) => Hand::SecretWrapped(number, old, new),
                    Ok(false) if world.db.secret != old => Hand::Empty,
                    Ok(false) => return Err("a secret of our own cannot be wrapped again".into()),
                    Err(NoAnswer) => Hand::Empty,
                }
            }
            Hand::SecretWrapped(number, old, new) => {
                world.rewrap_secret(self.id, number, old, new);
                Hand::Empty
            }
        };
        Ok(())
    }

    fn begin(&mut self, world: &mut World) -> Outcome<Hand> {
        let Some(number) = world.lease(self.id, self.deployment)? else {
            return Ok(Hand::Empty);
        };
        let settled = world.db.rotations[number - 1].settled.unwrap_or_default();
        Ok(match next(&world.facts(number, &self.stuck)) {
            Step::Settle => Hand::Making(number),
            Step::Renew => match world.old_scope(number) {
                Some(scope) => Hand::Wrapping(number, scope, settled),
                None => Hand::Empty,
            },
            Step::Rewrap => Hand::Read(number, world.page(&self.stuck)),
            Step::RewrapSecret => Hand::Secret(number, world.db.secret, settled),
            Step::RetireKeys => {
                world.retire_keys(self.id, number);
                Hand::Empty
            }
            Step::RetireGenerations => {
                world.retire_generations(self.id, number);
                Hand::Empty
            }
            Step::Report => {
                self.stuck.clear();
                world.report(self.id, number)?;
                Hand::Empty
            }
        })
    }

    /// One that is there and not ours yet, else a new one; the present one without the right to make any.
    fn make_generation(&mut self, world: &mut World) -> Outcome<Option<Generation>> {
        let there = world.service.iter();
        let usable = there.filter(|(_, life)| **life == Life::Enabled);
        let newest = usable.map(|(generation, _)| *generation).next_back();
        let unknown = newest.filter(|newest| !world.db.generations.contains_key(newest));
        if unknown.is_some() && world.holds(Guard::Adopt) {
            return Ok(unknown);
        }
        if !world.lifecycle {
            return Ok(Some(world.active_generation()));
        }
        if let Some(unknown) = unknown {
            return Err(format!("{unknown} was made and is left lying"));
        }
        let made = world.fresh();
        let done = self.call(|| world.service.insert(made, Life::Enabled));
        Ok(done.ok().map(|_| made))
    }

    fn rewrap(&mut self, world: &mut World, number: usize, page: &[(File, Wrap)]) -> Outcome<Hand> {
        let mut done = Vec::new();
        for (file, old) in page {
            let Some(row) = world.db.keys.get(&old.row).copied() else {
                continue;
            };
            let Some(to) = world.active_key(row.scope) else {
                return Err(format!("scope {} has no active key", row.scope));
            };
            let target = world.db.keys[&to];
            // Another node may have gone on meanwhile: what was read is not needed any more then.
            if row.state == KeyState::Retired {
                continue;
            }
            if !self.unwrap(world, old.row, &row)? || !self.unwrap(world, to, &target)? {
                return Ok(Hand::Empty);
            }
            if old.by != Some(old.row) {
                self.stuck.insert(old.nonce);
                continue;
            }
            let new = Wrap {
                row: to,
                by: Some(to),
                holds: old.holds,
                nonce: world.fresh(),
            };
            done.push((*file, *old, new));
        }
        Ok(Hand::Rewrapped(number, done))
    }

    pub(super) fn begin_upload(&mut self, scope: usize) {
        self.upload.get_or_insert(Upload::Wants(scope));
    }

    /// Seals a file again, with another file key.
    pub(super) fn begin_again(&mut self, world: &World, file: File) {
        if let Some(row) = world.db.files.get(&file)
            && !world.db.tampered.contains(&file)
            && world.db.wraps[&file].by.is_some()
        {
            let again = Upload::Again(file, row.payload, row.scope);
            self.upload.get_or_insert(again);
        }
    }

    /// The next thing that an upload does. One that loses a race goes on; only the key service can make it fail.
    pub(super) fn upload(&mut self, world: &mut World) -> Outcome {
        self.upload = match self.upload.take() {
            None => None,
            Some(Upload::Wants(scope)) => match world.active_key(scope) {
                Some(key) => {
                    let row = world.db.keys[&key];
                    let opened = self.unwrap(world, key, &row)?;
                    opened.then_some(Upload::Has(scope, key))
                }
                None => {
                    let generation = world.active_generation();
                    match self.call(|| world.usable(generation)) {
                        Ok(true) => Some(Upload::Makes(scope, version(world, scope), generation)),
                        Ok(false) => return Err("the active generation refuses".into()),
                        Err(NoAnswer) => None,
                    }
                }
            },
            Some(Upload::Makes(scope, version, generation)) => {
                world.insert_key(None, scope, version, generation);
                Some(Upload::Wants(scope))
            }
            Some(Upload::Has(scope, key)) if world.may_wrap(key) => {
                let (file, payload) = (world.fresh(), world.fresh());
                let row = super::world::FileRow { scope, payload };
                world.db.files.insert(file, row);
                let wrap = self.wrap(world, key, payload);
                world.db.wraps.insert(file, wrap);
                None
            }
            Some(Upload::Has(scope, _)) => Some(Upload::Wants(scope)),
            Some(Upload::Again(file, was, scope)) => match world.active_key(scope) {
                Some(key) => {
                    let row = world.db.keys[&key];
                    let opened = self.unwrap(world, key, &row)?;
                    opened.then_some(Upload::HasAgain(file, was, key))
                }
                None => None,
            },
            Some(Upload::HasAgain(file, was, key)) => {
                let there = world.db.files.get(&file).copied();
                match there {
                    Some(row) if row.payload == was && world.may_wrap(key) => {
                        let payload = world.fresh();
                        let wrap = self.wrap(world, key, payload);
                        world
                            .db
                            .files
                            .insert(file, super::world::FileRow { payload, ..row });
                        world.db.wraps.insert(file, wrap);
                        world.db.tampered.remove(&file);
                        None
                    }
                    Some(row) if row.payload == was => Some(Upload::Again(file, was, row.scope)),
                    _ => None,
                }
            }
        };
        Ok(())
    }

    fn wrap(&self, world: &mut World, key: Key, holds: u32) -> Wrap {
        Wrap {
            row: key,
            by: Some(key),
            holds,
            nonce: world.fresh(),
        }
    }

    /// Reads what a download needs, in its transaction.
    pub(super) fn begin_download(&mut self, world: &World, file: File) {
        if let (Some(file_row), Some(wrap)) = (world.db.files.get(&file), world.db.wraps.get(&file))
            && let Some(row) = world.db.keys.get(&wrap.row)
        {
            self.download.get_or_insert(Download {
                file,
                payload: file_row.payload,
                wrap: *wrap,
                row: *row,
                tampered: world.db.tampered.contains(&file) && row.state == KeyState::Retired,
                began: world.now,
            });
        }
    }

    /// Opens it. What a stranger put there must not open.
    pub(super) fn download(&mut self, world: &World) -> Outcome {
        let Some(read) = self.download.take() else {
            return Ok(());
        };
        let Download {
            file,
            payload,
            wrap,
            row,
            tampered,
            began,
        } = read;
        if row.state == KeyState::Retired && world.holds(Guard::RowAllows) {
            return match tampered {
                true => Ok(()),
                false => Err(format!("file {file} was refused")),
            };
        }
        let late = world.now > began.plus_seconds(HORIZON.grace_seconds);
        match self.unwrap(world, wrap.row, &row) {
            Err(_) if late || tampered => Ok(()),
            Err(broken) => Err(format!("a download: {broken}")),
            Ok(true) if tampered => Err(format!("file {file} opened with a retired key")),
            Ok(true) if wrap.by.is_some() && wrap.holds != payload => {
                Err(format!("file {file} has another file's key"))
            }
            Ok(_) => Ok(()),
        }
    }

    /// What the horizon asks for: the call first, then the transaction that says so.
    pub(super) fn end(&mut self, world: &mut World) -> Outcome {
        if !world.lifecycle {
            return Ok(());
        }
        match self.ending.take() {
            Some((generation, end)) => world.ended(generation, end),
            None => {
                if let Some((generation, end)) = world.ending()
                    && let Ok(done) = self.call(|| world.call_end(generation, end))
                {
                    done?;
                    self.ending = Some((generation, end));
                }
            }
        }
        Ok(())
    }
}

fn version(world: &World, scope: usize) -> u32 {
    let of_scope = world.db.keys.values().filter(|row| row.scope == scope);
    of_scope.map(|row| row.version).max().unwrap_or_default() + 1
}
