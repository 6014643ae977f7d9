//! One of each thing that an address of a page can name.

use coffer_testkit::{PROJECT, TestServer, User};

/// The values of placeholders in addresses.
pub(crate) struct Places(Vec<(&'static str, String)>);

impl Places {
    /// Makes one of each, as this person.
    pub(crate) async fn of(_server: &TestServer, keeper: &User) -> Self {
        let file = keeper.upload("ca.pem", b"content").await;
        let pipeline = keeper.pipeline("build", "steps:\n- script: echo\n").await;
        let run = keeper.run(&pipeline).await;
        Self(vec![
            ("organization", "DefaultCollection".into()),
            ("project", PROJECT.replace(' ', "%20")),
            ("file", file.id),
            ("pipeline", pipeline.id.to_string()),
            ("run", run.id.to_string()),
            ("group", "secure-files".into()),
        ])
    }

    /// An address of a template of the table of routes.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut path = template.to_owned();
        for (name, value) in &self.0 {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(
            !path.contains('{'),
            "no value for {path}: put one into places.rs"
        );
        path
    }
}
