//! `coffer serve` with TLS, as an operator sets it up, renews it and gets it wrong.

use crate::harness::{Done, Site, coffer};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// An authority, and the pairs it signs.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        // Another name than those it signs: some clients take who signs under their own name for self-signed.
        let name = &mut parameters.distinguished_name;
        name.push(rcgen::DnType::CommonName, "an authority of a company");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            issuer: rcgen::Issuer::new(parameters, key),
            pem,
        }
    }

    /// What clients have to trust, PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Certificate and key for this name or address, PEM.
    pub(crate) fn pair(&self, name: &str, until: i32) -> [String; 2] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.use_authority_key_identifier_extension = true;
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }

    /// Puts certificate and key where the flags of [`flags`] look for them.
    pub(crate) fn install(&self, site: &Site, name: &str, until: i32) {
        let [certificate, key] = self.pair(name, until);
        put(&site.path("tls.pem"), &certificate, 0o644);
        put(&site.path("tls.key"), &key, 0o600);
    }
}

/// Puts a file in another's place in one step, as tools that renew certificates do.
fn put(path: &Path, content: &str, mode: u32) {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, content).unwrap();
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&fresh, path).unwrap();
}

/// The flags of `serve` for the files that [`Authority::install`] makes.
pub(crate) fn flags(site: &Site) -> [String; 4] {
    let path = |name| site.path(name).to_str().unwrap().to_owned();
    [
        "--tls-certificate".into(),
        path("tls.pem"),
        "--tls-key".into(),
        path("tls.key"),
    ]
}

pub(crate) fn host(site: &Site) -> &str {
    site.listen().rsplit_once(':').unwrap().0
}

#[tokio::test]
async fn a_server_with_tls_is_used_renewed_and_stopped() {
    let (site, authority) = (Site::new(), Authority::new());
    authority.install(&site, host(&site), 2100);
    let mut command = site.serve_command(site.listen(), &[]);
    command.args(flags(&site));
    let mut server = site.start(command).await;
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let ca = site.file("ca.pem", authority.pem());

    // Without the authority it is not trusted, with it the way is open: for people and for agents.
    let ada = site.somebody("ada", &server);
    let code = site.code().await;
    let login = ["login", &server.url, "--name", "ada", "--code", &code];
    let refused = ada.coffer(&login).await.ends(9);
    refused
        .says("invalid peer certificate: UnknownIssuer")
        .says("--ca-file");
    // The machine's own way to know authorities counts as well.
    let mut by_variable = coffer(&ada.home, &["whoami", "--url", &server.url]);
    by_variable
        .env("SSL_CERT_FILE", &ca)
        .env("COFFER_TOKEN", "cof_pat_x");
    Done::of(by_variable).await.ends(4);
    let trusting = [&["--ca-file", &ca][..], &login].concat();
    ada.coffer(&trusting).await.ends(0);
    let ask = async |words: &[&str]| {
        let mut command = coffer(&ada.home, words);
        command.env("COFFER_CA_FILE", &ca);
        Done::of(command).await
    };
    ask(&["whoami"]).await.ends(0).shows("ada");
    let yaml = ada.home.join("p.yml");
    let text =
        "steps:\n- script: echo \"CA is $NODE_EXTRA_CA_CERTS\"; test -f \"$NODE_EXTRA_CA_CERTS\"\n";
    std::fs::write(&yaml, text).unwrap();
    ask(&["pipeline", "add", yaml.to_str().unwrap()])
        .await
        .ends(0);
    let token = ask(&["token", "create", "a", "--kind", "agent"])
        .await
        .ends(0);
    let token = site.file("agent.token", token.out);
    let work = site.path("work");
    let run = ask(&["run", "start", "p", "--output", "json"]).await;
    let run = run.ends(0).json()["id"].to_string();
    let agent = [
        "agent",
        "--url",
        &server.url,
        "--name",
        "b",
        "--once",
        "--token-file",
        &token,
        "--work",
        work.to_str().unwrap(),
    ];
    ask(&agent).await.ends(0);
    // Tasks learn of the authority from the agent: Node does not know the machine's.
    let log = ask(&["run", "log", &run]).await.ends(0);
    log.shows(&format!("CA is {ca}"));

    // Half a renewal, a wrong one, and a good one.
    let [certificate, key] = authority.pair(host(&site), 2101);
    put(&site.path("tls.pem"), &certificate, 0o644);
    server.process.hang_up();
    server
        .process
        .says("a pair that does not fit is refused", |said| {
            said.contains("does not belong to the certificate")
                .then_some(())
        })
        .await;
    ask(&["whoami"]).await.ends(0);
    put(&site.path("tls.key"), &key, 0o644);
    server.process.hang_up();
    server
        .process
        .says("a key that others can read is refused", |said| {
            said.contains("others can read or write it").then_some(())
        })
        .await;
    ask(&["whoami"]).await.ends(0);
    // Without a signal: the files are looked at.
    put(&site.path("tls.key"), &key, 0o600);
    server
        .process
        .says("the new pair is taken", |said| {
            said.contains("expires=2101-01-01T00:00:00Z").then_some(())
        })
        .await;
    ask(&["whoami"]).await.ends(0);
    let ended = server.process.terminate().await;
    assert!(ended.success(), "{}", server.process.said());
    let said = server.process.said();
    assert!(!said.contains("PRIVATE KEY"), "{said}");
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_is_refused_at_the_start_and_by_the_check() {
    let (site, authority) = (Site::new(), Authority::new());
    let check = async |more: &[&str]| {
        let mut command = coffer(&site.folder("server"), &["config", "check"]);
        command.args(flags(&site)).args(more);
        Done::of(command).await
    };
    let start = async || {
        let mut command = site.serve_command("0.0.0.0:0", &[]);
        command.args(flags(&site));
        Done::of(command).await
    };
    start()
        .await
        .ends(6)
        .says("server.tls_certificate cannot be read");
    authority.install(&site, "coffer.example", 2021);
    start()
        .await
        .ends(6)
        .says("expired at 2021-01-01")
        .says("server.tls_key");
    check(&[]).await.ends(6).says("expired at 2021-01-01");
    authority.install(&site, "coffer.example", 2100);
    check(&[]).await.ends(0).says("The configuration is valid.");
    let other = check(&["--public-url", "https://other.example:8443/tfs"]).await;
    other
        .ends(0)
        .says("warning: the certificate is not for other.example");
    let right = check(&["--public-url", "https://coffer.example/tfs"])
        .await
        .ends(0);
    assert!(!right.err.contains("warning"), "{}", right.err);
    check(&["--public-url", "http://coffer.example"])
        .await
        .ends(6)
        .says("begins with http://");
    let [_, key] = authority.pair("coffer.example", 2100);
    put(&site.path("tls.key"), &key, 0o600);
    start()
        .await
        .ends(6)
        .says("does not belong to the certificate");
    put(&site.path("tls.key"), &key, 0o604);
    start()
        .await
        .ends(6)
        .says("others can read or write it")
        .says("chmod 600");
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    put(&site.path("tls.key"), &encrypted, 0o640);
    let done = start().await.ends(6).says("encrypted");
    assert!(
        !done.err.contains(key.lines().nth(1).unwrap()),
        "{}",
        done.err
    );
    assert!(!site.data().exists(), "nothing was made");

    let mut lonely = site.serve_command("127.0.0.1:0", &["--tls-key"]);
    lonely.arg(site.path("tls.key"));
    Done::of(lonely)
        .await
        .ends(6)
        .says("TLS needs a certificate and its key");
}

#[tokio::test]
async fn with_tls_any_address_may_be_listened_on() {
    let (site, authority) = (Site::new(), Authority::new());
    authority.install(&site, "coffer.example", 2100);
    let mut command = site.serve_command("0.0.0.0:0", &[]);
    command.args(flags(&site));
    let mut server = site.start(command).await;
    assert!(server.process.terminate().await.success());
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_ends_what_runs_and_takes_nothing_new() {
    use coffer_client::{Body, Client, ClientOptions, Upload};
    use tokio::io::AsyncWriteExt as _;

    let (site, authority) = (Site::new(), Authority::new());
    authority.install(&site, host(&site), 2100);
    let ca = site.file("ca.pem", authority.pem());
    let serve = |listen: &str| {
        let mut command = site.serve_command(listen, &["--log-level", "debug"]);
        command.args(flags(&site));
        command
    };
    let mut server = site.start(serve(site.listen())).await;
    let ada = site.somebody("ada", &server);
    let code = site.code().await;
    ada.coffer(&[
        "login",
        &server.url,
        "--name",
        "ada",
        "--code",
        &code,
        "--ca-file",
        &ca,
    ])
    .await
    .ends(0);
    let token = ada
        .coffer(&["token", "create", "a", "--kind", "agent", "--ca-file", &ca])
        .await
        .ends(0);
    let token = site.file("agent.token", token.out);
    // An agent waits for a job, an upload is half done, and somebody has connected and says nothing.
    let mut agent = coffer(
        &site.folder("home-agent"),
        &[
            "agent",
            "--url",
            &server.url,
            "--name",
            "b",
            "--ca-file",
            &ca,
        ],
    );
    agent
        .args(["--token-file", &token, "--work"])
        .arg(site.path("work"));
    let _agent = site.start_agent(agent).await;
    let client = Client::new(ClientOptions {
        organization_url: server.url.clone(),
        token: Some(ada.token().into()),
        ca_file: Some(ca.clone().into()),
        user_agent: String::new(),
    });
    let client = client.unwrap();
    let (mut sender, reader) = tokio::io::duplex(64 * 1024);
    let uploading = client.clone();
    let upload = tokio::spawn(async move {
        let files = uploading.secure_files("Main");
        files
            .upload(Upload::named("half.bin"), Body::from_reader(reader))
            .await
    });
    sender.write_all(&vec![7; 300_000]).await.unwrap();
    let blobs = site.data().join("blobs");
    crate::harness::eventually("the upload has begun", async || {
        (!crate::harness::tree(&blobs).is_empty()).then_some(())
    })
    .await;
    let address = server.address().to_owned();
    let mut silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    server.process.signal(rustix::process::Signal::TERM);
    crate::harness::eventually("nobody new is let in", async || {
        tokio::net::TcpStream::connect(&address).await.err()
    })
    .await;
    let mut rest = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut rest).await;
    assert!(
        closed.is_err() || rest.is_empty(),
        "who is silent is not waited for"
    );
    // What had begun is finished and kept.
    sender.write_all(&[8; 1000]).await.unwrap();
    drop(sender);
    let file = upload.await.unwrap().unwrap();
    assert_eq!(file.size, Some(301_000));
    assert!(
        server.process.end().await.success(),
        "{}",
        server.process.said()
    );
    let said = server.process.said();
    assert!(!said.contains("cut off"), "{said}");
    let _server = site.start(serve(&address)).await;
    let list = ada.coffer(&["file", "list", "--ca-file", &ca]).await;
    list.ends(0).shows("half.bin");
}
