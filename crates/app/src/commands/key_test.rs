//! `coffer key test`: proves the configured key providers with a round trip, and looks at what their credentials may do.

use crate::cli::ServeArgs;
use crate::context::Context;
use crate::error::{Exit, Result};
use crate::host::keys::open;
use crate::output::Table;
use clap::Args;
use coffer_keys::{
    CredentialRights, Entropy, GenerationId, KeyError, KeyLifecycle, KeyProvider, KeyRight, May,
    ProjectKeyContext, ProjectKeySecret, os_entropy,
};
use serde::Serialize;
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// Round trips, so that the first, which may sign in, does not stand for all.
const ROUNDS: usize = 5;

/// Arguments of `key test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Make, disable, enable and destroy a root key of a scale unit of its own
    #[arg(long)]
    lifecycle: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What one look at one credential found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    provider: &'static str,
    credential: &'static str,
    what: String,
    /// `good`, `unknown`, `warning` or `bad`.
    outcome: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<f64>,
}

struct Report {
    provider: &'static str,
    findings: Vec<Finding>,
}

impl Report {
    fn add(
        &mut self,
        credential: &'static str,
        what: impl Into<String>,
        outcome: &'static str,
        detail: impl Into<String>,
    ) {
        self.findings.push(Finding {
            provider: self.provider,
            credential,
            what: what.into(),
            outcome,
            detail: detail.into(),
            milliseconds: None,
        });
    }

    /// Awaits a call and notes how it went and how long it took.
    async fn call<T>(
        &mut self,
        credential: &'static str,
        what: &str,
        call: impl Future<Output = std::result::Result<T, KeyError>>,
    ) -> Option<T> {
        let start = Instant::now();
        let answer = call.await;
        let took = start.elapsed().as_secs_f64() * 1000.0;
        match answer {
            Ok(value) => {
                self.add(credential, what, "good", "");
                if let Some(finding) = self.findings.last_mut() {
                    finding.milliseconds = Some((took * 100.0).round() / 100.0);
                }
                Some(value)
            }
            Err(error) => {
                self.add(credential, what, "bad", with_causes(&error));
                None
            }
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: TestArgs) -> Result<Exit> {
    let keys = crate::load(&args.serve, context)?.config.keys;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let mut findings = Vec::new();
    for (number, settings) in std::iter::once(&keys.provider)
        .chain(&keys.also)
        .enumerate()
    {
        // Nothing is made by looking: a missing root key file is a finding of its own.
        let (provider, _) = open(settings, false, &entropy).await?;
        let mut report = Report {
            provider: provider.name(),
            findings: Vec::new(),
        };
        daily(&mut report, &*provider, &keys.scale_unit, number == 0).await;
        rights(&mut report, &*provider, &keys.scale_unit).await;
        match provider.lifecycle() {
            None => report.add(
                "lifecycle",
                "configured",
                "warning",
                "there is no such credential: only project keys rotate, and root keys are never destroyed",
            ),
            Some(lifecycle) if args.lifecycle => {
                let unit = format!("{}-test", keys.scale_unit);
                life(&mut report, &*provider, lifecycle, &unit).await;
            }
            Some(_) => {}
        }
        findings.extend(report.findings);
    }
    let failed = findings.iter().any(|finding| finding.outcome == "bad");
    context.out.show(&findings, |findings| {
        let mut table = Table::new(["provider", "credential", "what", "outcome", "ms", "detail"]);
        for finding in findings {
            table.row([
                finding.provider.into(),
                finding.credential.into(),
                finding.what.clone(),
                finding.outcome.into(),
                finding
                    .milliseconds
                    .map_or_else(|| "-".into(), |ms| ms.to_string()),
                finding.detail.clone(),
            ]);
        }
        table
    })?;
    Ok(match failed {
        true => Exit::NotIntact,
        false => Exit::Success,
    })
}

fn probe(unit: &str) -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: unit.to_owned(),
        organization: Uuid::nil(),
        project: Uuid::nil(),
        version: 0,
    }
}

/// Find, wrap, unwrap.
async fn daily(report: &mut Report, provider: &dyn KeyProvider, unit: &str, makes_new: bool) {
    let newest = report
        .call("daily", "find", provider.newest_generation(unit))
        .await;
    let generation = match newest {
        None => return,
        Some(Some(generation)) => generation,
        Some(None) => {
            let prepared = makes_new && provider.lifecycle().is_some();
            let (outcome, detail) = match prepared {
                true => (
                    "warning",
                    "there is no root key yet; the first start makes one",
                ),
                false => (
                    "bad",
                    "there is no root key for this scale unit; have one made in the key service",
                ),
            };
            report.add("daily", "round trip", outcome, detail);
            return;
        }
    };
    let context = probe(unit);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let secret = ProjectKeySecret::generate(&os_entropy);
        let round = async {
            let wrapped = provider.wrap(&generation, &secret, &context).await?;
            provider.unwrap(&generation, &wrapped, &context).await
        };
        match round.await {
            Ok(opened) if opened.as_bytes() == secret.as_bytes() => {}
            Ok(_) => {
                report.add("daily", "round trip", "bad", "another secret came back");
                return;
            }
            Err(error) => {
                report.add("daily", "round trip", "bad", with_causes(&error));
                return;
            }
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let detail = format!(
        "wrap and unwrap {ROUNDS} times: {:.1} to {:.1} ms",
        times[0],
        times[ROUNDS - 1]
    );
    report.add("daily", "round trip", "good", detail);
    if let Some(finding) = report.findings.last_mut() {
        finding.milliseconds = Some((times[ROUNDS / 2] * 100.0).round() / 100.0);
    }
}

/// What the credentials may do, as far as the service says.
async fn rights(report: &mut Report, provider: &dyn KeyProvider, unit: &str) {
    let rights = match provider.rights(unit).await {
        Ok(Some(rights)) => rights,
        Ok(None) => {
            let text = "the service does not say what a credential may do; look at its policy";
            return report.add("daily", "rights", "warning", text);
        }
        Err(error) => return report.add("daily", "rights", "warning", with_causes(&error)),
    };
    let (daily, lifecycle) = (KeyRight::DAILY.as_slice(), KeyRight::LIFECYCLE.as_slice());
    // One credential for both needs both.
    let needed = match provider.lifecycle().is_some() && rights.lifecycle.is_none() {
        true => [daily, lifecycle].concat(),
        false => daily.to_vec(),
    };
    let wide = [lifecycle, &KeyRight::NOBODY].concat();
    let why = rights.one_credential.unwrap_or(
        "daily work does not need it: give it to a lifecycle credential alone, or to nobody",
    );
    judge(report, "daily", &rights.daily, &needed, (&wide, why));
    if let Some(of_lifecycle) = &rights.lifecycle {
        let needed = [&[KeyRight::Find], lifecycle].concat();
        let wide = [[KeyRight::Unwrap].as_slice(), &KeyRight::NOBODY].concat();
        let why = "the lifecycle of keys does not need it: take it away";
        judge(report, "lifecycle", of_lifecycle, &needed, (&wide, why));
    }
    for found in rights.traits {
        let outcome = if found.good { "good" } else { "warning" };
        report.add("daily", found.what, outcome, found.said);
    }
}

fn judge(
    report: &mut Report,
    credential: &'static str,
    rights: &CredentialRights,
    needed: &[KeyRight],
    (wide, why): (&[KeyRight], &str),
) {
    let words = |of: &[KeyRight], wanted: May| {
        let words: Vec<&str> = rights
            .iter()
            .filter(|(right, may)| of.contains(right) && *may == wanted)
            .map(|(right, _)| right.word())
            .collect();
        words.join(", ")
    };
    let (missing, too_wide) = (words(needed, May::No), words(wide, May::Yes));
    if !missing.is_empty() {
        report.add(credential, "rights missing", "bad", missing.clone());
    }
    if !too_wide.is_empty() {
        let text = format!("{too_wide}; {why}");
        report.add(credential, "rights too wide", "warning", text);
    }
    if missing.is_empty() && too_wide.is_empty() {
        report.add(credential, "rights", "good", words(needed, May::Yes));
    }
    // What is neither there nor known, by what keeps it from being known.
    let mut unknown: Vec<(&str, Vec<&str>)> = Vec::new();
    for (right, may) in rights {
        let May::Unknown(why) = may else { continue };
        match unknown.iter_mut().find(|(known, _)| known == why) {
            Some((_, words)) => words.push(right.word()),
            None => unknown.push((why, vec![right.word()])),
        }
    }
    for (why, words) in unknown {
        let text = format!("{}: {why}", words.join(", "));
        report.add(credential, "rights not known", "unknown", text);
    }
}

/// Everything that the lifecycle credential is for, with a root key of its own.
async fn life(
    report: &mut Report,
    provider: &dyn KeyProvider,
    lifecycle: &dyn KeyLifecycle,
    unit: &str,
) {
    let made = report
        .call("lifecycle", "make", lifecycle.new_generation(unit))
        .await;
    let Some(generation) = made else { return };
    used(report, provider, &generation, unit, true).await;
    let disabled = report
        .call("lifecycle", "disable", lifecycle.disable(&generation))
        .await;
    if disabled.is_some() {
        used(report, provider, &generation, unit, false).await;
        report
            .call("lifecycle", "enable", lifecycle.enable(&generation))
            .await;
        report
            .call("lifecycle", "disable again", lifecycle.disable(&generation))
            .await;
    }
    report
        .call("lifecycle", "destroy", lifecycle.destroy(&generation))
        .await;
}

/// Whether a root key wraps, which it should or should not.
async fn used(
    report: &mut Report,
    provider: &dyn KeyProvider,
    generation: &GenerationId,
    unit: &str,
    should: bool,
) {
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider.wrap(generation, &secret, &probe(unit)).await;
    match (wrapped, should) {
        (Ok(_), true) | (Err(KeyError::Disabled { .. }), false) => {}
        (Ok(_), false) => report.add(
            "lifecycle",
            "disable",
            "bad",
            "the disabled root key still wraps",
        ),
        (Err(error), _) => report.add("lifecycle", "use", "bad", with_causes(&error)),
    }
}
