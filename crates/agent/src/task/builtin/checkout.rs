//! `checkout:`. Pipelines whose YAML is stored with the definition have no repository; nothing is fetched.

use crate::outcome::Outcome;
use crate::task::Running;

/// Runs the step.
pub(crate) fn run(running: &mut Running<'_>) -> Outcome {
    let repository = running.input("repository").to_owned();
    match repository.to_ascii_lowercase().as_str() {
        "none" => Outcome::Succeeded,
        "" | "self" => {
            running.log.line("The YAML of this pipeline is stored with its definition: there is no repository to check out.");
            Outcome::Succeeded
        }
        _ => {
            running.log.error(&format!(
                "The repository '{repository}' cannot be checked out: this agent does not fetch sources yet. Use 'checkout: none', and fetch the sources in a script step."
            ));
            Outcome::Failed
        }
    }
}
