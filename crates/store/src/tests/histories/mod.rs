//! Random histories of roles, rights, groups, disabling, files and permits, against a naive model of what should hold.
//!
//! The model is written from the rules as people know them, one question at a time, and shares no code with
//! `access::effective` or with SQL. After each step it says how the step ends; at the end it says what everybody sees.

mod model;
mod story;

use super::home::{Home, entropy};
use super::world::World;
use coffer_model::access::{Bits, Role, library};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use story::Story;

/// 0 is the administrator of everything, 1 to 3 are people; then groups.
const PEOPLE: usize = 4;
/// Project Administrators, with 0 in it; Project Valid Users, with that group in it; two that start empty.
const ADMINISTRATORS: usize = 4;
const VALID_USERS: usize = 5;
const IDENTITIES: usize = 8;

/// Where: the library, or the file that was made as the n-th (counted in a circle).
#[derive(Clone, Copy, Debug)]
enum At {
    Library,
    File(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Role(usize, At, usize, Role),
    Rights(usize, At, usize, Bits, bool),
    Remove(usize, At, usize),
    Inherit(usize, usize, bool),
    Join(usize, usize),
    Leave(usize, usize),
    Disable(usize, bool),
    Create(usize),
    Delete(usize, usize),
    Permit(usize, usize, bool),
    Use(usize),
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![2 => Just(At::Library), 3 => (0..4_usize).prop_map(At::File)]
}

fn rights() -> impl Strategy<Value = Bits> {
    let some = || {
        prop::collection::vec(
            prop::sample::select(vec![
                library::VIEW,
                library::ADMINISTER,
                library::CREATE,
                library::USE,
            ]),
            0..3,
        )
        .prop_map(|bits| bits.into_iter().fold(0, |all, bit| all | bit))
    };
    let mark = prop_oneof![30 => Just(0), 1 => Just(library::OWNER)];
    (some(), prop_oneof![2 => Just(0), 1 => some()], mark).prop_map(|(allow, deny, mark)| Bits {
        allow: (allow | mark) & !deny,
        deny,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![1 => Just(0), 1 => 0..PEOPLE];
    let any = || 0..IDENTITIES;
    let role = prop::sample::select(vec![
        Role::Reader,
        Role::User,
        Role::Creator,
        Role::Administrator,
        Role::Administrator,
    ]);
    prop_oneof![
        6 => (who(), at(), any(), role).prop_map(|(a, b, c, d)| Step::Role(a, b, c, d)),
        5 => (who(), at(), any(), rights(), prop::bool::ANY)
            .prop_map(|(a, b, c, d, e)| Step::Rights(a, b, c, d, e)),
        4 => (who(), at(), any()).prop_map(|(a, b, c)| Step::Remove(a, b, c)),
        4 => (who(), 0..4_usize, prop::bool::ANY).prop_map(|(a, b, c)| Step::Inherit(a, b, c)),
        4 => (any(), PEOPLE..IDENTITIES).prop_map(|(a, b)| Step::Join(a, b)),
        2 => (any(), PEOPLE..IDENTITIES).prop_map(|(a, b)| Step::Leave(a, b)),
        1 => (1..PEOPLE, prop::bool::weighted(0.7)).prop_map(|(a, b)| Step::Disable(a, b)),
        4 => who().prop_map(Step::Create),
        1 => (who(), 0..4_usize).prop_map(|(a, b)| Step::Delete(a, b)),
        3 => (who(), 0..4_usize, prop::bool::weighted(0.7)).prop_map(|(a, b, c)| Step::Permit(a, b, c)),
        1 => (0..4_usize).prop_map(Step::Use),
    ]
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how long, and which seed"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// As many histories as `cases`, each in a project of its own of one database.
fn histories(cases: u32, home: Home) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(home.tell(|home| async move {
        let world = World::new(&home).await;
        let handle = tokio::runtime::Handle::current();
        let seed = told("COFFER_TEST_SEED").and_then(|seed| seed.parse::<u64>().ok());
        let seed = seed.unwrap_or_else(|| {
            let mut bytes = [0; 8];
            entropy()(&mut bytes);
            u64::from_be_bytes(bytes)
        });
        let mut long = [0; 32];
        long[..8].copy_from_slice(&seed.to_be_bytes());
        let config = Config {
            cases,
            failure_persistence: None,
            max_shrink_iters: 400,
            ..Config::default()
        };
        tokio::task::block_in_place(|| {
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &long);
            let mut runner = TestRunner::new_with_rng(config, rng);
            // There is a file from the start: most steps are about one.
            let first = (0..2_usize).prop_map(|who| vec![Step::Create(0), Step::Create(who)]);
            let steps =
                (first, prop::collection::vec(step(), 4..28)).prop_map(|(mut steps, more)| {
                    steps.extend(more);
                    steps
                });
            let result = runner.run(&steps, |steps| handle.block_on(Story::tell(&world, &steps)));
            if let Err(error) = result {
                panic!("seed {seed}: {error}");
            }
        });
        let found = world.store.reconcile().await.unwrap();
        assert_eq!(
            (found.replay.compare(&found.live), found.changed),
            (Vec::new(), Vec::new()),
            "events explain everything, seed {seed}"
        );
        println!("{cases} histories, {} events, seed {seed}", found.events);
    }));
}

/// How many histories: `usual`, or for a soak as many as fit into its minutes, about.
fn cases(usual: u32, per_minute: u32) -> u32 {
    if told("COFFER_EFFORT").as_deref() != Some("soak") {
        return usual;
    }
    let minutes = told("COFFER_SOAK_MINUTES").and_then(|minutes| minutes.parse::<u32>().ok());
    minutes.unwrap_or(1).saturating_mul(per_minute)
}

#[test]
fn soak_histories_end_as_the_model_says_on_sqlite() {
    histories(cases(120, 900), Home::sqlite());
}

#[test]
fn soak_histories_end_as_the_model_says_on_postgres() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let name = concat!(
        module_path!(),
        "::soak_histories_end_as_the_model_says_on_postgres"
    );
    if let Some(home) = runtime.block_on(Home::postgres(name)) {
        histories(cases(10, 120), home);
    }
}
