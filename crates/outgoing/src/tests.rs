//! Stories of calls on loopback, with a resolver that says what the story needs.

use crate::{Error, Outgoing, Policy, Resolve, Resolving};
use http::{Request, Response, StatusCode};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Gives the answers one after the other, the last one for ever, and counts the questions.
struct Script {
    answers: Vec<Vec<&'static str>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        Arc::new(Self {
            answers: answers.iter().map(|answer| answer.to_vec()).collect(),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolve for Script {
    fn resolve(&self, _host: &str) -> Resolving {
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(at).or(self.answers.last()).cloned();
        Box::pin(async move {
            let answer = answer.ok_or_else(|| io::Error::other("no such name"))?;
            Ok(answer.iter().map(|ip| ip.parse().unwrap()).collect())
        })
    }
}

/// Answers every connection with `answer`, and tells what it was sent first.
async fn serve_on(address: &str, answer: String) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            let n = stream.read(&mut heard).await.unwrap_or(0);
            let _ = tell
                .send(String::from_utf8_lossy(&heard[..n]).into_owned())
                .await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, told)
}

async fn serve(answer: &str) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    serve_on("127.0.0.1", answer.to_owned()).await
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn local() -> Policy {
    Policy::default().allow("127.0.0.1").unwrap().plain(true)
}

async fn get(outgoing: &Outgoing, url: &str) -> Result<Response<Vec<u8>>, Error> {
    outgoing
        .send(Request::get(url).body(Vec::new()).unwrap())
        .await
}

fn refused(result: Result<Response<Vec<u8>>, Error>) -> bool {
    matches!(result, Err(Error::Refused { .. }))
}

#[tokio::test]
async fn a_listed_target_is_called_and_what_was_stated_is_sent() {
    let (port, mut told) = serve(&ok("hello")).await;
    let request = Request::post(format!("http://127.0.0.1:{port}/in?x=1"))
        .header("authorization", "Splunk abc")
        .body(b"body".to_vec())
        .unwrap();
    let answer = Outgoing::new(local()).send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body(), b"hello");
    let heard = told.recv().await.unwrap();
    assert!(heard.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("authorization: Splunk abc"), "{heard}");
    assert!(!heard.contains("cookie"), "{heard}");
}

#[tokio::test]
async fn without_a_list_nothing_private_is_called_however_it_is_spelled() {
    let out = Outgoing::with_resolver(
        Policy::default().plain(true).allow("10.9.9.9").unwrap(),
        Script::new(&[&["127.0.0.1"]]),
    );
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "169.254.169.254",
        "0xA9FEA9FE",
        "10.1.2.3",
        "192.168.0.1",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/");
            // `http::Uri` refuses some spellings before we see them, which is as good.
            if let Ok(request) = Request::get(&url).body(Vec::new()) {
                assert!(refused(out.send(request).await), "{url}");
            }
            // A name can only be judged when it is resolved.
            let named = host.to_lowercase().contains("localhost");
            assert_eq!(out.check_url(&url).is_ok(), named, "{url}");
        }
    }
}

#[tokio::test]
async fn other_schemes_and_user_names_in_a_url_are_refused() {
    let out = Outgoing::new(local());
    for url in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "//127.0.0.1/",
        "nonsense",
    ] {
        let error = out.check_url(url).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{url}");
        assert!(!error.whole_text().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn without_tls_only_listed_targets_are_called_and_only_when_that_is_allowed() {
    let (port, _told) = serve(&ok("hello")).await;
    let url = format!("http://127.0.0.1:{port}/");
    let listed = Policy::default().allow("127.0.0.1").unwrap();
    assert!(refused(get(&Outgoing::new(listed), &url).await));
    // A public address that nobody listed, plain HTTP switched on for others.
    let public = Outgoing::with_resolver(local(), Script::new(&[&["1.1.1.1"]]));
    assert!(refused(get(&public, "http://example.com/").await));
    assert!(refused(get(&public, "http://1.1.1.1/").await));
    let raw = public.connect("example.com", 514, false).await;
    assert!(matches!(raw, Err(Error::Refused { .. })), "{raw:?}");
}

#[tokio::test]
async fn a_name_that_has_one_bad_address_among_good_ones_is_refused() {
    for bad in ["127.0.0.1", "10.0.0.1", "::1", "::ffff:169.254.169.254"] {
        let resolver = Script::new(&[&["1.1.1.1", bad]]);
        let out = Outgoing::with_resolver(Policy::default(), resolver);
        assert!(refused(get(&out, "https://example.com/").await), "{bad}");
        let raw = out.connect("example.com", 1, true).await;
        assert!(matches!(raw, Err(Error::Refused { .. })), "{bad}");
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_connection_goes_to_what_was_looked_at() {
    let (port, _told) = serve_on("127.0.0.2", ok("right")).await;
    // The second answer is the one that an attacker would switch to.
    let resolver = Script::new(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let policy = Policy::default().allow("127.0.0.2").unwrap().plain(true);
    let out = Outgoing::with_resolver(policy, resolver.clone());
    let url = format!("http://rebinding.test:{port}/");
    assert_eq!(get(&out, &url).await.unwrap().body(), b"right");
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    // And when it is switched before the next call, that call is refused.
    assert!(refused(get(&out, &url).await));
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_listed_name_opens_private_addresses_and_nothing_special() {
    let policy = Policy::default().allow("Splunk.Corp").unwrap();
    let may = |host: &str, address: &str| policy.permits(host, address.parse::<IpAddr>().unwrap());
    assert!(may("splunk.corp", "10.0.0.1"));
    assert!(may("SPLUNK.CORP.", "fd12::1"));
    assert!(!may("other.corp", "10.0.0.1"));
    assert!(!may("splunk.corp", "127.0.0.1"));
    assert!(!may("splunk.corp", "169.254.169.254"));
    assert!(!may("splunk.corp", "fd00:ec2::254"));
    assert!(!may("splunk.corp.evil.test", "10.0.0.1"));
}

#[test]
fn the_list_takes_names_addresses_and_ranges() {
    for good in [
        "a.test",
        "10.0.0.0/8",
        "fd00::/8",
        "[::1]",
        "127.0.0.1",
        "localhost",
    ] {
        assert!(Policy::default().allow(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "10.0.0.0/40",
        "a b",
        "http://a.test",
        "a.test:80",
        "*.test",
    ] {
        assert!(Policy::default().allow(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (elsewhere, mut told) = serve(&ok("never")).await;
    let (port, _) = serve(&format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    let answer = get(
        &Outgoing::new(local()),
        &format!("http://127.0.0.1:{port}/"),
    )
    .await
    .unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_long_answer_ends_at_the_bound_with_or_without_a_length() {
    let long = "x".repeat(2000);
    let policy = || local().most_answer(1999);
    for answer in [
        ok(&long),
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{long}"),
    ] {
        let (port, _told) = serve(&answer).await;
        let url = format!("http://127.0.0.1:{port}/");
        let result = get(&Outgoing::new(policy()), &url).await;
        assert!(matches!(result, Err(Error::TooLong { most: 1999, .. })));
        let enough = Outgoing::new(local().most_answer(2000));
        assert_eq!(get(&enough, &url).await.unwrap().body().len(), 2000);
    }
}

#[tokio::test]
async fn silence_ends_at_the_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let policy = local().time(Duration::from_millis(200), Duration::from_millis(200));
    let out = Outgoing::new(policy);
    let patience = Duration::from_secs(20);
    let url = format!("http://127.0.0.1:{port}/");
    let result = tokio::time::timeout(patience, get(&out, &url))
        .await
        .unwrap();
    assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
    // A TLS partner that says nothing.
    let raw = tokio::time::timeout(patience, out.connect("127.0.0.1", port, true)).await;
    let raw = raw.unwrap();
    assert!(matches!(raw, Err(Error::TimedOut { .. })), "{raw:?}");
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_told_apart_and_no_error_shows_the_path() {
    let port = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap().port()
    };
    let out = Outgoing::with_resolver(local(), Script::new(&[]));
    let url = format!("http://127.0.0.1:{port}/services/s3cret?token=s3cret");
    let error = get(&out, &url).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(
        !error.whole_text().contains("s3cret"),
        "{}",
        error.whole_text()
    );
    let error = get(&out, "https://nowhere.test/s3cret").await.unwrap_err();
    assert!(
        !error.whole_text().contains("s3cret"),
        "{}",
        error.whole_text()
    );
    assert!(!matches!(error, Error::Refused { .. }), "{error:?}");
    let error = out.connect("nowhere.test", 1, true).await.unwrap_err();
    assert!(matches!(error, Error::Resolve { .. }), "{error:?}");
}

/// A TLS server for `name` that echoes, and the authority to trust.
async fn tls_echo(name: &str) -> (u16, Vec<u8>, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut heard = [0; 1024];
                let n = stream.read(&mut heard).await.unwrap_or(0);
                let answer = if heard.starts_with(b"GET ") {
                    ok("over tls").into_bytes()
                } else {
                    heard[..n].to_vec()
                };
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (port, certificate.to_vec(), made.cert.pem())
}

#[tokio::test]
async fn tls_is_for_the_name_that_was_called_and_for_trusted_authorities_only() {
    let (port, root, pem) = tls_echo("siem.test").await;
    let resolver = || Script::new(&[&["127.0.0.1"]]);
    let policy = || Policy::default().allow("127.0.0.1").unwrap();
    let trusting = Outgoing::with_resolver(policy().trust(root), resolver());
    let mut connection = trusting.connect("siem.test", port, true).await.unwrap();
    connection.write_all(b"ping").await.unwrap();
    connection.flush().await.unwrap();
    let mut heard = Vec::new();
    connection.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"ping");
    let url = format!("https://siem.test:{port}/");
    assert_eq!(get(&trusting, &url).await.unwrap().body(), b"over tls");
    let pem = policy().trust_pem(pem.as_bytes()).unwrap();
    let by_file = Outgoing::with_resolver(pem, resolver());
    assert_eq!(get(&by_file, &url).await.unwrap().body(), b"over tls");
    assert!(policy().trust_pem(b"no certificate").is_err());
    // Another name for the same machine.
    let wrong = trusting.connect("other.test", port, true).await;
    assert!(matches!(wrong, Err(Error::Connect { .. })), "{wrong:?}");
    let url = format!("https://other.test:{port}/");
    assert!(get(&trusting, &url).await.is_err());
    // Nobody vouches.
    let strange = Outgoing::with_resolver(policy(), resolver());
    let wrong = strange.connect("siem.test", port, true).await;
    assert!(matches!(wrong, Err(Error::Connect { .. })), "{wrong:?}");
}
