//! The template files that are kept beside a pipeline's text, with every revision. It must not know what a template is.

use crate::error::{Stop, StoreError};
use crate::gate::Seen;
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use aws_lc_rs::digest::{SHA256, digest};
use coffer_model::act::ViewPipeline;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

statements! {
    INSERT = "insert into pipeline_file (pipeline_id, revision, path, content) values ($1, $2, $3, $4)";
    OF = "select f.path, f.content from pipeline_file f join pipeline p on p.id = f.pipeline_id
        where f.pipeline_id = $1 and f.revision = $2 and p.project_id = $3";
    LIVE = "select path, content from pipeline_file where pipeline_id = $1 and revision = $2";
    HAVING = "select p.id from pipeline p where exists
        (select 1 from pipeline_file f where f.pipeline_id = p.id and f.revision = p.revision)";
}

/// A file beside a pipeline's text.
#[derive(Clone, PartialEq, Eq, Debug, sqlx::FromRow)]
pub struct PipelineFile {
    /// From the root of the folder that it was stored from, with `/` between folders.
    pub path: String,
    /// Its text.
    pub content: String,
}

/// One digest over a pipeline's own file and all beside it: that of the lines which `sha256sum` prints for them, ordered
/// by the bytes of their paths. So it can be made by hand from a folder.
#[must_use]
pub fn files_digest(path: &str, yaml: &str, files: &[PipelineFile]) -> String {
    let all: BTreeMap<&str, &str> = files
        .iter()
        .map(|file| (file.path.as_str(), file.content.as_str()))
        .chain([(path, yaml)])
        .collect();
    let mut lines = String::new();
    for (path, content) in all {
        let _ = writeln!(lines, "{}  {path}", sha256(content));
    }
    sha256(&lines)
}

fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

impl Tx {
    pub(crate) async fn pipeline_files_insert(
        &mut self,
        pipeline: i64,
        revision: i64,
        files: &[PipelineFile],
    ) -> Result<(), Stop> {
        for file in files {
            let values = args![pipeline, revision, &file.path, &file.content];
            self.run_one(&INSERT, values).await?;
        }
        Ok(())
    }
}

impl ReadTx {
    /// The files beside a revision of a pipeline, by path. A revision does not change.
    pub async fn pipeline_files(
        &mut self,
        seen: &Seen<ViewPipeline>,
        revision: i64,
    ) -> Result<Vec<PipelineFile>, StoreError> {
        let values = args![seen.0.pipeline.0, revision, seen.0.project.0];
        Ok(sorted(self.conn.all(&OF, values).await?))
    }
}

/// The pipelines whose newest revision has files, for [`live`].
pub(crate) async fn having(conn: &mut Conn) -> Result<BTreeSet<i64>, StoreError> {
    let rows: Vec<(i64,)> = conn.all(&HAVING, Vec::new()).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The files of a revision, whoever may see them.
pub(crate) async fn live(
    conn: &mut Conn,
    pipeline: i64,
    revision: i64,
) -> Result<Vec<PipelineFile>, StoreError> {
    Ok(sorted(conn.all(&LIVE, args![pipeline, revision]).await?))
}

/// By bytes: engines order texts as their locale says.
fn sorted(mut files: Vec<PipelineFile>) -> Vec<PipelineFile> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_what_sha256sum_prints() {
        let file = |path: &str, content: &str| PipelineFile {
            path: path.into(),
            content: content.into(),
        };
        // printf 'steps: []' > a.yml; printf one > t/b.yml; printf two > t/a.yml
        // sha256sum a.yml t/a.yml t/b.yml | sha256sum
        let known = "f6d67b758d19fa6c82f5f61b7912d1bc0d7c229a1613641a2901fda052f49e45";
        let files = [file("t/b.yml", "one"), file("t/a.yml", "two")];
        assert_eq!(files_digest("a.yml", "steps: []", &files), known);
        for (path, files) in [
            ("b.yml", files.to_vec()),
            (
                "a.yml",
                vec![file("t/b.yml", "two"), file("t/a.yml", "one")],
            ),
            (
                "a.yml",
                vec![file("t/b.yml", "one"), file("t/A.yml", "two")],
            ),
            ("a.yml", vec![file("t/b.yml", "one")]),
        ] {
            assert_ne!(
                files_digest(path, "steps: []", &files),
                known,
                "{path} {files:?}"
            );
        }
    }
}
