//! What the Library's pages can look like.

use super::listing::{Asked, TOP};
use super::upload::Upload;
use super::{Files, Groups, Tab};
use crate::pages::frame::Frame;
use crate::pages::paging::Paging;
use crate::pages::samples::{HOSTILE, LONG, RIGHT_TO_LEFT, Sampled};
use crate::params::Params;
use coffer_model::library::{Person, SecureFile};
use coffer_model::{FileId, IdentityId, ProjectId, Timestamp};
use coffer_service::{Counted, FileMay, FileRow, Guided, LibraryMay, Page};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A file of this name by a person of this name.
fn row(name: &str) -> FileRow {
    let person = Person {
        id: IdentityId(Uuid::nil()),
        unique_name: name.to_owned(),
        display_name: name.to_owned(),
    };
    FileRow {
        file: SecureFile {
            id: FileId(Uuid::nil()),
            project: ProjectId(Uuid::nil()),
            name: name.to_owned(),
            size: 4_321,
            properties: BTreeMap::new(),
            created_by: person.clone(),
            created_at: Timestamp(1_700_000_000_000_000),
            modified_by: person,
            modified_at: Timestamp(1_710_000_000_000_000),
        },
        may: FileMay {
            delete: true,
            ..FileMay::default()
        },
    }
}

fn missing() -> Option<Guided> {
    Some(Guided {
        message: HOSTILE.to_owned(),
        hints: vec![HOSTILE.to_owned()],
    })
}

fn asked(query: &str, search: &str) -> Asked {
    let address = format!("/x?{query}").parse().unwrap_or_default();
    let read = Asked::read(&Params::read(&address));
    let asked = read.unwrap_or_else(|error| panic!("{error:?}"));
    Asked {
        search: search.to_owned(),
        ..asked
    }
}

fn page(names: &[&str], before: Option<u64>) -> Page<FileRow> {
    Page {
        items: names.iter().map(|name| row(name)).collect(),
        total: Counted {
            count: names.len() as u64,
            or_more: before.is_none(),
        },
        before,
        is_after: before.is_none(),
        is_before: before.is_none(),
    }
}

fn files(page: Page<FileRow>, asked: Asked) -> Files {
    Files {
        frame: Frame::sample(),
        project: HOSTILE.to_owned(),
        tab: Tab::SecureFiles,
        may: LibraryMay {
            view: true,
            create: true,
            create_open: true,
            see_roles: true,
            administer: true,
        },
        no_upload: None,
        no_view: None,
        paging: Paging::of(&page, asked.from, TOP, ["file", "files"]),
        files: page.items,
        asked,
    }
}

impl Sampled for Files {
    const FILE: &'static str = "library/files.html";

    fn samples() -> Vec<Self> {
        let some = ["ca.pem", HOSTILE, LONG, RIGHT_TO_LEFT];
        let empty = files(page(&[], Some(0)), asked("", ""));
        let full = files(page(&some, Some(0)), asked("", ""));
        let nothing_found = files(page(&[], Some(0)), asked("sort=changed", HOSTILE));
        let by_time = asked("end=50&sort=created&order=asc", HOSTILE);
        let part = files(page(&some, None), by_time);
        let mut reader = files(page(&some, Some(0)), asked("", ""));
        (reader.may, reader.no_upload) = (LibraryMay::default(), missing());
        reader.files[0].may = FileMay::default();
        let mut stranger = files(page(&[], Some(0)), asked("", ""));
        stranger.may = LibraryMay::default();
        (stranger.no_upload, stranger.no_view) = (missing(), missing());
        vec![empty, full, nothing_found, part, reader, stranger]
    }
}

impl Sampled for Groups {
    const FILE: &'static str = "library/groups.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            frame: Frame::sample(),
            project: HOSTILE.to_owned(),
            tab: Tab::VariableGroups,
        }]
    }
}

impl Sampled for Upload {
    const FILE: &'static str = "library/upload.html";

    fn samples() -> Vec<Self> {
        let of = |may_open, no_upload| Self {
            frame: Frame::sample().dialog(),
            project: HOSTILE.to_owned(),
            limit: 10_485_760,
            may_open,
            again: may_open.then(|| "/signin".to_owned()),
            no_upload,
        };
        vec![of(true, None), of(false, None), of(false, missing())]
    }
}
