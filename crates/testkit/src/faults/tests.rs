//! Every trouble, before a small service that counts what it did.

use super::*;
use axum::Router;
use axum::extract::State as Held;
use axum::routing::post;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn service() -> (SocketAddr, Arc<AtomicUsize>) {
    let done = Arc::new(AtomicUsize::new(0));
    let act = |Held(done): Held<Arc<AtomicUsize>>, body: String| async move {
        done.fetch_add(1, Ordering::SeqCst);
        format!("did {body}")
    };
    let router = Router::new()
        .route("/act", post(act))
        .route("/other", post(|| async { "other" }))
        .with_state(done.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, done)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

async fn act(client: &reqwest::Client, proxy: &FaultProxy) -> Result<(u16, String), String> {
    let sent = client.post(format!("{}/act?x=1", proxy.url())).body("it");
    let answer = sent.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    Ok((status, text))
}

#[tokio::test]
async fn without_trouble_calls_pass_and_are_counted() {
    let (address, done) = service().await;
    let proxy = FaultProxy::http(address).await;
    let client = client();
    for _ in 0..2 {
        assert_eq!(act(&client, &proxy).await, Ok((200, "did it".into())));
    }
    assert_eq!(done.load(Ordering::SeqCst), 2);
    assert_eq!(proxy.calls()[0], ("POST".into(), "/act?x=1".into()));
    assert_eq!((proxy.calls_to("/act"), proxy.calls_to("/other")), (2, 0));
    assert_eq!(proxy.connections(), 1, "connections are kept");
}

#[tokio::test]
async fn who_does_not_listen_refuses_open_connections_too_and_comes_back() {
    let (address, done) = service().await;
    let mut proxy = FaultProxy::http(address).await;
    let client = client();
    act(&client, &proxy).await.unwrap();
    proxy.trouble(Trouble::Refuses).await;
    let error = act(&client, &proxy).await.unwrap_err();
    assert!(error.contains("ConnectionRefused"), "{error}");
    proxy.end_trouble().await;
    act(&client, &proxy).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_cut_answer_is_an_error_after_the_deed() {
    let (address, done) = service().await;
    let mut proxy = FaultProxy::http(address).await;
    proxy.trouble(Trouble::Cuts).await;
    act(&client(), &proxy).await.unwrap_err();
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn it_answers_in_the_service_s_place() {
    let (address, done) = service().await;
    let mut proxy = FaultProxy::http(address).await;
    proxy.trouble(Trouble::throttles(7)).await;
    let answer = client().post(format!("{}/act", proxy.url())).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    proxy.trouble(Trouble::answers(503)).await;
    assert_eq!(act(&client(), &proxy).await.unwrap().0, 503);
    assert_eq!(done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn trouble_can_be_for_some_calls_only() {
    let (address, _done) = service().await;
    let mut proxy = FaultProxy::http(address).await;
    let client = client();
    proxy.trouble_for(Trouble::answers(403), "/other", 1).await;
    let other = async || {
        let sent = client.post(format!("{}/other", proxy.url())).send();
        sent.await.unwrap().status().as_u16()
    };
    assert_eq!(act(&client, &proxy).await.unwrap().0, 200);
    assert_eq!([other().await, other().await], [403, 200]);
}

#[tokio::test]
async fn paused_calls_wait_and_hanging_calls_go_on_hanging() {
    let (address, done) = service().await;
    let mut proxy = FaultProxy::http(address).await;
    proxy.pause();
    let client = client();
    {
        let calls = async { tokio::join!(act(&client, &proxy), act(&client, &proxy)) };
        let opened = async {
            crate::eventually("both wait", || async { proxy.waiting() == 2 }).await;
            assert_eq!(done.load(Ordering::SeqCst), 0);
            proxy.resume();
        };
        let ((one, other), ()) = tokio::join!(calls, opened);
        assert!(one.is_ok() && other.is_ok());
    }
    proxy.trouble(Trouble::Hangs).await;
    let hanging = act(&client, &proxy);
    let waited = tokio::time::timeout(Duration::from_millis(50), hanging).await;
    assert!(waited.is_err(), "it was answered");
    proxy.trouble(Trouble::Slow(Duration::from_millis(1))).await;
    act(&client, &proxy).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 3);
}

/// Says `hello` back to whoever says something.
async fn greeter() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _asked = client.read_u8().await;
            let _gone = client.write_all(b"hello").await;
        }
    });
    address
}

async fn greeting(proxy: &FaultProxy) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(proxy.address()).await?;
    stream.write_u8(b'?').await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    Ok(said)
}

#[tokio::test]
async fn bytes_of_any_kind_pass_are_cut_and_refused() {
    let mut proxy = FaultProxy::tcp(greeter().await).await;
    assert_eq!(greeting(&proxy).await.unwrap(), "hello");
    proxy.trouble(Trouble::Cuts).await;
    assert_ne!(greeting(&proxy).await.ok().as_deref(), Some("hello"));
    proxy.trouble(Trouble::Refuses).await;
    assert!(greeting(&proxy).await.is_err());
    proxy.end_trouble().await;
    assert_eq!(greeting(&proxy).await.unwrap(), "hello");
    assert_eq!(proxy.connections(), 3);
}
