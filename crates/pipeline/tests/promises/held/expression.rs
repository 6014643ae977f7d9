//! Any text is an expression or an answer: no panic, no endless work, bounded results, the same answer twice, and what is
//! printed is read again as the same tree. The first byte says when it is evaluated.

use coffer_pipeline::expression::{
    Budget, Contexts, Expression, Kind, MAX_LENGTH, Object, Scope as _, Segment, Span, Time,
    Timestamp, Value, check, evaluate, parse, runtime, segments,
};

const TIMES: [Time; 6] = [
    Time::Template,
    Time::Runtime,
    Time::Stage,
    Time::Job,
    Time::Step,
    Time::Query,
];
const BYTES: usize = 100_000;
const WORK: usize = 1_000_000;

pub(crate) fn expression(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let scope = contexts(TIMES[usize::from(*mode) % TIMES.len()]);
    one(text, &scope);
    match segments(text) {
        Ok(parts) => {
            for part in &parts {
                if let Segment::Expression { text, .. } = part {
                    one(text, &scope);
                }
            }
        }
        Err(wrong) => assert!(text[wrong.offset..].starts_with("${{"), "{wrong:?}"),
    }
    if let Some(Err(wrong)) = runtime(text) {
        assert!(text.is_char_boundary(wrong.offset), "{wrong:?}");
    }
}

fn one(text: &str, scope: &Contexts) {
    let tree = match parse(text) {
        Ok(tree) => tree,
        Err(wrong) => {
            assert!(text.is_char_boundary(wrong.offset), "{wrong:?}");
            assert!(!wrong.message.is_empty() && wrong.message.len() < 1000);
            return;
        }
    };
    let printed = tree.to_string();
    // A print may be longer than what is read, and never anything else.
    if printed.len() <= MAX_LENGTH {
        let again = parse(&printed).unwrap_or_else(|wrong| panic!("{printed}: {wrong}"));
        assert_eq!(placeless(again), placeless(tree.clone()), "{printed}");
    }
    let mut budget = Budget::of(BYTES, WORK);
    let once = evaluate(&tree, scope, &mut budget);
    assert!(budget.bytes_made() <= BYTES && budget.work_done() <= WORK);
    assert_eq!(
        once,
        evaluate(&tree, scope, &mut Budget::of(BYTES, WORK)),
        "another answer"
    );
    match once {
        Ok(value) => {
            assert!(
                check(&tree, scope.time(), &scope.locals()).is_ok(),
                "evaluated, and refused by the check"
            );
            // Everything comes from the text, from the contexts, or out of the budget.
            let length = value.to_text().map_or(0, |text| text.len());
            assert!(length <= BYTES + text.len() + 100, "{length} bytes");
            let _ = value.truthy();
        }
        Err(wrong) => {
            assert!(!wrong.message.is_empty() && wrong.message.len() < 1000);
            assert!(wrong.span.start <= wrong.span.end && wrong.span.end <= text.len());
            assert!(
                text.is_char_boundary(wrong.span.start) && text.is_char_boundary(wrong.span.end)
            );
        }
    }
}

fn contexts(time: Time) -> Contexts {
    let list: Value = ["a", "B", "{0}", ""].into_iter().collect();
    let map = Object::from_iter([("a", list.clone()), ("b", 1.5.into()), ("c", Value::Null)]);
    // A list that holds a list twice, which holds a list twice …
    let deep: Value = (0..20).fold(Value::from("x"), |inner, _| {
        vec![inner.clone(), inner].into()
    });
    let started = Value::Time(Timestamp::new(1_700_000_000, 5));
    let variables = Object::from_iter([("a", "1.2.3"), ("b", "1,000"), ("c", "")]);
    let parameters = Object::from_iter([("list", list), ("map", map.into()), ("deep", deep)]);
    Contexts::new(time)
        .with("variables", variables)
        .with("parameters", parameters)
        .with("pipeline", Object::from_iter([("startTime", started)]))
        .with("x", "y")
}

/// The tree without places.
fn placeless(mut tree: Expression) -> Expression {
    fn clear(tree: &mut Expression) {
        tree.span = Span::default();
        match &mut tree.kind {
            Kind::Call { arguments, .. } => arguments.iter_mut().for_each(clear),
            Kind::Index { of, key } => {
                clear(of);
                clear(key);
            }
            Kind::All { of } => clear(of),
            Kind::Null
            | Kind::Boolean(_)
            | Kind::Number(_)
            | Kind::Version(_)
            | Kind::Text(_)
            | Kind::Name(_) => {}
        }
    }
    clear(&mut tree);
    tree
}
