//! Random histories of rotation: nodes with stale caches, crashes between any two steps, a key service that is away or
//! whose answers are lost, uploads, deletes, re-encryption, stolen leases, backups restored. The steps are those of
//! [`crate::rotation::next`]; each guard is broken once to see that its loss is found.

mod node;
mod world;

use crate::rotation::{GenerationState, KeyState};
use node::{Fault, Node};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use world::{Guard, HORIZON, Life, Outcome, World};

pub(crate) const SCOPES: usize = 2;
const NODES: usize = 2;
const DEPLOYMENTS: u32 = 4;

#[derive(Clone, Debug)]
enum Op {
    /// A node's rotation does its next thing, this often.
    Rotate(usize, usize),
    BeginUpload(usize, usize),
    Upload(usize),
    Again(usize, usize),
    BeginDownload(usize, usize),
    Download(usize),
    End(usize),
    Delete(usize),
    Damage(usize),
    /// A storage writer puts a wrap back that was replaced.
    Plant(usize),
    /// A node dies and starts again, maybe with another build.
    Crash(usize, u32),
    Fault(usize, Fault),
    Later(i64),
    Backup,
    Restore(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let node = || 0..NODES;
    let pick = || 0..8_usize;
    let seconds = prop::sample::select(vec![1, 6, 12, 60, 110]);
    let fault = prop::sample::select(vec![Fault::Away, Fault::AnswerLost]);
    prop_oneof![
        30 => (node(), 1..5_usize).prop_map(|(node, often)| Op::Rotate(node, often)),
        8 => (node(), 0..SCOPES).prop_map(|(node, scope)| Op::BeginUpload(node, scope)),
        14 => node().prop_map(Op::Upload),
        3 => (node(), pick()).prop_map(|(node, file)| Op::Again(node, file)),
        5 => (node(), pick()).prop_map(|(node, file)| Op::BeginDownload(node, file)),
        5 => node().prop_map(Op::Download),
        6 => node().prop_map(Op::End),
        2 => pick().prop_map(Op::Delete),
        1 => pick().prop_map(Op::Damage),
        1 => pick().prop_map(Op::Plant),
        3 => (node(), 0..DEPLOYMENTS).prop_map(|(node, build)| Op::Crash(node, build)),
        3 => (node(), fault).prop_map(|(node, fault)| Op::Fault(node, fault)),
        5 => seconds.prop_map(Op::Later),
        1 => Just(Op::Backup),
        1 => pick().prop_map(Op::Restore),
    ]
}

/// Plays a history, and then lets one node end what is under way.
fn play(history: &[Op], broken: Option<Guard>, lifecycle: bool) -> Outcome {
    let mut world = World::new(broken, lifecycle);
    let mut nodes: Vec<Node> = (0..NODES).map(|id| Node::new(id, 0)).collect();
    for op in history {
        step(&mut world, &mut nodes, op)?;
        world.check()?;
    }
    // Alone and undisturbed, it comes to an end, whatever was before.
    world.now = world.now.plus_seconds(1000);
    let mut node = Node::new(0, DEPLOYMENTS);
    for _ in 0..400 {
        node.rotate(&mut world)?;
        world.check()?;
        if node.idle() && world.running().is_none() && world.db.deployments[&DEPLOYMENTS].is_some()
        {
            return settled(&world);
        }
    }
    Err("the rotation does not end".into())
}

/// After completion only what does not open holds an old version.
fn settled(world: &World) -> Outcome {
    for (key, row) in &world.db.keys {
        let wraps = || world.db.wraps.values().filter(|wrap| wrap.row == *key);
        if row.state == KeyState::Draining && wraps().all(|wrap| wrap.by.is_some()) {
            return Err(format!("{row:?} still drains"));
        }
    }
    Ok(())
}

fn step(world: &mut World, nodes: &mut [Node], op: &Op) -> Outcome {
    let nth = |world: &World, n: usize| {
        let files: Vec<_> = world.db.files.keys().copied().collect();
        (!files.is_empty()).then(|| files[n % files.len()])
    };
    match op {
        Op::Rotate(node, often) => {
            for _ in 0..*often {
                nodes[*node].rotate(world)?;
                world.check()?;
            }
        }
        Op::BeginUpload(node, scope) => nodes[*node].begin_upload(*scope),
        Op::Upload(node) => nodes[*node].upload(world)?,
        Op::Again(node, n) => {
            if let Some(file) = nth(world, *n) {
                nodes[*node].begin_again(world, file);
            }
        }
        Op::BeginDownload(node, n) => {
            if let Some(file) = nth(world, *n) {
                nodes[*node].begin_download(world, file);
            }
        }
        Op::Download(node) => nodes[*node].download(world)?,
        Op::End(node) => nodes[*node].end(world)?,
        Op::Delete(n) => {
            if let Some(file) = nth(world, *n) {
                world.db.files.remove(&file);
                world.db.wraps.remove(&file);
                world.db.tampered.remove(&file);
            }
        }
        Op::Damage(n) => {
            if let Some(wrap) = nth(world, *n).and_then(|file| world.db.wraps.get_mut(&file)) {
                wrap.by = None;
            }
        }
        Op::Plant(n) => plant(world, *n),
        Op::Crash(node, build) => nodes[*node] = Node::new(*node, *build),
        Op::Fault(node, fault) => nodes[*node].fault = Some(*fault),
        Op::Later(seconds) => world.now = world.now.plus_seconds(*seconds),
        Op::Backup => world.backups.push((world.now, world.db.clone())),
        Op::Restore(n) => restore(world, nodes, *n)?,
    }
    Ok(())
}

/// A wrap of a key that is retired by now comes back into the database.
fn plant(world: &mut World, n: usize) {
    let fit = |(file, wrap): &&(u32, world::Wrap)| {
        let state = world.db.keys.get(&wrap.row).map(|row| row.state);
        world.db.files.contains_key(file) && state == Some(KeyState::Retired)
    };
    let found: Vec<_> = world.old_wraps.iter().filter(fit).copied().collect();
    if !found.is_empty() {
        let (file, wrap) = found[n % found.len()];
        world.db.wraps.insert(file, wrap);
        world.db.tampered.insert(file);
    }
}

/// All nodes stop, a backup of within the horizon comes back, and what it needs is enabled again.
fn restore(world: &mut World, nodes: &mut [Node], n: usize) -> Outcome {
    if world.backups.is_empty() {
        return Ok(());
    }
    let (taken, db) = world.backups[n % world.backups.len()].clone();
    if world.now >= taken.plus_seconds(HORIZON.seconds) {
        return Ok(());
    }
    world.db = db;
    // Also one that wraps nothing yet: a rotation that the backup caught goes on with it.
    let states = world.db.generations.iter();
    let needed = states.filter(|(_, row)| row.state <= GenerationState::Draining);
    let needed: Vec<_> = needed.map(|(generation, _)| *generation).collect();
    for generation in needed {
        if world.service[&generation] == Life::Destroyed {
            return Err(format!("a backup of within the horizon needs {generation}"));
        }
        world.service.insert(generation, Life::Enabled);
    }
    for node in nodes {
        *node = Node::new(node.id, node.deployment);
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how long, and which seed"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn histories() -> impl Strategy<Value = (Vec<Op>, bool)> {
    (
        prop::collection::vec(op(), 20..120),
        prop::bool::weighted(0.85),
    )
}

/// The seed that is asked for, else one of this process.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let asked = told("COFFER_TEST_SEED").and_then(|seed| seed.parse().ok());
    asked.unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish())
}

#[test]
fn soak_every_file_opens_at_every_moment_of_a_rotation() {
    let minutes = told("COFFER_SOAK_MINUTES").and_then(|minutes| minutes.parse::<u32>().ok());
    let cases = match told("COFFER_EFFORT").as_deref() {
        Some("soak") => minutes.unwrap_or(1).saturating_mul(60_000),
        _ => 3_000,
    };
    let seed = seed();
    let mut long = [0; 32];
    long[..8].copy_from_slice(&seed.to_be_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &long);
    let played = TestRunner::new_with_rng(config, rng).run(&histories(), |(history, lifecycle)| {
        play(&history, None, lifecycle).map_err(TestCaseError::fail)
    });
    if let Err(error) = played {
        panic!("seed {seed}: {error}");
    }
    println!("{cases} histories, seed {seed}");
}

/// Histories until the loss of a guard is found.
fn found(broken: Guard) -> usize {
    let mut runner = TestRunner::deterministic();
    let histories = histories();
    for tried in 1..=60_000 {
        let (history, lifecycle) = histories.new_tree(&mut runner).unwrap().current();
        if play(&history, Some(broken), lifecycle).is_err() {
            return tried;
        }
    }
    panic!("nothing misses {broken:?}");
}

macro_rules! losses {
    ($($name:ident $guard:ident;)*) => {$(
        #[test]
        fn $name() {
            println!("found after {} histories", found(Guard::$guard));
        }
    )*};
}

losses! {
    a_wrap_by_a_key_that_is_not_active_is_found StillActive;
    a_rewrap_of_something_else_is_found CompareAndSet;
    a_key_that_retires_too_early_is_found NoneLeft;
    a_generation_that_retires_too_early_is_found NothingNeeds;
    a_project_key_by_an_old_generation_is_found GenerationActive;
    a_cached_key_that_its_row_refuses_is_found RowAllows;
    a_rotation_back_is_found Known;
    a_generation_left_lying_is_found Adopt;
    a_generation_destroyed_at_once_is_found DisabledFirst;
    a_generation_destroyed_too_early_is_found FromRetirement;
    a_scope_left_out_is_found EveryScope;
}
