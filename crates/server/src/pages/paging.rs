//! Lists in pages: where a page is, in words, and what leads to the pages around it. It must not know what a list is of.

use crate::error::Result;
use crate::params::Params;
use coffer_service::{Page, PageFrom};

/// What a page of a list says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    /// `51–100 of 12,345`.
    pub(crate) range: String,
    /// The pages around this one: the word, and the rest of the query that leads there. None where there is none.
    pub(crate) ways: Vec<(&'static str, Option<String>)>,
    /// Whether there is more than this page.
    pub(crate) is_part: bool,
}

/// Where a page begins or ends, as `skip` or `end` says it.
pub(crate) fn from(params: &Params) -> Result<PageFrom> {
    Ok(match params.number("end")? {
        Some(end) => PageFrom::End(end),
        None => PageFrom::Start(params.number("skip")?.unwrap_or(0)),
    })
}

impl Paging {
    /// Of a page that was asked for with these, of things with this name for one and for several.
    pub(crate) fn of<T>(page: &Page<T>, from: PageFrom, top: u32, names: [&str; 2]) -> Self {
        Self {
            range: range(page, from, names),
            ways: ways(page, from, u64::from(top)),
            is_part: page.is_after || page.is_before,
        }
    }
}

fn range<T>(page: &Page<T>, from: PageFrom, [one, several]: [&str; 2]) -> String {
    let more = if page.total.or_more { "more than " } else { "" };
    let total = format!("{more}{}", thousands(page.total.count));
    let held = page.items.len() as u64;
    match (held, page.before, from) {
        (0, ..) => "Nothing here".to_owned(),
        (1, Some(0), _) if !page.is_before => format!("1 {one}"),
        (_, Some(0), _) if !page.is_before => format!("{} {several}", thousands(held)),
        (1, Some(before), _) => format!("{} of {total}", thousands(before + 1)),
        (_, Some(before), _) => format!(
            "{}–{} of {total}",
            thousands(before + 1),
            thousands(before + held)
        ),
        (_, None, PageFrom::End(end)) if end > 0 => {
            format!("{held} of {total}, {} before the last", thousands(end))
        }
        (_, None, _) => format!("The last {held} of {total}"),
    }
}

fn ways<T>(page: &Page<T>, from: PageFrom, top: u64) -> Vec<(&'static str, Option<String>)> {
    let (back, on) = match from {
        PageFrom::Start(skip) => (
            PageFrom::Start(skip.saturating_sub(top)),
            PageFrom::Start(skip.saturating_add(top)),
        ),
        PageFrom::End(end) => (
            PageFrom::End(end.saturating_add(top)),
            PageFrom::End(end.saturating_sub(top)),
        ),
    };
    // Counted to its end, a list has a last page in line with the others.
    let last = match page.total.or_more {
        true => PageFrom::End(0),
        false => PageFrom::Start(page.total.count.saturating_sub(1) / top * top),
    };
    let way = |there: bool, from| {
        there.then(|| match from {
            PageFrom::Start(0) => String::new(),
            PageFrom::Start(skip) => format!("&skip={skip}"),
            PageFrom::End(end) => format!("&end={end}"),
        })
    };
    vec![
        ("First", way(page.is_after, PageFrom::Start(0))),
        ("Previous", way(page.is_after, back)),
        ("Next", way(page.is_before, on)),
        ("Last", way(page.is_before, last)),
    ]
}

/// A number with commas.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_service::Counted;

    fn page(held: usize, count: u64, or_more: bool, before: Option<u64>) -> Page<()> {
        let after = before.map(|before| before + held as u64);
        Page {
            items: vec![(); held],
            total: Counted { count, or_more },
            before,
            is_after: before != Some(0),
            is_before: (or_more && before.is_some()) || after.is_some_and(|after| after < count),
        }
    }

    #[test]
    fn a_page_says_where_it_is() {
        let (start, end) = (PageFrom::Start, PageFrom::End);
        for (page, from, wanted) in [
            (page(0, 0, false, Some(0)), start(0), "Nothing here"),
            (page(1, 1, false, Some(0)), start(0), "1 file"),
            (page(7, 7, false, Some(0)), start(0), "7 files"),
            (
                page(50, 9_345, false, Some(50)),
                start(50),
                "51–100 of 9,345",
            ),
            (page(1, 101, false, Some(100)), start(100), "101 of 101"),
            (
                page(50, 10_000, true, Some(0)),
                start(0),
                "1–50 of more than 10,000",
            ),
            (
                page(50, 10_000, true, None),
                end(0),
                "The last 50 of more than 10,000",
            ),
            (
                page(50, 10_000, true, None),
                end(1000),
                "50 of more than 10,000, 1,000 before the last",
            ),
        ] {
            assert_eq!(range(&page, from, ["file", "files"]), wanted);
        }
    }

    #[test]
    fn the_pages_around_are_found_from_both_ends() {
        let said = |page: Page<()>, from| {
            let ways = ways(&page, from, 50).into_iter().map(|(_, way)| way);
            ways.collect::<Vec<_>>()
        };
        let at = |text: &str| Some(text.to_owned());
        let middle = said(page(50, 120, false, Some(50)), PageFrom::Start(50));
        assert_eq!(middle, [at(""), at(""), at("&skip=100"), at("&skip=100")]);
        let only = said(page(7, 7, false, Some(0)), PageFrom::Start(0));
        assert_eq!(only, [None, None, None, None]);
        let first = said(page(50, 10_000, true, Some(0)), PageFrom::Start(0));
        assert_eq!(first, [None, None, at("&skip=50"), at("&end=0")]);
        let last = said(page(50, 10_000, true, None), PageFrom::End(0));
        assert_eq!(last, [at(""), at("&end=50"), None, None]);
    }
}
