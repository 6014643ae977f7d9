//! A listener between a client and the server that keeps what the server says: for stories that must know a secret
//! that only a client is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A listener. Ends when it is dropped.
pub struct Tap {
    address: SocketAddr,
    organization: String,
    heard: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Tap {
    pub(crate) async fn open(server: SocketAddr, organization: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = heard.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, kept.clone()));
            }
        });
        Self {
            address,
            organization: organization.into(),
            heard,
            task,
        }
    }

    /// The organization's URL by this way.
    pub fn url(&self) -> String {
        format!("http://{}/{}", self.address, self.organization)
    }

    /// The values of a JSON member of type string in everything that the server said, each once.
    pub fn json_strings(&self, member: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&heard);
        let mut found: Vec<String> = text
            .split(&format!("\"{member}\":\""))
            .skip(1)
            .filter_map(|rest| rest.split('"').next().map(str::to_owned))
            .collect();
        found.dedup();
        found
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection. An end on either side ends both: what comes of it is the story's business.
async fn pass(client: TcpStream, server: SocketAddr, heard: Arc<Mutex<Vec<u8>>>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let _ended = copy(&mut from_client, &mut to_server).await;
        let _closed = to_server.shutdown().await;
    };
    let down = async {
        let mut piece = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut piece).await {
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&piece[..count]);
            if to_client.write_all(&piece[..count]).await.is_err() {
                break;
            }
        }
        let _closed = to_client.shutdown().await;
    };
    tokio::join!(up, down);
}
