//! `docs/access-table.md`, written from the decision itself. A test compares; with `COFFER_UPDATE` set it writes.
//! Every act is in it, because the list of acts is made where acts are declared.

use crate::access::{Entry, Role, Scope, default_groups, effective, library, organization_groups};
use crate::act::sample::{Sampled, all};
use crate::act::{Demand, Requirement};
use crate::break_glass::{GlassFacts, State};
use crate::policy::{Denied, Facts, JobFacts, decide};
use crate::scope::{SCOPES, TokenScopes};
use crate::source::Permit;
use crate::{
    AgentId, Authentication, Caller, CredentialId, IdentityId, JobId, OrganizationId, PipelineId,
    ProjectId, RunId, Timestamp,
};
use std::fmt::Write as _;
use uuid::Uuid;

const START: &str = "\
# Who may do what

<!-- Written by a test of `coffer-model` from `policy::decide`. To change it, change the decision, then run
`COFFER_UPDATE=1 cargo test -p coffer-model access_table`, and read the difference. -->

Each row is an act, each column somebody. What a cell says is what the gate answers:

- **yes**: allowed, and on record.
- no: refused, and told which right is missing.
- ·: the same answer as for a thing that does not exist.

Rights of several groups unite, and a deny of one wins. An entry for somebody at one thing replaces what they inherit.
";

/// A column: a heading and the bits of who stands there.
type Column = (String, i64);

/// A kind of resource, with its columns.
struct Kind {
    heading: &'static str,
    note: &'static str,
    columns: Vec<Column>,
}

fn entry(own: bool, identity: u128, allow: i64) -> Entry {
    Entry {
        own,
        identity: IdentityId(Uuid::from_u128(identity)),
        allow,
        deny: 0,
    }
}

/// Roles at a file: inherited from the library, given at the file, and what creating a file brings.
fn file_columns() -> Vec<Column> {
    let inherited = |role: Role| effective(&[entry(false, 1, role.library_bits())], true);
    let mut columns = vec![("nobody".to_owned(), 0)];
    for role in Role::ALL {
        columns.push((format!("library {}", role.name()), inherited(role)));
    }
    for role in [Role::Reader, Role::User, Role::Administrator] {
        let bits = effective(&[entry(true, 1, role.item_bits())], true);
        columns.push((format!("file {}", role.name()), bits));
    }
    let own = Role::Administrator.item_bits() | library::OWNER;
    let creator = [
        entry(false, 1, Role::Creator.library_bits()),
        entry(true, 2, own),
    ];
    columns.push(("Creator, own file".to_owned(), effective(&creator, true)));
    columns
}

fn library_columns() -> Vec<Column> {
    std::iter::once(("nobody".to_owned(), 0))
        .chain(Role::ALL.map(|role| (role.name().to_owned(), role.library_bits())))
        .collect()
}

fn group_columns() -> Vec<Column> {
    std::iter::once(("nobody".to_owned(), 0))
        .chain(default_groups().map(|group| (group.name.to_owned(), group.pipelines)))
        .collect()
}

/// Groups of the organization at a scope of the organization.
fn organization_columns(scope: &Scope) -> Vec<Column> {
    let groups = organization_groups(OrganizationId(Uuid::nil()));
    std::iter::once(("nobody".to_owned(), 0))
        .chain(groups.into_iter().map(|group| {
            let bits = group.rights.iter().filter(|(at, _)| at == scope);
            (
                group.name.to_owned(),
                bits.fold(0, |all, (_, bits)| all | bits),
            )
        }))
        .collect()
}

fn kind(scope: &Scope) -> Kind {
    match scope {
        Scope::File(..) => Kind {
            heading: "A secure file",
            note: "A role of the library is inherited by each file. \"Creator, own file\" is somebody who may create \
                   files, at one that they created: its Administrator, for good.",
            columns: file_columns(),
        },
        Scope::Library(..) => Kind {
            heading: "The library of a project",
            note: "Creator is for creating, and for nothing else.",
            columns: library_columns(),
        },
        Scope::Pipelines(..) => Kind {
            heading: "The pipelines of a project",
            note: "The columns are the groups that a project starts with.",
            columns: group_columns(),
        },
        Scope::Pipeline(..) => Kind {
            heading: "A pipeline and its runs",
            note: "What a group has at the pipelines of the project, each pipeline inherits.",
            columns: group_columns(),
        },
        Scope::Project(..) => Kind {
            heading: "A project itself",
            note: "The columns are the groups that a project starts with.",
            columns: std::iter::once(("nobody".to_owned(), 0))
                .chain(default_groups().map(|group| (group.name.to_owned(), group.project)))
                .collect(),
        },
        Scope::Organization(..) => Kind {
            heading: "The organization",
            note: "The columns are the groups that an organization starts with.",
            columns: organization_columns(scope),
        },
        Scope::AuditLog(..) => Kind {
            heading: "The audit log",
            note: "As above.",
            columns: organization_columns(scope),
        },
        Scope::AgentPools(..) => Kind {
            heading: "Agent pools",
            note: "As above.",
            columns: organization_columns(scope),
        },
        Scope::Officers(..) => Kind {
            heading: "Keys and breaking glass",
            note: "As above.",
            columns: organization_columns(scope),
        },
    }
}

fn somebody(authentication: Authentication) -> Caller {
    Caller {
        organization: OrganizationId(Uuid::nil()),
        identity: IdentityId(Uuid::nil()),
        name: String::new(),
        authentication,
        address: None,
        request: crate::Request::default(),
    }
}

fn token() -> Authentication {
    Authentication::Token {
        credential: CredentialId(Uuid::nil()),
        scopes: TokenScopes::FULL,
    }
}

/// A token, with a sign-in in the call where the act wants one.
fn token_for(demand: &Demand) -> Authentication {
    if !demand.shown {
        return token();
    }
    Authentication::Shown {
        credential: CredentialId(Uuid::nil()),
        scopes: TokenScopes::FULL,
        method: "token and password",
    }
}

fn job() -> Authentication {
    Authentication::Job {
        credential: CredentialId(Uuid::nil()),
        job: JobId(Uuid::nil()),
        run: RunId(1),
        pipeline: PipelineId(1),
        project: ProjectId(Uuid::nil()),
    }
}

fn cell(answer: Result<(), Denied>) -> &'static str {
    match answer {
        Ok(()) => "**yes**",
        Err(Denied::NotFound) => "·",
        Err(Denied::Lacks { .. }) => "no",
        Err(other) => other.code(),
    }
}

fn table(page: &mut String, first: &str, heads: &[&str], rows: &[(String, Vec<&str>)]) {
    _ = writeln!(page, "| {first} | {} |", heads.join(" | "));
    _ = writeln!(page, "|{}", " --- |".repeat(heads.len() + 1));
    for (name, cells) in rows {
        _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
    }
}

/// `ViewFile` becomes `view file`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// What a right at a scope gives to whom.
fn rights(page: &mut String, acts: &[Sampled]) {
    let mut scopes: Vec<Scope> = Vec::new();
    for act in acts {
        if let Requirement::Right { scope, .. } = act.demand.requirement
            && !scopes.contains(&scope)
        {
            scopes.push(scope);
        }
    }
    for scope in scopes {
        let Kind {
            heading,
            note,
            columns,
        } = kind(&scope);
        _ = write!(page, "\n## {heading}\n\n{note}\n\n");
        let heads: Vec<&str> = columns.iter().map(|(head, _)| head.as_str()).collect();
        let of_scope = acts.iter().filter(
            |act| matches!(act.demand.requirement, Requirement::Right { scope: at, .. } if at == scope),
        );
        let rows: Vec<_> = of_scope
            .map(|act| {
                let cells = columns.iter().map(|(_, bits)| {
                    let facts = Facts {
                        exists: true,
                        bits: *bits,
                        active: true,
                        fresh: true,
                        ..Facts::default()
                    };
                    let caller = somebody(token_for(&act.demand));
                    cell(decide(&caller, &act.demand, &facts))
                });
                (words(act.name), cells.collect())
            })
            .collect();
        table(page, "act", &heads, &rows);
    }
}

/// A column of the second part: who calls, how, and what is true.
fn parties() -> Vec<(&'static str, Authentication, Facts)> {
    let live = JobFacts {
        live: true,
        same_project: true,
        in_plan: true,
        trusted: true,
        frozen: false,
        permit: Permit::Given,
        ticket: true,
    };
    let with = |job: Option<JobFacts>, bits| Facts {
        exists: true,
        bits,
        active: true,
        fresh: true,
        job,
        // Agreed on by the caller and another, and not had yet.
        glass: Some(GlassFacts {
            administers: false,
            frozen: false,
            state: State::Approved,
            by: IdentityId(Uuid::nil()),
            approved_by: Some(IdentityId(Uuid::from_u128(1))),
            digest: [0; 32],
            approved: Some([0; 32]),
        }),
    };
    let lacking = |change: fn(&mut JobFacts)| {
        let mut facts = live;
        change(&mut facts);
        with(Some(facts), i64::MAX)
    };
    let session = Authentication::Session {
        session: CredentialId(Uuid::nil()),
        signed_in: Timestamp(0),
    };
    vec![
        (
            "person with every right",
            token(),
            with(Some(live), i64::MAX),
        ),
        (
            "the same, in a browser",
            session,
            with(Some(live), i64::MAX),
        ),
        ("job", job(), with(Some(live), i64::MAX)),
        (
            "job without its ticket",
            job(),
            lacking(|f| f.ticket = false),
        ),
        ("job that is over", job(), lacking(|f| f.live = false)),
        (
            "job whose plan lacks the file",
            job(),
            lacking(|f| f.in_plan = false),
        ),
        (
            "job whose pipeline is not permitted",
            job(),
            lacking(|f| f.permit = Permit::None),
        ),
        (
            "job of a ref that is not permitted",
            job(),
            lacking(|f| f.permit = Permit::OtherRef),
        ),
        (
            "job of a fork, or of who knows what",
            job(),
            lacking(|f| f.trusted = false),
        ),
        (
            "job that asks for what is frozen",
            job(),
            lacking(|f| f.frozen = true),
        ),
        (
            "job of another project",
            job(),
            lacking(|f| f.same_project = false),
        ),
        (
            "agent that holds the job",
            Authentication::Agent {
                agent: AgentId(Uuid::nil()),
            },
            with(Some(live), i64::MAX),
        ),
        (
            "token that registers agents",
            Authentication::AgentRegistration {
                credential: CredentialId(Uuid::nil()),
            },
            with(Some(live), i64::MAX),
        ),
        (
            "who signs in just now",
            Authentication::SignIn { method: "" },
            with(Some(live), i64::MAX),
        ),
        (
            "nobody",
            Authentication::Anonymous,
            with(Some(live), i64::MAX),
        ),
        (
            "Coffer's own duty",
            Authentication::System { duty: "" },
            with(Some(live), i64::MAX),
        ),
    ]
}

/// What is not a matter of roles: who may call at all.
fn callers(page: &mut String, acts: &[Sampled]) {
    page.push_str(
        "\n## What no role gives\n\nContent, tickets, and what only one kind of caller does. The columns are callers; each \
         has every right there is, so that what refuses is never a missing role. A word instead of *no* is the reason \
         that goes on record. The last row is any right at all.\n\n",
    );
    let parties = parties();
    let heads: Vec<&str> = parties.iter().map(|(head, ..)| *head).collect();
    let row = |name: String, demand: &Demand| {
        let cells = parties.iter().map(|(_, authentication, facts)| {
            cell(decide(&somebody(authentication.clone()), demand, facts))
        });
        (name, cells.collect::<Vec<_>>())
    };
    let mut rows: Vec<_> = acts
        .iter()
        .filter(|act| !matches!(act.demand.requirement, Requirement::Right { .. }))
        .map(|act| row(words(act.name), &act.demand))
        .collect();
    let right = acts
        .iter()
        .find(|act| matches!(act.demand.requirement, Requirement::Right { .. }));
    rows.extend(right.map(|act| row("any right".to_owned(), &act.demand)));
    table(page, "act", &heads, &rows);
}

/// What tokens must be good for, and what wants a fresh sign-in.
fn scopes(page: &mut String, acts: &[Sampled]) {
    page.push_str(
        "\n## Action ids, token scopes and fresh sign-in\n\nA personal access token needs the scope besides its owner's \
         right. Where the sign-in must be fresh, a browser session must have signed in within the last 15 minutes; where it \
         must be in the call, whoever calls with a token shows the password in the same call.\n\n",
    );
    let mut told = std::collections::BTreeSet::new();
    let rows: Vec<_> = acts
        .iter()
        .filter(|act| told.insert(act.action))
        .map(|act| {
            let scope = SCOPES
                .iter()
                .find(|(_, scope)| *scope == act.demand.scopes)
                .map_or("", |(word, _)| *word);
            let fresh = match (act.demand.shown, act.demand.fresh) {
                (true, _) => "in the call",
                (false, true) => "yes",
                (false, false) => "",
            };
            (words(act.name), vec![act.action, scope, fresh])
        })
        .collect();
    table(page, "act", &["action id", "scope", "fresh"], &rows);
}

fn page() -> String {
    let mut page = START.to_owned();
    let acts = all();
    rights(&mut page, &acts);
    callers(&mut page, &acts);
    scopes(&mut page, &acts);
    page
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test says whether the page is to be written"
)]
fn the_access_table_is_what_the_gate_decides() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/access-table.md");
    let page = page();
    if std::env::var_os("COFFER_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/access-table.md is stale: run `COFFER_UPDATE=1 cargo test -p coffer-model access_table`, and read the difference"
    );
}

/// The table can be read only if what it says of a person holds for every way a person has to call.
#[test]
fn a_right_means_the_same_for_a_token_and_for_a_fresh_session() {
    let session = somebody(Authentication::Session {
        session: CredentialId(Uuid::nil()),
        signed_in: Timestamp(0),
    });
    let rights = |act: &Sampled| !matches!(act.demand.requirement, Requirement::OwnSession { .. });
    for act in all().into_iter().filter(rights) {
        for bits in [0, 1, 3, 19, i64::MAX] {
            let facts = Facts {
                exists: true,
                bits,
                active: true,
                fresh: true,
                ..Facts::default()
            };
            assert_eq!(
                decide(&session, &act.demand, &facts),
                decide(&somebody(token_for(&act.demand)), &act.demand, &facts),
                "{}",
                act.name
            );
        }
    }
}
