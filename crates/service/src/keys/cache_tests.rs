//! The cache against a naive model: a list of all that ever happened, searched from the start each time.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

const LIFE: Duration = Duration::from_secs(100);

/// Keys are named by the question that they answer.
type Subject = Cache<u64, u64>;

fn slot(number: u8) -> Slot {
    Slot {
        id: ProjectKeyId(Uuid::from_u128(u128::from(number / 2))),
        // Two versions of a key of a scope, and two rows of one id.
        scope: KeyScope(Uuid::from_u128(u128::from(number / 4))),
        version: 1,
        scale_unit: "unit".into(),
        commitment: [number; 32],
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u16),
    Use(u8),
    /// Answers the question that waits longest, or a later one: with a key, or without.
    Answer(u8, bool, u8),
    Evict(u8),
    EvictAll,
    Forget(u8),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u16..60).prop_map(Step::Wait),
        8 => (0_u8..8).prop_map(Step::Use),
        6 => (any::<u8>(), any::<bool>(), any::<u8>()).prop_map(|(at, good, spread)| Step::Answer(at, good, spread)),
        1 => (0_u8..2).prop_map(Step::Evict),
        1 => Just(Step::EvictAll),
        1 => (0_u8..4).prop_map(Step::Forget),
        1 => Just(Step::Sweep),
    ]
}

/// One question and its fate.
struct Question {
    number: u64,
    slot: Slot,
    asked: Duration,
    /// Whether it was dropped: by an eviction, or because the key was forgotten.
    dropped: bool,
    answer: Option<bool>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn a_key_is_given_exactly_while_it_may_be(steps in prop::collection::vec(step(), 1..120)) {
        let mut subject = Subject::new(LIFE);
        let mut history: Vec<Question> = Vec::new();
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Wait(seconds) => now += Duration::from_secs(u64::from(seconds)),
                Step::Use(number) => {
                    let slot = slot(number);
                    let of_slot = || history.iter().filter(|question| question.slot == slot && !question.dropped);
                    let newest = of_slot()
                        .filter(|question| question.answer == Some(true) && now < question.asked + LIFE)
                        .max_by_key(|question| question.asked + Duration::from_nanos(question.number));
                    let waiting = of_slot().find(|question| question.answer.is_none());
                    let found = subject.look(&slot, now);
                    let ask = match found {
                        Found::Key(key) | Found::Aging(key) => {
                            prop_assert_eq!(Some(key), newest.map(|question| question.number));
                            let aging = matches!(found, Found::Aging(_));
                            prop_assert!(!aging || waiting.is_none(), "asked twice");
                            prop_assert!(
                                !aging || newest.is_some_and(|question| now >= question.asked + LIFE * 4 / 5),
                                "asked for again too early"
                            );
                            aging
                        }
                        Found::Asked(number) => {
                            prop_assert!(newest.is_none(), "waits though there is a key");
                            prop_assert_eq!(Some(number), waiting.map(|question| question.number));
                            false
                        }
                        Found::Absent => {
                            prop_assert!(newest.is_none() && waiting.is_none());
                            true
                        }
                    };
                    if ask {
                        let number = subject.ask(slot.clone(), |number| number);
                        history.push(Question { number, slot, asked: now, dropped: false, answer: None });
                    }
                }
                Step::Answer(at, good, spread) => {
                    let open: Vec<usize> = (0..history.len()).filter(|at| history[*at].answer.is_none()).collect();
                    if let Some(index) = open.get(usize::from(at) % open.len().max(1)) {
                        let question = &mut history[*index];
                        question.answer = Some(good);
                        let key = good.then_some(question.number);
                        subject.answered(&question.slot, question.number, key, (question.asked, now), spread);
                    }
                }
                Step::Evict(scope) => {
                    let scope = KeyScope(Uuid::from_u128(u128::from(scope)));
                    subject.evict(|of| of == scope);
                    history.iter_mut().filter(|question| question.slot.scope == scope).for_each(|question| question.dropped = true);
                }
                Step::EvictAll => {
                    subject.evict(|_| true);
                    history.iter_mut().for_each(|question| question.dropped = true);
                }
                Step::Forget(id) => {
                    let id = ProjectKeyId(Uuid::from_u128(u128::from(id)));
                    subject.forget(id);
                    history.iter_mut().filter(|question| question.slot.id == id).for_each(|question| question.dropped = true);
                }
                Step::Sweep => {
                    subject.sweep(now);
                    let alive: BTreeSet<[u8; 32]> = history
                        .iter()
                        .filter(|question| !question.dropped && question.answer == Some(true) && now < question.asked + LIFE)
                        .map(|question| question.slot.commitment)
                        .collect();
                    prop_assert_eq!(subject.len(), alive.len(), "a key outlives its time");
                }
            }
        }
    }
}

#[test]
fn a_failed_early_question_is_not_repeated_at_once_and_the_key_serves_to_its_end() {
    let mut subject = Subject::new(LIFE);
    let at = Duration::from_secs;
    let first = subject.ask(slot(0), |number| number);
    subject.answered(&slot(0), first, Some(first), (at(0), at(1)), 255);
    assert_eq!(subject.look(&slot(0), at(79)), Found::Key(first));
    assert_eq!(subject.look(&slot(0), at(81)), Found::Aging(first));
    let second = subject.ask(slot(0), |number| number);
    assert_eq!(
        subject.look(&slot(0), at(81)),
        Found::Key(first),
        "one question is enough"
    );
    subject.answered(&slot(0), second, None, (at(81), at(82)), 0);
    assert_eq!(subject.look(&slot(0), at(83)), Found::Key(first));
    assert_eq!(subject.look(&slot(0), at(84)), Found::Aging(first));
    assert_eq!(subject.look(&slot(0), at(100)), Found::Absent);
}

#[test]
fn a_key_that_was_made_is_kept_unless_something_was_forgotten_meanwhile() {
    let now = Duration::from_secs(1);
    let mut cache = Subject::new(LIFE);
    let began = cache.evictions();
    cache.made(slot(0), 7, began, now, 0);
    assert_eq!(cache.look(&slot(0), now), Found::Key(7));
    // As when its project is frozen: nobody knows whether it was this.
    cache.evict(|scope| scope == slot(4).scope);
    cache.made(slot(4), 8, began, now, 0);
    assert_eq!(cache.look(&slot(4), now), Found::Absent);
    assert_eq!(cache.look(&slot(0), now), Found::Key(7));
    // Its time counts from when it was made.
    assert_eq!(cache.look(&slot(0), now + LIFE), Found::Absent);
}
