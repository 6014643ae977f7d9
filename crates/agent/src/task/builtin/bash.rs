//! `Bash@3`, what a `bash:` step is: `bash <file>`, and nothing else.

use super::script::{Script, execute};
use crate::outcome::Outcome;
use crate::task::Running;
use std::path::Path;
use zeroize::Zeroizing;

/// Runs the step.
pub(crate) async fn run(running: &mut Running<'_>) -> Outcome {
    let contents = if running.input("targetType").eq_ignore_ascii_case("inline") {
        Zeroizing::new(running.input("script").to_owned())
    } else {
        let path = running.input("filePath").to_owned();
        if !Path::new(&path).is_file() {
            running.log.error(&format!("The script '{path}' does not exist or is no file. Give 'filePath' the path of a script."));
            return Outcome::Failed;
        }
        let quoted = path.replace('\'', "'\\''");
        Zeroizing::new(format!(
            "exec bash '{quoted}' {}",
            running.input("arguments")
        ))
    };
    let environment = match running.input("bashEnvValue") {
        "" => None,
        value => Some(("BASH_ENV", Zeroizing::new(value.to_owned()))),
    };
    execute(
        running,
        Script {
            contents,
            arguments: &[],
            environment,
        },
    )
    .await
}
