//! Every route, asked by everybody: nobody, a stranger, each role, the administrator of another project, a job, a token
//! that registers agents, an agent. What each is answered is `docs/routes.md`, checked in and compared; what must hold
//! for a whole class of callers is said here besides, and each answer is held against the OpenAPI document.
//!
//! A program of its own, and its stories one after the other: they compare what a database is asked by what the log of
//! the whole process says.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on is a failed story"
)]

mod contract;
mod faults;
mod forms;
mod hostile;
mod parties;
mod probes;
mod schemathesis;
mod shapes;
mod tenants;
mod world;

use coffer_testkit::{Answer, Engine, Setup, TestServer};
use coffer_wire::paths::fill;
use contract::Contract;
use parties::Party;
use probes::{PROBES, Probe};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use world::{Tenant, places};

const START: &str = "\
# Who is answered what

<!-- Written by the story `walk` of `coffer-server`. After a change run
`COFFER_UPDATE=1 cargo test -p coffer-server --test walk`, and read the difference. -->

Every route, asked by everybody, with things of the project *Pay Desk*. The numbers are HTTP statuses: 401 is for who did
not show who they are, 404 for what is not there or may not be seen, 403 for what may be seen but not done.
[access-table.md](access-table.md) has the reasons.

- *anonymous*: no token. *stranger*: a person of the organization who is in no project.
- *reader*, *user*, *creator*: these roles in the library (and, the creator, a Contributor's rights on pipelines).
- *library*: Administrator of the library. *project*: administers the project. *organization*: administers the organization.
- *foreign*: administers another project. *job*: the token of a live job of the project. *registration*: a token that
  registers agents. *agent*: a registered agent, which signs its requests.
";

/// Held by the story that is told.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What has its own long lease: the walk is not about time.
fn calm() -> Setup {
    Setup {
        lease_seconds: 3600,
        duties: false,
        ..Setup::default()
    }
}

/// Path and body of a probe with these values in its places.
fn filled(probe: &Probe, values: &[(String, String)]) -> (String, String) {
    let (_, template) = probe.route.split_once(' ').unwrap();
    let put = |text: &str, encode: bool| {
        let mut text = text.to_owned();
        for (place, value) in values {
            let value = if encode {
                fill("{value}", &[value])
            } else {
                value.clone()
            };
            text = text.replace(&format!("{{{place}}}"), &value);
        }
        text
    };
    let path = put(template, true) + &put(probe.query, true);
    (path, put(probe.body, false))
}

/// Asks a probe with these values in its places, in the order of path, query, body.
async fn ask(party: &Party, probe: &Probe, values: &[(String, String)]) -> Answer {
    let (path, body) = filled(probe, values);
    party.send(probe.method(), &path, probe.kind, &body).await
}

/// Values for every place of a probe.
async fn values(server: &TestServer, tenant: &Tenant, probe: &Probe) -> Vec<(String, String)> {
    let text = format!("{}{}{}", probe.route, probe.query, probe.body);
    let looks = probe.route.starts_with("GET ") || probe.route.starts_with("OPTIONS ");
    let mut values = Vec::new();
    for place in places(&text).into_iter().collect::<BTreeSet<_>>() {
        let value = value(server, tenant, probe, &place, !looks).await;
        values.push((place, value));
    }
    values
}

/// What goes into a place of a probe. Roles name a file together with its project.
async fn value(
    server: &TestServer,
    tenant: &Tenant,
    probe: &Probe,
    place: &str,
    fresh: bool,
) -> String {
    let value = tenant.value(server, place, fresh).await;
    if place == "resourceId" && probe.route.contains("/securityroles/") {
        let project = tenant.value(server, "projectId", false).await;
        return format!("{project}${value}");
    }
    value
}

/// What a token that registers agents is answered: what a client asks first, an empty list, and what it is for.
const REGISTRATION: &[&str] = &[
    "OPTIONS _apis",
    "OPTIONS _apis/{area}",
    "GET _apis/ResourceAreas",
    "GET _apis/connectionData",
    "GET _apis/coffer/projects",
    "GET _apis/projects",
    "POST _apis/coffer/agents",
];

/// What must hold for whole classes, whatever the page says.
fn class_rules(
    probe: &Probe,
    authentication: &str,
    party: &str,
    status: u16,
) -> Option<&'static str> {
    let good = (200..300).contains(&status);
    let of_project = probe.route.contains("{project}");
    let looks = probe.route.starts_with("GET ") || probe.route.starts_with("OPTIONS ");
    match (authentication, party) {
        ("anonymous", _) => None,
        (_, "anonymous") if status != 401 => Some("without a token everything else is 401"),
        ("agent signature", party) if party != "agent" && status != 401 => {
            Some("what agents sign is for agents only")
        }
        ("token", "agent") if status != 401 => Some("a signature is not a token"),
        (_, "stranger" | "foreign") if of_project && status != 404 => {
            Some("who is not in the project hears that it is not there")
        }
        (_, "registration") if good && !REGISTRATION.contains(&probe.route) => {
            Some("a token that registers agents does nothing else")
        }
        (_, "reader" | "job")
            if of_project && good && !looks && !probe.route.ends_with("/preview") =>
        {
            Some("readers and jobs change nothing in a project")
        }
        _ => None,
    }
}

async fn every_route_as_everybody(server: TestServer) {
    // Pages go by cookies: `sessions.rs` asks them.
    let mut routes = coffer_server::route_list();
    routes.retain(|route| !route.is_page());
    let known: BTreeSet<_> = PROBES.iter().map(|probe| probe.route.to_owned()).collect();
    let there: BTreeSet<_> = routes
        .iter()
        .map(|route| format!("{} {}", route.method, route.template))
        .collect();
    assert_eq!(
        (
            there.difference(&known).collect::<Vec<_>>(),
            known.difference(&there).collect::<Vec<_>>()
        ),
        (vec![], vec![]),
        "walk/probes.rs must say how each route is asked, and none that is not there"
    );
    let stage = parties::Stage::set(&server).await;
    let mut contract = Contract::read();
    let mut wrong = Vec::new();
    let mut page = START.to_owned();
    let heads: Vec<_> = stage.parties.iter().map(|party| party.name).collect();
    _ = writeln!(
        page,
        "\n| route | {} |\n|{}",
        heads.join(" | "),
        " --- |".repeat(heads.len() + 1)
    );
    for probe in PROBES {
        let authentication = routes
            .iter()
            .find(|route| probe.route == format!("{} {}", route.method, route.template))
            .map_or("", |route| route.authentication);
        let mut cells = Vec::new();
        for party in &stage.parties {
            let values = values(&server, &stage.own, probe).await;
            let answer = ask(party, probe, &values).await;
            assert!(answer.status < 500, "{answer}: {}", answer.text());
            if !(200..400).contains(&answer.status) {
                answer.refused(answer.status);
            }
            if let Some(rule) = class_rules(probe, authentication, party.name, answer.status) {
                wrong.push(format!(
                    "{} by {}: {}: {rule}",
                    probe.route, party.name, answer.status
                ));
            }
            wrong.extend(contract.breaches(probe.route, &answer));
            cells.push(answer.status.to_string());
        }
        _ = writeln!(page, "| `{}` | {} |", probe.route, cells.join(" | "));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    compare(&page);
}

/// Tells a story on an engine while no other is told.
async fn alone<F: Future<Output = ()>>(engine: Engine, test: &str, story: fn(TestServer) -> F) {
    if engine.is_there(test) {
        let _alone = ALONE.lock().await;
        Box::pin(story(TestServer::start_with(engine, calm()).await)).await;
    }
}

macro_rules! stories {
    ($($name:ident = $story:path;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                alone(Engine::Sqlite, module_path!(), $story).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                alone(Engine::Postgres, module_path!(), $story).await;
            }
        }
    )*};
}

stories! {
    the_document_is_one_of_openapi = schemathesis::knows_the_document;
    requests_made_of_the_document_are_answered_by_it = schemathesis::asks;
    every_route_answers_everybody_as_the_page_says = every_route_as_everybody;
    an_act_and_its_record_are_one_wherever_it_breaks = faults::walk;
    a_long_list_is_asked_as_a_short_one_is = shapes::walk;
    a_page_is_asked_as_often_whatever_is_on_it = shapes::pages;
    what_nobody_means_well_is_refused_and_changes_nothing = hostile::walk;
    an_answer_has_the_form_that_was_asked_for = forms::walk;
    what_is_another_projects_is_as_if_it_were_not_there = tenants::walk;
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the story says whether the page is to be written"
)]
fn compare(page: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/routes.md");
    if std::env::var_os("COFFER_UPDATE").is_some() {
        std::fs::write(path, page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let changed: Vec<_> = page
        .lines()
        .filter(|line| !written.lines().any(|known| known == *line))
        .collect();
    assert!(
        written == page,
        "docs/routes.md is stale: run `COFFER_UPDATE=1 cargo test -p coffer-server --test walk`, and read the \
         difference. New lines: {changed:#?}"
    );
}
