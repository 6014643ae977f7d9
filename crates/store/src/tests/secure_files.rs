//! Secure files: names, deletion, properties, keys, and files of other projects.

use super::home::Home;
use super::world::{World, small_file};
use crate::{FileChange, FileQuery, Refusal, Stop};
use coffer_model::access::library;
use coffer_model::act::{ChangeFile, DeleteFile, ViewFile, ViewPermissions};
use coffer_model::name::FileName;
use coffer_model::policy::Denied;
use coffer_model::{FileId, ProjectKeyId};
use std::collections::BTreeMap;

fn refusal<T: std::fmt::Debug>(result: Result<T, Stop>) -> Refusal {
    match result {
        Err(Stop::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

async fn change(world: &World, file: FileId, change: FileChange) -> Result<(), Stop> {
    let (admin, project) = (world.admin.clone(), world.project);
    unit!(world.store, (admin, change), |tx| {
        let grant = tx.authorize(&admin, ChangeFile { project, file }).await?;
        tx.file_change(grant, &change).await
    })
    .await
}

fn rename(name: &str) -> FileChange {
    FileChange {
        name: Some(FileName::parse(name).unwrap()),
        properties: None,
        unchanged_since: None,
    }
}

async fn names(world: &World) -> Vec<String> {
    let mut read = world.store.read().await.unwrap();
    let files = read
        .files_visible(&world.admin, world.project, library::VIEW, &FileQuery::All)
        .await
        .unwrap();
    files.into_iter().map(|file| file.name).collect()
}

both! {
    async fn a_name_is_taken_in_every_case_and_width_of_its_project_only(home) {
        let world = World::new(&home).await;
        world.upload("Straße.p12").await;
        for same in ["Straße.p12", "STRASSE.P12", "straße.p12", "Ｓtraße.p12"] {
            let again = world.upload_as(&world.admin, world.project, small_file(same, world.key)).await;
            assert_eq!(refusal(again), Refusal::NameTaken, "{same}");
        }
        world.upload_as(&world.admin, world.other, small_file("STRASSE.P12", world.other_key)).await.unwrap();
        assert_eq!(names(&world).await, ["Straße.p12"], "the name is kept as typed");
    }

    async fn of_uploads_of_one_name_at_the_same_moment_exactly_one_wins(home) {
        let world = World::new(&home).await;
        let mut uploads = tokio::task::JoinSet::new();
        for n in 0..12 {
            let world = world.clone();
            let name = if n % 2 == 0 { "cert.p12" } else { "CERT.P12" };
            uploads.spawn(async move { world.upload_as(&world.admin, world.project, small_file(name, world.key)).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) = uploads.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 11));
        assert!(lost.into_iter().all(|lost| refusal(lost) == Refusal::NameTaken));
        assert_eq!(home.number("select count(*) from secure_file").await, 1);
        assert_eq!(home.number("select count(*) from wrapped_key").await, 1);
    }

    async fn of_renames_to_one_name_at_the_same_moment_exactly_one_wins(home) {
        let world = World::new(&home).await;
        let mut files = Vec::new();
        for n in 0..6 {
            files.push(world.upload(&format!("file{n}.p12")).await);
        }
        let mut renames = tokio::task::JoinSet::new();
        for file in files {
            let world = world.clone();
            renames.spawn(async move { change(&world, file, rename("wanted.p12")).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) = renames.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5));
        assert!(lost.into_iter().all(|lost| refusal(lost) == Refusal::NameTaken));
    }

    async fn a_file_can_take_its_own_name_in_another_case(home) {
        let world = World::new(&home).await;
        let file = world.upload("cert.p12").await;
        world.upload("other.p12").await;
        change(&world, file, rename("CERT.p12")).await.unwrap();
        assert_eq!(refusal(change(&world, file, rename("Other.P12")).await), Refusal::NameTaken);
        assert_eq!(names(&world).await, ["CERT.p12", "other.p12"]);
    }

    async fn properties_are_replaced_as_a_whole_and_say_who_changed_them(home) {
        let world = World::new(&home).await;
        let file = world.upload("cert.p12").await;
        let set = |pairs: &[(&str, &str)]| FileChange {
            name: None,
            properties: Some(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
            unchanged_since: None,
        };
        change(&world, file, set(&[("owner", "mobile"), ("expires", "2027")])).await.unwrap();
        world.store.advance_clock(100);
        change(&world, file, set(&[("owner", "web")])).await.unwrap();
        let mut read = world.store.read().await.unwrap();
        let seen = read.look(&world.admin, ViewFile { project: world.project, file }).await.unwrap();
        let shown = read.file(&world.admin, &seen).await.unwrap();
        assert_eq!(shown.properties, BTreeMap::from([("owner".to_owned(), "web".to_owned())]));
        assert_eq!(shown.modified_by.unique_name, "ada");
        assert!(shown.modified_at > shown.created_at);
    }

    async fn deleting_takes_the_key_and_everything_that_names_the_file(home) {
        let world = World::new(&home).await;
        let (file, kept) = (world.upload("cert.p12").await, world.upload("kept.p12").await);
        let pipeline = world.pipeline("ci").await;
        for file in [file, kept] {
            world.permit(file, pipeline).await.unwrap();
            let properties = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
            change(&world, file, FileChange { name: None, properties, unchanged_since: None }).await.unwrap();
        }
        let (run, _) = world.queue(pipeline, 1, &[file, kept]).await;
        let (agent, holding) = world.agent("one").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &agent).await);
        let (project, id) = (world.project, job.id);
        for (hash, file) in [(1, file), (2, kept)] {
            unit!(world.store, (holding), |tx| {
                let act = coffer_model::act::IssueTicket { project, file, run, job: id };
                let grant = tx.authorize(&holding, act).await?;
                tx.ticket_insert(grant, &[hash; 32]).await.map(drop)
            })
            .await
            .unwrap();
        }
        let of_files = "select (select count(*) from secure_file) * 100000 + (select count(*) from wrapped_key) * 10000
            + (select count(*) from ticket) * 1000 + (select count(*) from pipeline_permission) * 100
            + (select count(*) from secure_file_property) * 10
            + (select count(*) from access_entry where token like '%SecureFile%')";
        assert_eq!(home.number(of_files).await, 222_222);
        world.delete(file).await.unwrap();
        assert_eq!(home.number(of_files).await, 111_111, "each exactly once, and the other file's stays");
        assert!(!world.sees(&world.admin, file).await);
        assert!(matches!(world.delete(file).await, Err(Stop::Denied { reason: Denied::NotFound, .. })));
        // The name is free, and the new file is another one: nothing of the old one is permitted for it.
        let again = world.upload("cert.p12").await;
        assert_ne!(again, file);
        let mut read = world.store.read().await.unwrap();
        let seen = read.look(&world.admin, ViewPermissions { project, file: again }).await.unwrap();
        assert!(read.permissions(&seen).await.unwrap().pipelines.is_empty());
    }

    async fn a_key_that_is_not_active_wraps_nothing(home) {
        let world = World::new(&home).await;
        home.sql("update project_key set state = 'draining'").await;
        let late = world.upload_as(&world.admin, world.project, small_file("late.p12", world.key)).await;
        assert_eq!(refusal(late), Refusal::KeyNotActive);
        let fresh = ProjectKeyId::random(&*world.store.entropy());
        world.project_key(world.project, fresh, 2).await.unwrap();
        world.upload_as(&world.admin, world.project, small_file("late.p12", fresh)).await.unwrap();
        let foreign = world.upload_as(&world.admin, world.other, small_file("theirs.p12", fresh)).await;
        assert_eq!(refusal(foreign), Refusal::KeyNotActive, "another project's key is no key");
        let mut read = world.store.read().await.unwrap();
        assert_eq!(read.project_key_active(world.project).await.unwrap().map(|key| key.version), Some(2));
        assert!(read.project_key_active(world.other).await.unwrap().is_none());
    }

    async fn of_two_nodes_that_make_a_keys_version_one_wins(home) {
        let world = World::new(&home).await;
        let key = || ProjectKeyId::random(&*world.store.entropy());
        let made = tokio::join!(
            world.project_key(world.project, key(), 2),
            world.project_key(world.project, key(), 2),
            world.project_key(world.project, key(), 2),
        );
        let made = [made.0, made.1, made.2];
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
        assert!(made.into_iter().filter(Result::is_err).all(|lost| refusal(lost) == Refusal::State));
    }

    async fn a_file_of_another_project_is_as_absent(home) {
        let world = World::new(&home).await;
        let foreign =
            world.upload_as(&world.admin, world.other, small_file("theirs.p12", world.other_key)).await.unwrap();
        let absent = FileId::random(&*world.store.entropy());
        let mut read = world.store.read().await.unwrap();
        for file in [foreign, absent] {
            let (admin, project) = (world.admin.clone(), world.project);
            let denied: Result<(), Denied> = Err(Denied::NotFound);
            let reason = |result: Result<(), Stop>| match result {
                Err(Stop::Denied { reason, .. }) => Err(reason),
                other => panic!("{other:?}"),
            };
            assert_eq!(reason(read.look(&admin, ViewFile { project, file }).await.map(drop)), denied);
            assert_eq!(reason(world.delete(file).await), denied);
            assert_eq!(reason(change(&world, file, rename("mine.p12")).await), denied);
            let permit = world.pipeline(&format!("for {file}")).await;
            assert_eq!(reason(world.permit(file, permit).await), denied);
            let found = read.files_visible(&admin, project, library::VIEW, &FileQuery::id(file)).await.unwrap();
            assert!(found.is_empty());
            assert_eq!(read.file_reference_by_id(project, file).await.unwrap(), None);
        }
        assert_eq!(read.file_reference_by_name(world.project, "theirs.p12").await.unwrap(), None);
        let theirs = read.file_reference_by_name(world.other, "THEIRS.p12").await.unwrap();
        assert_eq!(theirs.map(|(id, _)| id), Some(foreign));
    }

    async fn a_creator_creates_and_administers_what_was_created_and_nothing_else(home) {
        let world = World::new(&home).await;
        let cleo = world.person("cleo", &["Contributors"]).await;
        let hers = world.upload_as(&cleo, world.project, small_file("hers.p12", world.key)).await.unwrap();
        let other = world.upload("other.p12").await;
        let project = world.project;
        let delete = |file: FileId| {
            let cleo = cleo.clone();
            unit!(world.store, (cleo), |tx| {
                let grant = tx.authorize(&cleo, DeleteFile { project, file }).await?;
                tx.file_delete(grant).await
            })
        };
        assert!(matches!(delete(other).await, Err(Stop::Denied { .. })));
        delete(hers).await.unwrap();
    }
}
