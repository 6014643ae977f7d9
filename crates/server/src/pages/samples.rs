//! Every template, rendered with samples: empty, full, hostile. A template without samples fails a test.

use super::account::second_factor::Page as SecondFactor;
use super::account::tokens::{NewToken, Revoke, TokenMade};
use super::account::{NewPassword, Overview};
use super::frame::{Frame, PageKind, Place, Section, Visitor};
use super::html::Problem;
use super::pipelines::{List as Pipelines, One as Pipeline};
use super::projects::{Entry, Projects};
use super::run::Page as Run;
use super::run::cancel::Cancel;
use super::run::review::{Permit, Review};
use super::sign_in::{ProviderLink, SetPasswordPage, SignInPage};
use super::{file, library, security};
use askama::Template;
use std::collections::BTreeSet;

/// Text that must come out as text wherever it is put in.
pub(crate) const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror='alert(1)' hx-get=\"/x\"> {{7*7}} \u{202e}gpj.exe";
/// A long name without a place to break.
pub(crate) const LONG: &str = "a-name-without-any-place-to-break-it-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on.mobileprovision";
/// A name that is written from right to left.
pub(crate) const RIGHT_TO_LEFT: &str =
    "\u{5de}\u{5e4}\u{5ea}\u{5d7} \u{5d7}\u{5ea}\u{5d9}\u{5de}\u{5d4}.p12";

/// A template with what it can look like.
pub(crate) trait Sampled: Template + Sized {
    /// Its file in `templates/`.
    const FILE: &'static str;

    /// All the ways it can look.
    fn samples() -> Vec<Self>;
}

impl Frame {
    /// A frame around hostile names.
    pub(crate) fn sample() -> Self {
        Self {
            title: "Sample".to_owned(),
            place: Place::sample(),
            visitor: Some(Visitor {
                name: HOSTILE.to_owned(),
                token: "token".to_owned(),
            }),
            project: Some(HOSTILE.to_owned()),
            section: Section::Library,
            kind: PageKind::Page,
            done: Some("It is done."),
        }
    }
}

impl Sampled for Projects {
    const FILE: &'static str = "projects.html";

    fn samples() -> Vec<Self> {
        let entry = |name: &&str| Entry {
            name: (*name).to_owned(),
            description: HOSTILE.to_owned(),
        };
        let of = |names: &[&str], search: &str, more| Self {
            frame: Frame::sample(),
            organization: HOSTILE.to_owned(),
            search: search.to_owned(),
            projects: names.iter().map(entry).collect(),
            more,
        };
        vec![
            of(&[], "", false),
            of(&[], HOSTILE, false),
            of(&[HOSTILE], "", false),
            of(&["Pay Desk", HOSTILE, LONG, RIGHT_TO_LEFT], HOSTILE, true),
        ]
    }
}

impl Sampled for Problem {
    const FILE: &'static str = "problem.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            frame: Frame::sample(),
            message: HOSTILE.to_owned(),
            hints: vec![HOSTILE.to_owned()],
            sign_in: Some("/signin?return=%2F".to_owned()),
        }]
    }
}

impl Sampled for SignInPage {
    const FILE: &'static str = "account/sign_in.html";

    fn samples() -> Vec<Self> {
        let empty = || Self {
            frame: Frame::sample(),
            token: "token".to_owned(),
            back: "/".to_owned(),
            alert: None,
            name: String::new(),
            known: None,
            provider: None,
            by_password: true,
            first: true,
        };
        vec![
            empty(),
            Self {
                alert: Some(HOSTILE.to_owned()),
                name: HOSTILE.to_owned(),
                known: Some(HOSTILE.to_owned()),
                provider: Some(ProviderLink {
                    name: HOSTILE.to_owned(),
                    link: "/signin/oidc?return=%2F&again=true".to_owned(),
                }),
                by_password: false,
                ..empty()
            },
        ]
    }
}

impl Sampled for SetPasswordPage {
    const FILE: &'static str = "account/set_password.html";

    fn samples() -> Vec<Self> {
        let of = |alert: Option<&str>, person: Option<&str>| Self {
            frame: Frame::sample(),
            token: "token".to_owned(),
            alert: alert.map(str::to_owned),
            person: person.map(str::to_owned),
            shortest: 12,
        };
        vec![
            of(None, None),
            of(Some(HOSTILE), None),
            of(None, Some(HOSTILE)),
        ]
    }
}

/// Renders all samples of one template; its file, for the list.
fn render<T: Sampled>() -> &'static str {
    for sample in T::samples() {
        let text = sample.render().unwrap();
        assert!(
            text.contains("<main id=\"content\""),
            "{}: no frame",
            T::FILE
        );
        for raw in ["<script>", "<img", "onerror='", "hx-get=\"/x\"", "\u{202e}"] {
            assert!(
                !text.contains(raw),
                "{}: {raw} is written as it is",
                T::FILE
            );
        }
        for inline in [" style=", " onclick=", "javascript:", "<style"] {
            assert!(
                !text.contains(inline),
                "{}: {inline} is not allowed by the policy",
                T::FILE
            );
        }
        let mut ids = BTreeSet::new();
        for id in text.split(" id=\"").skip(1) {
            let id = id.split('"').next().unwrap_or_default();
            assert!(ids.insert(id), "{}: two elements have the id {id}", T::FILE);
        }
    }
    T::FILE
}

#[test]
fn every_template_renders_every_sample_and_no_text_becomes_markup() {
    let rendered = BTreeSet::from([
        render::<Projects>(),
        render::<Problem>(),
        render::<Overview>(),
        render::<NewPassword>(),
        render::<NewToken>(),
        render::<TokenMade>(),
        render::<Revoke>(),
        render::<SecondFactor>(),
        render::<Pipelines>(),
        render::<Pipeline>(),
        render::<Run>(),
        render::<Review>(),
        render::<Permit>(),
        render::<Cancel>(),
        render::<SignInPage>(),
        render::<SetPasswordPage>(),
        render::<file::show::Page>(),
        render::<file::delete::Delete>(),
        render::<file::permissions::Permissions>(),
        render::<file::permissions::Picker>(),
        render::<file::permissions::Open>(),
        render::<security::Roles>(),
        render::<security::Add>(),
        render::<library::Files>(),
        render::<library::Groups>(),
        render::<library::upload::Upload>(),
    ]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    let mut there = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // Parts of others begin with an underscore.
            if !name.starts_with('_') {
                let relative = path.strip_prefix(folder).unwrap();
                there.insert(relative.to_string_lossy().into_owned());
            }
        }
    }
    let rendered: BTreeSet<String> = rendered.into_iter().map(str::to_owned).collect();
    assert_eq!(
        rendered, there,
        "each template has samples in pages/samples.rs"
    );
}
