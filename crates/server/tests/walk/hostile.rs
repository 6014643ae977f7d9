//! Requests that nobody means well with, to every route: each is refused with the envelope and changes nothing, or is
//! fine after all and answered so. It is never an error of ours.
//!
//! On SQLite only: what is refused is refused before a database is asked, and texts that one engine would not take, such
//! as a NUL, never get there; the few that do are in the stories, on both engines.

use super::faults::{APART, NOT_ACTS, allowed};
use super::parties::{Party, Stage};
use super::probes::{PROBES, Probe};
use super::world::places;
use super::{filled, values};
use coffer_testkit::{Answer, Engine, TestServer};
use serde_json::{Value, json};

/// Query parameters of every kind: numbers, enums, flags, ids, texts.
const PARAMETERS: &[&str] = &[
    "$top",
    "$skip",
    "top",
    "continuationToken",
    "startLine",
    "endLine",
    "after",
    "before",
    "run",
    "since",
    "outcome",
    "actionFilter",
    "statusFilter",
    "resultFilter",
    "queryOrder",
    "stateFilter",
    "includeDownloadTickets",
    "recurse",
    "connectOptions",
    "direction",
    "queryMembership",
    "definitions",
    "secureFileIds",
    "identityIds",
    "tokens",
    "ticket",
    "checkpoint",
    "api-version",
];

/// Values that fit nothing, or hardly.
const VALUES: &[&str] = &[
    "-1",
    "99999999999999999999",
    "-9223372036854775808",
    "9223372036854775807",
    "1e999",
    "%F0%9F%92%A9",
];

/// Values for a place in a path (dots are for stories over raw connections: clients resolve them), as they stand on the wire, and whether they can only be refused.
const PLACES: &[(&str, bool)] = &[
    ("%ff", true),
    ("%00", true),
    ("a%0d%0ab", true),
    ("%ED%A0%80", true),
    ("-1", false),
    ("9223372036854775808", false),
    ("%F0%9F%92%A9", false),
    ("%E2%80%AE%2F%25", false),
];

/// A body, and whether it can only be refused.
struct Body {
    what: &'static str,
    bytes: Vec<u8>,
    refused: bool,
}

fn body(what: &'static str, bytes: impl Into<Vec<u8>>, refused: bool) -> Body {
    let bytes = bytes.into();
    Body {
        what,
        bytes,
        refused,
    }
}

/// Every place in a JSON text, as the path to it.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{place}"), found);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// The text with another in one place: a marker of our own is replaced, so that it need not be JSON.
fn with(value: &Value, pointer: &str, other: &str) -> Option<String> {
    let mut value = value.clone();
    *value.pointer_mut(pointer)? = json!("<here>");
    Some(value.to_string().replace("\"<here>\"", other))
}

/// Whether two JSON values are of different kinds, where no leniency is known: enums may be words or numbers.
fn differs(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (_, Value::Null) | (Value::String(_), Value::Number(_)) => false,
        _ => std::mem::discriminant(old) != std::mem::discriminant(new),
    }
}

/// Everything that is wrong with a JSON body.
fn bodies(good: &str) -> Vec<Body> {
    let good = if good.is_empty() { "{}" } else { good };
    let value: Value = serde_json::from_str(good).unwrap();
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let mut all = vec![
        body("half", &good.as_bytes()[..good.len() / 2], good.len() > 2),
        body("a bracket", "{", true),
        body("no JSON", "nonsense", true),
        body("two", format!("{good} {good}"), true),
        body("deep", deep.clone(), true),
        body("a byte order mark", format!("\u{feff}{good}"), false),
        body("a byte order mark and half of it", "\u{feff}{", true),
        body(
            "no UTF-8",
            [b"{\"zzz\":\"\xff\"".as_slice(), b"}"].concat(),
            true,
        ),
    ];
    let first = |more: &str| {
        good.replacen(
            '{',
            &format!("{{{more}{}", if good == "{}" { "" } else { "," }),
            1,
        )
    };
    for (what, more) in [
        ("an unknown member twice", r#""zzz":1,"zzz":2"#.to_owned()),
        ("a half character", r#""zzz":"\ud800""#.to_owned()),
        ("a number that is none", r#""zzz":1e999"#.to_owned()),
        ("depth in an unknown member", format!(r#""zzz":{deep}"#)),
    ] {
        all.push(body(what, first(&more), true));
    }
    // Agents send what programs print, and that may hold a NUL.
    all.push(body("a NUL", first(r#""zzz":"\u0000""#), false));
    let name = good.split('"').nth(1).filter(|_| good.contains("{\""));
    if let Some(name) = name {
        all.push(body(
            "a known member twice",
            first(&format!("\"{name}\":null")),
            true,
        ));
    }
    let mut places = Vec::new();
    pointers(&value, "", &mut places);
    for place in places {
        let old = value.pointer(&place).unwrap();
        for new in [
            json!(null),
            json!(true),
            json!(1),
            json!("x"),
            json!([]),
            json!({}),
            json!(1.5),
            json!(-1),
            json!(i64::MAX),
            json!(u64::MAX),
            json!("-0"),
            json!([[]]),
            json!("9".repeat(5000)),
        ] {
            let bytes = with(&value, &place, &new.to_string()).unwrap();
            // A list may be empty where it may be, and an object may lack everything.
            let refused = differs(old, &new);
            all.push(body("another type", bytes, refused));
        }
        for (what, new) in [
            ("an odd number", "-0"),
            ("a huge number", "1e999"),
            ("a NUL", r#""\u0000""#),
            ("a half character", r#""\udfff""#),
        ] {
            let refused = new.contains('e') || new.contains("df");
            all.push(body(what, with(&value, &place, new).unwrap(), refused));
        }
    }
    all
}

struct Walk {
    server: TestServer,
    stage: Stage,
    wrong: Vec<String>,
    asked: usize,
}

impl Walk {
    /// Who may do the most on a route.
    fn party(&self, route: &str) -> &Party {
        let name = if route.contains("{agentId}") {
            "agent"
        } else {
            "organization"
        };
        self.stage
            .parties
            .iter()
            .find(|party| party.name == name)
            .unwrap()
    }

    /// What must hold of any answer.
    fn judge(&mut self, what: &str, answer: &Answer, refused: bool) {
        self.asked += 1;
        let complaint = match answer.status {
            500.. => "an error of ours",
            200..400 if refused => "taken for good",
            400.. if answer.header("content-type") != "application/json; charset=utf-8" => {
                "no envelope"
            }
            400.. if answer.json()["typeKey"].as_str().is_none_or(str::is_empty) => "no type",
            _ => "",
        };
        if !complaint.is_empty() {
            let text: String = answer.text().chars().take(200).collect();
            self.wrong
                .push(format!("{complaint}: {answer}: {what}: {text}"));
        }
    }

    async fn facts(&self) -> (Vec<String>, i64) {
        (
            self.server.database().contents(NOT_ACTS).await,
            allowed(&self.server).await,
        )
    }

    async fn bodies(&mut self, probe: &Probe) {
        let mut filling = values(&self.server, &self.stage.own, probe).await;
        let json = probe.kind.contains("json");
        let all = bodies(&filled(probe, &filling).1.replace("content", "{}"));
        let mut before = self.facts().await;
        for case in all {
            let (path, _) = filled(probe, &filling);
            let party = self.party(probe.route);
            let answer = party
                .send_bytes(
                    probe.method(),
                    &path,
                    "application/json",
                    case.bytes.clone(),
                )
                .await;
            // Uploads and queries are told apart by their content type: this one is a query, and says so.
            let refused = case.refused && json && reads_a_body(probe);
            let sent: String = String::from_utf8_lossy(&case.bytes)
                .chars()
                .take(200)
                .collect();
            self.judge(&format!("{}: {sent}", case.what), &answer, refused);
            if (200..400).contains(&answer.status) {
                filling = values(&self.server, &self.stage.own, probe).await;
                before = self.facts().await;
            }
        }
        self.same(probe, &before, "bodies").await;
        let large = vec![b' '; (8 << 20) + 1];
        let odd = [
            ("text/plain", b"{}".to_vec()),
            ("multipart/form-data; boundary=x", b"{}".to_vec()),
            ("application/xml", b"<a/>".to_vec()),
            ("application/json", large),
        ];
        for (kind, bytes) in odd {
            let (path, _) = filled(probe, &filling);
            let party = self.party(probe.route);
            let answer = party.send_bytes(probe.method(), &path, kind, bytes).await;
            // What agents sign is JSON whatever it is called.
            let signed = probe.route.contains("{agentId}") && kind != "application/json";
            self.judge(kind, &answer, reads_a_body(probe) && !signed);
            if (200..400).contains(&answer.status) {
                filling = values(&self.server, &self.stage.own, probe).await;
                before = self.facts().await;
            }
        }
        self.same(probe, &before, "kinds and sizes").await;
    }

    /// Refusals changed nothing, and nothing on record says that they did.
    async fn same(&mut self, probe: &Probe, before: &(Vec<String>, i64), what: &str) {
        if APART.iter().any(|part| probe.route.contains(part)) {
            return;
        }
        let after = self.facts().await;
        let changed: Vec<_> = after
            .0
            .iter()
            .filter(|table| !before.0.contains(table))
            .collect();
        if !changed.is_empty() || after.1 != before.1 {
            let names: Vec<_> = changed
                .iter()
                .filter_map(|table| table.split(':').next())
                .collect();
            self.wrong.push(format!(
                "{}: refused {what} changed {names:?}, {} acts",
                probe.route,
                after.1 - before.1
            ));
        }
    }

    async fn queries(&mut self, probe: &Probe) {
        let filling = values(&self.server, &self.stage.own, probe).await;
        let (path, body) = filled(probe, &filling);
        let joint = if path.contains('?') { '&' } else { '?' };
        for query in [
            "x=%ff",
            "%c3%28=x",
            "x=%00",
            "api-version=7.1%00",
            "api-version=x",
        ] {
            let path = format!("{path}{joint}{query}");
            let party = self.party(probe.route);
            let answer = party
                .send_bytes(probe.method(), &path, probe.kind, body.clone().into())
                .await;
            self.judge(query, &answer, true);
        }
        if probe.method() != "GET" {
            return;
        }
        for name in PARAMETERS {
            for value in VALUES {
                let path = format!("{path}{joint}{name}={value}");
                let party = self.party(probe.route);
                let answer = party.send_bytes("GET", &path, probe.kind, Vec::new()).await;
                self.judge(&format!("{name}={value}"), &answer, false);
            }
        }
    }

    async fn paths(&mut self, probe: &Probe) {
        let filling = values(&self.server, &self.stage.own, probe).await;
        let (_, template) = probe.route.split_once(' ').unwrap();
        let body = filled(probe, &filling).1;
        let long = "x".repeat(20_000);
        let mut before = self.facts().await;
        for place in places(template) {
            for (odd, refused) in PLACES.iter().copied().chain([(long.as_str(), false)]) {
                let mut path = template.replace(&format!("{{{place}}}"), odd);
                for (name, value) in &filling {
                    path = path.replace(
                        &format!("{{{name}}}"),
                        &coffer_wire::paths::fill("{v}", &[value]),
                    );
                }
                let party = self.party(probe.route);
                let answer = party
                    .send_bytes(probe.method(), &path, probe.kind, body.clone().into())
                    .await;
                self.judge(
                    &format!("{{{place}}} is {}", &odd[..odd.len().min(20)]),
                    &answer,
                    refused,
                );
                if (200..400).contains(&answer.status) {
                    before = self.facts().await;
                }
            }
        }
        if !probe.method().eq("GET") {
            self.same(probe, &before, "paths").await;
        }
    }
}

/// Routes that look at no body, whatever is sent.
fn reads_a_body(probe: &Probe) -> bool {
    !probe.body.is_empty() && probe.kind.contains("json")
}

pub(super) async fn walk(server: TestServer) {
    if server.engine() != Engine::Sqlite {
        return;
    }
    let stage = Stage::set(&server).await;
    let mut walk = Walk {
        server,
        stage,
        wrong: Vec::new(),
        asked: 0,
    };
    // What the organization allows is changed last, since everything else lives with it.
    let (last, first): (Vec<_>, Vec<_>) = PROBES
        .iter()
        .partition(|probe| probe.route == "PATCH _apis/coffer/organization");
    for probe in first.into_iter().chain(last) {
        if !matches!(probe.method(), "GET" | "OPTIONS") {
            walk.bodies(probe).await;
        }
        walk.queries(probe).await;
        walk.paths(probe).await;
    }
    let (wrong, asked) = (&walk.wrong, walk.asked);
    assert!(
        wrong.is_empty(),
        "{} of {asked}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(asked > 10_000, "only {asked}");
}
