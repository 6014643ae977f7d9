//! What the Security dialogs can look like.

use super::draft::{Row, Sheet, What, roles};
use super::{Add, Found, Roles};
use crate::pages::file::Subject;
use crate::pages::frame::{Frame, PageKind};
use crate::pages::samples::{HOSTILE, LONG, RIGHT_TO_LEFT, Sampled};
use coffer_model::access::Scope;
use coffer_model::library::{IdentityKind, Project};
use coffer_model::{FileId, IdentityId, ProjectId};
use uuid::Uuid;

fn frame() -> Frame {
    Frame {
        kind: PageKind::Dialog,
        ..Frame::sample()
    }
}

fn subjects() -> [Subject; 2] {
    let project = Project {
        id: ProjectId(Uuid::nil()),
        name: HOSTILE.to_owned(),
    };
    let file = Subject {
        file: Some(FileId(Uuid::nil())),
        name: Some(HOSTILE.to_owned()),
        ..Subject::library(project.clone())
    };
    [Subject::library(project), file]
}

fn sheet(is_stale: bool) -> Sheet {
    let chosen = |role: &str, gone, new| What::Chosen {
        role: role.to_owned(),
        gone,
        new,
    };
    let rows = [
        (
            HOSTILE,
            IdentityKind::Group,
            What::Inherited(HOSTILE.to_owned()),
            "",
        ),
        (LONG, IdentityKind::User, What::Creator, "Administrator"),
        (
            RIGHT_TO_LEFT,
            IdentityKind::User,
            chosen("User", false, false),
            "Reader",
        ),
        (
            HOSTILE,
            IdentityKind::Service,
            chosen("custom", false, false),
            "custom",
        ),
        (
            "Ann",
            IdentityKind::User,
            chosen(HOSTILE, true, false),
            "Reader",
        ),
        ("Bob", IdentityKind::User, chosen("Reader", false, true), ""),
    ];
    Sheet {
        stamp: HOSTILE.to_owned(),
        inherits: Some(is_stale),
        inherits_now: true,
        rows: (1..)
            .zip(rows)
            .map(|(number, (name, kind, what, was))| Row {
                id: IdentityId(Uuid::from_u128(number)),
                name: name.to_owned(),
                unique_name: HOSTILE.to_owned(),
                kind,
                what,
                was: was.to_owned(),
                meanwhile: is_stale.then(|| HOSTILE.to_owned()),
                above: Some(HOSTILE.to_owned()),
            })
            .collect(),
        is_stale,
        left: 2,
    }
}

impl Sampled for Roles {
    const FILE: &'static str = "security/roles.html";

    fn samples() -> Vec<Self> {
        let mut samples = Vec::new();
        for subject in subjects() {
            for (may, is_stale) in [(true, true), (true, false), (false, false)] {
                samples.push(Self {
                    frame: frame(),
                    roles: roles(&Scope::Library(subject.project.id)),
                    subject: subject.clone(),
                    sheet: sheet(is_stale),
                    may,
                });
            }
        }
        samples
    }
}

impl Sampled for Add {
    const FILE: &'static str = "security/add.html";

    fn samples() -> Vec<Self> {
        let found = [HOSTILE, LONG, RIGHT_TO_LEFT].map(|name| Found {
            id: IdentityId(Uuid::nil()),
            name: name.to_owned(),
            unique_name: HOSTILE.to_owned(),
            kind: "group",
            has: Some(HOSTILE.to_owned()),
            picked: true,
        });
        let mut samples = Vec::new();
        for subject in subjects() {
            for (search, found) in [("", vec![]), (HOSTILE, vec![]), (HOSTILE, found.to_vec())] {
                samples.push(Self {
                    frame: frame(),
                    roles: roles(&Scope::Library(subject.project.id)),
                    subject: subject.clone(),
                    sheet: sheet(false),
                    search: search.to_owned(),
                    is_part: !found.is_empty(),
                    found,
                    role: HOSTILE.to_owned(),
                    problem: Some("Something is missing."),
                });
            }
        }
        samples
    }
}
