//! What the page of a file and its dialogs can look like.

use super::delete::Delete;
use super::permissions::{Choice, Open, Permissions, Picker};
use super::properties::Row;
use super::show::Page;
use crate::pages::frame::{Frame, PageKind};
use crate::pages::samples::{HOSTILE, LONG, RIGHT_TO_LEFT, Sampled};
use coffer_model::library::{
    Freeze, FreezeTarget, PermitTerms, Person, PipelinePermit, Project, SecureFile,
};
use coffer_model::refs::AllowedRefs;
use coffer_model::run::{Outcome, RunState};
use coffer_model::{EventId, FileId, IdentityId, PipelineId, ProjectId, RunId, Timestamp};
use coffer_service::{
    FileDependents, FileEvent, FileMay, FilePage, FilePageFrom, FileUse, FileView, Newest, Permits,
    PipelineAccess, PipelineUse, UsesBefore,
};
use uuid::Uuid;

fn frame(kind: PageKind) -> Frame {
    Frame {
        kind,
        ..Frame::sample()
    }
}

fn person() -> Person {
    Person {
        id: IdentityId(Uuid::nil()),
        unique_name: HOSTILE.to_owned(),
        display_name: HOSTILE.to_owned(),
    }
}

fn everything() -> FileMay {
    FileMay {
        manage: true,
        delete: true,
        see_roles: true,
        administer: true,
        see_permits: true,
        permit: true,
        open: true,
        use_it: true,
        freeze: true,
        explain: true,
        see_history: true,
    }
}

fn file(name: &str, properties: &[(&str, &str)]) -> SecureFile {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    SecureFile {
        id: FileId(Uuid::nil()),
        project: ProjectId(Uuid::nil()),
        name: name.to_owned(),
        size: 10_485_760,
        properties: properties.iter().map(pair).collect(),
        created_by: person(),
        created_at: Timestamp(1),
        modified_by: person(),
        modified_at: Timestamp(2),
    }
}

fn permits(is_open: bool, names: &[Option<&str>]) -> Permits {
    let open = Some((person(), Timestamp(1)));
    Permits {
        who: names.iter().map(|_| HOSTILE.to_owned()).collect(),
        open: open.clone().filter(|_| is_open),
        open_suspended: open.filter(|_| !is_open && !names.is_empty()),
        pipelines: names
            .iter()
            .map(|name| PipelineAccess {
                name: name.map(str::to_owned),
                permit: PipelinePermit {
                    pipeline: PipelineId(7),
                    by: person(),
                    at: Timestamp(1),
                    terms: PermitTerms {
                        refs: name.map(AllowedRefs::from_stored),
                        by_variable: name.is_some(),
                    },
                },
            })
            .collect(),
    }
}

fn uses() -> Vec<FileUse> {
    let results = [
        (RunState::InProgress, None),
        (RunState::Canceling, None),
        (RunState::Completed, Some(Outcome::Succeeded)),
        (RunState::Completed, Some(Outcome::Abandoned)),
        (RunState::Completed, None),
    ];
    results
        .map(|(state, result)| FileUse {
            run: RunId(7),
            run_name: HOSTILE.to_owned(),
            state,
            result,
            pipeline: PipelineId(7),
            pipeline_name: LONG.to_owned(),
            folder: HOSTILE.to_owned(),
            stage: HOSTILE.to_owned(),
            stage_ordinal: 1,
            requested_by: person(),
            queued_at: Timestamp(1),
            jobs: Vec::new(),
        })
        .to_vec()
}

fn events() -> Vec<FileEvent> {
    [("SecureFile.Downloaded", true), (HOSTILE, false)]
        .map(|(action, allowed)| FileEvent {
            place: 1,
            id: EventId(Uuid::nil()),
            time: Timestamp(1),
            action: action.to_owned(),
            allowed,
            actor: IdentityId(Uuid::nil()),
            actor_name: HOSTILE.to_owned(),
            authentication: HOSTILE.to_owned(),
            run: Some(RunId(1)),
            job: None,
            details: [(HOSTILE.to_owned(), HOSTILE.to_owned())].into(),
        })
        .to_vec()
}

impl Sampled for Page {
    const FILE: &'static str = "file/page.html";

    fn samples() -> Vec<Self> {
        let project = Project {
            id: ProjectId(Uuid::nil()),
            name: HOSTILE.to_owned(),
        };
        let show = |page: FilePage, from| Self::of(frame(PageKind::Page), &project, page, from);
        let empty = FilePage {
            view: FileView::from(file("ca.pem", &[])),
            may: FileMay::default(),
            permits: None,
            freezes: Vec::new(),
            uses: Newest {
                items: Vec::new(),
                next: None,
            },
            history: None,
        };
        let reader = FilePage {
            view: FileView::from(file(RIGHT_TO_LEFT, &[(HOSTILE, HOSTILE)])),
            may: FileMay {
                see_permits: true,
                ..FileMay::default()
            },
            permits: Some(permits(true, &[])),
            freezes: Vec::new(),
            uses: Newest {
                items: Vec::new(),
                next: None,
            },
            history: Some(Newest {
                items: Vec::new(),
                next: None,
            }),
        };
        let full = || FilePage {
            view: FileView {
                sha256: Some("0".repeat(64)),
                ..FileView::from(file(
                    HOSTILE,
                    &[(HOSTILE, HOSTILE), (LONG, "a\nb"), ("a", LONG)],
                ))
            },
            may: everything(),
            permits: Some(permits(false, &[Some(HOSTILE), None])),
            freezes: [
                FreezeTarget::Everything,
                FreezeTarget::Project(ProjectId(Uuid::nil())),
                FreezeTarget::File(FileId(Uuid::nil())),
            ]
            .map(|target| Freeze {
                target,
                by: person(),
                at: Timestamp(1),
                reason: HOSTILE.to_owned(),
            })
            .to_vec(),
            uses: Newest {
                items: uses(),
                next: Some(UsesBefore {
                    run: RunId(3),
                    stage: 1,
                }),
            },
            history: Some(Newest {
                items: events(),
                next: Some(9),
            }),
        };
        let from = FilePageFrom {
            history: Some(9),
            ..FilePageFrom::default()
        };
        let mut wrong = show(full(), from);
        wrong.properties.name_problem = Some(HOSTILE.to_owned());
        wrong.properties.problem = Some(HOSTILE.to_owned());
        wrong.properties.rows.push(Row {
            name: HOSTILE.to_owned(),
            value: format!("\n{HOSTILE}"),
            dropped: true,
            problem: Some(HOSTILE.to_owned()),
        });
        let mut stale = show(full(), FilePageFrom::default());
        stale.properties.meanwhile = Some(file(HOSTILE, &[(HOSTILE, HOSTILE)]));
        vec![
            show(empty, FilePageFrom::default()),
            show(reader, from),
            show(full(), FilePageFrom::default()),
            wrong,
            stale,
        ]
    }
}

impl Sampled for Delete {
    const FILE: &'static str = "file/delete.html";

    fn samples() -> Vec<Self> {
        let of = |dependents, may, problem| Self {
            frame: frame(PageKind::Dialog),
            project: HOSTILE.to_owned(),
            file: FileId(Uuid::nil()),
            name: HOSTILE.to_owned(),
            dependents,
            may,
            typed: HOSTILE.to_owned(),
            problem,
        };
        let nothing = FileDependents {
            open: false,
            pipelines: Vec::new(),
            hidden: 0,
        };
        let used = PipelineUse {
            id: PipelineId(7),
            name: HOSTILE.to_owned(),
            folder: HOSTILE.to_owned(),
            permitted: true,
            in_newest_run: true,
            last_run: Some((RunId(7), HOSTILE.to_owned(), Timestamp(1))),
            runs_in_30_days: 1,
            runs_in_90_days: 2,
        };
        let alone = PipelineUse {
            last_run: None,
            runs_in_90_days: 1,
            in_newest_run: false,
            ..used.clone()
        };
        let much = FileDependents {
            open: true,
            pipelines: vec![used, alone],
            hidden: 2,
        };
        vec![
            of(nothing, false, None),
            of(much, true, Some("This is not the name.")),
        ]
    }
}

impl Sampled for Permissions {
    const FILE: &'static str = "file/permissions.html";

    fn samples() -> Vec<Self> {
        let of = |permits, may| Self {
            frame: frame(PageKind::Dialog),
            project: HOSTILE.to_owned(),
            file: FileId(Uuid::nil()),
            name: LONG.to_owned(),
            permits,
            may,
        };
        let user = FileMay {
            open: false,
            ..everything()
        };
        vec![
            of(permits(false, &[]), FileMay::default()),
            of(permits(true, &[]), user),
            of(permits(true, &[Some(HOSTILE)]), everything()),
            of(permits(false, &[Some(HOSTILE), None]), everything()),
        ]
    }
}

impl Sampled for Picker {
    const FILE: &'static str = "file/permissions_add.html";

    fn samples() -> Vec<Self> {
        let of = |search: &str, names: &[&str]| Self {
            frame: frame(PageKind::Dialog),
            project: HOSTILE.to_owned(),
            file: FileId(Uuid::nil()),
            name: HOSTILE.to_owned(),
            search: search.to_owned(),
            pipelines: names
                .iter()
                .map(|name| Choice {
                    id: PipelineId(7),
                    name: (*name).to_owned(),
                    folder: HOSTILE.to_owned(),
                    permitted: *name == LONG,
                })
                .collect(),
            earlier: Some("/x".to_owned()),
            later: Some("/x".to_owned()),
            total: "2 pipelines".to_owned(),
        };
        vec![
            of("", &[]),
            of(HOSTILE, &[]),
            of("", &[HOSTILE, LONG, RIGHT_TO_LEFT]),
        ]
    }
}

impl Sampled for Open {
    const FILE: &'static str = "file/permissions_open.html";

    fn samples() -> Vec<Self> {
        [(true, false), (false, false), (true, true)]
            .map(|(may, is_open)| Self {
                frame: frame(PageKind::Dialog),
                project: HOSTILE.to_owned(),
                file: FileId(Uuid::nil()),
                name: HOSTILE.to_owned(),
                may,
                is_open,
            })
            .into()
    }
}
