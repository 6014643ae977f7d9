//! What there is: a database with its transactions, a key service, backups, and what must hold after each step.
//!
//! A transaction is one method. Each asks the guards that the real statements ask; a test can break one.

use crate::Timestamp;
use crate::rotation::{Due, End, Facts, GenerationState, Horizon, KeyState, due, end};
use std::collections::{BTreeMap, BTreeSet};

pub(super) type Key = u32;
pub(super) type Generation = u32;
pub(super) type File = u32;

pub(super) const HORIZON: Horizon = Horizon {
    grace_seconds: 10,
    seconds: 100,
};
pub(super) const LEASE_SECONDS: i64 = 5;

/// What keeps a promise, and can be broken to see that its loss is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Guard {
    /// A wrap is stored only if its key is active in that transaction.
    StillActive,
    /// A re-wrap replaces only what was read.
    CompareAndSet,
    /// A key retires only when it wraps nothing.
    NoneLeft,
    /// A generation retires only when nothing needs it.
    NothingNeeds,
    /// A project key is stored only if its generation is active in that transaction.
    GenerationActive,
    /// A cached key is used only if the row read now allows it.
    RowAllows,
    /// A deployment that was rotated for is not rotated for again.
    Known,
    /// A generation that an interrupted rotation made is taken.
    Adopt,
    /// A generation is disabled before it is destroyed.
    DisabledFirst,
    /// The horizon is waited for.
    FromRetirement,
    /// Active scopes get new keys before the rotation ends.
    EveryScope,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeyRow {
    pub(super) scope: usize,
    pub(super) version: u32,
    pub(super) state: KeyState,
    pub(super) generation: Generation,
    pub(super) rotation: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct GenerationRow {
    pub(super) state: GenerationState,
    pub(super) retired: Option<Timestamp>,
}

/// A wrapped file key: the key that its row names, the key that made it (none: damaged), and the file key in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wrap {
    pub(super) row: Key,
    pub(super) by: Option<Key>,
    pub(super) holds: u32,
    pub(super) nonce: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileRow {
    pub(super) scope: usize,
    /// The file key that its bytes are sealed with.
    pub(super) payload: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Rotation {
    pub(super) settled: Option<Generation>,
    pub(super) running: bool,
    pub(super) lease: (usize, Timestamp),
}

#[derive(Clone, Default, Debug)]
pub(super) struct Db {
    pub(super) generations: BTreeMap<Generation, GenerationRow>,
    pub(super) keys: BTreeMap<Key, KeyRow>,
    pub(super) files: BTreeMap<File, FileRow>,
    pub(super) wraps: BTreeMap<File, Wrap>,
    /// A secret of our own: the generation that wraps it.
    pub(super) secret: Generation,
    /// Deployments, and the rotation that was for each.
    pub(super) deployments: BTreeMap<u32, Option<usize>>,
    /// From 1: the first is that of the first start.
    pub(super) rotations: Vec<Rotation>,
    /// Files whose wrap somebody else wrote.
    pub(super) tampered: BTreeSet<File>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Enabled,
    Disabled,
    Destroyed,
}

/// A promise that did not hold.
pub(super) type Outcome<T = ()> = Result<T, String>;

pub(super) struct World {
    pub(super) db: Db,
    pub(super) service: BTreeMap<Generation, Life>,
    pub(super) backups: Vec<(Timestamp, Db)>,
    /// Wraps that were replaced.
    pub(super) old_wraps: Vec<(File, Wrap)>,
    pub(super) now: Timestamp,
    /// Whether the credential makes, disables and destroys generations.
    pub(super) lifecycle: bool,
    broken: Option<Guard>,
    last: u32,
}

impl World {
    pub(super) fn new(broken: Option<Guard>, lifecycle: bool) -> Self {
        let mut world = Self {
            db: Db::default(),
            service: BTreeMap::new(),
            backups: Vec::new(),
            old_wraps: Vec::new(),
            now: Timestamp(0),
            lifecycle,
            broken,
            last: 0,
        };
        let first = world.fresh();
        world.service.insert(first, Life::Enabled);
        let active = GenerationRow {
            state: GenerationState::Active,
            retired: None,
        };
        world.db.generations.insert(first, active);
        world.db.secret = first;
        world.db.deployments.insert(0, Some(0));
        world
    }

    pub(super) fn holds(&self, guard: Guard) -> bool {
        self.broken != Some(guard)
    }

    pub(super) fn fresh(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    pub(super) fn usable(&self, generation: Generation) -> bool {
        self.service.get(&generation) == Some(&Life::Enabled)
    }

    pub(super) fn active_key(&self, scope: usize) -> Option<Key> {
        let of_scope = |row: &KeyRow| (row.scope, row.state) == (scope, KeyState::Active);
        let keys = self.db.keys.iter();
        keys.filter(|(_, row)| of_scope(row))
            .map(|(key, _)| *key)
            .next_back()
    }

    pub(super) fn active_generation(&self) -> Generation {
        let all = self.db.generations.iter();
        let mut active = all.filter(|(_, row)| row.state == GenerationState::Active);
        *active.next_back().expect("there is always one").0
    }

    pub(super) fn running(&self) -> Option<usize> {
        (self.db.rotations.last()?.running).then_some(self.db.rotations.len())
    }

    fn leased(&self, node: usize, number: usize) -> bool {
        let row = &self.db.rotations[number - 1];
        self.running() == Some(number) && row.lease.0 == node && row.lease.1 > self.now
    }

    /// Transaction: begins a rotation if one is due, and takes or keeps the lease of the one under way.
    pub(super) fn lease(&mut self, node: usize, deployment: u32) -> Outcome<Option<usize>> {
        let rotated = *self.db.deployments.entry(deployment).or_insert(None);
        let known = rotated.is_some() && self.holds(Guard::Known);
        if due(known, self.running().is_some()) == Due::Begin {
            if rotated.is_some() {
                return Err(format!("deployment {deployment} is rotated for twice"));
            }
            self.db.rotations.push(Rotation {
                settled: None,
                running: true,
                lease: (node, self.now),
            });
            let number = self.db.rotations.len();
            for rotated in self.db.deployments.values_mut() {
                rotated.get_or_insert(number);
            }
        }
        let Some(number) = self.running() else {
            return Ok(None);
        };
        let lease = &mut self.db.rotations[number - 1].lease;
        if lease.0 != node && lease.1 > self.now {
            return Ok(None);
        }
        *lease = (node, self.now.plus_seconds(LEASE_SECONDS));
        Ok(Some(number))
    }

    /// What the rotation finds. `stuck` are wraps that this node found not to open.
    pub(super) fn facts(&self, number: usize, stuck: &BTreeSet<u32>) -> Facts {
        let settled = self.db.rotations[number - 1].settled;
        let wrapping = |key: &Key| self.db.wraps.values().any(|wrap| wrap.row == *key);
        let draining = || {
            let keys = self.db.keys.iter();
            keys.filter(|(_, row)| row.state == KeyState::Draining)
        };
        let needed = |generation| self.needed(generation);
        Facts {
            settled: settled.is_some(),
            old_scopes: self.old_scope(number).is_some() && self.holds(Guard::EveryScope),
            old_wraps: !self.page(stuck).is_empty(),
            old_secrets: settled.is_some_and(|settled| self.db.secret != settled),
            empty_keys: draining().any(|(key, _)| !self.holds(Guard::NoneLeft) || !wrapping(key)),
            empty_generations: self.db.generations.iter().any(|(generation, row)| {
                row.state == GenerationState::Draining
                    && (!self.holds(Guard::NothingNeeds) || !needed(*generation))
            }),
        }
    }

    pub(super) fn needed(&self, generation: Generation) -> bool {
        let opens = |row: &KeyRow| row.state != KeyState::Retired && row.generation == generation;
        self.db.secret == generation || self.db.keys.values().any(opens)
    }

    /// A scope that needs a new key.
    pub(super) fn old_scope(&self, number: usize) -> Option<usize> {
        let settled = self.db.rotations[number - 1].settled?;
        let old = |row: &&KeyRow| {
            row.state == KeyState::Active && (row.rotation < number || row.generation != settled)
        };
        self.db.keys.values().find(old).map(|row| row.scope)
    }

    /// A page of what draining keys wrap.
    pub(super) fn page(&self, stuck: &BTreeSet<u32>) -> Vec<(File, Wrap)> {
        let draining = |key| self.db.keys[key].state == KeyState::Draining;
        let wraps = self.db.wraps.iter();
        wraps
            .filter(|(_, wrap)| draining(&wrap.row) && !stuck.contains(&wrap.nonce))
            .take(2)
            .map(|(file, wrap)| (*file, *wrap))
            .collect()
    }

    /// Transaction: settles the generation.
    pub(super) fn settle(&mut self, node: usize, number: usize, generation: Generation) {
        if !self.leased(node, number) || self.db.rotations[number - 1].settled.is_some() {
            return;
        }
        if self.active_generation() != generation {
            for row in self.db.generations.values_mut() {
                if row.state == GenerationState::Active {
                    row.state = GenerationState::Draining;
                }
            }
            let active = GenerationRow {
                state: GenerationState::Active,
                retired: None,
            };
            self.db.generations.insert(generation, active);
        }
        self.db.rotations[number - 1].settled = Some(generation);
    }

    /// Transaction: a new key of a scope; the one before drains.
    pub(super) fn insert_key(
        &mut self,
        renews: Option<(usize, usize)>,
        scope: usize,
        version: u32,
        generation: Generation,
    ) {
        let allowed = renews.is_none_or(|(node, number)| self.leased(node, number));
        let taken = |row: &KeyRow| (row.scope, row.version) == (scope, version);
        let active = self.db.generations[&generation].state == GenerationState::Active;
        if !allowed
            || self.db.keys.values().any(taken)
            || (!active && self.holds(Guard::GenerationActive))
        {
            return;
        }
        for row in self.db.keys.values_mut() {
            if row.scope == scope && row.state == KeyState::Active {
                row.state = KeyState::Draining;
            }
        }
        let key = self.fresh();
        let row = KeyRow {
            scope,
            version,
            state: KeyState::Active,
            generation,
            rotation: self.db.rotations.len(),
        };
        self.db.keys.insert(key, row);
    }

    /// Whether a wrap of this key may be stored now.
    pub(super) fn may_wrap(&self, key: Key) -> bool {
        let state = self.db.keys.get(&key).map(|row| row.state);
        !self.holds(Guard::StillActive) || state == Some(KeyState::Active)
    }

    /// Transaction: a page of re-wraps.
    pub(super) fn rewrap(&mut self, node: usize, number: usize, page: &[(File, Wrap, Wrap)]) {
        if !self.leased(node, number) || page.iter().any(|(_, _, new)| !self.may_wrap(new.row)) {
            return;
        }
        for (file, old, new) in page {
            let there = self.db.wraps.get(file) == Some(old);
            let any = self.db.wraps.contains_key(file) && !self.holds(Guard::CompareAndSet);
            if there || any {
                self.old_wraps.push((*file, *old));
                self.db.wraps.insert(*file, *new);
            }
        }
    }

    /// Transaction: a secret of our own.
    pub(super) fn rewrap_secret(&mut self, node: usize, number: usize, old: u32, new: u32) {
        let active = self.db.generations[&new].state == GenerationState::Active;
        if self.leased(node, number) && self.db.secret == old && active {
            self.db.secret = new;
        }
    }

    /// Transaction: retires what wraps nothing.
    pub(super) fn retire_keys(&mut self, node: usize, number: usize) {
        if !self.leased(node, number) {
            return;
        }
        let none_left = self.holds(Guard::NoneLeft);
        let wrapping: BTreeSet<Key> = self.db.wraps.values().map(|wrap| wrap.row).collect();
        for (key, row) in &mut self.db.keys {
            if row.state == KeyState::Draining && !(none_left && wrapping.contains(key)) {
                row.state = KeyState::Retired;
            }
        }
    }

    /// Transaction: retires what nothing needs.
    pub(super) fn retire_generations(&mut self, node: usize, number: usize) {
        if !self.leased(node, number) {
            return;
        }
        let ids: Vec<Generation> = self.db.generations.keys().copied().collect();
        for id in ids {
            let needed = self.needed(id) && self.holds(Guard::NothingNeeds);
            let now = self.now;
            let row = self.db.generations.get_mut(&id).expect("it was listed");
            if row.state == GenerationState::Draining && !needed {
                row.state = GenerationState::Retired;
                row.retired = Some(now);
            }
        }
    }

    /// Transaction: the report. Nothing is wrapped by a version from before.
    pub(super) fn report(&mut self, node: usize, number: usize) -> Outcome {
        if !self.leased(node, number) {
            return Ok(());
        }
        self.db.rotations[number - 1].running = false;
        for (file, wrap) in &self.db.wraps {
            let row = &self.db.keys[&wrap.row];
            let whole = wrap.by.is_some() && !self.db.tampered.contains(file);
            if whole && (row.state != KeyState::Active || row.rotation < number) {
                return Err(format!("after rotation {number} {wrap:?} is old: {row:?}"));
            }
        }
        Ok(())
    }

    /// What the horizon asks for.
    pub(super) fn ending(&self) -> Option<(Generation, End)> {
        let all = self.db.generations.iter();
        all.filter_map(|(generation, row)| {
            let mut horizon = HORIZON;
            if !self.holds(Guard::FromRetirement) {
                horizon.seconds = 0;
            }
            let mut asked = end(row.state, row.retired, self.now, horizon);
            if !self.holds(Guard::DisabledFirst) && asked == Some(End::Disable) {
                asked = Some(End::Destroy);
            }
            asked.map(|end| (*generation, end))
        })
        .next()
    }

    /// The key service does it. What is gone is gone.
    pub(super) fn call_end(&mut self, generation: Generation, end: End) -> Outcome {
        let life = self.service.get_mut(&generation).expect("it was made");
        match (end, *life) {
            (End::Disable, Life::Enabled) => *life = Life::Disabled,
            (End::Destroy, Life::Disabled) => *life = Life::Destroyed,
            (End::Destroy, Life::Enabled) => return Err(format!("{generation} was not disabled")),
            _ => {}
        }
        Ok(())
    }

    /// Transaction: it is done. Keys that only the destroyed generation opened go with it.
    pub(super) fn ended(&mut self, generation: Generation, end: End) {
        let in_order = self.holds(Guard::DisabledFirst);
        let row = self
            .db
            .generations
            .get_mut(&generation)
            .expect("it is ours");
        let after = match end {
            End::Disable => GenerationState::Disabled,
            End::Destroy => GenerationState::Destroyed,
        };
        if after.follows(row.state) || !in_order {
            row.state = after;
            if end == End::Destroy {
                let wrapping: BTreeSet<Key> = self.db.wraps.values().map(|wrap| wrap.row).collect();
                self.db.keys.retain(|key, row| {
                    row.generation != generation
                        || row.state != KeyState::Retired
                        || wrapping.contains(key)
                });
            }
        }
    }

    /// What holds at every moment.
    pub(super) fn check(&self) -> Outcome {
        for (file, row) in &self.db.files {
            let Some(wrap) = self.db.wraps.get(file) else {
                return Err(format!("file {file} has no key"));
            };
            if self.db.tampered.contains(file) {
                continue;
            }
            let Some(key) = self.db.keys.get(&wrap.row) else {
                return Err(format!("the key of file {file} is gone"));
            };
            if key.state == KeyState::Retired {
                return Err(format!("{wrap:?} of file {file} is under a retired key"));
            }
            if !self.usable(key.generation) {
                return Err(format!(
                    "the generation of {key:?} for file {file} is not usable"
                ));
            }
            let opens = wrap.by == Some(wrap.row) && wrap.holds == row.payload;
            if wrap.by.is_some() && !opens {
                return Err(format!("file {file}: {wrap:?} does not open {row:?}"));
            }
        }
        if let Some(orphan) = self
            .db
            .wraps
            .keys()
            .find(|file| !self.db.files.contains_key(file))
        {
            return Err(format!("a key of deleted file {orphan} is left"));
        }
        for (id, row) in &self.db.generations {
            let over = row.state > GenerationState::Draining;
            if over && self.needed(*id) {
                return Err(format!("generation {id} is {row:?} and still needed"));
            }
        }
        if !self.usable(self.db.secret) {
            return Err("a secret of our own does not open".into());
        }
        for scope in 0..super::SCOPES {
            let keys = self.db.keys.values();
            let active = keys.filter(|row| (row.scope, row.state) == (scope, KeyState::Active));
            if active.count() > 1 {
                return Err(format!("scope {scope} has several active keys"));
            }
        }
        Ok(())
    }
}
