//! `coffer purge-report`: which deleted files no copy opens any more, and when that will be so for the rest.

use super::on_host::HostArgs;
use super::short_date;
use crate::context::Context;
use crate::error::Result;
use crate::host::{self, must_exist, refused};
use crate::output::Table;
use clap::Args;
use coffer_keys::{Entropy, os_entropy};
use coffer_model::Timestamp;
use coffer_model::purge::{Beyond, Gone};
use coffer_service::{PurgeReport, purge_report};
use serde_json::json;
use std::sync::Arc;

/// Arguments of `purge-report`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer purge-report
  coffer purge-report --config /etc/coffer/coffer.toml --output json

Run it on the server's host, as the user that the server runs as, with the same program and configuration. The server may
run meanwhile. A deleted file is unreadable at once: its wrapped key is gone. A copy of the database from before still holds
that, and opens as long as a root key is there that wrapped it. When the last of these is destroyed, no copy opens the file,
wherever it lies. For each root key that was destroyed within 120 days its key service is asked whether it is gone, or until when its operators
could bring it back; a file's date is not before that. Copies of a root key FILE are copies of keys, and nobody counts them.")]
pub(crate) struct PurgeReportArgs {
    #[command(flatten)]
    host: HostArgs,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: PurgeReportArgs) -> Result {
    let config = args.host.load(context)?;
    must_exist(&config)?;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = host::store(&config, &entropy).await?;
    let connected = host::providers(&config, &store, &entropy).await;
    let providers = match &connected {
        Ok(connected) => Ok(&connected.options.providers),
        Err(error) => Err(error.message.clone()),
    };
    let report = purge_report(&store, providers, config.keys.horizon_days).await;
    store.close().await;
    let report = report.map_err(refused)?;
    if context.out.is_json() {
        return context.out.json(&json(&report));
    }
    context.out.show(&(), |()| {
        let mut table = Table::new(["FILE", "NAME", "DELETED", "BEYOND RECOVERY"]);
        for purged in &report.files {
            let when = match said(purged.beyond) {
                ("purged", Some(when)) => format!("since {}", short_date(&when)),
                (_, Some(when)) => format!("from {} on", short_date(&when)),
                ("keyIsThere", _) => "not while a destroyed root key is there".to_owned(),
                _ => format!("{} days after the next rotation", config.keys.horizon_days),
            };
            table.row([
                purged.file.file.clone(),
                purged.file.name.clone().unwrap_or_default(),
                short_date(&date(purged.file.time)),
                when,
            ]);
        }
        table
    })?;
    if report.destroyed.is_empty() {
        return Ok(());
    }
    context.out.show(&(), |()| {
        let mut table = Table::new(["DESTROYED ROOT KEY", "PROVIDER", "DESTROYED", "GONE"]);
        for one in &report.destroyed {
            let gone = match one.gone {
                Gone::ForGood => "for good".to_owned(),
                Gone::Until(until) => format!(
                    "not before {}: the key service's operators can bring it back",
                    short_date(&date(until))
                ),
                Gone::There => "no: the key service has it".to_owned(),
                Gone::NotTold => format!("not known: {}", one.why.clone().unwrap_or_default()),
            };
            let when = one.time.map(|time| short_date(&date(time)));
            table.row([
                one.id.clone(),
                one.provider.clone(),
                when.unwrap_or_default(),
                gone,
            ]);
        }
        table
    })
}

fn json(report: &PurgeReport) -> serde_json::Value {
    let files = report.files.iter().map(|purged| {
        let (state, when) = said(purged.beyond);
        json!({
            "file": purged.file.file,
            "name": purged.file.name,
            "project": purged.file.project,
            "deletedBy": purged.file.actor,
            "deletedAt": date(purged.file.time),
            "state": state,
            "beyondRecovery": when,
        })
    });
    let destroyed = report.destroyed.iter().map(|one| {
        let (gone, until) = match one.gone {
            Gone::ForGood => ("forGood", None),
            Gone::Until(until) => ("recoverable", Some(date(until))),
            Gone::There => ("there", None),
            Gone::NotTold => ("notKnown", None),
        };
        json!({
            "rootKey": one.id,
            "provider": one.provider,
            "destroyedAt": one.time.map(date),
            "gone": gone,
            "recoverableUntil": until,
            "why": one.why,
        })
    });
    json!({"files": files.collect::<Vec<_>>(), "destroyedKeys": destroyed.collect::<Vec<_>>()})
}

/// A word for a program, and the date where there is one.
fn said(beyond: Beyond) -> (&'static str, Option<String>) {
    match beyond {
        Beyond::Since(time) => ("purged", Some(date(time))),
        Beyond::From(time) => ("dated", Some(date(time))),
        Beyond::AfterRotation => ("afterRotation", None),
        Beyond::NotWhileThere => ("keyIsThere", None),
    }
}

fn date(time: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(time.0)
        .map_or_else(|_| time.0.to_string(), |time| time.to_string())
}
