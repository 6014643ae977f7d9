//! Attacks on what the scale unit signs, and on the key that signs it.

use super::Scene;
use crate::rotation::count;
use coffer_testkit::{Setup, both};

fn anchored() -> Setup {
    Setup {
        anchored: true,
        ..Setup::default()
    }
}

both! {
    async fn a_signing_key_that_was_changed_signs_nothing_and_loses_no_file(server) {
        let mut scene = Scene::of(server).await;
        scene.rotate(1).await;
        let bytes = scene.server.database().bytes(&[3; 61]);
        scene.attack("create table kept as select id, wrapped from signing_key").await;
        scene.attack_cold(&format!("update signing_key set wrapped = {bytes}")).await;
        scene.only_lost(&[]).await;
        // Without it nobody can say which root key the rotation left in force.
        scene.upload_is_refused("keys.refused").await;
        scene.is_told("signing key").await;
        scene.doctor_names("signing key", "does not open").await;
        scene.attack_cold("update signing_key set wrapped = (select wrapped from kept); drop table kept").await;
        scene.upload_works("after.pem").await;
        scene.rotate(2).await;
    }

    async fn a_signing_key_of_the_attacker_s_own_is_not_the_unit_s(server) {
        let mut scene = Scene::of(server).await;
        scene.rotate(1).await;
        let public = scene.server.database().bytes(&[9; 32]);
        scene.attack_cold(&format!("update signing_key set public_key = {public}")).await;
        scene.is_told("signing key").await;
        scene.only_lost(&[]).await;
        scene.upload_is_refused("keys.refused").await;
        scene.doctor_names("signing key", "does not open").await;
    }

    async fn a_signing_key_put_under_a_root_key_of_the_past_is_counted(server) {
        let scene = Scene::of(server).await;
        scene.rotate(1).await;
        scene.attack("update signing_key set generation_id = (select id from root_generation where state = 'retired')").await;
        scene.rotate(2).await;
        let reports = scene.server.database().texts("select body from signed_record where kind = 'rotation' order by number").await;
        assert!(reports[1].contains("not-rotated 1 signing keys: they do not open"), "{}", reports[1]);
        scene.only_lost(&[]).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_rotation_s_report_that_was_rewritten_brings_no_old_key_back(server) {
        let mut scene = Scene::of(server).await;
        scene.rotate(1).await;
        // It would say that the old root key is the one in force.
        scene.attack_cold("
            update signed_record set body = replace(body, (select id from root_generation where state = 'active'), 'x')
                where kind = 'rotation'").await;
        scene.is_told("signed report of a rotation").await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&[]).await;
        scene.doctor_names("rotation reports", "1 reports of rotations").await;
        // The next report is ours again.
        scene.rotate(2).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_report_that_is_copied_to_look_like_the_newest_is_not_believed(server) {
        let scene = Scene::of(server).await;
        scene.rotate(1).await;
        scene.rotate(2).await;
        scene.attack("
            create table forged as select * from signed_record where kind = 'rotation' order by number limit 1;
            update forged set number = 1000;
            insert into signed_record select * from forged;
            drop table forged").await;
        coffer_testkit::eventually("it is looked at", || async {
            !crate::attacks::unverified(&scene.server).await.is_empty()
        }).await;
        scene.is_told("signed report of a rotation").await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&[]).await;
        scene.attack("delete from signed_record where number = 1000").await;
    }

    async fn a_report_that_is_deleted_is_not_forgotten_by_the_server_that_runs(server) {
        let scene = Scene::of(server).await;
        scene.rotate(1).await;
        scene.attack("delete from signed_record where kind = 'rotation'").await;
        let back = "update project_key set state = case when version = 1 then 'active' else 'retired' end";
        scene.attack(back).await;
        scene.upload_is_refused("keys.refused").await;
        assert_eq!(count(&scene.server, "signed_record where kind = 'rotation'").await, 0);
    }

    async fn an_old_anchor_put_back_with_the_old_database_is_all_that_hides_a_roll_back(server, anchored()) {
        let mut scene = Scene::of(server).await;
        scene.server.stop().await;
        let (old, anchor) = (scene.server.copy_database().await, scene.server.anchor().text());
        scene.server.try_start(None).await.unwrap();
        scene.rotate(1).await;
        scene.server.stop().await;
        let newer = scene.server.anchor().text();
        assert!(anchor != newer);
        // Only the database: noticed.
        scene.server.put_database(old);
        let error = scene.server.try_start(None).await.unwrap_err();
        assert_eq!(error.code, "anchor.behind");
        // A line that nobody signed does not help.
        let forged = newer.unwrap().replace("a1.", "a1.9");
        scene.server.anchor().put(Some(forged));
        scene.server.try_start(None).await.unwrap();
        assert!(scene.server.logged("the story's place"));
    }
}
