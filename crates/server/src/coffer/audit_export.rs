//! Exports of the audit log, streamed: JSON Lines that can be verified, or CSV for people.

use crate::App;
use crate::auth::Who;
use crate::coffer::audit::{broke_off, filter};
use crate::coffer::audit_convert as convert;
use crate::error::{ApiError, Result};
use crate::params::Params;
use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coffer_service::{AuditRow, Export, Piece};
use coffer_wire::audit::ExportLine;
use coffer_wire::enums::ExportFormat;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use std::io;

/// The columns of the table.
const COLUMNS: [&str; 16] = [
    "sequence",
    "time",
    "action",
    "outcome",
    "actor",
    "actorId",
    "authentication",
    "address",
    "project",
    "resourceType",
    "resourceId",
    "run",
    "job",
    "activity",
    "eventId",
    "details",
];

/// What stands below the last row of the table.
const NOTE: &str =
    "End of the table. It is for people and cannot be verified; the JSON Lines export can.";

/// `GET coffer/audit/export?format=jsonl|csv`, with the filter of `GET coffer/audit`, and `checkpoint=ROWS,…` for
/// checkpoints that the export is to be compared with.
pub(crate) async fn export(
    State(app): State<App>,
    Who(caller): Who,
    params: Params,
) -> Result<Response> {
    let format = params.one_of::<ExportFormat>("format")?;
    let csv = format == Some(ExportFormat::Csv);
    let breaks = params
        .parts("checkpoint")
        .unwrap_or_default()
        .into_iter()
        .map(str::parse)
        .collect::<std::result::Result<Vec<i64>, _>>()
        .map_err(|_| {
            ApiError::argument(
                "The query parameter 'checkpoint' must be numbers of rows, with commas.",
            )
        })?;
    let filter = filter(&app, &caller, &params).await?;
    let export = app.service.audit().export(&caller, filter, breaks).await?;
    let (kind, writer) = if csv {
        (
            "text/csv; charset=utf-8; header=present",
            Writer::Csv(false),
        )
    } else {
        (
            "application/x-ndjson; charset=utf-8",
            Writer::Lines(Context::new(&SHA256)),
        )
    };
    let parts = stream::try_unfold(Some((export, writer)), |under_way| async move {
        let Some((export, writer)) = under_way else {
            return Ok(None);
        };
        next(export, writer).await.map(Some)
    });
    Ok(([(CONTENT_TYPE, kind)], Body::from_stream(parts)).into_response())
}

enum Writer {
    /// Whether the header is written.
    Csv(bool),
    /// What was written so far.
    Lines(Context),
}

/// The next part of the answer, and what is left to do.
async fn next(
    mut export: Export,
    mut writer: Writer,
) -> io::Result<(Vec<u8>, Option<(Export, Writer)>)> {
    let pieces = export
        .next()
        .await
        .map_err(|error| broke_off(error.into()))?;
    let Some(pieces) = pieces else {
        let last = match writer {
            Writer::Csv(_) => csv_line(&end_note()),
            Writer::Lines(content) => {
                let mut digest = [0; 32];
                digest.copy_from_slice(content.finish().as_ref());
                let signed = export.finish(digest).await;
                let signed = signed.map_err(|error| broke_off(error.into()))?;
                line(&ExportLine::Record(convert::record(signed)))?
            }
        };
        return Ok((last, None));
    };
    let mut text = Vec::new();
    for piece in pieces {
        match &mut writer {
            Writer::Csv(begun) => {
                if !std::mem::replace(begun, true) {
                    text.extend(csv_line(&COLUMNS.map(str::to_owned)));
                }
                if let Piece::Row(row) = piece {
                    text.extend(csv_line(&columns(*row)));
                }
            }
            Writer::Lines(content) => {
                let one = match piece {
                    Piece::Row(row) => line(&convert::row(*row))?,
                    other => match convert::line(other) {
                        Some(other) => line(&other)?,
                        None => continue,
                    },
                };
                content.update(&one);
                text.extend(one);
            }
        }
    }
    Ok((text, Some((export, writer))))
}

fn line(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

fn columns(row: AuditRow) -> [String; 16] {
    let mut event = row.event;
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let activity = event.details.remove("activity").unwrap_or_default();
    let details: Vec<String> = event
        .details
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    [
        row.sequence.map(|n| n.to_string()).unwrap_or_default(),
        jiff::Timestamp::from_microsecond(event.time)
            .map_or_else(|_| event.time.to_string(), |time| time.to_string()),
        event.action,
        event.outcome,
        event.actor_name,
        event.actor.to_string(),
        event.authentication,
        event.address,
        id(event.project),
        event.resource_type,
        event.resource_id,
        event.run.map(|n| n.to_string()).unwrap_or_default(),
        id(event.job),
        activity,
        event.id.to_string(),
        details.join("\n"),
    ]
}

fn end_note() -> [String; 16] {
    let mut last = [const { String::new() }; 16];
    last[15] = NOTE.into();
    last
}

/// A line of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe before it.
fn csv_line(fields: &[String]) -> Vec<u8> {
    let mut line = String::new();
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            line.push(',');
        }
        let formula =
            field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
        if formula || field.contains(['"', ',', '\n', '\r', ';', '\t']) {
            line.push('"');
            if formula {
                line.push('\'');
            }
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(field);
        }
    }
    line.push_str("\r\n");
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::csv_line;

    fn line(fields: &[&str]) -> String {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        String::from_utf8(csv_line(&fields)).unwrap()
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(line(&["a", "b c", ""]), "a,b c,\r\n");
        assert_eq!(
            line(&["a,b", "say \"x\"", "two\nlines"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n"
        );
    }

    #[test]
    fn nothing_is_a_formula() {
        for start in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1",
        ] {
            let line = line(&[start, "x"]);
            assert!(line.starts_with("\"'"), "{line:?}");
        }
        assert_eq!(line(&["a=1"]), "a=1\r\n");
    }
}
