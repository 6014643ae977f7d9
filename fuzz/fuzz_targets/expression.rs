//! Any text is an expression or an answer: no panic, no endless work, bounded results, the same answer twice, and what is
//! printed is read again. The first byte says when it is evaluated, and how the text is read.
#![no_main]

use coffer_pipeline::condition::Condition;
use coffer_pipeline::expression::{
    Budget, Contexts, Object, Segment, Time, Timestamp, Value, check, evaluate, parse, runtime,
    segments,
};
use libfuzzer_sys::fuzz_target;

const TIMES: [Time; 6] =
    [Time::Template, Time::Runtime, Time::Stage, Time::Job, Time::Step, Time::Query];
const BYTES: usize = 100_000;
const WORK: usize = 1_000_000;

fn contexts(time: Time) -> Contexts {
    let list: Value = ["a", "B", "{0}", ""].into_iter().collect();
    let map = Object::from_iter([("a", list.clone()), ("b", 1.5.into()), ("c", Value::Null)]);
    let deep: Value = (0..20).fold(Value::from("x"), |inner, _| vec![inner.clone(), inner].into());
    let pipeline = Object::from_iter([("startTime", Value::Time(Timestamp::new(1_700_000_000, 5)))]);
    Contexts::new(time)
        .with("variables", Object::from_iter([("a", "1.2.3"), ("b", "1,000"), ("c", "")]))
        .with("parameters", Object::from_iter([("list", list), ("map", map.into()), ("deep", deep)]))
        .with("pipeline", pipeline)
        .with("x", "y")
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let time = TIMES[usize::from(*mode) % TIMES.len()];
    let scope = contexts(time);
    if let Ok(tree) = parse(text) {
        let printed = tree.to_string();
        let again = parse(&printed);
        // A print may be longer than what is read, and never anything else.
        if printed.len() <= coffer_pipeline::expression::MAX_LENGTH {
            assert_eq!(again.expect("it reads").to_string(), printed);
        }
        let mut budget = Budget::of(BYTES, WORK);
        let once = evaluate(&tree, &scope, &mut budget);
        assert!(budget.bytes_made() <= BYTES && budget.work_done() <= WORK);
        assert_eq!(once, evaluate(&tree, &scope, &mut Budget::of(BYTES, WORK)));
        if check(&tree, time, &["x"]).is_ok() {
            if let Ok(condition) = Condition::parse(text, time) {
                let decision = condition.decide(&scope, &str::to_owned);
                assert!(decision.lines[0].starts_with("Evaluating: "));
            }
        }
    }
    for segment in segments(text).into_iter().flatten() {
        if let Segment::Expression { text, .. } = segment
            && let Ok(tree) = parse(text)
        {
            let _ = evaluate(&tree, &scope, &mut Budget::of(BYTES, WORK));
        }
    }
    let _ = runtime(text);
});
