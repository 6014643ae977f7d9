//! Any text is a query for secure files, or an answer that says at which character it is wrong. A query matches the same
//! files twice, and reads no more properties than it names.

use coffer_pipeline::query::{MAX_PARTS, PropertyQuery};

pub(crate) fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let query = match PropertyQuery::parse(text) {
        Ok(query) => query,
        Err(wrong) => {
            assert!(
                (1..=text.chars().count() + 1).contains(&wrong.character),
                "{wrong:?}"
            );
            assert!(
                !wrong.message.is_empty() && wrong.message.len() < 1000,
                "{wrong:?}"
            );
            return;
        }
    };
    let names = query.properties();
    assert!(names.len() <= MAX_PARTS);
    for value in [
        None,
        Some(""),
        Some("mobile"),
        Some("2024-01-31"),
        Some("1.2.3"),
    ] {
        let values = vec![value; names.len()];
        assert_eq!(
            query.matches(&values),
            query.matches(&values),
            "another answer"
        );
    }
}
