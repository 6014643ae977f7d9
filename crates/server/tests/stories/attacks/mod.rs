//! Somebody writes the database: with a leaked password of it, or by editing a backup. He has no key and no token.
//!
//! Each story is one attack on a running server. What holds after each: whatever is answered is the file itself or a
//! clear error; nothing is sealed under what does not verify, and nothing is half done; the audit log, a count and the
//! log say that something did not verify; `coffer doctor` names it; and a rotation comes to its end and counts it.

mod keys;
mod signed;
mod states;
mod wraps;

use crate::rotation::{Shelf, request, rotated};
use coffer_service::{Health, RotationView};
use coffer_testkit::{LeasedJob, TestServer, User};
use std::collections::BTreeMap;

/// A server with files, a job that has a ticket for each, and somebody at the database.
struct Scene {
    server: TestServer,
    shelf: Shelf,
    job: LeasedJob,
}

impl Scene {
    async fn of(server: TestServer) -> Self {
        let shelf = Shelf::of(&server).await;
        let job = shelf.job().await;
        Self { server, shelf, job }
    }

    /// The attacker's statement.
    async fn attack(&self, sql: &str) {
        self.server.database().sql(sql).await;
    }

    /// The same, while nobody has a key in memory.
    async fn attack_cold(&mut self, sql: &str) {
        self.server.database().sql(sql).await;
        self.server.restart().await;
    }

    /// SQL for the id of a file.
    fn id_of(&self, name: &str) -> String {
        format!("(select id from secure_file where name = '{name}')")
    }

    /// Another project, which has a key of its own because somebody uploaded there.
    async fn other_project(&self) {
        let admin = self.server.administrator();
        admin.client.coffer().add_project("Other").await.unwrap();
        let path = admin
            .files_path("?name=theirs.pem")
            .replace("Pay%20Desk", "Other");
        let sent = admin
            .call("POST", &path)
            .body("application/octet-stream", "theirs");
        sent.send().await.ok();
    }

    fn engineer(&self) -> &User {
        &self.shelf.cast.engineer
    }

    /// The job asks for every file. Those in `lost` are refused with an error that says so and holds nothing of any
    /// file; all others are themselves.
    async fn only_lost(&self, lost: &[&str]) {
        for told in &self.job.job.resources.secure_files {
            let id = told.id.to_string();
            let answer = self.job.download(&self.server, &id, &told.ticket).await;
            let (_, own) = self.files().find(|(name, _)| *name == told.name).unwrap();
            if lost.contains(&told.name.as_str()) {
                assert_eq!(answer.status, 500, "{}: {answer}", told.name);
                let envelope = answer.refused(500);
                assert!(!envelope.message.is_empty(), "{answer}");
                for (name, content) in self.files().filter(|(_, content)| content.len() > 8) {
                    let shown = answer.body.windows(8).any(|part| content.starts_with(part));
                    assert!(!shown, "{} shows something of {name}", told.name);
                }
            } else {
                assert_eq!(answer.status, 200, "{}: {answer}", told.name);
                assert!(answer.body == *own, "{} is another file now", told.name);
            }
        }
    }

    fn files(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> {
        self.shelf
            .files
            .iter()
            .map(|(file, content)| (file.name.as_str(), content))
    }

    /// The names of all files.
    fn all(&self) -> Vec<&str> {
        self.files().map(|(name, _)| name).collect()
    }

    /// An upload is refused with this code, and leaves nothing behind.
    async fn upload_is_refused(&self, code: &str) {
        let before = self.stored().await;
        let refused = self.engineer().try_upload("new.pem", b"new content").await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Some(code), "{refused:?}");
        assert_eq!(self.stored().await, before, "something is half done");
    }

    async fn stored(&self) -> Vec<String> {
        let mut all = self.server.blob_names();
        for table in ["secure_file", "wrapped_key", "upload_intent", "project_key"] {
            let count = format!("select count(*) from {table}");
            all.push(format!(
                "{table} {}",
                self.server.database().number(&count).await
            ));
        }
        all
    }

    /// An upload works, and a new job gets it.
    async fn upload_works(&self, name: &str) {
        let content = coffer_testkit::random(1000);
        let cast = &self.shelf.cast;
        let file = cast.engineer.upload(name, &content).await;
        let pipeline = cast.developer.pipeline(name, &crate::yaml(&[name])).await;
        cast.engineer.permit(&file, &pipeline, true).await.unwrap();
        self.shelf
            .agent
            .finish(&self.job, "succeeded")
            .await
            .unwrap();
        cast.developer.run(&pipeline).await;
        let job = self.shelf.agent.job().await;
        assert_eq!(job.download_own(&self.server).await.body, content);
        self.shelf.agent.finish(&job, "succeeded").await.unwrap();
    }

    /// A rotation by hand comes to its end.
    async fn rotate(&self, number: i64) -> RotationView {
        request(&self.server).await;
        let view = rotated(&self.server, number).await;
        assert_eq!(view.row.failures, 0, "{view:?}");
        view
    }

    /// What is on record as not verified: what and why, and how often altogether.
    async fn on_record(&self) -> BTreeMap<(String, String), u64> {
        let mut found = BTreeMap::new();
        for details in unverified(&self.server).await {
            let detail = |name: &str| details[name].clone();
            let times: u64 = detail("times").parse().unwrap();
            *found.entry((detail("what"), detail("why"))).or_default() += times;
        }
        found
    }

    /// The audit log, the count and the log say that such a thing did not verify.
    async fn is_told(&self, what: &str) {
        let found = self.on_record().await;
        assert!(
            found.keys().any(|(of, _)| of == what),
            "no {what}: {found:?}"
        );
        assert!(self.server.service().key_counts().unverified > 0);
        assert!(self.server.logged("did not verify, and was not used"));
    }

    /// `coffer doctor` names a problem of this check, with these words. The server is started again.
    async fn doctor_names(&mut self, check: &str, words: &str) {
        self.server.stop().await;
        let found = self.server.examined().await;
        let named = found.iter().any(|finding| {
            finding.check == check
                && finding.health == Health::Problem
                && finding.what.contains(words)
        });
        assert!(named, "no {check} with `{words}`: {found:#?}");
        self.server.restart().await;
    }

    /// `coffer doctor` has no problem to name.
    async fn doctor_is_content(&mut self) {
        self.server.stop().await;
        let found = self.server.examined().await;
        let problems: Vec<_> = found
            .iter()
            .filter(|finding| finding.health == Health::Problem)
            .collect();
        assert!(problems.is_empty(), "{problems:#?}");
        self.server.restart().await;
    }
}

/// The details of the events that say that something did not verify. Read past the server: the key that vouches for the
/// log may be what was attacked.
async fn unverified(server: &TestServer) -> Vec<BTreeMap<String, String>> {
    let events =
        "select details from audit_event where action = 'Key.NotVerified' and outcome = 'allowed'";
    let events = server.database().texts(events).await;
    let details = events
        .iter()
        .map(|text| serde_json::from_str(text).unwrap());
    details.collect()
}
