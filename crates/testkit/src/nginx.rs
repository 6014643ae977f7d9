//! A real nginx before a server, with the configuration that the repository ships, and a search in what it keeps.
//!
//! The file is taken as it is, but for addresses and paths. nginx runs in a folder of its own, as nobody where the tests run
//! as root, on an address that no other test has.

use crate::samples::{Authority, random};
use crate::search::Needle;
use crate::server::eventually;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// What the repository ships.
const SHIPPED: &str = include_str!("../../../packaging/nginx/coffer.conf");
/// Who has no rights anywhere.
const NOBODY: u32 = 65_534;
/// The path prefix of the shipped file.
const PREFIX: &str = "/coffer";

/// A running nginx. Ends when it is dropped.
pub struct Nginx {
    folder: TempDir,
    process: Child,
    /// Where it speaks plain HTTP.
    pub plain: SocketAddr,
    url: String,
}

impl Nginx {
    /// Where it will listen, as the server's public URL.
    pub fn choose_url() -> String {
        let bytes = random(3);
        let ip = IpAddr::from([127, bytes[0].max(1), bytes[1], bytes[2].clamp(1, 254)]);
        format!("https://{}{PREFIX}", free(ip))
    }

    /// Whether there is one; else the skip is written down.
    pub fn is_there(test: &str) -> bool {
        let there = crate::told("COFFER_TEST_NGINX").is_some();
        if !there {
            crate::skip(test, "COFFER_TEST_NGINX is not set");
        }
        there
    }

    /// Starts it at `url` before the server at `upstream`. `change` makes of the shipped file what the story wants.
    #[expect(
        clippy::disallowed_methods,
        reason = "the story is about this very program"
    )]
    pub async fn start(url: &str, upstream: SocketAddr, change: impl Fn(String) -> String) -> Self {
        let program = crate::told("COFFER_TEST_NGINX").expect("a story asks before");
        let address: SocketAddr = url["https://".len()..url.len() - PREFIX.len()]
            .parse()
            .unwrap();
        let plain = free(address.ip());
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for name in ["logs", "temp"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let authority = Authority::new();
        let [certificate, key] = authority.issue(&[&address.ip().to_string()], [2020, 2100]);
        let mut config = change(SHIPPED.to_owned());
        for (shipped, here) in [
            ("listen 443 ssl;", format!("listen {address} ssl;")),
            ("listen 80;", format!("listen {plain};")),
            ("server 127.0.0.1:8080;", format!("server {upstream};")),
            ("tools.example", address.ip().to_string()),
            ("/etc/nginx/", format!("{}/", folder.path().display())),
            ("/var/log/nginx/", format!("{}/", at("logs"))),
        ] {
            assert!(config.contains(shipped), "{shipped}");
            config = config.replace(shipped, &here);
        }
        let mut main = format!(
            "daemon off; master_process off; pid {}; error_log {} warn; events {{ worker_connections 256; }}\nhttp {{\n",
            at("pid"),
            at("logs/main.log")
        );
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            main += &format!("{kind}_temp_path {};\n", at(&format!("temp/{kind}")));
        }
        main += &format!("include {};\n}}\n", at("coffer.conf"));
        for (name, content) in [
            ("ca.pem", authority.pem()),
            ("coffer.pem", &certificate),
            ("coffer.key", &key),
            ("tools.htpasswd", "proxyuser:{PLAIN}open-sesame\n"),
            ("coffer.conf", &config),
            ("nginx.conf", &main),
        ] {
            std::fs::write(at(name), content).unwrap();
        }
        let mut command = Command::new(program);
        command
            .args(["-e", &at("logs/start.log"), "-c", &at("nginx.conf"), "-p"])
            .arg(folder.path())
            .stdin(Stdio::null());
        if is_root() {
            give_away(folder.path());
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = command.spawn().unwrap();
        let nginx = Self {
            folder,
            process,
            plain,
            url: format!("{url}/DefaultCollection"),
        };
        eventually("nginx listens", || async {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        nginx
    }

    /// The organization's URL through it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that clients have to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The places where a needle stands: its logs, its folders, and the files that it has open, also those that have no
    /// name any more. nginx takes the names of its temporary files away at once.
    pub fn holds(&self, needle: &[u8]) -> Vec<String> {
        let needle = Needle::new(needle);
        let mut found: Vec<_> = ["logs", "temp"]
            .iter()
            .flat_map(|name| needle.in_folder(&self.folder.path().join(name)))
            .collect();
        let open = format!("/proc/{}/fd", self.process.id());
        for entry in std::fs::read_dir(open).unwrap() {
            let path = entry.unwrap().path();
            let target = std::fs::read_link(&path).unwrap_or_default();
            if target.starts_with(self.folder.path())
                && let Ok(bytes) = std::fs::read(&path)
                && let Some(form) = needle.form_in(&bytes)
            {
                found.push(format!("the open file {}, {form}", target.display()));
            }
        }
        found
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        let logs = self.folder.path().join("logs");
        let mut all = String::new();
        for entry in std::fs::read_dir(logs).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            all += &String::from_utf8_lossy(&bytes);
        }
        all
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A port of this address that nobody has. The address is this test's own, so nobody takes it before nginx does.
fn free(ip: IpAddr) -> SocketAddr {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn give_away(folder: &Path) {
    std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => give_away(&path),
            false => std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap(),
        }
    }
}
