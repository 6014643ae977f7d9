//! Text that strangers choose, on every page that shows it: it is text. Each payload calls `canary` when it becomes script
//! and marks what it becomes otherwise.

use crate::places::{Places, encode};
use coffer_testkit::chromium::{css, field, link, sheet};
use coffer_testkit::client::{Body, Upload};
use coffer_testkit::{PROJECT, Page, TestServer, User, browser, group};
use coffer_wire::agent::{Feed, Lines, Record};
use coffer_wire::builds::Issue;
use coffer_wire::coffer::{TokenRequest, UserChange};
use coffer_wire::enums::IssueType;
use coffer_wire::graph::{NewGraphGroup, TeamProjectChange};
use coffer_wire::secure_files::SecureFileUpdate;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// For fields that hold any text.
const TEXTS: &[&str] = &[
    "<img src=x onerror=canary(1) data-hostile>",
    "<script data-hostile>canary(2)</script>",
    "</script><script data-hostile>canary(3)</script>",
    "\"><svg data-hostile onload=canary(4)>",
    "' autofocus onfocus='canary(5)' data-hostile='",
    "\" autofocus onfocus=\"canary(6)\" data-hostile=\"",
    "<a data-hostile href=\"javascript:canary(7)\">way</a>",
    "javascript:canary(8)",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "<div data-hostile hx-get=\"/account\" hx-trigger=\"load\" hx-on::load=\"canary(9)\">",
    "</textarea></title></style></noscript><img data-hostile src=x onerror=canary(10)>",
    "<iframe data-hostile srcdoc=\"<script>parent.canary(11)</script>\"></iframe>",
    "&lt;img data-hostile src=x onerror=canary(12)&gt;",
    "&#60;script&#62;canary(13)&#60;/script&#62;",
    "`-canary(14)-`'-canary(15)-'\"-canary(16)-\"",
    "\\u003cscript\\u003ecanary(17)\\x3c/script\\x3e",
    "<!--<img data-hostile src=\"--><img data-hostile src=x onerror=canary(18)>\">",
    "<base data-hostile href=//localhost:9/><form data-hostile action=//localhost:9/><button>x",
    "<style data-hostile>*{display:none}</style><meta data-hostile http-equiv=refresh content=\"0;url=//localhost:9/\">",
    "<math><mtext><table><mglyph><style><!--</style><img data-hostile src=x onerror=canary(19)>",
    "//localhost:9/x http://localhost:9/x",
    "\u{1f510} \u{1f469}\u{200d}\u{1f680} \u{5de}\u{5e4}\u{5ea}\u{5d7} \u{645}\u{641}\u{62a}\u{627}\u{62d}",
    "invoice\u{202e}fdp.exe pass\u{200b}word \u{2066}x\u{2069} \u{feff}",
    "a\r\nSet-Cookie: hostile=1\r\n\r\n<img data-hostile src=x onerror=canary(20)>",
    "\u{1b}[31mred\u{1b}[0m \u{7}\u{8}",
];

/// For names: no slash, nothing that cannot be seen.
const NAMES: [&str; 8] = [
    "<img src=x onerror=canary('a') data-hostile>",
    "\"><svg data-hostile onload=canary('b')>",
    "' autofocus onfocus='canary(1)' data-hostile='",
    "<div data-hostile hx-get=account hx-trigger=load hx-on::load=canary('c')>",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "&lt;img data-hostile src=x onerror=canary(2)&gt;",
    "javascript:canary(3)",
    "\u{5de}\u{5e4}\u{5ea}\u{5d7} \u{5d7}\u{5ea}\u{5d9}\u{5de}\u{5d4} \u{1f510}",
];

/// For the name of a project, which also stands in addresses.
const DESK: &str = "' data-hostile 'canary(1)' \u{5de}\u{5e4}\u{5ea}\u{5d7} @x!~";

/// For names of files, which also become paths.
const FILES: [&str; 6] = [
    "' autofocus onfocus='canary(1)' data-hostile='.pem",
    "&lt;img data-hostile src=x onerror=canary(2)&gt;.pem",
    "{{7+7}}${7+7}#{7+7}.pem",
    "a; filename=b.exe; x=.pem",
    "\u{5de}\u{5e4}\u{5ea}\u{5d7} \u{1f510} \u{645}\u{641}\u{62a}\u{627}\u{62d}.p12",
    "`canary(3)`%0d%0aSet-Cookie%3A hostile=1%00.pem",
];

/// Names of files that are refused.
const REFUSED: [&str; 6] = [
    "<b>.pem",
    "a\r\nSet-Cookie: hostile=1.pem",
    "a\0.pem",
    "invoice\u{202e}fdp.exe",
    "pass\u{200b}word.pem",
    "..\\..\\a.pem",
];

/// A log line and an issue of each text, by an agent that says whatever it likes.
async fn run(server: &TestServer, keeper: &User, file: &str) -> (i64, i64) {
    let yaml = format!(
        "name: {}\nsteps:\n- task: DownloadSecureFile@1\n  displayName: {}\n  inputs:\n    secureFile: {}\n- script: echo\n  displayName: {}\n",
        // The worst that a run number may hold.
        json!(TEXTS[12]),
        json!(TEXTS[3]),
        json!(file),
        json!(TEXTS[1]),
    );
    let pipeline = keeper.pipeline(NAMES[1], &yaml).await;
    let files = keeper.client.secure_files(PROJECT);
    let stored = files.find(file).await.unwrap().unwrap();
    keeper.permit(&stored, &pipeline, true).await.unwrap();
    let run = keeper.run(&pipeline).await;
    let agent = server.agent("hostile").await;
    let job = agent.job().await;
    let step = job.step(TEXTS[1]);
    let record = |issues| Record {
        id: step,
        name: TEXTS[1].into(),
        ref_name: None,
        order: 2,
        state: "completed".into(),
        result: Some("failed".into()),
        start_time: Some(1),
        finish_time: Some(2),
        error_count: 1,
        warning_count: 1,
        issues,
    };
    let issues = TEXTS.iter().take(10).map(|text| Issue {
        kind: IssueType::Error,
        category: "General".into(),
        message: (*text).into(),
    });
    let lines = TEXTS.iter().map(|text| text.replace(['\r', '\n'], " "));
    let feed = Feed {
        records: vec![record(issues.collect())],
        lines: vec![Lines {
            record_id: step,
            first_line: 1,
            lines: lines.collect(),
        }],
        ..Feed::default()
    };
    agent.feed(&job, feed).await.unwrap();
    agent.finish(&job, "failed").await.unwrap();
    (pipeline.id, run.id)
}

/// Hostile text in every field that the API takes it in.
async fn world(server: &TestServer, keeper: &User) -> Places {
    let (coffer, graph) = (keeper.client.coffer(), keeper.client.graph());
    for name in REFUSED {
        let refused = keeper.try_upload(name, b"x").await;
        assert!(refused.is_err(), "{name:?} was taken");
    }
    for name in FILES {
        let files = keeper.client.secure_files(PROJECT);
        let body = Body::from_bytes(b"x".to_vec());
        files.upload(Upload::named(name), body).await.unwrap();
    }
    let files = keeper.client.secure_files(PROJECT);
    let file = files.find(FILES[0]).await.unwrap().unwrap();
    let plain = |text: &&str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let texts = TEXTS.iter().map(plain);
    let properties: BTreeMap<_, _> = texts.clone().zip(texts.rev()).collect();
    let change = SecureFileUpdate {
        properties: Some(properties),
        ..SecureFileUpdate::default()
    };
    files.update(&file.id, &change).await.unwrap();
    let (pipeline, run) = run(server, keeper, FILES[0]).await;
    let project = graph.project(PROJECT).await.unwrap();
    let scope = graph.descriptor(&project.id).await.unwrap();
    for name in [NAMES[0], NAMES[1]] {
        let new = NewGraphGroup {
            display_name: Some(name.into()),
            description: Some(TEXTS[2].into()),
            ..NewGraphGroup::default()
        };
        graph.create_group(Some(&scope), &new).await.unwrap();
    }
    let token = TokenRequest {
        label: NAMES[3].into(),
        days: 30,
        user: None,
        kind: None,
        scope: None,
    };
    coffer.create_token(&token).await.unwrap();
    let users = coffer.users().await.unwrap();
    let me = users.iter().find(|user| user.unique_name == keeper.name);
    let change = UserChange {
        display_name: Some(NAMES[0].into()),
        ..UserChange::default()
    };
    let id = me.unwrap().id.unwrap().to_string();
    coffer.change_user(&id, &change).await.unwrap();
    let change = TeamProjectChange {
        name: Some(DESK.into()),
        description: Some(TEXTS[0].into()),
        visibility: None,
    };
    graph.change_project(&project.id, &change).await.unwrap();
    Places::new(DESK, &file.id, pipeline, run)
}

/// What no page of ours holds, and every payload would make.
const FOREIGN: &str = "[...document.querySelectorAll(`[data-hostile], [onerror], [onload], [onfocus], [onclick], iframe, \
     object, embed, base, style, script:not([src*='/assets/']), meta[http-equiv], [href^='javascript:' i], \
     [src*='localhost'], [href*='localhost'], [action*='localhost'], img[src='x']`)].map((e) => e.outerHTML.slice(0, 300))";

async fn is_clean(page: &Page, path: &str) {
    let found = page.ask(FOREIGN).await;
    assert_eq!(found, json!([]), "on {path}");
}

browser! {
    async fn hostile_text_is_text_on_every_page(server, browser) {
        let grace = browser.person(server, "Grace", &[group::COLLECTION_ADMINISTRATORS, group::PROJECT_ADMINISTRATORS]).await;
        let places = world(server, &grace.user).await;
        let mut shown = String::new();
        // Every page by its address, and what each leads to.
        let (mut seen, mut next) = (BTreeSet::new(), places.all("GET"));
        while let Some(path) = next.pop() {
            if seen.len() > MOST_PAGES || !seen.insert(path.clone()) {
                continue;
            }
            let status = grace.goto(&path).await;
            assert!(status < 500, "{path}: {status}");
            is_clean(&grace, &path).await;
            let text = "document.body.innerText + [...document.querySelectorAll('input, textarea, option')].map((e) => ' ' + e.value).join('')";
            shown.push_str(grace.ask(text).await.as_str().unwrap());
            let links = "[...document.querySelectorAll('main a[href^=\"/\"]')].map((e) => e.getAttribute('href').split('#')[0])";
            let links = grace.ask(links).await;
            next.extend(links.as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned()));
        }
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = squeezed(&shown);
        for name in PLANTED {
            assert!(shown.contains(&squeezed(name)), "none of {seen:#?} shows {name}");
        }
    }

    async fn what_is_typed_and_dropped_is_text(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        rosa.user.upload("ca.pem", b"x").await;
        let library = "/DefaultCollection/Pay%20Desk/_library";
        rosa.goto(library).await;
        for text in TEXTS.iter().filter(|text| !text.contains('\n')) {
            rosa.fill(field("Search files by name"), text).await;
            rosa.press("Enter").await;
            rosa.see("Nothing found").await;
            is_clean(&rosa, text).await;
        }
        // The names of files on somebody's disk, which may be anything but paths.
        rosa.goto(library).await;
        rosa.click(link("Secure file")).await;
        rosa.see(sheet()).await;
        let names: Vec<_> = NAMES.iter().chain(&FILES).map(|name| (*name, b"x".as_slice())).collect();
        rosa.choose(css("#upload-files"), &names).await;
        for name in NAMES.iter().chain(&FILES) {
            rosa.see(field(&format!("Name in the Library of {name}"))).await;
        }
        rosa.see(css("dialog [role=status]").with("ready")).await;
        is_clean(&rosa, "the dialog for new files").await;
        rosa.click(css("dialog [data-start]")).await;
        rosa.see("stored in the Library").await;
        is_clean(&rosa, "the dialog for new files").await;
        let stored = rosa.user.file_names().await;
        for name in FILES {
            assert!(stored.iter().any(|other| other == name), "{name}");
        }
    }

    async fn hostile_addresses_are_text_too(server, browser) {
        let grace = browser.person(server, "Grace", &[group::PROJECT_ADMINISTRATORS]).await;
        let places = Places::of(&grace.user).await;
        for path in places.all("GET") {
            grace.goto(&path).await;
            let fields = grace.ask("[...document.querySelectorAll('form[method=get] [name], form:not([method]) [name]')].map((e) => e.name)").await;
            let fields = fields.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
            let usual = ["return", "done", "search", "itemType", "definitionId", "buildId", "page", "order"];
            let fields: Vec<_> = fields.chain(usual.map(str::to_owned)).collect();
            // All fields at once, each with the next text; a place behind the path as well.
            for first in 0..3 {
                let value = |n: usize| TEXTS[(first * 8 + n) % TEXTS.len()];
                let query: Vec<_> = fields.iter().enumerate().map(|(n, name)| format!("{name}={}", encode(value(n)))).collect();
                let base = path.split('?').next().unwrap();
                for address in [format!("{base}?{}", query.join("&")), format!("{base}/{}", encode(value(first)))] {
                    let status = grace.goto(&address).await;
                    assert!(status < 500, "{address}: {status}");
                    is_clean(&grace, &address).await;
                    assert!(grace.at().await.starts_with(&server.origin()), "{address} leads elsewhere");
                }
            }
        }
        let cookies = grace.ask("document.cookie").await;
        assert_eq!(cookies, "", "a cookie that scripts see");
        grace.take_back("answer: 404").await;
    }
}

/// More pages than there are with one of each thing.
const MOST_PAGES: usize = 60;
/// What is shown by some page: the project, a person, files, a pipeline; and in properties, issues and logs, texts.
const PLANTED: &[&str] = &[
    DESK, NAMES[0], NAMES[1], FILES[0], TEXTS[0], TEXTS[2], TEXTS[4], TEXTS[8], TEXTS[10],
    TEXTS[12], TEXTS[14], TEXTS[16],
];
