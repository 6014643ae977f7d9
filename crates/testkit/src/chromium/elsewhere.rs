//! A site of somebody else: it shows what a story wrote, and counts what it is asked. By the name `localhost` it is another
//! site than the server, by the address another origin of the same site.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use http::Uri;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Shared = Arc<Mutex<BTreeMap<String, String>>>;

/// A site. It stops when it is dropped.
pub struct Elsewhere {
    pages: Shared,
    port: u16,
    serving: JoinHandle<()>,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(pages: &Shared) -> MutexGuard<'_, BTreeMap<String, String>> {
    pages.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Elsewhere {
    /// Starts one on a port of the system's choosing.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages = Shared::default();
        let router = Router::new()
            .fallback(async |State(pages): State<Shared>, uri: Uri| {
                Html(lock(&pages).get(uri.path()).cloned().unwrap_or_default())
            })
            .with_state(pages.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            pages,
            port,
            serving,
        }
    }

    /// Its origin as another site.
    pub fn other_site(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Its origin as another port of the server's own host.
    pub fn same_site(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Puts a page there.
    pub fn shows(&self, path: &str, html: &str) {
        lock(&self.pages).insert(path.into(), html.into());
    }
}
