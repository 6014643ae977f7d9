//! Processes, people and folders for the stories. Everything panics rather than answering with an error.

use coffer_client::{Client, ClientOptions};
use coffer_testkit::{Database, Engine};
pub(crate) use coffer_testkit::{skip, told};
use serde_json::Value;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// The project that the first start makes.
pub(crate) const PROJECT: &str = "Main";
/// Longer than anything takes that ends at all.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);
/// The `PATH` of all processes.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Looks again and again until there is an answer. Fails when there is none in time.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in time: {what}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// A process that sees nothing of this one's environment and dies with the story.
#[expect(
    clippy::disallowed_methods,
    reason = "the stories start the program as people do"
)]
pub(crate) fn command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", home)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The program itself.
pub(crate) fn coffer(home: &Path, arguments: &[&str]) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_coffer"), home);
    command.args(arguments).current_dir(home);
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Runs a command to its end.
    pub(crate) async fn of(command: Command) -> Self {
        Self::with_input(command, b"").await
    }

    /// Runs a command that reads `input`.
    pub(crate) async fn with_input(mut command: Command, input: &[u8]) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        // A command that does not read may be gone by now.
        _ = pipe.write_all(input).await;
        drop(pipe);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.expect("the command ends").unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It must have ended so.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// What it says for people must hold this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in: {}", self.err);
        self
    }

    /// Its result must hold this.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no {text:?} in: {}", self.out);
        self
    }

    /// Its result as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}", self.out))
    }
}

/// A process that stays.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a command whose output goes to `log`.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        let file = std::fs::File::create(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        Self { child, log }
    }

    /// All it has said so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until it has said something that `find` finds.
    pub(crate) async fn says<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let (child, log) = (&mut self.child, &self.log);
        eventually(what, async || {
            // The end first: what was said before it is then complete.
            let ended = child.try_wait().unwrap();
            let said = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
            let found = find(&said);
            assert!(found.is_some() || ended.is_none(), "it ended: {said}");
            found
        })
        .await
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// As a power cut would end it.
    pub(crate) async fn kill(&mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    /// As an administrator would end it.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.end().await
    }

    /// As an administrator tells a server to read its files again.
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id().expect("it runs")).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its own end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("it does not end: {}", self.said()))
            .unwrap()
    }
}

/// One machine: a folder in which everything is.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    logs: AtomicUsize,
    /// Where to listen: any free port of a loopback address of its own, so that nobody takes the port while a server
    /// starts again.
    listen: String,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Running,
    /// With the organization.
    pub(crate) url: String,
}

impl Server {
    /// The address to listen on to be found again.
    pub(crate) fn address(&self) -> &str {
        let (_, rest) = self.url.split_once("://").unwrap();
        rest.split_once('/').unwrap().0
    }

    /// Ends it in order.
    pub(crate) async fn ended(mut self) {
        let status = self.process.terminate().await;
        assert!(status.success(), "{}", self.process.said());
    }
}

impl Site {
    #[expect(
        clippy::disallowed_methods,
        reason = "an address that no other story has"
    )]
    pub(crate) fn new() -> Self {
        let [a, b, c, ..] = uuid::Uuid::new_v4().into_bytes();
        Self {
            folder: tempfile::tempdir().unwrap(),
            logs: AtomicUsize::new(0),
            listen: format!("127.{}.{b}.{}:0", a.max(1), c.clamp(1, 254)),
        }
    }

    pub(crate) fn listen(&self) -> &str {
        &self.listen
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this content.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A folder, made when it is not there.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A database for the server of this machine. None, and the skip written down, where there is no such engine.
    pub(crate) async fn database(&self, engine: Engine, test: &str) -> Option<Database> {
        match engine.is_there(test) {
            true => Some(Database::create(engine, &self.data()).await),
            false => None,
        }
    }

    fn log(&self) -> PathBuf {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        self.folder("logs").join(format!("{number}.log"))
    }

    /// Everything that processes which stay have said.
    pub(crate) fn logs(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.folder("logs")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            _ = writeln!(all, "{}", String::from_utf8_lossy(&bytes));
        }
        all
    }

    /// `coffer serve` on this machine's folders, with more flags.
    pub(crate) fn serve_command(&self, listen: &str, more: &[&str]) -> Command {
        let mut command = coffer(&self.folder("server"), &["serve", "--listen", listen]);
        command.arg("--data").arg(self.data());
        command.arg("--key-file").arg(self.path("key/root.key"));
        command.args(more);
        command
    }

    /// Starts the server and waits until it serves.
    pub(crate) async fn start(&self, command: Command) -> Server {
        let mut process = Running::start(command, self.log());
        let url = process
            .says("the server serves", |said| {
                let line = said.lines().find_map(|l| l.strip_prefix("Coffer serves "));
                line.map(str::to_owned)
            })
            .await;
        Server { process, url }
    }

    pub(crate) async fn serve(&self) -> Server {
        self.start(self.serve_command(&self.listen, &[])).await
    }

    /// The server where it was before.
    pub(crate) async fn serve_again(&self, address: &str) -> Server {
        self.start(self.serve_command(address, &[])).await
    }

    /// The one-time code of the first start.
    pub(crate) async fn code(&self) -> String {
        let path = self.data().join("first-sign-in.txt");
        eventually("the one-time code", async || {
            let text = std::fs::read_to_string(&path).ok()?;
            text.ends_with('\n').then(|| text.trim().to_owned())
        })
        .await
    }

    /// The first administrator, signed in.
    pub(crate) async fn administrator(&self, server: &Server) -> Person {
        let person = self.somebody("ada", server);
        let code = self.code().await;
        person
            .coffer(&["login", &server.url, "--code", &code, "--name", "ada"])
            .await
            .ends(0);
        person
    }

    /// Somebody at this machine who is not signed in.
    pub(crate) fn somebody(&self, name: &str, server: &Server) -> Person {
        Person {
            home: self.folder(&format!("home-{name}")),
            url: server.url.clone(),
            authority: self.authority(),
        }
    }

    /// The certificate authority that everybody here trusts, if a story put one at `authority.pem`.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        Some(self.path("authority.pem")).filter(|path| path.exists())
    }

    /// A new user of these groups, signed in with a token.
    pub(crate) async fn person(
        &self,
        by: &Person,
        server: &Server,
        name: &str,
        groups: &[&str],
    ) -> Person {
        let mut words = vec!["user", "add", name];
        for group in groups {
            words.extend(["--group", group]);
        }
        by.coffer(&words).await.ends(0);
        let token = by
            .coffer(&["token", "create", "first", "--user", name])
            .await;
        let person = self.somebody(name, server);
        let login = coffer(&person.home, &["login", &server.url, "--token-file", "-"]);
        Done::with_input(login, token.ends(0).out.as_bytes())
            .await
            .ends(0);
        person
    }

    /// `coffer agent`, registered by this administrator, with its work folder `name`.
    pub(crate) async fn agent_command(&self, by: &Person, name: &str) -> Command {
        let token = by
            .coffer(&["token", "create", name, "--kind", "agent"])
            .await
            .ends(0)
            .out;
        let token = self.file(&format!("{name}.token"), token);
        let home = self.folder("home-agent");
        let mut command = coffer(&home, &["agent", "--url", &by.url, "--name", name]);
        command.arg("--token-file").arg(token);
        command.arg("--work").arg(self.path(name));
        command
    }

    /// Starts an agent and waits until it waits for jobs.
    pub(crate) async fn agent(&self, by: &Person, name: &str) -> Running {
        let command = self.agent_command(by, name).await;
        self.start_agent(command).await
    }

    pub(crate) async fn start_agent(&self, command: Command) -> Running {
        let mut process = Running::start(command, self.log());
        process
            .says("the agent waits for jobs", |said| {
                said.contains("waits for jobs").then_some(())
            })
            .await;
        process
    }

    /// Starts any process of which the log is kept.
    pub(crate) fn run(&self, command: Command) -> Running {
        Running::start(command, self.log())
    }
}

/// Somebody with a home folder and the program.
pub(crate) struct Person {
    pub(crate) home: PathBuf,
    pub(crate) url: String,
    /// A certificate authority to trust besides the usual ones.
    pub(crate) authority: Option<PathBuf>,
}

impl Person {
    /// Runs the program as this person.
    pub(crate) async fn coffer(&self, arguments: &[&str]) -> Done {
        let mut command = coffer(&self.home, arguments);
        if let Some(authority) = &self.authority {
            command.env("COFFER_CA_FILE", authority);
        }
        Done::of(command).await
    }

    /// Uploads a file of this name, and says its id.
    pub(crate) async fn file(&self, name: &str, content: &str) -> String {
        let path = self.home.join(name);
        std::fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        let words = ["file", "upload", path, "--output", "json"];
        let done = self.coffer(&words).await.ends(0).json();
        done[0]["id"].as_str().unwrap().to_owned()
    }

    /// Types a line as the program told it, and nothing else.
    pub(crate) async fn types(&self, line: &str) -> Done {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("coffer"), "{line}");
        self.coffer(&words.collect::<Vec<_>>()).await
    }

    /// The token that `coffer login` keeps.
    pub(crate) fn token(&self) -> String {
        let text = std::fs::read_to_string(self.home.join(".config/coffer/login.json")).unwrap();
        let login: Value = serde_json::from_str(&text).unwrap();
        login["token"].as_str().unwrap().to_owned()
    }

    /// The typed client, as this person.
    pub(crate) fn client(&self) -> Client {
        Client::new(ClientOptions {
            organization_url: self.url.clone(),
            token: Some(Zeroizing::new(self.token())),
            ca_file: self.authority.clone(),
            user_agent: "stories".into(),
        })
        .unwrap()
    }

    /// Adds a pipeline of this text, under this name.
    pub(crate) async fn pipeline(&self, name: &str, yaml: &str) -> i64 {
        let path = self.home.join(format!("{name}.yml"));
        std::fs::write(&path, yaml).unwrap();
        let done = self
            .coffer(&[
                "pipeline",
                "add",
                path.to_str().unwrap(),
                "--output",
                "json",
            ])
            .await
            .ends(0);
        done.json()["id"].as_i64().unwrap()
    }

    /// Starts a run and says its number.
    pub(crate) async fn queue(&self, pipeline: &str) -> String {
        let done = self
            .coffer(&["run", "start", pipeline, "--output", "json"])
            .await;
        done.ends(0).json()["id"].to_string()
    }

    /// Follows a run to its end.
    pub(crate) async fn watch(&self, run: &str) -> Done {
        self.coffer(&["run", "watch", run, "--timeout", "80"]).await
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// Bytes and numbers that one seed makes again. SplitMix64.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed that `COFFER_TEST_SEED` names, else a new one.
    #[expect(
        clippy::disallowed_methods,
        reason = "a seed is new each time, and printed"
    )]
    pub(crate) fn seed() -> u64 {
        match told("COFFER_TEST_SEED") {
            Some(seed) => seed.parse().unwrap(),
            None => uuid::Uuid::new_v4().as_u64_pair().1,
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` up to and without `high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let words = (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes());
        let mut bytes: Vec<u8> = words.collect();
        bytes.truncate(length);
        bytes
    }
}

/// The files below a folder, with the bytes that stand in any of them.
pub(crate) fn holds(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in tree(folder) {
        let content = std::fs::read(&path).unwrap_or_default();
        if content.windows(needle.len()).any(|window| window == needle) {
            found.push(path);
        }
    }
    found
}

/// All that is below a folder but folders.
pub(crate) fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(tree(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
