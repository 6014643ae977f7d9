//! Tasks: what a server says of those that it knows.

use coffer_testkit::both;
use serde_json::Value;

const ALL: &str = "_apis/distributedtask/tasks";
const DOWNLOAD: &str = "2A6CA863-F2CE-4F4D-8BCB-15E64608EC4B";

fn names(list: &Value) -> Vec<&str> {
    let tasks = list["value"].as_array().unwrap();
    tasks
        .iter()
        .map(|task| task["name"].as_str().unwrap())
        .collect()
}

both! {
    async fn tasks_are_listed_with_what_a_step_may_give_them(server) {
        let developer = server.developer().await;
        let all = developer.get(ALL).await.ok().json();
        assert_eq!(names(&all), ["DownloadSecureFile", "CmdLine", "Bash", "Checkout"]);
        let written = developer.get(&format!("{ALL}?visibility=build")).await.ok().json();
        assert_eq!(names(&written), ["DownloadSecureFile", "CmdLine", "Bash"]);
        for written in ["visibility.0=Build", "visibility=x&visibility=build", "Visibility=x,BUILD"] {
            let list = developer.get(&format!("{ALL}?{written}")).await.ok().json();
            assert_eq!(names(&list), ["DownloadSecureFile", "CmdLine", "Bash"], "{written}");
        }
        let none = developer.get(&format!("{ALL}?visibility=release,x")).await.ok().json();
        assert_eq!(none["count"], 0);

        let versions = developer.get(&format!("{ALL}/{DOWNLOAD}")).await.ok().json();
        let task = &versions["value"][0];
        assert_eq!((&versions["count"], task), (&1.into(), &all["value"][0]));
        let number = |member: &str| task["version"][member].as_u64().unwrap();
        let version = format!("{}.{}.{}", number("major"), number("minor"), number("patch"));
        for version in [version.as_str(), "1"] {
            for way in ["/", "?versionString="] {
                let path = format!("{ALL}/{DOWNLOAD}{way}{version}");
                assert_eq!(&developer.get(&path).await.ok().json(), task);
            }
        }
        assert_eq!(task["inputs"][0]["name"], "secureFile");
        assert_eq!(task["inputs"][0]["type"], "secureFile");
        assert_eq!(task["inputs"][0]["required"], true);
        assert_eq!(task["outputVariables"][0]["name"], "secureFilePath");
        assert_eq!(task["restrictions"]["commands"]["mode"], "restricted");
        assert!(task["preJobExecution"].is_object() && task.get("execution").is_none());
    }
}

both! {
    async fn what_is_no_task_and_has_no_package_says_so(server) {
        let developer = server.developer().await;
        let nil = "00000000-0000-0000-0000-000000000000";
        for path in [nil.into(), "x".into(), format!("{DOWNLOAD}/2"), format!("{DOWNLOAD}/1.0.0")] {
            let envelope = developer.get(&format!("{ALL}/{path}")).await.refused(404);
            assert_eq!(envelope.type_key, "TaskDefinitionNotFoundException");
        }
        let path = format!("{ALL}/{DOWNLOAD}/1");
        let zip = developer.call("GET", &path).header("Accept", "application/zip");
        assert!(zip.send().await.refused(404).message.contains("built into"));
        let upload = developer.call("PUT", &format!("{ALL}/{DOWNLOAD}"));
        upload.body("application/octet-stream", "a zip").send().await.refused(405);
        developer.call("DELETE", &format!("{ALL}/{DOWNLOAD}")).send().await.refused(405);
    }
}
