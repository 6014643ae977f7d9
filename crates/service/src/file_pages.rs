//! Pages of secure files for the Library: searched, sorted, with what the caller may do with each.

use crate::error::Result;
use crate::files::Files;
use crate::may::FileMay;
use coffer_model::library::SecureFile;
use coffer_model::policy::in_scope;
use coffer_model::{Caller, ProjectId, TokenScopes};
use coffer_store::{FilePageQuery, Page};

/// Most things on one page, of whichever list.
pub const MAX_PAGE: u32 = 200;
/// Longest text that is searched for, bytes: a name has 255.
pub(crate) const MAX_SEARCH: usize = 1024;

/// A file on a page.
#[derive(Clone, Debug)]
pub struct FileRow {
    /// Its metadata.
    pub file: SecureFile,
    /// What the caller may do with it.
    pub may: FileMay,
}

/// A text to search for, as far as it can be in a name.
pub(crate) fn searched(text: &str) -> &str {
    let mut end = text.len().min(MAX_SEARCH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Files<'_> {
    /// A page of the files that the caller may see; empty for who sees none.
    ///
    /// `total` counts to 10,000 and then says that there are more. A page far from both ends costs what lies before it:
    /// `PageFrom::End(0)` is the last page at the price of the first.
    pub async fn page(
        &self,
        caller: &Caller,
        project: ProjectId,
        query: FilePageQuery,
    ) -> Result<Page<FileRow>> {
        in_scope(caller, TokenScopes::SECURE_FILES_READ)?;
        let query = FilePageQuery {
            search: query.search.as_deref().map(searched).map(str::to_owned),
            top: query.top.clamp(1, MAX_PAGE),
            ..query
        };
        let mut read = self.0.store().read().await?;
        let page = read.files_page(caller, project, &query).await?;
        Ok(page.map(|(file, standing)| FileRow {
            may: FileMay::of(&standing, project, file.id),
            file,
        }))
    }
}
