//! Which files a page of the Library shows, and the addresses of the same list in other orders. It must not know markup.

use crate::error::Result;
use crate::pages::paging;
use crate::params::Params;
use coffer_service::{FilePageQuery, FileSort, PageFrom};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Files on a page.
pub(crate) const TOP: u32 = 50;

/// Columns that files are in the order of, by their words in addresses.
const SORTS: [(FileSort, &str); 3] = [
    (FileSort::Name, "name"),
    (FileSort::ModifiedOn, "changed"),
    (FileSort::CreatedOn, "created"),
];

/// What an address asks for. Whatever it does not say, or says wrong, is as usual.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) search: String,
    pub(crate) sort: FileSort,
    pub(crate) descending: bool,
    pub(crate) from: PageFrom,
}

/// Times begin with the newest.
fn falls_at_first(sort: FileSort) -> bool {
    sort != FileSort::Name
}

impl Asked {
    pub(crate) fn read(params: &Params) -> Result<Self> {
        let word = params.text("sort").unwrap_or_default();
        let sort = SORTS
            .into_iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(word))
            .map_or(FileSort::Name, |(sort, _)| sort);
        let descending = match params.text("order") {
            Some(order) if order.eq_ignore_ascii_case("asc") => false,
            Some(order) if order.eq_ignore_ascii_case("desc") => true,
            _ => falls_at_first(sort),
        };
        Ok(Self {
            search: params.text("search").unwrap_or_default().trim().to_owned(),
            sort,
            descending,
            from: paging::from(params)?,
        })
    }

    /// The page of the service that this is.
    pub(crate) fn page(&self) -> FilePageQuery {
        FilePageQuery {
            search: Some(self.search.clone()),
            sort: self.sort,
            descending: self.descending,
            from: self.from,
            top: TOP,
        }
    }

    /// The query of this list from its beginning.
    pub(crate) fn query(&self) -> String {
        let mut query = "?itemType=SecureFiles".to_owned();
        if !self.search.is_empty() {
            let search = utf8_percent_encode(&self.search, NON_ALPHANUMERIC);
            query.push_str(&format!("&search={search}"));
        }
        if self.is_ordered() {
            query.push_str(&format!("&sort={}&order={}", self.word(), self.order()));
        }
        query
    }

    /// Whether the order is another than the usual.
    pub(crate) fn is_ordered(&self) -> bool {
        self.sort != FileSort::Name || self.descending
    }

    pub(crate) fn word(&self) -> &'static str {
        let known = SORTS.iter().find(|(sort, _)| *sort == self.sort);
        known.map_or("name", |(_, word)| word)
    }

    pub(crate) fn order(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    /// Where the heading of a column leads: sorted by it, and the other way round where it is already.
    pub(crate) fn sorted_by(&self, sort: FileSort) -> String {
        let descending = match self.sort == sort {
            true => !self.descending,
            false => falls_at_first(sort),
        };
        let by = Self {
            sort,
            descending,
            ..self.clone()
        };
        by.query()
    }

    /// The order by a column, for those who do not see it.
    pub(crate) fn aria_sort(&self, sort: FileSort) -> &'static str {
        match (self.sort == sort, self.descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }

    /// The query of all files, in the same order.
    pub(crate) fn everything(&self) -> String {
        let all = Self {
            search: String::new(),
            ..self.clone()
        };
        all.query()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        let address = format!("/x?{query}").parse().unwrap();
        Asked::read(&Params::read(&address)).unwrap()
    }

    #[test]
    fn a_column_sorts_and_sorts_the_other_way() {
        let by_name = asked("SKIP=50&search=+a%26b+");
        assert_eq!(by_name.from, PageFrom::Start(50));
        assert_eq!(by_name.aria_sort(FileSort::Name), "ascending");
        assert_eq!(by_name.aria_sort(FileSort::ModifiedOn), "none");
        let query = "?itemType=SecureFiles&search=a%26b";
        assert_eq!(by_name.query(), query);
        let wanted = format!("{query}&sort=name&order=desc");
        assert_eq!(by_name.sorted_by(FileSort::Name), wanted);
        // Times begin with the newest.
        let wanted = format!("{query}&sort=changed&order=desc");
        assert_eq!(by_name.sorted_by(FileSort::ModifiedOn), wanted);
        let changed = asked("sort=Changed&end=50");
        assert_eq!(changed.from, PageFrom::End(50));
        assert_eq!(changed.aria_sort(FileSort::ModifiedOn), "descending");
        let wanted = "?itemType=SecureFiles&sort=changed&order=asc";
        assert_eq!(changed.sorted_by(FileSort::ModifiedOn), wanted);
    }

    #[test]
    fn what_makes_no_sense_is_as_usual_and_no_number_is_refused() {
        let odd = asked("sort=size&order=up");
        assert_eq!((odd.sort, odd.descending), (FileSort::Name, false));
        let address = "/x?skip=many".parse().unwrap();
        assert!(Asked::read(&Params::read(&address)).is_err());
    }
}
