//! What the pages of runs and pipelines can look like.

use super::cancel::Cancel;
use super::log::{Gap, Line, Lines, Log, Piece};
use super::review::{Banner, Frozen, Obstacle, Permit, Review, Row};
use super::tree::{Issue, Node};
use super::{Page, State};
use crate::pages::frame::{Frame, Place};
use crate::pages::pipelines::{FileRow, List, One, PipelineRow, RunRow, SeenFile};
use crate::pages::samples::{HOSTILE, LONG, RIGHT_TO_LEFT, Sampled};
use coffer_model::run::Outcome;
use coffer_model::{FileId, PipelineId, RecordId, RunId, Timestamp};
use uuid::Uuid;

const AT: Timestamp = Timestamp(1_736_511_886_106_666);
const RUN: RunId = RunId(12);
const PIPELINE: PipelineId = PipelineId(7);
const FILE: FileId = FileId(Uuid::nil());

fn failed() -> State {
    State::ended(Some(Outcome::Failed))
}

fn run(name: &str, state: State) -> RunRow {
    RunRow {
        link: Place::sample().run("p", RUN),
        name: name.to_owned(),
        state,
        by: HOSTILE.to_owned(),
        at: AT,
        took: Some("2 min 3 s".to_owned()),
    }
}

impl Sampled for List {
    const FILE: &'static str = "pipelines/list.html";

    fn samples() -> Vec<Self> {
        let pipeline = |name: &str, last| PipelineRow {
            id: PIPELINE,
            name: name.to_owned(),
            folder: HOSTILE.to_owned(),
            last,
        };
        let of = |search: &str, rows: Vec<PipelineRow>| Self {
            frame: Frame::sample(),
            project: HOSTILE.to_owned(),
            search: search.to_owned(),
            total: "3 pipelines".to_owned(),
            previous: (!rows.is_empty())
                .then(|| Place::sample().pipelines_from(HOSTILE, HOSTILE, 0)),
            next: (!rows.is_empty()).then(|| Place::sample().pipelines_from(HOSTILE, "", 50)),
            may_create: rows.is_empty(),
            rows,
        };
        let full = vec![
            pipeline(HOSTILE, Some(run(HOSTILE, State::WAITS))),
            pipeline(LONG, None),
            pipeline(RIGHT_TO_LEFT, Some(run("12", failed()))),
        ];
        vec![
            of("", Vec::new()),
            of(HOSTILE, Vec::new()),
            of(HOSTILE, full),
        ]
    }
}

impl Sampled for One {
    const FILE: &'static str = "pipelines/one.html";

    fn samples() -> Vec<Self> {
        let seen = |permitted, refs: &[&str], who: &[&str]| FileRow {
            seen: Some(SeenFile {
                name: HOSTILE.to_owned(),
                link: Place::sample().file(HOSTILE, &FILE),
                permitted,
                refs: refs.iter().map(|text| (*text).to_owned()).collect(),
                who: who.iter().map(|text| (*text).to_owned()).collect(),
            }),
        };
        let empty = || Self {
            frame: Frame::sample(),
            project: HOSTILE.to_owned(),
            id: PIPELINE,
            name: HOSTILE.to_owned(),
            revision: 3,
            path: HOSTILE.to_owned(),
            yaml: Some(format!("steps:\n- script: {HOSTILE}\r\n\tx\n")),
            templates: Vec::new(),
            parameters: Vec::new(),
            files: Vec::new(),
            problems: Vec::new(),
            runs: Vec::new(),
            later: false,
            older: None,
            may_see_runs: true,
            may_queue: true,
        };
        vec![
            empty(),
            Self {
                files: vec![
                    seen(true, &[], &[]),
                    seen(true, &[HOSTILE, "refs/heads/main"], &[]),
                    seen(false, &[], &[]),
                    seen(false, &[], &[HOSTILE, LONG]),
                    FileRow { seen: None },
                ],
                templates: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
                parameters: vec![HOSTILE.to_owned(), "environment".to_owned()],
                runs: vec![run(HOSTILE, State::WAITS), run(LONG, failed())],
                later: true,
                older: Some(Place::sample().pipeline_before(HOSTILE, PIPELINE, RUN)),
                ..empty()
            },
            Self {
                problems: vec![HOSTILE.to_owned(), LONG.to_owned()],
                may_see_runs: false,
                ..empty()
            },
            Self {
                yaml: None,
                may_queue: false,
                ..empty()
            },
        ]
    }
}

/// A node with an id of its own: no two elements of a page have the same.
fn node(number: u128, name: &str, state: State, parts: Vec<Node>) -> Node {
    let id = RecordId(Uuid::from_u128(number));
    Node {
        id,
        name: name.to_owned(),
        state,
        running: false,
        took: Some("3 s".to_owned()),
        worker: Some(HOSTILE.to_owned()),
        issues: vec![
            Issue {
                error: true,
                text: format!("{HOSTILE}\n\tsecond line"),
            },
            Issue {
                error: false,
                text: LONG.to_owned(),
            },
        ],
        more_issues: 4,
        link: Some(format!("/run?t={id}")),
        chosen: number.is_multiple_of(2),
        parts,
    }
}

fn lines() -> Lines {
    let line = |number, text: &str, cut| {
        Piece::Line(Line {
            number,
            word: "Error: ",
            class: "error",
            text: text.to_owned(),
            cut,
        })
    };
    let gap = Gap {
        from: 2,
        to: 9,
        page: Place::sample().run(HOSTILE, RUN),
        part: Place::sample().run_log(HOSTILE, RUN, RecordId(Uuid::nil())),
    };
    Lines {
        pieces: vec![line(1, HOSTILE, 0), Piece::Gap(gap), line(10, LONG, 5)],
    }
}

fn frozen() -> Vec<Frozen> {
    vec![Frozen {
        what: "It is",
        by: HOSTILE.to_owned(),
        since: AT,
        reason: HOSTILE.to_owned(),
    }]
}

impl Sampled for Page {
    const FILE: &'static str = "run/page.html";

    fn samples() -> Vec<Self> {
        let empty = || Self {
            frame: Frame::sample(),
            project: HOSTILE.to_owned(),
            id: RUN,
            name: HOSTILE.to_owned(),
            pipeline: PIPELINE,
            pipeline_name: HOSTILE.to_owned(),
            revision: 1,
            state: State::WAITS,
            over: false,
            by: HOSTILE.to_owned(),
            queued: AT,
            started: None,
            took: None,
            banner: None,
            stages: Vec::new(),
            log: None,
            may_cancel: true,
            mark: "0011".to_owned(),
            here: Place::sample().run(HOSTILE, RUN),
        };
        let log = |lines| Log {
            step: RecordId(Uuid::nil()),
            name: HOSTILE.to_owned(),
            grows: true,
            lines,
            more: Place::sample().run_log(HOSTILE, RUN, RecordId(Uuid::nil())),
        };
        let steps = vec![
            node(3, HOSTILE, failed(), Vec::new()),
            node(4, LONG, State::WAITS, Vec::new()),
        ];
        let jobs = vec![node(2, RIGHT_TO_LEFT, failed(), steps)];
        vec![
            empty(),
            Self {
                over: true,
                started: Some(AT),
                took: Some("3 s".to_owned()),
                banner: Some(Banner {
                    wants: Some("2 resources".to_owned()),
                    stages: vec![HOSTILE.to_owned(), LONG.to_owned()],
                    others: vec![Obstacle {
                        text: HOSTILE.to_owned(),
                        freezes: frozen(),
                    }],
                    link: Place::sample().run_review(HOSTILE, RUN),
                }),
                stages: vec![node(1, HOSTILE, failed(), jobs)],
                log: Some(log(lines())),
                may_cancel: false,
                ..empty()
            },
            Self {
                log: Some(log(Lines { pieces: Vec::new() })),
                ..empty()
            },
        ]
    }
}

impl Sampled for Review {
    const FILE: &'static str = "run/review.html";

    fn samples() -> Vec<Self> {
        let row = |seen: bool, may: bool, permission: bool| Row {
            name: seen.then(|| HOSTILE.to_owned()),
            file_link: seen.then(|| Place::sample().file(HOSTILE, &FILE)),
            stage: seen.then(|| HOSTILE.to_owned()),
            message: HOSTILE.to_owned(),
            permit: may.then(|| Place::sample().run_permit(HOSTILE, RUN, &FILE)),
            permission,
            who: match seen {
                true => vec![HOSTILE.to_owned(), LONG.to_owned()],
                false => Vec::new(),
            },
            freezes: frozen(),
            until: Some(AT),
        };
        let of = |rows| Self {
            frame: Frame::sample(),
            run: HOSTILE.to_owned(),
            run_link: Place::sample().run(HOSTILE, RUN),
            pipeline: HOSTILE.to_owned(),
            rows,
        };
        vec![
            of(Vec::new()),
            of(vec![
                row(true, true, true),
                row(true, false, true),
                row(false, false, true),
                row(true, false, false),
            ]),
        ]
    }
}

impl Sampled for Permit {
    const FILE: &'static str = "run/permit.html";

    fn samples() -> Vec<Self> {
        let of = |again: bool| Self {
            frame: Frame::sample(),
            run: RUN,
            project: HOSTILE.to_owned(),
            pipeline: HOSTILE.to_owned(),
            file: FILE,
            name: RIGHT_TO_LEFT.to_owned(),
            back: Place::sample().run_review(HOSTILE, RUN),
            again: again.then(|| Place::sample().sign_in_again("/coffer/x")),
        };
        vec![of(false), of(true)]
    }
}

impl Sampled for Cancel {
    const FILE: &'static str = "run/cancel.html";

    fn samples() -> Vec<Self> {
        let of = |over| Self {
            frame: Frame::sample(),
            project: HOSTILE.to_owned(),
            run: RUN,
            name: LONG.to_owned(),
            pipeline: HOSTILE.to_owned(),
            back: Place::sample().run(HOSTILE, RUN),
            over,
        };
        vec![of(false), of(true)]
    }
}
