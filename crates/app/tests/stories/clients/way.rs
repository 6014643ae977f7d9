//! A bad way between a client and the server: it knows what was asked, and lets a request through only after others of
//! its kind have come to grief. Each request gets a connection of its own, and none of them has a body.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request instead of an answer.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Somebody on the way answers with this status.
    Status(u16),
    /// The connection is reset.
    Reset,
}

/// A listener. Ends when it is dropped.
pub(crate) struct Way {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Way {
    /// Opens one to a server at `host:port`. Requests of the same method and path meet these faults first, in turn.
    pub(crate) async fn open(server: &str, faults: &'static [Fault]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let kinds: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let (server, kept) = (server.to_owned(), heads.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, kept, kinds) = (server.clone(), kept.clone(), kinds.clone());
                tokio::spawn(async move {
                    // What comes of it is the client's business.
                    _ = pass(client, &server, &kept, &kinds, faults).await;
                });
            }
        });
        Self {
            address,
            heads,
            task,
        }
    }

    /// The organization's URL by this way, with the slash that jobs are given.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/DefaultCollection/", self.address)
    }

    /// The heads of all requests so far, in order of arrival.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The first lines of all requests so far, without query and version.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.heads().iter().map(|head| kind(head)).collect()
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Method and path.
fn kind(head: &str) -> String {
    let line = head.lines().next().unwrap_or_default();
    let line = line.rsplit_once(' ').map_or(line, |(line, _)| line);
    line.split('?').next().unwrap_or_default().to_owned()
}

async fn pass(
    mut client: TcpStream,
    server: &str,
    heads: &Mutex<Vec<String>>,
    kinds: &Mutex<BTreeMap<String, usize>>,
    faults: &[Fault],
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        match client.read(&mut piece).await? {
            0 => return Ok(()),
            count => head.extend_from_slice(&piece[..count]),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let fault = {
        let mut kinds = kinds.lock().unwrap();
        let seen = kinds.entry(kind(&text)).or_default();
        *seen += 1;
        faults.get(*seen - 1).copied()
    };
    heads.lock().unwrap().push(text);
    match fault {
        Some(Fault::Reset) => client.set_zero_linger(),
        Some(Fault::Status(status)) => {
            let answer = format!(
                "HTTP/1.1 {status} On The Way\r\nContent-Length: 7\r\nConnection: close\r\n\r\nno luck"
            );
            client.write_all(answer.as_bytes()).await?;
            client.shutdown().await
        }
        None => {
            // Whoever would keep the connection for a further request is told not to.
            let text = String::from_utf8_lossy(&head).into_owned();
            let lines = text.split_inclusive("\r\n");
            let kept = lines.filter(|line| !line.to_lowercase().starts_with("connection:"));
            let head = kept.collect::<String>();
            let head = head.trim_end().to_owned() + "\r\nConnection: close\r\n\r\n";
            let mut server = TcpStream::connect(server).await?;
            server.write_all(head.as_bytes()).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            Ok(())
        }
    }
}
