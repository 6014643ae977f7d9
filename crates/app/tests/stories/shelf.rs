//! A small file and a long one, a pipeline that uses both, and a hand that takes its jobs: what a story looks for again
//! after it did something to the server. Must not know what that is.

use crate::harness::{Person, Server, Site};
use crate::job::{Hand, downloads};

const FILES: [(&str, usize); 2] = [("small.pem", 1_000), ("long.bin", 300_000)];

pub(crate) struct Shelf {
    pub(crate) ada: Person,
    pub(crate) hand: Hand,
}

/// What a file of this name holds.
fn content(name: &str, size: usize) -> Vec<u8> {
    name.bytes().cycle().take(size).collect()
}

impl Shelf {
    /// On a server that was never used before.
    pub(crate) async fn filled(site: &Site, server: &Server) -> Self {
        let ada = site.administrator(server).await;
        for (name, size) in FILES {
            let path = site.file(name, content(name, size));
            ada.coffer(&["file", "upload", &path, "--authorize-all-pipelines"])
                .await
                .ends(0);
        }
        let names = FILES.iter().map(|(name, _)| *name);
        ada.pipeline("use", &downloads(names)).await;
        let hand = Hand::register(&ada, "hand").await;
        Self { ada, hand }
    }

    /// A job downloads both files, and they are what was uploaded.
    pub(crate) async fn used(&self) {
        self.ada.queue("use").await;
        let job = self.hand.job().await;
        let told = &job.resources.secure_files;
        assert_eq!(told.len(), FILES.len());
        for (name, size) in FILES {
            let file = told.iter().find(|file| file.name == name).unwrap();
            let got = self.hand.download(&job, file).await.unwrap();
            assert!(got == content(name, size), "{name} is another file now");
        }
        self.hand.finish(&job, "succeeded").await;
    }
}
