//! Deleted files as the audit log knows them, for the report of what no copy opens any more.

use crate::error::StoreError;
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use coffer_model::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;

statements! {
    DELETED = "select e.ordinal, e.time, e.project_id, e.resource_id, e.actor_name,
            (select c.details from audit_event c where c.resource_kind = 'securefile' and c.resource_id = e.resource_id
                and c.action = 'SecureFile.Created' and c.outcome = 'allowed' order by c.ordinal limit 1) as made
        from audit_event e where e.action = 'SecureFile.Deleted' and e.outcome = 'allowed' and e.ordinal > $1
        order by e.ordinal limit $2";
}

/// A file that was deleted.
#[derive(Clone, Debug)]
pub struct DeletedFile {
    /// Where its event stands; what the next page is after.
    pub place: i64,
    /// When.
    pub time: Timestamp,
    /// Its project.
    pub project: Option<Uuid>,
    /// Its id.
    pub file: String,
    /// Its name when it was made, while the event is kept.
    pub name: Option<String>,
    /// Who deleted it.
    pub actor: String,
}

impl ReadTx {
    /// Deleted files after a place, oldest first, as far as their events are kept.
    pub async fn deleted_files(
        &mut self,
        after: i64,
        top: i64,
    ) -> Result<Vec<DeletedFile>, StoreError> {
        type Row = (i64, i64, Option<Uuid>, String, String, Option<String>);
        let rows: Vec<Row> = self.conn.all(&DELETED, args![after, top]).await?;
        Ok(rows
            .into_iter()
            .map(|(place, time, project, file, actor, made)| DeletedFile {
                place,
                time: Timestamp(time),
                project,
                file,
                name: made.and_then(|details| {
                    let details: BTreeMap<String, String> = serde_json::from_str(&details).ok()?;
                    details.get("name").cloned()
                }),
                actor,
            })
            .collect())
    }
}
