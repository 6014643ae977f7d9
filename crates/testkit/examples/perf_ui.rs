//! What the pages cost among 10, 1,000 and 100,000 secure files, on both engines (PostgreSQL where `COFFER_TEST_POSTGRES` names
//! one): the server's processor time, how long somebody waits, and bytes, over HTTP with a signed-in session; and below the
//! pages, the use cases they are made of. Reports numbers and asserts nothing.
//!
//! One file is uploaded as people upload; the others are copies of its row, made in the database at once with an entry for
//! each creator, as an upload leaves it. One in twenty has a role of a group besides, one in fifty inherits nothing. The database
//! has processes of its own on PostgreSQL, and their time is not the server's.
//!
//! `cargo run --release -p coffer-testkit --example perf_ui [FILES]...`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes time and tells it"
)]

use coffer_model::{Caller, FileId, ProjectId, RunId};
use coffer_service::{FilePageQuery, FileSort, PageFrom};
use coffer_testkit::{Browser, Engine, From, PROJECT, Setup, TestServer, User, group, server_time};
use coffer_wire::paths::fill;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

const COUNTS: [usize; 3] = [10, 1_000, 100_000];
const PASSWORD: &str = "a long enough password";
const PEOPLE: usize = 2_000;
/// Each page is asked for so often.
const ROUNDS: u32 = 20;

fn runtime(name: &str) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name(name).enable_all();
    builder.build().unwrap()
}

fn main() {
    let counts: Vec<usize> = std::env::args()
        .skip(1)
        .map(|text| text.parse().unwrap())
        .collect();
    let counts = if counts.is_empty() {
        COUNTS.to_vec()
    } else {
        counts
    };
    let (served, clients) = (runtime("server"), runtime("client"));
    for engine in Engine::both() {
        if !engine.is_there("perf_ui") {
            continue;
        }
        for count in &counts {
            let setup = Setup {
                logs: false,
                ..Setup::default()
            };
            let server = served.block_on(TestServer::start_with(engine, setup));
            println!("\n{engine:?}, {count} files");
            clients.block_on(measure(&server, *count));
            served.block_on(async move { drop(server) });
        }
    }
}

/// What a browser asks for.
struct Asked {
    what: &'static str,
    url: String,
}

async fn measure(server: &TestServer, count: usize) {
    let groups = [group::RELEASE_ADMINISTRATORS, group::CONTRIBUTORS];
    let engineer = server.person_with_password("rel", &groups, PASSWORD).await;
    let file = engineer.upload("signing.p12", b"x").await;
    let started = Instant::now();
    copy(server, count).await;
    println!("{:>8.1}  s to make them", started.elapsed().as_secs_f64());

    let yaml = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: signing.p12\n";
    let pipeline = engineer.pipeline("build", yaml).await;
    let run = engineer.run(&pipeline).await;
    let mut browser = server.browser();
    let fields = [
        ("name", "rel"),
        ("password", PASSWORD),
        ("return", "/account"),
    ];
    browser.fill("/signin", "/signin", &fields).await.ok();

    println!("  CPU ms  wait ms    bytes  page");
    for asked in pages(server, &file.id, run.id, count) {
        ask(&mut browser, &asked).await;
    }
    println!("          wait ms           use case");
    let caller = server.caller(&engineer).await;
    below(
        server,
        &caller,
        FileId(Uuid::parse_str(&file.id).unwrap()),
        RunId(run.id),
        count,
    )
    .await;
    let reader: User = server.person("reader", &[group::READERS]).await;
    lists(&reader).await;
}

fn pages(server: &TestServer, file: &str, run: i64, count: usize) -> Vec<Asked> {
    let there = |what, template: &str, values: &[&str], query: &str| Asked {
        what,
        url: format!("{}/{}{query}", server.url(), fill(template, values)),
    };
    let library = |what, query: &str| {
        let query = format!("?itemType=SecureFiles{query}");
        there(what, "{project}/_library", &[PROJECT], &query)
    };
    let middle = format!("&skip={}", count / 100 * 50);
    let of_file = |what, template| there(what, template, &[PROJECT, file], "");
    vec![
        Asked {
            what: "projects",
            url: server.origin() + "/",
        },
        library("Library", ""),
        library("Library, in the middle", &middle),
        library("Library, last page", "&end=0"),
        library("Library, newest change first", "&sort=changed"),
        library("Library, search with one hit", "&search=signing"),
        library("Library, search with none", "&search=zzzz"),
        there(
            "Library, security",
            "{project}/_library/security",
            &[PROJECT],
            "",
        ),
        of_file("file", "{project}/_library/files/{file}"),
        of_file("file, delete", "{project}/_library/files/{file}/delete"),
        of_file(
            "file, permissions",
            "{project}/_library/files/{file}/permissions",
        ),
        of_file("file, security", "{project}/_library/files/{file}/security"),
        there("pipelines", "{project}/_build", &[PROJECT], ""),
        there(
            "run that waits",
            "{project}/_build/results",
            &[PROJECT],
            &format!("?buildId={run}"),
        ),
    ]
}

async fn ask(browser: &mut Browser, asked: &Asked) {
    let first = browser.go(From::Typed, &asked.url).await;
    if first.status != 200 {
        println!(
            "{:>8}  {:>7}  {:>7}  {}: {}",
            "-", "-", "-", asked.what, first.status
        );
        return;
    }
    let (before, started) = (server_time(), Instant::now());
    for _ in 0..ROUNDS {
        browser.go(From::Typed, &asked.url).await;
    }
    // A thread that ended in between takes its time with it.
    let (spent, took) = (server_time().saturating_sub(before), started.elapsed());
    println!(
        "{:>8.2}  {:>7.2}  {:>7}  {}",
        each(spent),
        each(took),
        first.body.len(),
        asked.what
    );
}

fn each(all: Duration) -> f64 {
    all.as_secs_f64() * 1000.0 / f64::from(ROUNDS)
}

/// How long one use case takes.
macro_rules! timed {
    ($what:expr, $use_case:expr) => {{
        let started = Instant::now();
        for _ in 0..ROUNDS {
            let _ = $use_case.await.unwrap();
        }
        println!(
            "          {:>7.2}           {}",
            each(started.elapsed()),
            $what
        );
    }};
}

async fn below(server: &TestServer, caller: &Caller, file: FileId, run: RunId, count: usize) {
    let service = server.service();
    timed!("find the project", service.projects().find(caller, PROJECT));
    let project: ProjectId = service.projects().find(caller, PROJECT).await.unwrap().id;
    let query = |sort, from, search: Option<&str>| FilePageQuery {
        search: search.map(str::to_owned),
        sort,
        descending: false,
        from,
        top: 50,
    };
    let (name, changed) = (FileSort::Name, FileSort::ModifiedOn);
    let far = PageFrom::Start(u64::try_from(count).unwrap().saturating_sub(50));
    for (what, query) in [
        ("first page", query(name, PageFrom::Start(0), None)),
        (
            "last page from the end",
            query(name, PageFrom::End(0), None),
        ),
        ("last page from the beginning", query(name, far, None)),
        (
            "first page by change",
            query(changed, PageFrom::Start(0), None),
        ),
        (
            "search, many hits",
            query(name, PageFrom::Start(0), Some("7")),
        ),
        (
            "search, no hit",
            query(name, PageFrom::Start(0), Some("zzzz")),
        ),
    ] {
        timed!(what, service.files().page(caller, project, query.clone()));
    }
    timed!(
        "what may be done with a file",
        service.may_file(caller, project, file)
    );
    timed!(
        "uses of a file",
        service.files().usage(caller, project, file, None, 50)
    );
    timed!(
        "what would miss it",
        service.files().pipelines_using(caller, project, file)
    );
    timed!(
        "its history",
        service.files().history(caller, project, file, None, 50)
    );
    timed!(
        "a run that waits",
        service.runs().show(caller, project, run)
    );
    timed!(
        "people while typing",
        service.directory().suggest(caller, Some(project), "an", 10)
    );
}

/// The routes that answer with everything.
async fn lists(reader: &User) {
    for (what, query) in [
        ("API: all files", ""),
        ("API: one by name", "?secureFileNames=signing.p12"),
        ("API: all that may be used", "?actionFilter=use"),
    ] {
        let started = Instant::now();
        let rounds = 3;
        for _ in 0..rounds {
            reader.get(&reader.files_path(query)).await.ok();
        }
        let each = started.elapsed().as_secs_f64() * 1000.0 / f64::from(rounds);
        println!("          {each:>7.1}           {what}");
    }
}

/// Copies of the one file, and people, past the server.
async fn copy(server: &TestServer, count: usize) {
    let postgres = server.engine() == Engine::Postgres;
    let numbers = |count: usize| {
        if postgres {
            format!("generate_series(1, {count}) as n (i)")
        } else {
            format!(
                "(with recursive n (i) as (select 1 union all select i + 1 from n where i < {count}) select i from n) n"
            )
        }
    };
    // Ids as random ones fall: neighbours in time are none in an index.
    let text = |kind: u8| {
        if postgres {
            format!(
                "(lpad(to_hex(n.i::bigint * 2654435761 % 4294967296), 8, '0') || '-0000-4000-8{kind:03}-' || lpad(to_hex(n.i), 12, '0'))"
            )
        } else {
            format!(
                "(printf('%08x', n.i * 2654435761 % 4294967296) || '-0000-4000-8{kind:03}-' || printf('%012x', n.i))"
            )
        }
    };
    let id = |kind| {
        let text = text(kind);
        if postgres {
            format!("cast({text} as uuid)")
        } else {
            format!("unhex(replace({text}, '-', ''))")
        }
    };
    let name = if postgres {
        "'certificate-' || lpad(cast(n.i::bigint * 7919 % 1000003 as text), 7, '0') || '-' || n.i || '.p12'"
    } else {
        "'certificate-' || printf('%07d', n.i * 7919 % 1000003) || '-' || n.i || '.p12'"
    };
    let creator = "(case when n.i % 3 = 0 then (select id from identity where unique_key = 'ada') else f.created_by end)";
    let file = text(1);
    let library = "substr(f.access_token, 1, 56)";
    let mut sql = String::new();
    writeln!(
        sql,
        "insert into identity (id, kind, unique_name, unique_key, display_name, display_key, created_at)
            select {}, 1, 'person' || n.i || '@example.com', 'person' || n.i || '@example.com', 'Anna ' || n.i, 'anna ' || n.i, 0
            from {};",
        id(2),
        numbers(PEOPLE)
    )
    .unwrap();
    writeln!(
        sql,
        "insert into secure_file (id, project_id, name, name_key, access_token, size, preamble, sealed, sealed_length,
            sealed_sha256, created_by, created_at, modified_by, modified_at)
            select {}, f.project_id, {name}, {name}, {library} || {file}, f.size, f.preamble, f.sealed, f.sealed_length,
                f.sealed_sha256, coalesce({creator}, f.created_by), f.created_at - n.i, f.created_by, f.created_at - n.i * 7 % 1000
            from {} cross join secure_file f where f.name = 'signing.p12';",
        id(1),
        numbers(count.saturating_sub(1).max(1))
    )
    .unwrap();
    let namespace = "(select namespace_id from access_entry where token like 'Library/%' limit 1)";
    writeln!(
        sql,
        "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits)
            select {namespace}, f.access_token, f.created_by, 51, 0 from secure_file f where f.name <> 'signing.p12';
        insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits)
            select {namespace}, f.access_token, (select min(id) from identity where display_name = 'Readers'), 17, 0
            from secure_file f where f.name <> 'signing.p12' and f.modified_at % 20 = 0;
        insert into access_list (namespace_id, token, inherits)
            select {namespace}, f.access_token, 0 from secure_file f
            where f.name <> 'signing.p12' and f.modified_at % 50 = 1;"
    )
    .unwrap();
    if postgres {
        sql = sql.replace("min(id)", "cast(min(cast(id as text)) as uuid)");
        sql.push_str("analyze;");
    }
    server.database().sql(&sql).await;
}
