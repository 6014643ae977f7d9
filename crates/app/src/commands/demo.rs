//! `coffer demo`: the main job on real input, told in a dozen lines, with two people.
//!
//! Everything happens over HTTP, as it would between machines. Nothing outside the demo's own folder is touched.

use crate::cli::DemoArgs;
use crate::config::{
    Audit, BreakGlass, Config, Database, Deployment, FileSettings, Jobs, Keys, Log, LogFormat,
    LogLevel, Outgoing, ProviderSettings, Server, SignIn, Storage,
};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{FIRST_PROJECT, Host, private_folder};
use crate::memory;
use crate::output::{LogStyle, log_line};
use crate::signals::stop_on_signal;
use coffer_agent::AgentOptions;
use coffer_client::{AuditQuery, Body, Client, ClientOptions, Upload};
use coffer_outgoing::Policy;
use coffer_server::Proxies;
use coffer_service::SessionLife;
use coffer_wire::coffer::{AuditEntry, FirstSignIn, GroupReference, TokenRequest, User};
use coffer_wire::paths::pages;
use coffer_wire::pipelines::{Run, RunRequest};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

const FILE: &str = "myCACertificate.pem";
const PIPELINE: &str = "build";
const ENGINEER: &str = "release-engineer";
const DEVELOPER: &str = "developer";
/// Between two looks at the run.
const PAUSE: Duration = Duration::from_millis(150);
/// The run takes seconds; longer than this and something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// The shape of the documentation's example, without `sudo`: it installs into a folder of the job.
const YAML: &str = "\
steps:
- task: DownloadSecureFile@1
  name: caCertificate
  displayName: 'Download CA certificate'
  inputs:
    secureFile: 'myCACertificate.pem'

- script: |
    echo Installing $(caCertificate.secureFilePath) to the trusted CA directory...
    mkdir -p \"$AGENT_TEMPDIRECTORY/trusted\"
    chmod a+r $(caCertificate.secureFilePath)
    ln -s -t \"$AGENT_TEMPDIRECTORY/trusted\" $(caCertificate.secureFilePath)
    sha256sum \"$AGENT_TEMPDIRECTORY/trusted/myCACertificate.pem\"
  displayName: 'Install CA certificate'
";

/// Plays the main job, and serves on.
pub(crate) async fn run(context: &Context, args: DemoArgs) -> Result {
    for lack in memory::close_with_keys() {
        context.out.note(&lack);
    }
    let (folder, _temporary) = folder(args.dir)?;
    let stop = stop_on_signal()?;
    let host = Host::start(&config(&folder), stop.clone()).await?;
    let story = Story {
        context,
        folder: folder.clone(),
        url: host.url(),
        number: std::cell::Cell::new(0),
    };
    let code = match &host.first {
        Some(first) => first.code.clone(),
        None => {
            return Err(
                CommandError::new(Exit::Conflict, "the folder holds an older demo")
                    .hint("name an empty one with --dir"),
            );
        }
    };
    let played = tokio::select! {
        played = Box::pin(story.play(code)) => played.map(Some),
        () = stop.cancelled() => Ok(None),
    };
    let served = match &played {
        Ok(Some(administrator)) if !args.exit && !stop.is_cancelled() => {
            story.serve_on(administrator, &stop).await
        }
        _ => Ok(()),
    };
    stop.cancel();
    let finished = host.finish().await;
    played.map(drop).and(served).and(finished)
}

/// The demo's folder, and the guard that removes it when it was made for this run only.
fn folder(chosen: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    let Some(chosen) = chosen else {
        let made = tempfile::Builder::new()
            .prefix("coffer-demo-")
            .tempdir()
            .map_err(|error| {
                CommandError::file("cannot make a folder in", &std::env::temp_dir(), &error)
            })?;
        return Ok((made.path().to_owned(), Some(made)));
    };
    let chosen = std::path::absolute(&chosen)
        .map_err(|error| CommandError::file("cannot use", &chosen, &error))?;
    private_folder(&chosen)?;
    let mut entries = std::fs::read_dir(&chosen)
        .map_err(|error| CommandError::file("cannot read", &chosen, &error))?;
    if entries.next().is_some() {
        return Err(CommandError::new(
            Exit::Conflict,
            format!("{} is not empty", chosen.display()),
        )
        .hint("the demo starts in an empty folder: name another one, or remove this one"));
    }
    Ok((chosen, None))
}

fn config(folder: &Path) -> Config {
    let data = folder.join("data");
    Config {
        server: Server {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: None,
            proxies: Proxies::default(),
            tls: None,
            strict_api_version: false,
            organization: "DefaultCollection".into(),
        },
        storage: Storage {
            database: Database::Sqlite(data.join("coffer.db")),
            data,
        },
        keys: Keys {
            provider: ProviderSettings::File(FileSettings {
                path: folder.join("key").join("root.key"),
                passphrase: None,
            }),
            also: Vec::new(),
            scale_unit: "demo".into(),
            anchor_file: None,
            anchor_required: false,
            cache_minutes: 10,
            horizon_days: 35,
            rotation_rate: 20,
        },
        break_glass: BreakGlass::default(),
        audit: Audit {
            checkpoints: None,
            retention_days: 0,
        },
        deployment: Deployment {
            id: crate::BUILD.into(),
        },
        log: Log {
            format: LogFormat::Text,
            level: LogLevel::Warn,
        },
        jobs: Jobs { lease_seconds: 60 },
        sign_in: SignIn {
            sessions: SessionLife::default(),
        },
        outgoing: Outgoing {
            policy: Policy::default(),
            ca_file: None,
        },
        provider: None,
    }
}

struct Story<'a> {
    context: &'a Context,
    folder: PathBuf,
    url: String,
    number: std::cell::Cell<u32>,
}

impl Story<'_> {
    /// Plays the story. Returns the administrator's connection.
    async fn play(&self, code: Zeroizing<String>) -> Result<Client> {
        let administrator = self.first_sign_in(code).await?;
        let engineer = self
            .person(&administrator, ENGINEER, &["Contributors"])
            .await?;
        let developer = self
            .person(&administrator, DEVELOPER, &["Contributors"])
            .await?;
        self.say(&format!(
            "A server on {}, with two people: a release engineer and a developer.",
            self.url
        ))?;

        let certificate = certificate()?;
        let upload = Upload {
            size: Some(certificate.len() as u64),
            ..Upload::named(FILE)
        };
        let file = engineer
            .secure_files(FIRST_PROJECT)
            .upload(upload, Body::from_bytes(certificate.clone()))
            .await?;
        let digest = file.sha256.clone().unwrap_or_default();
        self.say(&format!(
            "The release engineer makes a CA certificate and uploads it as {FILE}: {} bytes, SHA-256 {}….",
            certificate.len(),
            short(&digest)
        ))?;
        self.look_at_storage(&certificate)?;

        let pipeline = developer
            .pipelines(FIRST_PROJECT)
            .add(PIPELINE, "azure-pipelines.yml", YAML)
            .await?;
        let run = developer
            .pipelines(FIRST_PROJECT)
            .run(pipeline.id, &RunRequest::default())
            .await?;
        self.say(&format!(
            "The developer adds the pipeline '{PIPELINE}' and starts run {}.",
            run.id
        ))?;
        let Some(waiting) = run.waiting_for.first() else {
            return Err(CommandError::new(
                Exit::Internal,
                "the run does not wait for a permission",
            ));
        };
        self.say(&format!(
            "The run waits for permission. {}",
            waiting.message
        ))?;
        match developer
            .permissions(FIRST_PROJECT)
            .set_pipeline("securefile", &file.id, pipeline.id, true)
            .await
        {
            Err(refused) => self.say(&format!(
                "The developer tries to permit it, and may not: {refused}"
            ))?,
            Ok(_) => {
                return Err(CommandError::new(
                    Exit::Internal,
                    "a developer without the role could permit",
                ));
            }
        }
        engineer
            .permissions(FIRST_PROJECT)
            .set_pipeline("securefile", &file.id, pipeline.id, true)
            .await?;
        self.say("The release engineer permits it. The same run goes on:")?;

        let agent = tokio::spawn(coffer_agent::run(
            self.agent(&administrator, true).await?,
            CancellationToken::new(),
        ));
        let path = self.follow(&developer, pipeline.id, &run, &digest).await?;
        agent
            .await
            .map_err(|error| CommandError::new(Exit::Internal, "the agent ended").because(&error))?
            .map_err(|error| {
                CommandError::new(Exit::Internal, "the agent ended").because(&error)
            })?;
        if path.try_exists().unwrap_or(true) {
            return Err(CommandError::new(
                Exit::Internal,
                "the file outlived its job",
            ));
        }
        self.say("During the job the file was there, with the right digest. Now it is gone, with everything the job made.")?;
        self.audit(&administrator).await?;
        Ok(administrator)
    }

    /// Says how to look at it, and serves with an agent until somebody ends it.
    async fn serve_on(&self, administrator: &Client, stop: &CancellationToken) -> Result {
        let options = self.agent(administrator, false).await?;
        let agent = tokio::spawn(coffer_agent::run(options, stop.clone()));
        let (out, url) = (&self.context.out, self.url.as_str());
        out.heading("Still serving. Ctrl-C ends it and removes what it made.");
        let server = url.rsplit_once('/').map_or(url, |(server, _)| server);
        out.note(&format!("  In a browser: {server}{}", pages::PASSWORD));
        out.note(
            "  Set a password there, with the one-time code of whom you want to be, and sign in:",
        );
        for name in [ENGINEER, DEVELOPER] {
            let code = Zeroizing::new(administrator.coffer().invite(name).await?.code);
            out.note(&format!("    {name:<18} {}", code.as_str()));
        }
        out.note("  On the command line:");
        out.note(&format!(
            "    export COFFER_URL={url} COFFER_PROJECT={FIRST_PROJECT}"
        ));
        let token = self.folder.join(format!("{ENGINEER}.token"));
        out.note(&format!("    export COFFER_TOKEN_FILE={}", token.display()));
        out.note("    coffer file list");
        stop.cancelled().await;
        // Whatever became of it: what it made goes with the folder.
        _ = agent.await;
        Ok(())
    }

    fn say(&self, text: &str) -> Result {
        self.number.set(self.number.get() + 1);
        self.context.out.line(&format!(
            "{:>2}. {}",
            self.number.get(),
            crate::output::escaped(text)
        ))
    }

    /// Keeps a token for whoever plays on after the story.
    fn keep(&self, name: &str, token: &str) -> Result {
        let path = self.folder.join(name);
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, token.as_bytes()))
            .map_err(|error| CommandError::file("cannot write", &path, &error))
    }

    fn client(&self, token: Option<Zeroizing<String>>) -> Result<Client> {
        Ok(Client::new(ClientOptions {
            organization_url: self.url.clone(),
            token,
            ca_file: None,
            user_agent: format!("coffer-demo/{}", env!("CARGO_PKG_VERSION")),
        })?)
    }

    async fn first_sign_in(&self, code: Zeroizing<String>) -> Result<Client> {
        let body = FirstSignIn {
            code: code.to_string(),
            unique_name: "administrator".into(),
            label: "demo".into(),
        };
        let token = self.client(None)?.coffer().sign_in(&body).await?;
        self.client(Some(Zeroizing::new(token.token)))
    }

    /// Adds a person, and signs in as that person with a token kept in a file of the demo's folder.
    async fn person(&self, administrator: &Client, name: &str, groups: &[&str]) -> Result<Client> {
        let groups = groups
            .iter()
            .map(|group| GroupReference {
                project: Some(FIRST_PROJECT.into()),
                name: (*group).to_owned(),
            })
            .collect();
        let user = User {
            id: None,
            unique_name: name.into(),
            display_name: None,
            disabled: false,
            groups,
        };
        administrator.coffer().add_user(&user).await?;
        let request = TokenRequest {
            label: "demo".into(),
            days: 1,
            user: Some(name.into()),
            kind: None,
            scope: None,
        };
        let token = Zeroizing::new(administrator.coffer().create_token(&request).await?.token);
        self.keep(&format!("{name}.token"), &token)?;
        self.client(Some(token))
    }

    /// Searches everything the server has stored for the certificate's own bytes.
    fn look_at_storage(&self, certificate: &[u8]) -> Result {
        let data = self.folder.join("data");
        let needle = &certificate[certificate.len() / 2..certificate.len() / 2 + 48];
        let (files, bytes, found) = search(&data, needle)
            .map_err(|error| CommandError::file("cannot read", &data, &error))?;
        if found {
            return Err(CommandError::new(
                Exit::Internal,
                "the stored bytes hold the certificate",
            ));
        }
        self.say(&format!(
            "What is stored is not the certificate: its bytes are nowhere in the {files} files ({bytes} bytes) of the data folder."
        ))
    }

    /// What the demo's agent is started with, for one job or for all.
    async fn agent(&self, administrator: &Client, once: bool) -> Result<AgentOptions> {
        let request = TokenRequest {
            label: "demo agent".into(),
            days: 1,
            user: None,
            kind: Some(coffer_wire::enums::TokenKind::Agent),
            scope: None,
        };
        let token = administrator.coffer().create_token(&request).await?.token;
        Ok(AgentOptions {
            registration_token: Some(Zeroizing::new(token)),
            once,
            ..AgentOptions::new(self.url.clone(), "demo-agent", self.folder.join("agent"))
        })
    }

    /// Shows the log as it grows. Returns where the file was, once the job has said its digest.
    async fn follow(
        &self,
        developer: &Client,
        pipeline: i64,
        run: &Run,
        digest: &str,
    ) -> Result<PathBuf> {
        let waited = tokio::time::timeout(PATIENCE, self.stream(developer, pipeline, run.id));
        let (result, lines) = waited
            .await
            .map_err(|_| CommandError::new(Exit::Waiting, "the run did not end in time"))??;
        if result.as_deref() != Some("succeeded") {
            return Err(CommandError::new(
                Exit::RunFailed,
                format!("the run ended: {}", result.unwrap_or_default()),
            ));
        }
        lines
            .iter()
            .find_map(|line| {
                line.split_once(digest)
                    .map(|(_, path)| PathBuf::from(path.trim()))
            })
            .filter(|_| !digest.is_empty())
            .ok_or_else(|| {
                CommandError::new(
                    Exit::Internal,
                    "the job saw another digest than the release engineer",
                )
            })
    }

    async fn stream(
        &self,
        developer: &Client,
        pipeline: i64,
        run: i64,
    ) -> Result<(Option<String>, Vec<String>)> {
        let builds = developer.builds(FIRST_PROJECT);
        let mut shown = std::collections::BTreeMap::<i64, i64>::new();
        let mut lines = Vec::new();
        loop {
            let now = developer
                .pipelines(FIRST_PROJECT)
                .get_run(pipeline, run)
                .await?;
            for log in builds.logs(run).await? {
                let seen = shown.entry(log.id).or_default();
                for line in builds.log(run, log.id, *seen + 1).await? {
                    *seen += 1;
                    self.context.out.line(&format!(
                        "      {}",
                        log_line(
                            &line,
                            LogStyle {
                                colour: self.context.out.colour,
                                timestamps: false
                            }
                        )
                    ))?;
                    lines.push(line);
                }
            }
            if now.state == "completed" {
                return Ok((now.result.map(|result| result.to_string()), lines));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn audit(&self, administrator: &Client) -> Result {
        self.say("What the audit log says of it:")?;
        let mut entries = administrator.coffer().audit(&AuditQuery::default()).await?;
        while let Some(entry) = entries.next::<AuditEntry>().await? {
            let Some(event) = entry.event else { continue };
            if event.resource_type.as_deref() == Some("securefile") {
                let text = format!(
                    "{:<8} {:<18} {}",
                    event.outcome, event.actor.name, event.action
                );
                self.context
                    .out
                    .line(&format!("      {}", crate::output::escaped(&text)))?;
            }
        }
        let verified = administrator.coffer().audit_verify().await?;
        if !verified.intact {
            return Err(CommandError::new(
                Exit::NotIntact,
                "the audit log does not verify",
            ));
        }
        self.say(&format!(
            "The audit log verifies: {} entries in one chain, head {}….",
            verified.linked,
            short(&verified.head)
        ))
    }
}

fn short(hex: &str) -> &str {
    hex.get(..16).unwrap_or(hex)
}

/// A CA certificate, made now.
fn certificate() -> Result<Vec<u8>> {
    let failed = |error: rcgen::Error| {
        CommandError::new(Exit::Internal, "no certificate can be made").because(&error)
    };
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).map_err(failed)?;
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Coffer demo CA");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    Ok(parameters
        .self_signed(&key)
        .map_err(failed)?
        .pem()
        .into_bytes())
}

/// How many files and bytes there are below a folder, and whether they hold `needle`.
fn search(folder: &Path, needle: &[u8]) -> std::io::Result<(usize, usize, bool)> {
    let (mut files, mut bytes, mut found) = (0, 0, false);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let below = search(&entry.path(), needle)?;
            files += below.0;
            bytes += below.1;
            found |= below.2;
        } else {
            let content = std::fs::read(entry.path())?;
            files += 1;
            bytes += content.len();
            found |= content.windows(needle.len()).any(|window| window == needle);
        }
    }
    Ok((files, bytes, found))
}
