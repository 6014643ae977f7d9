//! The addresses of our pages, each with something to show behind it.

use coffer_testkit::{PROJECT, User};

/// The Library of the first project.
pub(crate) const LIBRARY: &str = "/DefaultCollection/Pay%20Desk/_library";

/// What addresses name.
pub(crate) struct Places {
    project: String,
    file: String,
    pipeline: i64,
    run: i64,
}

impl Places {
    /// A file, and a run that waits for a permission, in the first project.
    pub(crate) async fn of(keeper: &User) -> Self {
        let file = keeper.upload("ca.pem", b"content").await;
        let yaml = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: ca.pem\n";
        let pipeline = keeper.pipeline("build", yaml).await;
        // Whoever may use the file permits what they add.
        keeper.permit(&file, &pipeline, false).await.unwrap();
        let run = keeper.run(&pipeline).await;
        Self::new(PROJECT, &file.id, pipeline.id, run.id)
    }

    pub(crate) fn new(project: &str, file: &str, pipeline: i64, run: i64) -> Self {
        Self {
            project: project.into(),
            file: file.into(),
            pipeline,
            run,
        }
    }

    /// Every address of our pages for this method, from the table of routes.
    pub(crate) fn all(&self, method: &str) -> Vec<String> {
        let pages = coffer_server::route_list().into_iter().filter(|route| {
            route.method == method && ["session", "sign-in form"].contains(&route.authentication)
        });
        // The way to the provider and back is for stories with one.
        let own = pages.filter(|route| !route.template.contains("oidc"));
        let all: Vec<_> = own.flat_map(|route| self.filled(route.template)).collect();
        assert!(all.len() >= 5, "{all:?}");
        all
    }

    /// The addresses of a template: what the original names in the query is tried with and without.
    fn filled(&self, template: &str) -> Vec<String> {
        let mut path = match template.starts_with('/') {
            true => template.to_owned(),
            false => format!("/DefaultCollection/{template}"),
        };
        for (name, value) in [
            ("project", encode(&self.project)),
            ("secureFileId", self.file.clone()),
            ("pipelineId", self.pipeline.to_string()),
            ("runId", self.run.to_string()),
        ] {
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        assert!(
            !path.contains('{'),
            "no value for {path}: put one into places.rs"
        );
        let queries = match template.rsplit('/').next() {
            Some("results" | "review" | "cancel" | "log") => {
                vec![format!("?buildId={}", self.run)]
            }
            Some("_build") => vec![String::new(), format!("?definitionId={}", self.pipeline)],
            Some("_library") => vec![String::new(), "?itemType=VariableGroups".into()],
            _ => vec![String::new()],
        };
        queries
            .iter()
            .map(|query| format!("{path}{query}"))
            .collect()
    }
}

/// A text as one segment of an address, or one value of a query.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The page of a file in the first project.
pub(crate) fn file_page(id: &str) -> String {
    format!("{LIBRARY}/files/{id}")
}

/// The page of a run in the first project.
pub(crate) fn run_page(id: i64) -> String {
    format!("/DefaultCollection/Pay%20Desk/_build/results?buildId={id}")
}
