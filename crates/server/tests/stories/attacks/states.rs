//! Attacks on what the database says of keys: which are in force, and which provider has them.

use super::Scene;
use crate::rotation::{HOUR, count, nothing_is_old, pass};
use coffer_testkit::{both, eventually};

const OF_PROJECT: &str = "scope_id in (select id from project)";

/// After a rotation, the version before is called the active one again.
fn turned_back() -> String {
    format!(
        "update project_key set state = 'retired' where {OF_PROJECT};
         update project_key set state = 'active' where version = 1 and {OF_PROJECT};
         update root_generation set state = case when id = (select generation_id from project_key where version = 1 and {OF_PROJECT})
            then 'active' else 'retired' end, created_at = created_at + 1"
    )
}

both! {
    async fn a_key_that_a_rotation_replaced_seals_nothing_though_it_is_called_active_and_opens(server) {
        let mut scene = Scene::of(server).await;
        scene.only_lost(&[]).await;
        scene.rotate(1).await;
        // Its root key is not disabled yet: it would open, and who rotated may have done so because it is known.
        for cold in [false, true] {
            if cold {
                scene.server.restart().await;
            }
            scene.attack(&turned_back()).await;
            scene.upload_is_refused("keys.refused").await;
            scene.only_lost(&scene.all()).await;
        }
        let found = scene.on_record().await;
        assert!(found.keys().any(|(_, why)| why.starts_with("a rotation has replaced it")), "{found:?}");
        scene.doctor_names("project key", "which a rotation has replaced").await;
        // A rotation gives a version newer than any, under a root key newer than any.
        scene.rotate(2).await;
        scene.upload_works("after.pem").await;
        assert_eq!(count(&scene.server, &format!("project_key where state = 'active' and {OF_PROJECT} and version = 3")).await, 1);
    }

    async fn two_active_versions_are_one_after_the_next_rotation(server) {
        let scene = Scene::of(server).await;
        scene.rotate(1).await;
        scene.attack(&format!("update project_key set state = 'active' where {OF_PROJECT}")).await;
        // The newer one is in force.
        scene.only_lost(&[]).await;
        scene.rotate(2).await;
        nothing_is_old(&scene.server).await;
        assert_eq!(count(&scene.server, &format!("project_key where state = 'active' and {OF_PROJECT}")).await, 1);
        scene.only_lost(&[]).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_key_that_is_kept_out_of_a_rotation_seals_nothing_after_it(server) {
        let scene = Scene::of(server).await;
        // Called younger than any rotation.
        scene.attack("update project_key set rotation = 99").await;
        scene.rotate(1).await;
        nothing_is_old(&scene.server).await;
        scene.only_lost(&[]).await;
        scene.upload_works("after.pem").await;
    }

    async fn with_no_version_active_nothing_is_sealed_and_nothing_is_made_in_its_place(server) {
        let mut scene = Scene::of(server).await;
        scene.attack(&format!("update project_key set state = 'retired' where {OF_PROJECT}")).await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&scene.all()).await;
        scene.is_told("project key").await;
        scene.doctor_names("key versions", "retired versions").await;
        let wraps = count(&scene.server, &format!("wrapped_key w join project_key k on k.id = w.project_key_id where k.{OF_PROJECT}")).await;
        assert_eq!(scene.rotate(1).await.row.stuck, wraps);
        // What was written over is in the audit log and in backups; put right, all is as it was.
        scene.attack(&format!("update project_key set state = 'active' where {OF_PROJECT}")).await;
        scene.rotate(2).await;
        scene.only_lost(&[]).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_scope_whose_only_key_is_called_draining_keeps_no_rotation_from_its_end(server) {
        let scene = Scene::of(server).await;
        scene.attack(&format!("update project_key set state = 'draining' where {OF_PROJECT}")).await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&[]).await;
        let wraps = count(&scene.server, &format!("wrapped_key w join project_key k on k.id = w.project_key_id where k.{OF_PROJECT}")).await;
        assert_eq!(scene.rotate(1).await.row.stuck, wraps);
        scene.is_told("project key").await;
        scene.attack(&format!("update project_key set state = 'active' where {OF_PROJECT}")).await;
        scene.rotate(2).await;
        nothing_is_old(&scene.server).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_disabled_root_key_called_active_is_as_disabled_as_before(server) {
        let scene = Scene::of(server).await;
        let first = scene.server.generations()[0].0.clone();
        scene.rotate(1).await;
        pass(&scene.server, HOUR + 1).await;
        let state = || async { scene.server.generations()[0].1 == "disabled" };
        eventually("it is disabled", state).await;
        eventually("that is noted", || async { count(&scene.server, "root_generation where state = 'disabled'").await == 1 }).await;
        scene.attack(&turned_back()).await;
        scene.upload_is_refused("keys.refused").await;
        scene.rotate(2).await;
        assert_eq!(scene.server.generations()[0], (first, "disabled".to_owned()), "what the provider says is not the database's to say");
        scene.upload_works("after.pem").await;
    }

    async fn a_destroyed_root_key_called_active_comes_to_nothing(server) {
        let scene = Scene::of(server).await;
        scene.rotate(1).await;
        pass(&scene.server, 40 * 24 * HOUR).await;
        eventually("it is destroyed", || async { count(&scene.server, "root_generation where state = 'destroyed'").await == 1 }).await;
        scene.attack("
            update root_generation set state = 'retired' where state = 'active';
            update root_generation set state = 'active', created_at = created_at + 1000000000 where state = 'destroyed'").await;
        // What is in force is said by the keys themselves.
        scene.only_lost(&[]).await;
        scene.upload_works("meanwhile.pem").await;
        scene.rotate(2).await;
        nothing_is_old(&scene.server).await;
    }

    async fn the_root_key_in_force_is_never_disabled_or_destroyed_whatever_the_database_calls_it(server) {
        let scene = Scene::of(server).await;
        scene.rotate(1).await;
        let in_force = scene.server.generations()[1].clone();
        // All that uses it is called something else as well: no row says that it is needed.
        for state in ["retired", "disabled"] {
            let told = scene.server.service().key_counts().unverified;
            scene.attack(&format!("
                update project_key set state = 'retired';
                update signing_key set generation_id = (select min(id) from root_generation where id <> '{0}');
                update root_generation set state = '{state}', retired_at = 1 where id = '{0}'", in_force.0)).await;
            eventually("the horizon is looked at", || async {
                scene.server.service().key_counts().unverified > told
            }).await;
            assert_eq!(scene.server.generations()[1], in_force);
        }
        let found = scene.on_record().await;
        assert!(found.keys().any(|(what, why)| what == "root key" && why.contains("no signed report")), "{found:?}");
        scene.attack("update project_key set state = 'active' where version = 2").await;
        scene.only_lost(&[]).await;
    }

    async fn a_replaced_root_key_that_something_still_needs_is_not_ended_either(server) {
        let scene = Scene::of(server).await;
        // One wrap does not open, so the version and the root key above it live on.
        let file = scene.id_of("of-1.bin");
        scene.attack(&format!("update wrapped_key set kind = 'x' where owner_id = {file}")).await;
        assert_eq!(scene.rotate(1).await.row.stuck, 1);
        let first = scene.server.generations()[0].clone();
        scene.attack(&format!("update root_generation set state = 'retired', retired_at = 1 where id = '{}'", first.0)).await;
        eventually("the horizon is looked at", || async {
            scene.on_record().await.keys().any(|(_, why)| why.contains("something needs it"))
        }).await;
        assert_eq!(scene.server.generations()[0], first);
        scene.attack(&format!("update wrapped_key set kind = 'securefile' where owner_id = {file}")).await;
        scene.only_lost(&[]).await;
    }

    async fn a_provider_s_name_changed_is_an_error_with_that_name_and_no_other_key(server) {
        let mut scene = Scene::of(server).await;
        scene.only_lost(&[]).await;
        scene.attack("update root_generation set provider = 'elsewhere'").await;
        scene.upload_is_refused("keys.provider_missing").await;
        scene.only_lost(&scene.all()).await;
        assert!(scene.server.logged("elsewhere"));
        // No start either, beside data whose keys it would not find.
        scene.server.stop().await;
        let refused = scene.server.try_start(None).await.unwrap_err();
        assert_eq!(refused.code, "keys.provider_missing");
        let found = scene.server.examined().await;
        assert!(found.iter().any(|finding| finding.what.contains("at elsewhere")), "{found:?}");
        scene.attack("update root_generation set provider = 'file'").await;
        scene.server.try_start(None).await.unwrap();
        scene.only_lost(&[]).await;
        scene.rotate(1).await;
        scene.upload_works("after.pem").await;
    }
}
