//! Attacks on what project keys wrap, and on what is sealed under it: swapped, put back, renamed.

use super::Scene;
use coffer_testkit::both;

/// SQL that exchanges columns of the rows of two files.
fn exchanged(table: &str, key: &str, columns: &[&str], (one, two): (&str, &str)) -> String {
    let set: Vec<_> = columns
        .iter()
        .map(|column| {
            format!(
                "{column} = (select {column} from swapped where swapped.{key} <> {table}.{key})"
            )
        })
        .collect();
    // The second engine sees its own writes row by row: both rows are copied first.
    format!(
        "create table swapped as select * from {table} where {key} in ({one}, {two});
         update {table} set {} where {key} in ({one}, {two});
         drop table swapped",
        set.join(", ")
    )
}

both! {
    async fn the_wraps_of_two_files_exchanged_open_neither(server) {
        let mut scene = Scene::of(server).await;
        let two = (scene.id_of("ca.pem"), scene.id_of("of-1.bin"));
        scene.attack(&exchanged("wrapped_key", "owner_id", &["wrapped"], (&two.0, &two.1))).await;
        scene.only_lost(&["ca.pem", "of-1.bin"]).await;
        scene.is_told("wrapped key of a file").await;
        scene.doctor_names("wrapped keys", "2 of ").await;
        assert_eq!(scene.rotate(1).await.row.stuck, 2);
        scene.only_lost(&["ca.pem", "of-1.bin"]).await;
        scene.upload_works("after.pem").await;
    }

    async fn whole_rows_exchanged_do_not_make_one_file_the_other(server) {
        let mut scene = Scene::of(server).await;
        let two = (scene.id_of("ca.pem"), scene.id_of("of-1.bin"));
        let columns = ["preamble", "sealed", "sealed_length", "sealed_sha256", "size"];
        let rows = exchanged("secure_file", "id", &columns, (&two.0, &two.1));
        let wraps = exchanged("wrapped_key", "owner_id", &["wrapped"], (&two.0, &two.1));
        scene.attack(&format!("{rows}; {wraps}")).await;
        scene.only_lost(&["ca.pem", "of-1.bin"]).await;
        scene.is_told("wrapped key of a file").await;
        scene.doctor_names("wrapped keys", "2 of ").await;
        assert_eq!(scene.rotate(1).await.row.stuck, 2);
    }

    async fn sealed_bytes_exchanged_release_nothing(server) {
        let scene = Scene::of(server).await;
        // Each keeps its own preamble and wrap: what differs shows when the bytes are read.
        let two = (scene.id_of("ca.pem"), scene.id_of("of-1.bin"));
        let columns = ["sealed", "sealed_length", "sealed_sha256"];
        scene.attack(&exchanged("secure_file", "id", &columns, (&two.0, &two.1))).await;
        scene.only_lost(&["ca.pem", "of-1.bin"]).await;
        scene.is_told("sealed content of a file").await;
        // No wrap is touched by it, so a rotation has nothing to leave.
        assert_eq!(scene.rotate(1).await.row.stuck, 0);
        scene.only_lost(&["ca.pem", "of-1.bin"]).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_wrap_from_before_a_rotation_put_back_opens_nothing(server) {
        let mut scene = Scene::of(server).await;
        scene.attack("create table stolen as select * from wrapped_key").await;
        scene.rotate(1).await;
        let (file, one) = (scene.id_of("ca.pem"), "kind = 'securefile' and owner_id");
        scene.attack(&format!("
            update wrapped_key set wrapped = (select wrapped from stolen where {one} = {file}),
                project_key_id = (select project_key_id from stolen where {one} = {file}) where {one} = {file};
            drop table stolen")).await;
        scene.only_lost(&["ca.pem"]).await;
        let found = scene.on_record().await;
        assert!(found.keys().any(|(_, why)| why.starts_with("it is retired")), "{found:?}");
        scene.doctor_names("key versions", "retired versions").await;
        let view = scene.rotate(2).await;
        assert_eq!(view.row.stuck, 1, "it is counted, though no rotation reaches it");
        let reports = scene.server.database().texts("select body from signed_record where kind = 'rotation' order by number").await;
        assert!(reports[1].contains("not-rotated 1 wrapped keys: they were put under versions that are retired"), "{}", reports[1]);
        scene.upload_works("after.pem").await;
    }

    async fn an_old_wrap_under_the_new_key_s_name_opens_nothing(server) {
        let mut scene = Scene::of(server).await;
        scene.attack("create table stolen as select * from wrapped_key").await;
        scene.rotate(1).await;
        scene.attack(&format!("
            update wrapped_key set wrapped = (select wrapped from stolen where stolen.kind = wrapped_key.kind and stolen.owner_id = wrapped_key.owner_id)
                where owner_id = {}; drop table stolen", scene.id_of("ca.pem"))).await;
        scene.only_lost(&["ca.pem"]).await;
        scene.is_told("wrapped key of a file").await;
        scene.doctor_names("wrapped keys", "1 of ").await;
        assert_eq!(scene.rotate(2).await.row.stuck, 1);
    }

    async fn a_wrap_that_names_another_scope_s_key_opens_nothing(server) {
        let mut scene = Scene::of(server).await;
        scene.other_project().await;
        let ca = scene.id_of("ca.pem");
        let other = "(select k.id from project_key k join project p on p.id = k.scope_id where p.name = 'Other')";
        scene.attack(&format!("update wrapped_key set project_key_id = {other} where owner_id = {ca}")).await;
        scene.only_lost(&["ca.pem"]).await;
        scene.is_told("wrapped key of a file").await;
        scene.doctor_names("wrapped keys", "1 of ").await;
        let view = scene.rotate(1).await;
        assert_eq!(view.row.stuck, 1);
        scene.only_lost(&["ca.pem"]).await;
        scene.upload_works("after.pem").await;
    }

    async fn a_wrap_under_another_file_s_id_opens_neither(server) {
        let mut scene = Scene::of(server).await;
        let (ca, one) = (scene.id_of("ca.pem"), scene.id_of("of-1.bin"));
        scene.attack(&format!("
            delete from wrapped_key where owner_id = {one};
            update wrapped_key set owner_id = {one} where owner_id = {ca}")).await;
        scene.only_lost(&["ca.pem", "of-1.bin"]).await;
        scene.is_told("wrapped key of a file").await;
        scene.doctor_names("wrapped keys", "1 files have no wrapped key").await;
        assert_eq!(scene.rotate(1).await.row.stuck, 1);
        scene.upload_works("after.pem").await;
    }

    async fn a_wrap_of_one_kind_called_another_opens_nothing(server) {
        let mut scene = Scene::of(server).await;
        for (number, kind) in (1..).zip(["joblog", "secondfactor", "auditstream", "whatever"]) {
            let file = scene.id_of("ca.pem");
            scene.attack(&format!("update wrapped_key set kind = '{kind}' where owner_id = {file}")).await;
            scene.only_lost(&["ca.pem"]).await;
            assert_eq!(scene.rotate(number).await.row.stuck, 1, "called {kind}");
        }
        scene.is_told("what a project key wraps").await;
        scene.doctor_names("wrapped keys", "whatever").await;
        // Called by its name again, it is what it was: its key was kept for it.
        scene.attack(&format!("update wrapped_key set kind = 'securefile' where owner_id = {}", scene.id_of("ca.pem"))).await;
        scene.only_lost(&[]).await;
        assert_eq!(scene.rotate(5).await.row.stuck, 0);
    }
}
