//! Logs that were tampered with in every way, whole and as filtered exports.

use super::*;
use crate::audit::Event;
use crate::record::Kind;
use crate::record::tests::{pair, signed};
use uuid::Uuid;

const ROWS: i64 = 40;

fn event(n: i64) -> Event {
    Event {
        id: Uuid::from_u128(n.unsigned_abs().into()),
        time: n,
        action: "SecureFile.Created".into(),
        outcome: "allowed".into(),
        actor: Uuid::nil(),
        actor_name: "ada".into(),
        authentication: "token".into(),
        address: String::new(),
        project: None,
        resource_type: "securefile".into(),
        resource_id: n.to_string(),
        run: None,
        job: None,
        details: BTreeMap::new(),
    }
}

#[derive(Clone, Debug)]
enum Line {
    Row(Box<Row>),
    Skipped(i64, i64, Vec<Digest>),
}

fn rows(actor: &str) -> Vec<Row> {
    let mut head = start();
    (1..=ROWS)
        .map(|n| {
            let salt = [u8::try_from(n).unwrap(); 32];
            let mut event = event(n);
            event.actor_name = actor.into();
            let digest = digest(&salt, &event);
            head = link(&head, n, &digest);
            Row {
                sequence: n,
                digest,
                chain: head,
                event: Some((salt, event)),
            }
        })
        .collect()
}

fn tree(rows: &[Row]) -> Tree {
    let mut tree = Tree::default();
    rows.iter().for_each(|row| tree.leaf(&row.digest));
    tree
}

fn checkpoint(rows: &[Row], at: usize) -> Signed {
    signed(
        1,
        Kind::Checkpoint,
        at as i64,
        rows[at - 1].chain,
        tree(&rows[..at]).root(),
        "",
    )
}

/// As an export does it: rows that are not kept become subtrees, broken at `breaks`.
fn filtered(rows: &[Row], keep: impl Fn(i64) -> bool, breaks: &[i64]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut gap: Option<(i64, Tree)> = None;
    for row in rows {
        if keep(row.sequence) {
            if let Some((from, tree)) = gap.take() {
                lines.push(Line::Skipped(from, tree.leaves(), tree.nodes()));
            }
            lines.push(Line::Row(Box::new(row.clone())));
            continue;
        }
        let (_, tree) = gap.get_or_insert_with(|| (row.sequence, Tree::after(row.sequence - 1)));
        tree.leaf(&row.digest);
        if breaks.contains(&row.sequence)
            && let Some((from, tree)) = gap.take()
        {
            lines.push(Line::Skipped(from, tree.leaves(), tree.nodes()));
        }
    }
    if let Some((from, tree)) = gap {
        lines.push(Line::Skipped(from, tree.leaves(), tree.nodes()));
    }
    lines
}

fn check(lines: &[Line], trust: Trust, stated: &[Signed], whole: bool) -> Verdict {
    let mut trail = Trail::new(&trust);
    stated.iter().for_each(|signed| trail.states(signed));
    for line in lines {
        match line {
            Line::Row(row) => trail.row(row),
            Line::Skipped(from, through, nodes) => trail.skipped(*from, *through, nodes),
        }
    }
    trail.finish(whole)
}

fn trusting(records: &[Signed]) -> Trust {
    Trust {
        records: records.to_vec(),
        public_key: None,
    }
}

#[test]
fn a_log_and_any_filtered_export_of_it_verify_against_a_record() {
    let rows = rows("ada");
    let end = checkpoint(&rows, rows.len());
    let trusted = checkpoint(&rows, 17);
    for keep in [
        |_| true,
        |n| n % 7 == 0,
        |n| n == 30,
        |_| false,
        |n| !(3..=38).contains(&n),
    ] {
        let lines = filtered(&rows, keep, &[17]);
        let found = check(
            &lines,
            trusting(std::slice::from_ref(&trusted)),
            std::slice::from_ref(&end),
            false,
        );
        assert_eq!(found.problems, Vec::<String>::new());
        assert_eq!((found.rows, found.trusted), (ROWS, Some((17, 7))));
        assert_eq!(found.passed_over, Vec::<i64>::new());
    }
    let few = filtered(&rows, |n| n == 30, &[]);
    assert!(few.len() <= 3, "a gap is one line");
    let found = check(&few, trusting(&[trusted]), &[end], false);
    assert_eq!(
        (found.trusted, found.passed_over),
        (None, vec![17]),
        "it says that it could not compare"
    );
}

/// A change of an export's lines.
type Tampering = fn(&mut Vec<Line>);

#[test]
fn whatever_is_changed_is_found() {
    let good = rows("ada");
    let end = checkpoint(&good, good.len());
    let keeps: [fn(i64) -> bool; 2] = [|_| true, |n| n % 3 != 0];
    let changes: [(&str, Tampering); 8] = [
        ("a changed event", |l| {
            if let Line::Row(row) = &mut l[1] {
                row.event.as_mut().unwrap().1.actor_name = "eve".into();
            }
        }),
        ("a changed digest", |l| {
            if let Line::Row(row) = &mut l[1] {
                row.digest[0] ^= 1;
            }
        }),
        ("an event made to fit its digest", |l| {
            if let Line::Row(row) = &mut l[1] {
                let (salt, event) = row.event.as_mut().unwrap();
                event.actor_name = "eve".into();
                row.digest = digest(salt, event);
            }
        }),
        ("a row taken out", |l| drop(l.remove(1))),
        ("rows in another order", |l| l.swap(0, 1)),
        ("a row there twice", |l| l.insert(1, l[1].clone())),
        ("the end cut off", |l| l.truncate(l.len() - 2)),
        ("the beginning cut off", |l| drop(l.drain(..2))),
    ];
    for keep in keeps {
        for (what, change) in changes {
            let mut lines = filtered(&good, keep, &[]);
            change(&mut lines);
            let found = check(&lines, Trust::default(), std::slice::from_ref(&end), false);
            assert!(!found.problems.is_empty(), "{what}");
        }
    }
    let mut lines = filtered(&good, |n| n % 3 != 0, &[]);
    if let Line::Skipped(_, _, nodes) = &mut lines[2] {
        nodes[0][0] ^= 1;
    }
    assert!(
        !check(&lines, Trust::default(), &[end], false)
            .problems
            .is_empty()
    );
}

#[test]
fn a_rewritten_log_is_found_by_what_was_kept_elsewhere_only() {
    let (good, rewritten) = (rows("ada"), rows("eve"));
    // Signed again, as somebody can who has the server.
    let again = checkpoint(&rewritten, rewritten.len());
    let lines = filtered(&rewritten, |_| true, &[]);
    assert!(
        check(&lines, Trust::default(), std::slice::from_ref(&again), true)
            .problems
            .is_empty()
    );
    let kept = checkpoint(&good, 17);
    let found = check(
        &lines,
        trusting(&[kept]),
        std::slice::from_ref(&again),
        true,
    );
    assert!(
        found.problems.iter().any(|p| p.contains("rewritten")),
        "{:?}",
        found.problems
    );
    // Two halves that do not belong together.
    let spliced = [&good[..20], &rewritten[20..]].concat();
    let found = check(
        &filtered(&spliced, |_| true, &[]),
        Trust::default(),
        &[again],
        true,
    );
    assert!(!found.problems.is_empty());
    // A log that is shorter than it was.
    let kept = checkpoint(&good, 39);
    let found = check(
        &filtered(&good[..20], |_| true, &[]),
        trusting(&[kept]),
        &[],
        true,
    );
    assert!(
        found.problems.iter().any(|p| p.contains("cut off")),
        "{:?}",
        found.problems
    );
}

#[test]
fn events_may_be_missing_only_where_a_tombstone_tells() {
    let rows = rows("ada");
    let lines = filtered(&rows, |n| n > 10, &[]);
    assert!(
        !check(&lines, Trust::default(), &[], true)
            .problems
            .is_empty()
    );
    assert!(
        check(&lines, Trust::default(), &[], false)
            .problems
            .is_empty()
    );
    for (ranges, fine) in [
        (vec![(1, 10)], true),
        (vec![(1, 4), (5, 12)], true),
        (vec![(1, 9)], false),
        (vec![(1, 4), (6, 10)], false),
    ] {
        let mut trail = Trail::default();
        ranges
            .iter()
            .for_each(|(from, through)| trail.removed(*from, *through));
        for line in &lines {
            match line {
                Line::Row(row) => trail.row(row),
                Line::Skipped(from, through, nodes) => trail.skipped(*from, *through, nodes),
            }
        }
        assert_eq!(trail.finish(true).problems.is_empty(), fine, "{ranges:?}");
    }
}

#[test]
fn records_follow_each_other() {
    let rows = rows("ada");
    let (private, public) = pair(1);
    let mut all: Vec<Signed> = Vec::new();
    for number in 1..=4 {
        let mut next = checkpoint(&rows, number);
        next.record.number = number as i64;
        next.record.previous = all.last().map_or([0; 32], |last| last.record.digest());
        next.signature = private.sign(&next.record.bytes()).as_ref().to_vec();
        all.push(next);
    }
    assert_eq!(records(&[public], &all, true), Vec::<String>::new());
    assert_eq!(records(&[public], &all[1..], false), Vec::<String>::new());
    assert!(!records(&[public], &all[1..], true).is_empty());
    assert!(!records(&[pair(2).1], &all, true).is_empty());
    let without = [all[0].clone(), all[2].clone()];
    assert!(!records(&[public], &without, true).is_empty());
    let mut changed = all.clone();
    changed[1].record.time += 1;
    assert!(records(&[public], &changed, true).len() >= 2);
}
