//! Attacks on project keys: planted, swapped, put back.

use super::{Scene, unverified};
use crate::rotation::{count, nothing_is_old};
use coffer_testkit::both;

/// The keys of projects.
const OF_PROJECT: &str = "scope_id in (select id from project)";

/// SQL that plants, in a row, a key that the attacker knows.
async fn planted(scene: &Scene) -> String {
    let database = scene.server.database();
    let generation = database
        .texts("select id from root_generation where state = 'active'")
        .await;
    let scope = database.ids("project").await[0];
    let forged = scene.server.forged_key(&generation[0], scope, 1).await;
    let (wrapped, commitment) = (
        database.bytes(&forged.wrapped),
        database.bytes(&forged.commitment),
    );
    format!(
        "update project_key set wrapped = {wrapped}, commitment = {commitment} where {OF_PROJECT}"
    )
}

both! {
    async fn a_project_key_that_the_attacker_knows_seals_nothing(server) {
        let mut scene = Scene::of(server).await;
        let plant = planted(&scene).await;
        scene.attack_cold(&plant).await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&scene.all()).await;
        scene.is_told("project key").await;
        scene.doctor_names("project key", "does not open").await;
        // A rotation gives the project a key of its own again. What the old one wrapped is counted and left.
        let lost = count(&scene.server, &format!("wrapped_key w join project_key k on k.id = w.project_key_id where k.{OF_PROJECT}")).await;
        let view = scene.rotate(1).await;
        assert_eq!(view.row.stuck, lost);
        scene.upload_works("after.pem").await;
    }

    async fn planted_beside_a_key_in_memory_it_is_another_key_and_refused_as_well(server) {
        let scene = Scene::of(server).await;
        scene.only_lost(&[]).await;
        let plant = planted(&scene).await;
        scene.attack(&plant).await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&scene.all()).await;
    }

    async fn the_commitment_alone_changed_makes_a_key_nobody_s(server) {
        let mut scene = Scene::of(server).await;
        for commitment in [vec![0; 32], vec![7; 31], vec![]] {
            let bytes = scene.server.database().bytes(&commitment);
            scene.attack_cold(&format!("update project_key set commitment = {bytes} where {OF_PROJECT}")).await;
            scene.upload_is_refused("keys.refused").await;
            scene.only_lost(&scene.all()).await;
        }
        scene.is_told("project key").await;
        scene.doctor_names("project key", "does not match its record").await;
        scene.rotate(1).await;
        scene.upload_works("after.pem").await;
    }

    async fn two_projects_that_swap_their_keys_share_nothing(server) {
        let mut scene = Scene::of(server).await;
        scene.other_project().await;
        scene.attack_cold("
            create table swapped as select * from project_key;
            update project_key set wrapped = (select wrapped from swapped where swapped.id <> project_key.id),
                commitment = (select commitment from swapped where swapped.id <> project_key.id);
            drop table swapped").await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&scene.all()).await;
        scene.is_told("project key").await;
        scene.doctor_names("project key", "does not open").await;
        scene.rotate(1).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_key_row_from_before_a_rotation_put_in_the_new_one_s_place_is_refused(server) {
        let mut scene = Scene::of(server).await;
        scene.attack(&format!("create table stolen as select wrapped, commitment, generation_id from project_key where {OF_PROJECT}")).await;
        scene.rotate(1).await;
        // The old secret is genuine, and its root key still opens: it was another version's.
        scene.attack_cold(&format!("
            update project_key set wrapped = (select wrapped from stolen), commitment = (select commitment from stolen),
                generation_id = (select generation_id from stolen) where state = 'active' and {OF_PROJECT};
            drop table stolen")).await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&scene.all()).await;
        scene.is_told("project key").await;
        scene.doctor_names("project key", "does not open").await;
        scene.rotate(2).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_key_under_a_root_key_that_the_provider_never_had_is_refused(server) {
        let mut scene = Scene::of(server).await;
        scene.attack_cold("
            insert into root_generation (id, scale_unit, provider, state, created_at)
                select 'mine', scale_unit, provider, 'draining', created_at from root_generation where state = 'active';
            update project_key set generation_id = 'mine'").await;
        scene.upload_is_refused("keys.refused").await;
        scene.only_lost(&scene.all()).await;
        let found = scene.on_record().await;
        assert!(found.keys().any(|(_, why)| why.contains("a root key that the provider does not have")), "{found:?}");
        scene.doctor_names("project key", "not known to the key provider").await;
        scene.rotate(1).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_loop_of_downloads_does_not_fill_the_audit_log(server) {
        let mut scene = Scene::of(server).await;
        let plant = planted(&scene).await;
        scene.attack_cold(&plant).await;
        for _ in 0..12 {
            scene.only_lost(&scene.all()).await;
        }
        let asked = 12 * scene.all().len() as u64;
        assert!(scene.server.service().key_counts().unverified >= asked);
        // A row a minute for one thing: the story may see a minute end, and not this many.
        let rows = unverified(&scene.server).await.len() as u64;
        assert!((1..asked / 4).contains(&rows), "{rows} rows of {asked}");
        // What waits for its row is not lost when the server stops.
        scene.server.restart().await;
        let told: u64 = scene.on_record().await.values().sum();
        assert!(told >= asked, "{told} of {asked}");
    }

    async fn without_an_attack_nothing_is_said_to_be_unverified(server) {
        let mut scene = Scene::of(server).await;
        scene.only_lost(&[]).await;
        scene.rotate(1).await;
        nothing_is_old(&scene.server).await;
        scene.only_lost(&[]).await;
        scene.upload_works("after.pem").await;
        scene.doctor_is_content().await;
        assert!(unverified(&scene.server).await.is_empty());
        assert_eq!(scene.server.service().key_counts().unverified, 0);
    }
}
