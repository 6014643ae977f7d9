//! What a witness takes, and what it does not.

use super::*;

/// Two anchors of one unit and its public key, made by another implementation of the record; the second is the newer.
const KEY: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
const OLDER: &str = "a1.1.4.1700000000000000.Qd0mOiEo.AAECAwQFBgcICQoLDA0ODw.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE.m1ZpheZ9qM39cVlOrA6iCgwSCrC8urGoAbgwPFppzT-WOanV3Ll660xWjKRyI58PGdRc6aYHJ4IVwOOUwzQfDQ";
const NEWER: &str = "a1.1.4.1700000060000000.Qd0mOiEo.AAECAwQFBgcICQoLDA0ODw.AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI.himkCq5D9b68g8v-IoUamcmD4uPUCqsEaoPMsHn1VCE6hQfYrwbL_H7NwP8gmTaQ6sgWOb9-yU1WjV2WVdRXCw";

fn anchor(text: &str) -> Anchor {
    Anchor {
        scale_unit: "unit-a".into(),
        text: text.into(),
    }
}

fn remembered(work: &Path) -> Option<String> {
    Some(Witness::open(work)?.memory.remembered?.text)
}

#[test]
fn a_witness_takes_what_is_newer_and_signed_by_the_unit_it_knows() {
    let work = tempfile::tempdir().unwrap();
    assert!(Witness::open(work.path()).is_none());
    learn(work.path(), Some(KEY.into())).unwrap();
    let mut witness = Witness::open(work.path()).unwrap();
    for foreign in [
        "",
        "a1",
        &NEWER.replacen(".4.", ".9.", 1),
        &OLDER[..OLDER.len() - 4],
    ] {
        witness.hear(anchor(foreign)).unwrap();
        assert_eq!(remembered(work.path()), None, "{foreign}");
    }
    let other_unit = Anchor {
        scale_unit: "unit-b".into(),
        ..anchor(NEWER)
    };
    witness.hear(other_unit).unwrap();
    assert_eq!(remembered(work.path()), None);

    witness.hear(anchor(OLDER)).unwrap();
    assert_eq!(remembered(work.path()).as_deref(), Some(OLDER));
    witness.hear(anchor(NEWER)).unwrap();
    // An older one, well signed, is what somebody would give who put an older database back.
    witness.hear(anchor(OLDER)).unwrap();
    assert_eq!(remembered(work.path()).as_deref(), Some(NEWER));

    // Registered anew it begins anew; without a key it is no witness.
    learn(work.path(), Some(KEY.into())).unwrap();
    assert_eq!(remembered(work.path()), None);
    learn(work.path(), None).unwrap();
    assert!(Witness::open(work.path()).is_none());
}

#[test]
fn a_damaged_memory_is_no_reason_not_to_work() {
    let work = tempfile::tempdir().unwrap();
    for text in ["{", "{}", "{\"unitKey\":\"short\"}"] {
        std::fs::write(work.path().join(FILE), text).unwrap();
        assert!(Witness::open(work.path()).is_none(), "{text}");
    }
}
