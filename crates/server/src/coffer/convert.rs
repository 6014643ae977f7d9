//! From the product's own types to the shapes of our own routes, and back: the only place.

use crate::ado::convert::{date, identity};
use crate::error::{ApiError, Result};
use coffer_model::RecordId;
use coffer_model::library::Project;
use coffer_model::run::Outcome;
use coffer_service::{
    IssueView, LeasedJob, LineBatch, NewToken, RecordUpdate, TokenView, UserView,
};
use coffer_wire::agent::{
    Endpoint, Feed, Job, JobSecureFile, Resources, Step, TaskReference, Variable,
};
use coffer_wire::coffer as wire;
use coffer_wire::enums::{TimelineRecordState, WireEnum};
use std::collections::BTreeMap;

pub(crate) fn new_token(token: &NewToken) -> wire::CreatedToken {
    wire::CreatedToken {
        id: token.id.0,
        token: token.token.as_str().to_owned(),
        expires_on: date(token.expires_at),
        scope: token.scopes.clone(),
        identity: identity(&token.identity),
    }
}

pub(crate) fn token(view: TokenView) -> wire::TokenRecord {
    wire::TokenRecord {
        id: view.id.0,
        kind: view.kind,
        label: view.label,
        created_on: date(view.created_at),
        expires_on: date(view.expires_at),
        revoked_on: view.revoked_at.map(date),
        scope: view.scopes,
        owner: Some(identity(&view.owner)),
        last_used_on: view.last_used_at.map(date),
        last_used_from: view.last_used_address,
    }
}

pub(crate) fn user(view: UserView) -> wire::User {
    wire::User {
        id: Some(view.person.id.0),
        unique_name: view.person.unique_name,
        display_name: Some(view.person.display_name),
        disabled: view.disabled,
        groups: view
            .groups
            .into_iter()
            .map(|(project, name)| wire::GroupReference { project, name })
            .collect(),
    }
}

pub(crate) fn project(project: Project) -> wire::Project {
    wire::Project {
        id: Some(project.id.0),
        name: project.name,
    }
}

/// The job message, in the shape of the original's.
pub(crate) fn job(job: LeasedJob) -> Job {
    Job {
        job_id: job.job.0,
        job_name: job.job_name,
        job_display_name: job.job_display_name,
        run_id: job.run.0,
        plan_id: job.plan_id,
        timeline_id: job.timeline_id,
        lease_token: job.lease_token.as_str().to_owned(),
        lease_seconds: job.lease_seconds,
        renew_seconds: job.renew_seconds,
        timeout_in_minutes: job.timeout_in_minutes,
        cancel_timeout_in_minutes: job.cancel_timeout_in_minutes,
        resources: Resources {
            endpoints: vec![Endpoint {
                name: "SystemVssConnection".into(),
                url: format!("{}/", job.collection_url.trim_end_matches('/')),
                scheme: "OAuth".into(),
                parameters: BTreeMap::from([(
                    "AccessToken".to_owned(),
                    job.token.as_str().to_owned(),
                )]),
            }],
            secure_files: job
                .files
                .into_iter()
                .map(|file| JobSecureFile {
                    id: file.id.0,
                    name: file.name,
                    ticket: file.ticket.as_str().to_owned(),
                    sha256: file.sha256,
                    length: file.length,
                })
                .collect(),
        },
        variables: job
            .variables
            .into_iter()
            .map(|(name, variable)| {
                let value = Variable {
                    value: variable.value.as_str().to_owned(),
                    is_secret: variable.secret,
                    is_read_only: variable.read_only,
                };
                (name, value)
            })
            .collect(),
        mask: Vec::new(),
        demands: job.demands,
        steps: job
            .steps
            .into_iter()
            .map(|step| Step {
                id: step.id.0,
                name: step.name,
                display_name: step.display_name,
                condition: step.condition,
                continue_on_error: step.continue_on_error,
                timeout_in_minutes: step.timeout_in_minutes,
                retry_count_on_task_failure: step.retry_count,
                reference: TaskReference {
                    id: step.task_id,
                    name: step.task_name,
                    version: step.task_version,
                },
                environment: step.environment,
                inputs: step.inputs,
            })
            .collect(),
    }
}

/// How an agent says that something ended.
pub(crate) fn outcome(word: &str) -> Result<Outcome> {
    Outcome::from_word(word).ok_or_else(|| {
        ApiError::argument(
            "A result is succeeded, succeededWithIssues, failed, canceled, skipped or abandoned.",
        )
    })
}

/// A word of the timeline, in the spelling that is kept.
fn word<E: WireEnum>(member: &str, text: &str) -> Result<String> {
    let value =
        E::read(text).map_err(|unknown| ApiError::argument(format!("'{member}': {unknown}.")))?;
    Ok(value.word().to_owned())
}

/// What a program printed may hold a NUL, which a database's text may not.
pub(crate) fn clean(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

/// What an agent reports.
pub(crate) fn feed(feed: Feed) -> Result<(Vec<RecordUpdate>, Vec<LineBatch>)> {
    let records = feed.records.into_iter().map(|record| {
        Ok(RecordUpdate {
            id: RecordId(record.id),
            name: clean(record.name),
            ref_name: record.ref_name.map(clean),
            order: record.order,
            state: word::<TimelineRecordState>("state", &record.state)?,
            result: record.result.as_deref().map(outcome).transpose()?,
            started_at: record.start_time,
            finished_at: record.finish_time,
            errors: record.error_count,
            warnings: record.warning_count,
            issues: record
                .issues
                .into_iter()
                .map(|issue| IssueView {
                    kind: issue.kind.to_string(),
                    category: clean(issue.category),
                    message: clean(issue.message),
                })
                .collect(),
        })
    });
    let lines = feed.lines.into_iter().map(|lines| LineBatch {
        record: RecordId(lines.record_id),
        first_line: lines.first_line,
        lines: lines.lines,
    });
    Ok((records.collect::<Result<_>>()?, lines.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_with_a_result_that_is_none_is_refused_as_a_whole() {
        let with = |result: &str| {
            let text = format!(
                r#"{{"leaseToken":"l","records":[{{"id":"0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1","name":"n","order":1,"state":"completed","result":"{result}"}}]}}"#
            );
            feed(serde_json::from_str(&text).unwrap())
        };
        let (records, _) = with("SucceededWithIssues").unwrap();
        assert_eq!(records[0].result, Some(Outcome::SucceededWithIssues));
        assert!(with("fine").is_err());
    }
}
