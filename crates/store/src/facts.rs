//! Facts: what gives somebody a right, a name or a way in, as audit events tell it and as the tables hold it.
//!
//! One function a fact makes the text for both sides: whoever changes a row tells the change with it, and
//! [`live`] reads all rows back. What is not here is not reconciled. It must not know why something changed.

use crate::audit::fingerprint;
use crate::error::StoreError;
use crate::pipeline_files::{self, PipelineFile, files_digest};
use crate::sql::{Conn, statements};
use coffer_model::IdentityId;
use coffer_model::access::Namespace;
use coffer_model::break_glass::{State, Wish};
use coffer_model::change::{Change, Kind};
use coffer_model::replay::Live;
use std::fmt::Display;
use uuid::Uuid;

statements! {
    ORGANIZATIONS = "select id, name from organization";
    PROJECTS = "select id, name from project";
    IDENTITIES = "select id, kind, unique_name, disabled_at from identity";
    MEMBERS = "select group_id, member_id from membership";
    ENTRIES = "select namespace_id, token, identity_id, allow_bits, deny_bits from access_entry";
    LISTS = "select namespace_id, token, inherits from access_list";
    FILES = "select id, project_id, name from secure_file";
    PIPELINES = "select p.id, p.project_id, p.revision, r.path, r.yaml from pipeline p
        join pipeline_revision r on r.pipeline_id = p.id and r.revision = p.revision";
    PERMITS = "select resource_kind, resource_id, pipeline_id, project_id, refs, by_variable from pipeline_permission";
    TOKENS = "select id, kind, identity_id, hash, scopes from credential where kind <> 'job' and revoked_at is null";
    SWITCHES = "select organization_id, name, value from organization_setting";
    SESSIONS = "select id, identity_id, hash from session where ended_at is null";
    PASSWORDS = "select identity_id, hash from password";
    PASSWORD_CODES = "select identity_id, hash from password_code";
    FACTORS = "select identity_id, sealed from second_factor where confirmed_at is not null";
    BOUND = "select issuer, subject, identity_id from provider_identity";
    RECOVERY_CODES = "select identity_id, hash from recovery_code";
    FREEZES = "select target_kind, target_id from content_freeze";
    AGENTS = "select id, public_key from agent";
    ROTATIONS = "select number, cause, provider, record from rotation";
}

fn set(kind: Kind, key: &[&dyn Display], value: &[&dyn Display]) -> Change {
    let texts =
        |parts: &[&dyn Display]| -> Vec<String> { parts.iter().map(ToString::to_string).collect() };
    let (key, value) = (texts(key), texts(value));
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let value: Vec<&str> = value.iter().map(String::as_str).collect();
    Change::set(kind, &key, &value)
}

/// The same thing, gone.
pub(crate) fn gone(change: Change) -> Change {
    match change {
        Change::Set(kind, key, _) => Change::Remove(kind, key),
        other => other,
    }
}

/// An organization.
pub(crate) fn organization(id: Uuid, name: &str) -> Change {
    set(Kind::Organization, &[&id], &[&name])
}

/// A project.
pub(crate) fn project(id: Uuid, name: &str) -> Change {
    set(Kind::Project, &[&id], &[&name])
}

/// A person, group or service.
pub(crate) fn identity(id: Uuid, kind: i64, unique_name: &str, disabled: bool) -> Change {
    let state = if disabled { "disabled" } else { "active" };
    set(Kind::Identity, &[&id], &[&kind, &unique_name, &state])
}

/// Somebody is in a group.
pub(crate) fn member(group: Uuid, member: Uuid) -> Change {
    set(Kind::Member, &[&group, &member], &[])
}

/// An access-control entry.
pub(crate) fn entry(
    namespace: Namespace,
    token: &str,
    identity: Uuid,
    allow: i64,
    deny: i64,
) -> Change {
    set(
        Kind::Entry,
        &[&namespace.0, &token, &identity],
        &[&allow, &deny],
    )
}

/// No entry at a token, whoever it was for.
pub(crate) fn no_entries(namespace: Namespace, token: &str) -> Change {
    Change::remove_all(Kind::Entry, &[&namespace.0.to_string(), token])
}

/// Whether a token inherits.
pub(crate) fn inherits(namespace: Namespace, token: &str, inherits: bool) -> Change {
    set(
        Kind::Inherits,
        &[&namespace.0, &token],
        &[&i64::from(inherits)],
    )
}

/// A secure file.
pub(crate) fn file(id: Uuid, project: Uuid, name: &str) -> Change {
    set(Kind::File, &[&id], &[&project, &name])
}

/// A pipeline with its newest text, and one digest over that and the files beside it. Without files, as it was told before
/// there were any.
pub(crate) fn pipeline(
    id: i64,
    project: Uuid,
    revision: i64,
    (path, yaml): (&str, &str),
    files: &[PipelineFile],
) -> Change {
    let text = fingerprint(yaml.as_bytes());
    if files.is_empty() {
        return set(Kind::Pipeline, &[&id], &[&project, &revision, &text]);
    }
    let files = files_digest(path, yaml, files);
    set(
        Kind::Pipeline,
        &[&id],
        &[&project, &revision, &text, &files],
    )
}

/// A pipeline's permission; pipeline 0 is open access. No refs: every ref. Without the last, as it was told before there
/// was one.
pub(crate) fn permit(
    kind: &str,
    resource: &str,
    pipeline: i64,
    project: Uuid,
    refs: Option<&str>,
    by_variable: bool,
) -> Change {
    let refs = refs.unwrap_or("every ref");
    let keys: [&dyn Display; 3] = [&kind, &resource, &pipeline];
    if by_variable {
        set(Kind::Permit, &keys, &[&project, &refs, &"by variable"])
    } else {
        set(Kind::Permit, &keys, &[&project, &refs])
    }
}

/// No permission on a resource, whichever pipeline it was for.
pub(crate) fn no_permits(kind: &str, resource: &str) -> Change {
    Change::remove_all(Kind::Permit, &[kind, resource])
}

/// A token that can be used until it ends or is revoked.
pub(crate) fn token(id: Uuid, kind: &str, owner: Uuid, hash: &[u8], scopes: &str) -> Change {
    let hash = fingerprint(hash);
    set(Kind::Token, &[&id], &[&kind, &owner, &hash, &scopes])
}

/// No such token.
pub(crate) fn no_token(id: Uuid) -> Change {
    Change::remove(Kind::Token, &[&id.to_string()])
}

/// A switch of the organization.
pub(crate) fn switch(organization: Uuid, name: &str, value: &str) -> Change {
    set(Kind::Switch, &[&organization, &name], &[&value])
}

/// A browser session that has not ended.
pub(crate) fn session(id: Uuid, identity: Uuid, hash: &[u8]) -> Change {
    set(Kind::Session, &[&id], &[&identity, &fingerprint(hash)])
}

/// No such session.
pub(crate) fn no_session(id: Uuid) -> Change {
    Change::remove(Kind::Session, &[&id.to_string()])
}

/// Something other than a token by which somebody signs in: `password`, `password code`, …
pub(crate) fn sign_in(what: &str, identity: Uuid, stored: &[u8]) -> Change {
    set(Kind::SignIn, &[&what, &identity], &[&fingerprint(stored)])
}

/// Somebody cannot sign in by that.
pub(crate) fn no_sign_in(what: &str, identity: Uuid) -> Change {
    Change::remove(Kind::SignIn, &[what, &identity.to_string()])
}

/// A password, in [`sign_in`].
pub(crate) const PASSWORD: &str = "password";
/// A one-time code for setting one, in [`sign_in`].
pub(crate) const PASSWORD_CODE: &str = "password code";

/// A code for when somebody's device is lost.
pub(crate) fn recovery_code(identity: Uuid, hash: &[u8]) -> Change {
    set(
        Kind::SignIn,
        &[&RECOVERY, &identity, &fingerprint(hash)],
        &[],
    )
}

/// Who a provider's subject is here.
pub(crate) fn bound(issuer: &str, subject: &str, identity: Uuid) -> Change {
    set(
        Kind::SignIn,
        &[&"provider", &issuer, &subject],
        &[&identity],
    )
}

/// None of somebody's recovery codes.
pub(crate) fn no_recovery_codes(identity: Uuid) -> Change {
    Change::remove_all(Kind::SignIn, &[RECOVERY, &identity.to_string()])
}

const RECOVERY: &str = "recovery code";
/// A second factor in use, in [`sign_in`].
pub(crate) const SECOND_FACTOR: &str = "second factor";

/// A freeze.
pub(crate) fn freeze(kind: &str, id: Uuid) -> Change {
    set(Kind::Freeze, &[&kind, &id], &[])
}

/// An agent with its key.
pub(crate) fn agent(id: Uuid, public_key: &[u8]) -> Change {
    set(Kind::Agent, &[&id], &[&fingerprint(public_key)])
}

/// A break-glass request: what it says, by its digest, and how far it is.
pub(crate) fn break_glass(wish: &Wish, state: State, approved_by: Option<IdentityId>) -> Change {
    // As officers see it.
    let digest = wish.digest().into_iter().map(|byte| format!("{byte:02x}"));
    let digest: String = digest.collect();
    let by = approved_by.map(|by| by.0.to_string()).unwrap_or_default();
    set(
        Kind::BreakGlass,
        &[&wish.request],
        &[&wish.project.0, &wish.file.0, &digest, &state.word(), &by],
    )
}

/// A rotation of keys, with the number of its report once it has ended.
pub(crate) fn rotation(number: i64, cause: &str, provider: &str, record: Option<i64>) -> Change {
    let state = record.map_or_else(|| "running".to_owned(), |record| record.to_string());
    set(Kind::Rotation, &[&number], &[&cause, &provider, &state])
}

/// Everything that the tables hold now. On a connection that sees one moment.
pub(crate) async fn live(conn: &mut Conn) -> Result<Live, StoreError> {
    let mut all = Live::new();
    let mut tell = |change| {
        if let Change::Set(kind, key, value) = change {
            all.insert((kind, key), value);
        }
    };
    let rows: Vec<(Uuid, String)> = conn.all(&ORGANIZATIONS, Vec::new()).await?;
    rows.iter()
        .for_each(|(id, name)| tell(organization(*id, name)));
    let rows: Vec<(Uuid, String)> = conn.all(&PROJECTS, Vec::new()).await?;
    rows.iter().for_each(|(id, name)| tell(project(*id, name)));
    let rows: Vec<(Uuid, i64, String, Option<i64>)> = conn.all(&IDENTITIES, Vec::new()).await?;
    rows.iter().for_each(|(id, kind, name, disabled)| {
        tell(identity(*id, *kind, name, disabled.is_some()));
    });
    let rows: Vec<(Uuid, Uuid)> = conn.all(&MEMBERS, Vec::new()).await?;
    rows.iter()
        .for_each(|(group, who)| tell(member(*group, *who)));
    let rows: Vec<(Uuid, String, Uuid, i64, i64)> = conn.all(&ENTRIES, Vec::new()).await?;
    rows.iter()
        .for_each(|(namespace, token, who, allow, deny)| {
            tell(entry(Namespace(*namespace), token, *who, *allow, *deny));
        });
    let rows: Vec<(Uuid, String, i64)> = conn.all(&LISTS, Vec::new()).await?;
    rows.iter().for_each(|(namespace, token, own)| {
        tell(inherits(Namespace(*namespace), token, *own != 0));
    });
    let rows: Vec<(Uuid, Uuid, String)> = conn.all(&FILES, Vec::new()).await?;
    rows.iter()
        .for_each(|(id, project, name)| tell(file(*id, *project, name)));
    let rows: Vec<(i64, Uuid, i64, String, String)> = conn.all(&PIPELINES, Vec::new()).await?;
    let having = pipeline_files::having(conn).await?;
    for (id, project, revision, path, yaml) in &rows {
        // One pipeline's at a time: all of them together may be large.
        let files = if having.contains(id) {
            pipeline_files::live(conn, *id, *revision).await?
        } else {
            Vec::new()
        };
        tell(pipeline(*id, *project, *revision, (path, yaml), &files));
    }
    let rows: Vec<(String, String, i64, Uuid, Option<String>, i64)> =
        conn.all(&PERMITS, Vec::new()).await?;
    rows.iter()
        .for_each(|(kind, resource, pipeline, project, refs, by_variable)| {
            let (refs, by_variable) = (refs.as_deref(), *by_variable != 0);
            tell(permit(
                kind,
                resource,
                *pipeline,
                *project,
                refs,
                by_variable,
            ));
        });
    let rows: Vec<(Uuid, String, Uuid, Vec<u8>, String)> = conn.all(&TOKENS, Vec::new()).await?;
    rows.iter()
        .for_each(|(id, kind, owner, hash, scopes)| tell(token(*id, kind, *owner, hash, scopes)));
    let rows: Vec<(Uuid, String, String)> = conn.all(&SWITCHES, Vec::new()).await?;
    rows.iter()
        .for_each(|(id, name, value)| tell(switch(*id, name, value)));
    let rows: Vec<(Uuid, Uuid, Vec<u8>)> = conn.all(&SESSIONS, Vec::new()).await?;
    rows.iter()
        .for_each(|(id, who, hash)| tell(session(*id, *who, hash)));
    let rows: Vec<(Uuid, String)> = conn.all(&PASSWORDS, Vec::new()).await?;
    rows.iter()
        .for_each(|(who, hash)| tell(sign_in(PASSWORD, *who, hash.as_bytes())));
    let rows: Vec<(Uuid, Vec<u8>)> = conn.all(&PASSWORD_CODES, Vec::new()).await?;
    rows.iter()
        .for_each(|(who, hash)| tell(sign_in(PASSWORD_CODE, *who, hash)));
    let rows: Vec<(Uuid, Vec<u8>)> = conn.all(&FACTORS, Vec::new()).await?;
    rows.iter()
        .for_each(|(who, sealed)| tell(sign_in(SECOND_FACTOR, *who, sealed)));
    let rows: Vec<(String, String, Uuid)> = conn.all(&BOUND, Vec::new()).await?;
    rows.iter()
        .for_each(|(issuer, subject, who)| tell(bound(issuer, subject, *who)));
    let rows: Vec<(Uuid, Vec<u8>)> = conn.all(&RECOVERY_CODES, Vec::new()).await?;
    rows.iter()
        .for_each(|(who, hash)| tell(recovery_code(*who, hash)));
    let rows: Vec<(String, Uuid)> = conn.all(&FREEZES, Vec::new()).await?;
    rows.iter().for_each(|(kind, id)| tell(freeze(kind, *id)));
    let rows: Vec<(Uuid, Vec<u8>)> = conn.all(&AGENTS, Vec::new()).await?;
    rows.iter().for_each(|(id, key)| tell(agent(*id, key)));
    let rows: Vec<(i64, String, String, Option<i64>)> = conn.all(&ROTATIONS, Vec::new()).await?;
    rows.iter().for_each(|(number, cause, provider, record)| {
        tell(rotation(*number, cause, provider, *record));
    });
    for row in crate::break_glass::stored(conn).await? {
        tell(row.fact());
    }
    Ok(all)
}
