//! `DownloadSecureFile@1`: puts a secure file into the job's temporary folder, whole and proven, or not at all.
//!
//! Works before the job's first step. The content goes from the connection to the disk in pieces; its length and digest
//! are compared with the job message before the file gets its name.

use crate::ambient;
use crate::job_variables::Setting;
use crate::outcome::Outcome;
use crate::task::Running;
use crate::workspace::is_plain_name;
use aws_lc_rs::{constant_time, digest};
use coffer_client::{ClientError, ErrorKind};
use coffer_wire::agent::JobSecureFile;
use std::io::{self, Write as _};
use std::time::Duration;
use uuid::Uuid;

const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The pause doubles this often at most.
const DOUBLINGS: u32 = 10;
const SOCKET_TIMEOUT: Duration = Duration::from_secs(180);
/// Characters of a server's message that are shown.
const MESSAGE: usize = 300;

/// Why a download failed.
enum Failed {
    /// Another try may help.
    Passing(String),
    Final(String),
}

/// Runs the step.
pub(crate) async fn run(running: &mut Running<'_>) -> Outcome {
    match download(running).await {
        Ok(()) => Outcome::Succeeded,
        Err(_) if running.cancel.is_cancelled() => Outcome::Canceled,
        Err(message) => {
            running.log.error(&message);
            Outcome::Failed
        }
    }
}

async fn download(running: &mut Running<'_>) -> Result<(), String> {
    let input = running.input("secureFile").trim().to_owned();
    if input.is_empty() {
        return Err("The input 'secureFile' is empty. Give it the name of a secure file.".into());
    }
    let known = Uuid::try_parse(&input)
        .ok()
        .and_then(|id| running.secure_files.iter().find(|file| file.id == id));
    let file = known
        .cloned()
        .ok_or_else(|| format!("Download ticket for SecureFileId {input} not found."))?;
    if !is_plain_name(&file.name) {
        return Err("The secure file has a name that is no plain file name, and is not written. Delete it and upload it under another name.".into());
    }
    let retries = retry_count(running.input("retryCount"));
    let timeout = running
        .input("socketTimeout")
        .trim()
        .parse()
        .ok()
        .filter(|ms| *ms > 0)
        .map_or(SOCKET_TIMEOUT, Duration::from_millis);
    running.log.line(&format!(
        "Downloading the secure file '{}' ({} bytes).",
        file.name, file.length
    ));
    let part = format!(".{}.part", ambient::id());
    let mut tries = 0;
    loop {
        let attempt = attempt(running, &file, &part, timeout);
        let cancel = running.cancel;
        let attempted = tokio::select! {
            done = attempt => done,
            () = cancel.cancelled() => Err(Failed::Final("The download was cancelled.".into())),
        };
        let failed = match attempted {
            Ok(()) => break,
            Err(failed) => failed,
        };
        running.folders.remove(&part);
        match failed {
            Failed::Passing(message) if tries < retries => {
                running.log.debug(&format!("{message} Trying again."));
                let pause = FIRST_PAUSE * 2_u32.pow(tries.min(DOUBLINGS));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = running.cancel.cancelled() => {}
                }
                tries += 1;
            }
            Failed::Passing(message) | Failed::Final(message) => return Err(message),
        }
    }
    if let Err(error) = running.folders.rename(&part, &file.name) {
        running.folders.remove(&part);
        return Err(format!(
            "The secure file could not be put into the temporary folder: {error}."
        ));
    }
    let path = running
        .folders
        .temp
        .join(&file.name)
        .to_string_lossy()
        .into_owned();
    running
        .log
        .line(&format!("The secure file is at {path} until the job ends."));
    let setting = Setting {
        output_of: Some(&running.step.name),
        ..Setting::default()
    };
    running
        .variables
        .set("secureFilePath", &path, setting)
        .map_err(|_| {
            format!(
                "The output '{}.secureFilePath' is set already and read-only.",
                running.step.name
            )
        })?;
    Ok(())
}

/// One try: the whole content, proven, in the file `part`.
async fn attempt(
    running: &Running<'_>,
    file: &JobSecureFile,
    part: &str,
    timeout: Duration,
) -> Result<(), Failed> {
    let token = running
        .endpoints
        .iter()
        .find(|endpoint| endpoint.name.eq_ignore_ascii_case("SystemVssConnection"))
        .and_then(|endpoint| endpoint.parameters.get("AccessToken"))
        .ok_or_else(|| {
            Failed::Final("The job has no token for the server. Run it again.".into())
        })?;
    let project = running
        .variables
        .get("System.TeamProject")
        .or_else(|| running.variables.get("System.TeamProjectId"))
        .ok_or_else(|| Failed::Final("The job does not say which project it belongs to.".into()))?;
    let late = |_| Failed::Passing("The server was silent for too long.".into());
    let asked = running
        .client
        .download_secure_file(project, file.id, &file.ticket, token);
    let mut content = tokio::time::timeout(timeout, asked)
        .await
        .map_err(late)?
        .map_err(refused)?;
    let local =
        |error: io::Error| Failed::Final(format!("The secure file could not be written: {error}."));
    let mut target = running.folders.create(part).map_err(local)?;
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut length: u64 = 0;
    while let Some(piece) = tokio::time::timeout(timeout, content.chunk())
        .await
        .map_err(late)?
        .map_err(refused)?
    {
        length += piece.len() as u64;
        if length > file.length {
            return Err(Failed::Final(wrong()));
        }
        digest.update(&piece);
        target.write_all(&piece).map_err(local)?;
    }
    let expected = hex::decode(&file.sha256).map_err(|_| Failed::Final(wrong()))?;
    if length != file.length
        || constant_time::verify_slices_are_equal(digest.finish().as_ref(), &expected).is_err()
    {
        return Err(Failed::Final(wrong()));
    }
    Ok(())
}

fn wrong() -> String {
    "Failed to download secure file. What arrived is not the file that the run was started with, and is discarded. Ask an administrator to look at the server or a proxy before it.".into()
}

fn refused(error: ClientError) -> Failed {
    let message = match &error {
        ClientError::Refused { status, .. } | ClientError::Unexpected { status, .. } => {
            let said: String = error
                .to_string()
                .chars()
                .filter(|c| !c.is_control())
                .take(MESSAGE)
                .collect();
            format!(
                "Failed to download secure file. HTTP {status}: {} Error content: {said}",
                reason(*status)
            )
        }
        other => format!("Failed to download secure file. {other}."),
    };
    match (error.kind(), error.status()) {
        (_, Some(502..=504)) | (ErrorKind::Unreachable, _) => Failed::Passing(message),
        _ => Failed::Final(message),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request.",
        401 => "Unauthorized.",
        403 => "Forbidden.",
        404 => "Not Found.",
        409 => "Conflict.",
        410 => "Gone.",
        429 => "Too Many Requests.",
        500 => "Internal Server Error.",
        502 => "Bad Gateway.",
        503 => "Service Unavailable.",
        504 => "Gateway Timeout.",
        _ => "",
    }
}

/// What is no number, or negative, is the default; 0 is 0.
fn retry_count(text: &str) -> u32 {
    text.trim().parse().unwrap_or(TRIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retry_count_is_what_was_meant() {
        for (text, count) in [
            ("8", 8),
            ("0", 0),
            (" 3 ", 3),
            ("", 8),
            ("-1", 8),
            ("many", 8),
            ("1.5", 8),
        ] {
            assert_eq!(retry_count(text), count, "{text:?}");
        }
    }
}
