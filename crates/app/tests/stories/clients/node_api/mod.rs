//! `azure-devops-node-api`: what scripts of teams are written with. Two versions, and each must do all of it.

mod library;
mod rights;
mod runs;

use super::compat::Compat;
use super::driven::{Came, Driven, Program};
use crate::harness::{PROJECT, Person, Site};
use serde_json::{Value, json};

const NEWEST: &str = "azure-devops-node-api";
const OLDER: &str = "azure-devops-node-api-15";

/// A machine with a server, its administrator, and one version of the client in her hands.
struct Scene {
    program: Program,
    compat: Compat,
    server: crate::harness::Server,
    site: Site,
    ada: Person,
    client: Driven,
}

impl Scene {
    async fn set(story: &str, package: &'static str) -> Option<Self> {
        let program = Program::node(story, package)?;
        let site = Site::new();
        let server = site.serve().await;
        let ada = site.administrator(&server).await;
        let client = program.of(&site, &ada).await;
        let compat = Compat::new(story, &client.package, &client.version);
        Some(Self {
            program,
            compat,
            server,
            site,
            ada,
            client,
        })
    }

    /// A call as the administrator.
    async fn call(&mut self, api: &str, method: &str, arguments: Value) -> Came {
        self.client.call(api, method, arguments).await
    }

    /// A call as the administrator that must succeed: what it returned.
    async fn ask(&mut self, api: &str, method: &str, arguments: Value) -> Value {
        self.call(api, method, arguments).await.result().clone()
    }

    /// Calls that the server has no route for so far, each with what is missing.
    async fn not_yet(&mut self, calls: Vec<(&str, &str, Value, &str)>) {
        for (api, method, arguments, missing) in calls {
            let came = self.call(api, method, arguments).await;
            let told = came.raised();
            let plain = told.contains("Failed to find api location")
                || told.contains("does not serve that method")
                || told.contains("cannot be deleted yet");
            assert!(plain, "{method}: {told}");
            self.compat.not_yet(&format!("`{method}`"), missing);
        }
    }

    /// Uploads a file of this content: its id.
    async fn upload(&mut self, name: &str, content: &[u8]) -> String {
        let path = self.site.file("upload", content);
        let arguments = json!([{}, {"$file": path}, PROJECT, name]);
        let file = self.ask("TaskAgent", "uploadSecureFile", arguments).await;
        file["id"].as_str().unwrap().to_owned()
    }
}

/// Plays a story with both versions.
macro_rules! with_both {
    ($($newest:ident, $older:ident = $play:path;)*) => {$(
        #[tokio::test]
        async fn $newest() {
            if let Some(scene) = Scene::set(concat!("node_api::", stringify!($newest)), NEWEST).await {
                $play(scene).await;
            }
        }

        #[tokio::test]
        async fn $older() {
            if let Some(scene) = Scene::set(concat!("node_api::", stringify!($older)), OLDER).await {
                $play(scene).await;
            }
        }
    )*};
}

with_both! {
    azure_devops_node_api_17_keeps_a_library,
    azure_devops_node_api_15_keeps_a_library = library::keeps_a_library;
    azure_devops_node_api_17_permits_pipelines_and_gives_roles,
    azure_devops_node_api_15_permits_pipelines_and_gives_roles = rights::permits_and_gives_roles;
    azure_devops_node_api_17_gets_content_for_a_job_only,
    azure_devops_node_api_15_gets_content_for_a_job_only = rights::content_is_for_jobs;
    azure_devops_node_api_17_follows_pipelines_and_runs,
    azure_devops_node_api_15_follows_pipelines_and_runs = runs::follows_pipelines_and_runs;
    azure_devops_node_api_17_finds_its_way,
    azure_devops_node_api_15_finds_its_way = runs::finds_its_way;
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    let mut names: Vec<&str> = list.map(|one| one["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}
