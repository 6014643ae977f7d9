//! Stories about the organization's switches.

use crate::{newest, reason};
use coffer_testkit::{both, group};
use coffer_wire::coffer::OrganizationChange;
use coffer_wire::enums::ProjectCreators;
use serde_json::json;

both! {
    async fn an_administrator_changes_switches_and_everybody_sees_them(server) {
        let (ada, dev) = (server.administrator(), server.developer().await);
        let before = dev.client.coffer().organization().await.unwrap();
        assert!(before.open_access_allowed && before.password_sign_in_allowed);
        assert_eq!((before.project_creators.as_str(), before.max_token_days), ("administrators", 365));

        let change = OrganizationChange {
            open_access_allowed: Some(false),
            max_token_days: Some(30),
            ..OrganizationChange::default()
        };
        let after = ada.client.coffer().change_organization(&change).await.unwrap();
        assert!(!after.open_access_allowed && after.password_sign_in_allowed);
        assert_eq!(dev.client.coffer().organization().await.unwrap(), after);
        // A switch that is turned twice.
        let change = OrganizationChange { open_access_allowed: Some(true), ..OrganizationChange::default() };
        assert!(ada.client.coffer().change_organization(&change).await.unwrap().open_access_allowed);

        let events = ada.audit().await;
        let changes: Vec<_> = events.iter().filter(|e| e.action == "Pipelines.OrganizationSettings").collect();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].details["open_access_allowed"], "false");
        assert_eq!(changes[0].details["max_token_days"], "30");
        assert!(!changes[1].details.contains_key("max_token_days"));
    }

    async fn who_does_not_administer_the_organization_changes_no_switch(server) {
        let (ada, dev) = (server.administrator(), server.person("pia", &[group::PROJECT_ADMINISTRATORS]).await);
        let answer = dev.call("PATCH", "_apis/coffer/organization").json(&json!({"openAccessAllowed": false})).send().await;
        answer.refused(403);
        let events = ada.audit().await;
        let denied = newest(&events, "Pipelines.OrganizationSettings");
        assert_eq!(reason(denied), "role_missing");
        assert!(dev.client.coffer().organization().await.unwrap().open_access_allowed);
    }

    async fn a_change_that_makes_no_sense_changes_nothing(server) {
        let ada = server.administrator();
        for body in [json!({}), json!({"maxTokenDays": 0}), json!({"maxTokenDays": 366}), json!({"projectCreators": "nobody"}),
            json!({"openAccess": false})] {
            let answer = ada.call("PATCH", "_apis/coffer/organization").json(&body).send().await;
            assert_eq!(answer.code(400), "argument.invalid", "{body}");
        }
        assert!(ada.audit().await.iter().all(|event| event.action != "Pipelines.OrganizationSettings"));
    }

    async fn everybody_creates_projects_once_the_organization_says_so(server) {
        let (ada, dev) = (server.administrator(), server.developer().await);
        dev.client.coffer().add_project("Before").await.unwrap_err();
        let creators = |word| OrganizationChange {
            project_creators: Some(word),
            ..OrganizationChange::default()
        };
        let now = ada.client.coffer().change_organization(&creators(ProjectCreators::Everybody)).await.unwrap();
        assert_eq!(now.project_creators, "everybody");
        dev.client.coffer().add_project("Own").await.unwrap();
        ada.client.coffer().change_organization(&creators(ProjectCreators::Administrators)).await.unwrap();
        dev.client.coffer().add_project("After").await.unwrap_err();
        // Whoever replays the log finds the right itself in it.
        let events = ada.audit().await;
        let change = newest(&events, "Pipelines.OrganizationSettings");
        for (name, value) in [("project_creators", "administrators"), ("token", "NAMESPACE:"), ("allow", "1"), ("deny", "0")] {
            assert_eq!(change.details[name], value);
        }
        assert!(change.details.contains_key("identity") && change.details.contains_key("namespace"));
    }
}
