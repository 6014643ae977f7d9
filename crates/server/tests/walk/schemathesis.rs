//! Schemathesis asks the server by its own OpenAPI document: requests that fit it, and requests that nearly do. Whatever
//! comes back is documented, is as its schema says, and is no 5xx. It knows no route; what it leaves out says why.

use super::parties::Stage;
use super::probes::PROBES;
use super::value;
use super::world::places;
use coffer_testkit::{Engine, TestServer, User, skip, told};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::Stdio;
use tokio::process::Command;

/// Where the program and what it needs are, and the Python that runs it.
const FOLDER: &str = "COFFER_TEST_PYTHON_SCHEMATHESIS";
const PYTHON: &str = "COFFER_TEST_PYTHON";

/// Operations that are not asked, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("witnessAnchor", "an agent signs it; the walk asks it"),
    ("leaseJob", "an agent signs it; the walk asks it"),
    ("renewLease", "an agent signs it; the walk asks it"),
    ("feedJob", "an agent signs it; the walk asks it"),
    ("finishJob", "an agent signs it; the walk asks it"),
    (
        "createAuditStream",
        "the server would call what was made up",
    ),
    (
        "updateAuditStream",
        "the server would call what was made up",
    ),
    ("testAuditStream", "the server would call what was made up"),
];

/// What must hold of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance";

/// Always the same requests.
const SEED: u32 = 4;

/// Python with the program, or a skip on record.
fn python(server: &TestServer, story: &str) -> Option<Command> {
    let (Some(python), Some(folder)) = (told(PYTHON), told(FOLDER)) else {
        let test = format!("walk::schemathesis::{story}::{:?}", server.engine());
        skip(&test, &format!("{FOLDER} is not set"));
        return None;
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the story is about this very program"
    )]
    let mut command = Command::new(python);
    command.env("PYTHONPATH", folder).stdin(Stdio::null());
    Some(command)
}

/// A text in a configuration.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// What an operation's path names: things that are there, and for what destroys them things of its own.
async fn named(server: &TestServer, stage: &Stage, config: &mut String) {
    let document = coffer_server::openapi();
    for probe in PROBES {
        let (method, template) = probe.route.split_once(' ').unwrap();
        let operation = &document["paths"][format!("/{template}")][method.to_lowercase()];
        let id = operation["operationId"].as_str().unwrap();
        let mut values = Vec::new();
        for place in places(template) {
            let fresh = method == "DELETE" || place == "userId" || place == "userDescriptor";
            let value = value(server, &stage.own, probe, &place, fresh).await;
            values.push(format!(
                "{} = {}",
                quoted(&format!("path.{place}")),
                quoted(&value)
            ));
        }
        _ = write!(
            config,
            "[[operations]]\ninclude-operation-id = {}\nparameters = {{ {} }}\n",
            quoted(id),
            values.join(", ")
        );
        if let Some((_, reason)) = LEFT_OUT.iter().find(|(out, _)| *out == id) {
            _ = writeln!(config, "enabled = false # {reason}");
        }
    }
}

/// One run as somebody. Answers the report.
async fn run(
    server: &TestServer,
    who: &User,
    name: &str,
    names: &str,
    arguments: &[&str],
) -> Value {
    let mut program = python(server, name).unwrap();
    let place = server.scratch(name);
    std::fs::create_dir_all(&place).unwrap();
    let config = format!(
        "seed = {SEED}\ncontinue-on-failure = true\nrequest-timeout = 60.0\n[headers]\nAuthorization = {}\n{names}",
        quoted(&format!("Bearer {}", who.token()))
    );
    std::fs::write(place.join("schemathesis.toml"), config).unwrap();
    let document = format!("http://{}/docs/api/openapi.json", server.address());
    let output = program
        .current_dir(&place)
        .env("HOME", &place)
        .args([
            "-m",
            "schemathesis.cli",
            "--config-file",
            "schemathesis.toml",
            "run",
        ])
        .arg(document)
        .args(["--checks", CHECKS, "--no-shrink", "--warnings", "off"])
        .args(["--report", "json", "--report-json-path", "report.json"])
        .args(arguments)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<_> = text.lines().rev().take(200).collect();
    let tail: Vec<_> = tail.into_iter().rev().collect();
    assert!(
        output.status.success(),
        "as {name}: {errors}\n{}",
        tail.join("\n")
    );
    let report = std::fs::read(place.join("report.json")).unwrap();
    serde_json::from_slice(&report).unwrap()
}

/// How many operations took a request of a run.
fn taken(report: &Value) -> usize {
    let operations = report["valid_rates"].as_object().unwrap().values();
    let took = |phases: &&Value| {
        let phases = phases.as_object().unwrap().values();
        phases
            .into_iter()
            .any(|phase| phase["accepted"].as_u64() > Some(0))
    };
    operations.filter(took).count()
}

pub(super) async fn asks(server: TestServer) {
    if python(&server, "asks").is_none() {
        return;
    }
    let stage = Stage::set(&server).await;
    let mut names = String::new();
    named(&server, &stage, &mut names).await;
    let organization = stage.holder("organization");
    let thorough = ["--phases", "examples,coverage,fuzzing", "-n", "4"];
    let report = run(&server, organization, "organization", &names, &thorough).await;
    let asked = report["operations"]["tested"].as_u64().unwrap() as usize;
    assert_eq!(asked + LEFT_OUT.len(), PROBES.len(), "{report}");
    // Somebody who was shut out on the way would have seen nothing.
    organization.get("_apis/connectionData").await.ok();
    assert!(
        taken(&report) > 70,
        "only {} operations took a request",
        taken(&report)
    );
    if server.engine() == Engine::Sqlite {
        let reader = stage.holder("reader");
        let brief = ["--phases", "examples,fuzzing", "-n", "3"];
        let report = run(&server, reader, "reader", &names, &brief).await;
        reader.get("_apis/connectionData").await.ok();
        assert!(
            taken(&report) > 30,
            "only {} operations took a request",
            taken(&report)
        );
    }
}

/// The document is one of OpenAPI 3.1, by its meta-schema.
pub(super) async fn knows_the_document(server: TestServer) {
    const READ: &str = "import json, sys, jsonschema_rs\n\
        from schemathesis.specs.openapi.definitions import OPENAPI_31\n\
        document = json.load(sys.stdin)\n\
        wrong = [f'{list(e.instance_path)}: {e.message}' for e in jsonschema_rs.validator_for(OPENAPI_31).iter_errors(document)]\n\
        print('\\n'.join(wrong) or 'valid')\n";
    if python(&server, "knows_the_document").is_none() {
        return;
    }
    let said = async |document: &Value| {
        let place = server.scratch("document");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("document.json"), document.to_string()).unwrap();
        let mut program = python(&server, "knows_the_document").unwrap();
        let output = program
            .args(["-c", READ])
            .stdin(std::fs::File::open(place.join("document.json")).unwrap())
            .output()
            .await
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut document = coffer_server::openapi();
    assert_eq!(said(&document).await, "valid\n");
    document["paths"]["/_apis"]["options"]["responses"]["200"] = json!({});
    assert!(said(&document).await.contains("description"));
}
