//! The audit log: events, exports, signed records, reconciliation and retention.

use crate::{ClientError, Coffer, Lines};
use coffer_wire::audit::{Reconciliation, Retain, Retained, SignedRecord, SigningKey};
use coffer_wire::coffer::AuditVerification;
use coffer_wire::paths::coffer as paths;
use http::Method;
use std::sync::Arc;

/// Which events. What is none is not asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only entries after this place in the chain.
    pub after: Option<i64>,
    /// Only entries before this place.
    pub before: Option<i64>,
    /// At most so many; all when absent.
    pub top: Option<u32>,
    /// From the newest backwards.
    pub newest_first: bool,
    /// Not before this time, RFC 3339.
    pub since: Option<String>,
    /// Before this time, RFC 3339.
    pub until: Option<String>,
    /// By this identity: its GUID, or the name it had then.
    pub actor: Option<String>,
    /// Of this action, such as `SecureFile.Downloaded`.
    pub action: Option<String>,
    /// `allowed` or `denied`.
    pub outcome: Option<String>,
    /// In this project, by name or id.
    pub project: Option<String>,
    /// About this type of resource, such as `securefile`.
    pub resource_type: Option<String>,
    /// About this resource, by its id.
    pub resource: Option<String>,
    /// In this run.
    pub run: Option<i64>,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExportFormat {
    /// JSON Lines: can be verified.
    #[default]
    JsonLines,
    /// A table, for people.
    Csv,
}

impl Coffer<'_> {
    /// Events of the audit log, line by line: each line a [`coffer_wire::coffer::AuditEntry`].
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Lines, ClientError> {
        let order = query.newest_first.then_some("newest");
        let (after, before) = (number(query.after), number(query.before));
        let top = query.top.map(|n| n.to_string());
        let more = [
            ("after", after.as_deref()),
            ("before", before.as_deref()),
            ("top", top.as_deref()),
            ("order", order),
        ];
        self.lines(paths::AUDIT, query, &more).await
    }

    /// An export. `checkpoints` are numbers of rows at which it must be comparable with a checkpoint.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_export(
        &self,
        query: &AuditQuery,
        format: ExportFormat,
        checkpoints: &[i64],
    ) -> Result<Lines, ClientError> {
        let format = (format == ExportFormat::Csv).then_some("csv");
        let checkpoints: Vec<String> = checkpoints.iter().map(ToString::to_string).collect();
        let checkpoints = Some(checkpoints.join(",")).filter(|text| !text.is_empty());
        let more = [("format", format), ("checkpoint", checkpoints.as_deref())];
        self.lines(paths::AUDIT_EXPORT, query, &more).await
    }

    async fn lines(
        &self,
        path: &str,
        query: &AuditQuery,
        more: &[(&str, Option<&str>)],
    ) -> Result<Lines, ClientError> {
        let run = number(query.run);
        let mut pairs = vec![
            ("since", query.since.as_deref()),
            ("until", query.until.as_deref()),
            ("actor", query.actor.as_deref()),
            ("action", query.action.as_deref()),
            ("outcome", query.outcome.as_deref()),
            ("project", query.project.as_deref()),
            ("resourceType", query.resource_type.as_deref()),
            ("resource", query.resource.as_deref()),
            ("run", run.as_deref()),
        ];
        pairs.extend_from_slice(more);
        let response = self
            .transport
            .send_again(|| self.transport.request(Method::GET, path, &pairs))
            .await?;
        Ok(Lines::new(Arc::clone(self.transport), response))
    }

    /// Lets the server check its own audit log.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_verify(&self) -> Result<AuditVerification, ClientError> {
        self.transport.get(paths::AUDIT_VERIFY, &[]).await
    }

    /// The public key that signs, and the newest record.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_key(&self) -> Result<SigningKey, ClientError> {
        self.transport.get(paths::AUDIT_KEY, &[]).await
    }

    /// Signs a checkpoint now, if there is anything new, and gives the newest record.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_checkpoint(&self) -> Result<SignedRecord, ClientError> {
        self.transport
            .call(Method::POST, paths::AUDIT_CHECKPOINTS, &[], &())
            .await
    }

    /// Whether events explain everything that is there.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_reconcile(&self) -> Result<Reconciliation, ClientError> {
        self.transport.get(paths::AUDIT_RECONCILE, &[]).await
    }

    /// Removes events before a time, RFC 3339.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_retain(&self, before: &str) -> Result<Retained, ClientError> {
        let body = Retain {
            before: before.to_owned(),
        };
        self.transport
            .call(Method::POST, paths::AUDIT_RETAIN, &[], &body)
            .await
    }
}

fn number(number: Option<i64>) -> Option<String> {
    number.map(|number| number.to_string())
}
