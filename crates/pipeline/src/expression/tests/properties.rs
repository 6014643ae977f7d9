//! What holds of any expression and any value.

use super::*;
use proptest::prelude::*;

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        (-9_i32..99).prop_map(|n| Value::from(f64::from(n))),
        "[0-9]{1,2}(\\.[0-9]{1,2}){1,3}"
            .prop_map(|text| Parts::parse(&text).map_or(Value::Null, Value::Version)),
        "[a-cA-C0-9., '{}-]{0,6}".prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        any::<(i64, u32)>().prop_map(|(s, n)| Value::Time(Timestamp::new(s, n))),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-cA-C]{1,2}", inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect::<Object>().into()),
        ]
    })
}

fn trees() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        Just(Kind::Null),
        any::<bool>().prop_map(Kind::Boolean),
        (-1e12..1e12).prop_map(Kind::Number),
        (0_u32..2000).prop_map(|n| Kind::Number(f64::from(n) / 8.0)),
        "[0-9]{1,11}\\.[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,3})?".prop_map(Kind::Version),
        "[a-c0-9{}:'y, .-]{0,8}".prop_map(|text| Kind::Text(text.into())),
        "\\PC{0,6}".prop_map(|text| Kind::Text(text.into())),
        prop_oneof![
            Just("parameters"),
            Just("VARIABLES"),
            Just("x"),
            Just("a-b")
        ]
        .prop_map(|name| Kind::Name(name.to_owned())),
    ]
    .prop_map(bare);
    leaf.prop_recursive(6, 60, 5, |inner| {
        let functions: Vec<&str> = FUNCTIONS.iter().map(|known| known.name).collect();
        prop_oneof![
            4 => (
                proptest::sample::select(functions),
                proptest::collection::vec(inner.clone(), 0..5)
            )
                .prop_map(|(name, arguments)| Kind::Call { name: name.to_owned(), arguments }),
            1 => (inner.clone(), inner.clone())
                .prop_map(|(of, key)| Kind::Index { of: of.into(), key: key.into() }),
            1 => (inner.clone(), "[a-c_][a-c0-9_]{0,3}").prop_map(|(of, key)| Kind::Index {
                of: of.into(),
                key: bare(Kind::Text(key.into())).into()
            }),
            1 => inner.prop_map(|of| Kind::All { of: of.into() }),
        ]
        .prop_map(bare)
    })
}

fn bare(kind: Kind) -> Expression {
    Expression {
        kind,
        span: Span::default(),
    }
}

#[test]
fn the_deepest_trees_are_printed_and_read() {
    let index = |of: Expression, key| Kind::Index {
        of: of.into(),
        key: bare(key).into(),
    };
    let wraps: [&dyn Fn(Expression) -> Kind; 4] = [
        &|of| index(of, Kind::Text("it's".into())),
        &|of| index(of, Kind::Number(0.0)),
        &|of| Kind::All { of: of.into() },
        &|of| Kind::Call {
            name: "not".to_owned(),
            arguments: vec![of],
        },
    ];
    for wrap in wraps {
        let name = bare(Kind::Name("variables".to_owned()));
        let tree = (1..MAX_DEPTH).fold(name, |inner, _| bare(wrap(inner)));
        let text = tree.to_string();
        assert_eq!(parse(&text).map(placeless), Ok(tree), "{text}");
    }
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
            _ => {}
        }
    }
    clear(&mut tree);
    tree
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_as_the_same_tree(tree in trees()) {
        let text = tree.to_string();
        let read = parse(&text);
        prop_assert!(read.is_ok(), "{text}: {read:?}");
        prop_assert_eq!(placeless(read.unwrap()), tree, "{}", text);
    }

    #[test]
    fn any_tree_gets_the_same_answer_twice_within_its_budget(tree in trees(), value in values()) {
        let scope = Contexts::new(Time::Template)
            .with("parameters", value.clone())
            .with("x", value)
            .with("a-b", "text");
        let mut budget = Budget::of(10_000, 100_000);
        // Also what a check would refuse.
        let once = evaluate_checked(&tree, &scope, &mut budget, None);
        let again = evaluate_checked(&tree, &scope, &mut Budget::of(10_000, 100_000), None);
        prop_assert_eq!(&once, &again);
        prop_assert!(budget.bytes_made() <= 10_000 && budget.work_done() <= 100_000);
        let mut seen = Seen::default();
        let traced = evaluate_checked(&tree, &scope, &mut Budget::of(10_000, 100_000), Some(&mut seen));
        prop_assert_eq!(&once, &traced);
        let _ = lines(&tree, &seen, &str::to_owned);
        let checked = evaluate(&tree, &scope, &mut Budget::of(10_000, 100_000));
        if checked.is_ok() {
            prop_assert_eq!(once, checked);
        }
    }

    #[test]
    fn conversions_agree_with_each_other(value in values(), other in values()) {
        // Text that came of a value is that value's again, where the kind can be read from text.
        if let (Value::Number(number), Some(text)) = (&value, value.to_text()) {
            prop_assert_eq!(Value::from(&*text).to_number(), Some(*number));
        }
        if let (Value::Version(_), Some(text)) = (&value, value.to_text()) {
            prop_assert_eq!(Parts::parse(&text), value.to_version());
        }
        prop_assert!(value.equals(&value) || matches!(value, Value::Array(_) | Value::Object(_)) || value == Value::Null);
        if value.is_nothing() {
            prop_assert!(!value.truthy() && Value::Null.equals(&value));
        }
        // An order is of things that are equal when nothing comes first; of one kind it can be turned round.
        let order = value.order(&other);
        prop_assert_eq!(order == Some(std::cmp::Ordering::Equal) || (value == Value::Null && other.is_nothing()),
            value.equals(&other) || order == Some(std::cmp::Ordering::Equal));
        if value.kind() == other.kind() {
            prop_assert_eq!(order.map(std::cmp::Ordering::reverse), other.order(&value));
            prop_assert_eq!(value.equals(&other), other.equals(&value));
        }
    }

    #[test]
    fn any_text_is_divided_and_put_together_again(text in "(\\$\\{\\{|\\}\\}|'|[ab ]|é){0,20}") {
        match segments(&text) {
            Ok(parts) => {
                let whole: String = parts
                    .iter()
                    .map(|part| match part {
                        Segment::Literal(literal) => (*literal).to_owned(),
                        Segment::Expression { outer, .. } => text[outer.start..outer.end].to_owned(),
                    })
                    .collect();
                prop_assert_eq!(whole, text);
            }
            Err(wrong) => prop_assert!(text[wrong.offset..].starts_with("${{")),
        }
    }
}
