//! `azure-devops` for Python: the access-control store.

use super::{VARIABLE, text};
use crate::clients::compat::Compat;
use crate::clients::driven::Program;
use crate::harness::{PROJECT, Site};
use serde_json::json;

const LIBRARY: &str = "b7e84409-6553-448a-bbb2-af228e07cbeb";

#[tokio::test]
async fn azure_devops_for_python_gives_and_takes_rights() {
    let story = "azure_devops::rights::azure_devops_for_python_gives_and_takes_rights";
    let Some(program) = Program::python(story, VARIABLE) else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let dev = site
        .person(&ada, &server, "dev", &["Main/Contributors"])
        .await;
    let mut client = program.of(&site, &ada).await;
    let compat = Compat::new(story, &client.package, &client.version);

    let came = client
        .call("core", "get_project", json!({"project_id": PROJECT}))
        .await;
    let token = format!("Library/{}", text(&came.result()["id"]));
    let came = client
        .call(
            "identity",
            "read_identities",
            json!({"search_filter": "General", "filter_value": "dev"}),
        )
        .await;
    let who = text(&came.result()[0]["descriptor"]).to_owned();
    assert!(
        who.starts_with("Microsoft.IdentityModel.Claims.ClaimsIdentity;"),
        "{who}"
    );
    compat.works("`identity.read_identities`, by search_filter");

    let came = client
        .call(
            "security",
            "query_security_namespaces",
            json!({"security_namespace_id": LIBRARY}),
        )
        .await;
    let names: Vec<_> = came.result()[0]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| text(&action["name"]))
        .collect();
    assert_eq!(
        names,
        [
            "View",
            "Administer",
            "Create",
            "ViewSecrets",
            "Use",
            "Owner"
        ]
    );
    compat.works(&came.call);
    let entry = |allow: i64, deny: i64| json!({"descriptor": who, "allow": allow, "deny": deny, "extendedInfo": {}});
    let set = json!({"security_namespace_id": LIBRARY, "container": {"token": token, "merge": false, "accessControlEntries": [entry(17, 0)]}});
    let came = client
        .call("security", "set_access_control_entries", set.clone())
        .await;
    assert_eq!(
        (&came.result()[0]["allow"], &came.result()[0]["deny"]),
        (&json!(17), &json!(0))
    );
    compat.works(&came.call);
    let list = json!({"security_namespace_id": LIBRARY, "token": token, "descriptors": who, "include_extended_info": true, "recurse": false});
    let came = client
        .call("security", "query_access_control_lists", list.clone())
        .await;
    assert_eq!(
        came.result().as_array().unwrap().len(),
        1,
        "one list for one token"
    );
    let row = &came.result()[0]["aces_dictionary"][&who];
    assert_eq!(
        (&row["allow"], &row["extended_info"]["effective_allow"]),
        (&json!(17), &json!(17))
    );
    compat.works(&came.call);

    // What the wire shows is what is enforced: asked by the person it is about.
    let mut developer = program.of(&site, &dev).await;
    let ask = |bits: i64| json!({"security_namespace_id": LIBRARY, "permissions": bits, "tokens": token, "always_allow_administrators": false});
    let came = developer.call("security", "has_permissions", ask(16)).await;
    assert_eq!(came.result(), &json!([true]));
    let came = developer.call("security", "has_permissions", ask(2)).await;
    assert_eq!(came.result(), &json!([false]));
    compat.works(&came.call);
    let batch = json!({"eval_batch": {"$model": "PermissionEvaluationBatch", "always_allow_administrators": false, "evaluations": [
        {"$model": "PermissionEvaluation", "security_namespace_id": LIBRARY, "token": token, "permissions": 16},
        {"$model": "PermissionEvaluation", "security_namespace_id": LIBRARY, "token": "Library/none", "permissions": 1},
    ]}});
    let came = developer
        .call("security", "has_permissions_batch", batch)
        .await;
    let values: Vec<_> = came.result()["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].clone())
        .collect();
    assert_eq!(values, [true, false]);
    compat.works(&came.call);
    let came = developer
        .call("security", "set_access_control_entries", set)
        .await;
    assert!(came.raised().len() > 20, "{}", came.raised());
    compat.refused("`security.set_access_control_entries`, without the right to administer");

    let arguments = json!({"security_namespace_id": LIBRARY, "descriptor": who, "permissions": 16, "token": token});
    let came = client
        .call("security", "remove_permission", arguments)
        .await;
    assert_eq!(came.result()["allow"], 1);
    compat.works(&came.call);
    let lists = json!({"security_namespace_id": LIBRARY, "access_control_lists": {"$model": "VssJsonCollectionWrapper", "count": 1, "value": [
        {"token": token, "inheritPermissions": true, "acesDictionary": {&who: entry(1, 4)}},
    ]}});
    let came = client
        .call("security", "set_access_control_lists", lists)
        .await;
    assert!(
        came.raised().contains("administer"),
        "nobody would be left: {}",
        came.raised()
    );
    compat
        .refused("`security.set_access_control_lists`, when nobody would be left who administers");
    let arguments = json!({"security_namespace_id": LIBRARY, "token": token, "descriptors": who});
    let came = client
        .call("security", "remove_access_control_entries", arguments)
        .await;
    assert_eq!(came.result(), &json!(true));
    compat.works(&came.call);
    let came = client
        .call("security", "query_access_control_lists", list)
        .await;
    assert_eq!(
        came.result()[0]["aces_dictionary"],
        json!({}),
        "still one list, without the entry"
    );
    let came = developer.call("security", "has_permissions", ask(16)).await;
    assert_eq!(came.result(), &json!([false]));
}
