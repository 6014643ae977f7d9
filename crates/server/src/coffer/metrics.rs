//! The numbers by which keys and breaking glass are watched, in the text format of Prometheus.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>. Every value is read from the database or counted
//! by this node; nothing is kept here. It must not know names: no label says who, which file or which key.

use crate::App;
use crate::auth::Who;
use crate::error::Result;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coffer_service::Metrics;
use http::header::CONTENT_TYPE;
use std::fmt::{Display, Write as _};

/// The format's media type.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET coffer/metrics`.
pub(crate) async fn get(State(app): State<App>, Who(caller): Who) -> Result<Response> {
    let metrics = app.service.metrics(&caller).await?;
    Ok(([(CONTENT_TYPE, TEXT)], text(&metrics)).into_response())
}

/// The text, family after family.
struct Text(String);

impl Text {
    /// One family: each value with its label, such as `state="active"`, or with none.
    fn family<V: Display>(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (String, V)>,
    ) {
        // Writing to a string does not fail.
        let _written = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (label, value) in values {
            let _written = match label.is_empty() {
                true => writeln!(self.0, "{name} {value}"),
                false => writeln!(self.0, "{name}{{{label}}} {value}"),
            };
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("gauge", name, help, [(String::new(), value)]);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("counter", name, help, [(String::new(), value)]);
    }
}

fn text(metrics: &Metrics) -> String {
    let mut text = Text(String::new());
    let standing = &metrics.standing;
    text.gauge(
        "coffer_key_provider_up",
        "Whether each key provider answered when this node asked it last.",
        i64::from(standing.keys_answer),
    );
    text.gauge(
        "coffer_key_rotation_running",
        "Whether a rotation of keys is under way.",
        i64::from(standing.rotation.running),
    );
    text.gauge(
        "coffer_key_rotation_failures",
        "How often the rotation that is under way failed since it last went on.",
        standing.rotation.failures,
    );
    text.gauge(
        "coffer_key_rotation_failing_seconds",
        "For how long the rotation that is under way has only failed.",
        standing.rotation.failing_seconds,
    );
    let left = [
        ("project_key", metrics.left.keys),
        ("wrap", metrics.left.wraps),
        ("secret", metrics.left.secrets),
    ];
    text.family(
        "gauge",
        "coffer_key_rotation_left",
        "What the rotation that is under way has still to do.",
        left.map(|(what, count)| (format!("what=\"{what}\""), count)),
    );
    text.family(
        "gauge",
        "coffer_key_generations",
        "Root generations in each state.",
        metrics
            .generations
            .iter()
            .map(|(state, count)| (format!("state=\"{}\"", state.word()), *count)),
    );
    text.family(
        "gauge",
        "coffer_break_glass_requests",
        "Requests to break glass in each state, all that there ever were.",
        metrics
            .break_glass
            .iter()
            .map(|(state, count)| (format!("state=\"{}\"", state.word()), *count)),
    );
    let keys = &metrics.keys;
    text.counter(
        "coffer_key_uses_total",
        "Times that a project key was needed on this node.",
        keys.used,
    );
    text.counter(
        "coffer_key_unverified_total",
        "Times that a key, a wrap or what is sealed under one did not verify on this node.",
        keys.unverified,
    );
    text.gauge(
        "coffer_key_cached",
        "Project keys in this node's memory.",
        keys.kept,
    );
    text.counter(
        "coffer_key_provider_calls_total",
        "Calls of key providers by this node.",
        keys.calls.made,
    );
    text.counter(
        "coffer_key_provider_failures_total",
        "Those of them that failed in passing.",
        keys.calls.failed,
    );
    text.counter(
        "coffer_key_provider_spared_total",
        "Calls that were not made, because the provider had just failed.",
        keys.calls.spared,
    );
    text.0
}
