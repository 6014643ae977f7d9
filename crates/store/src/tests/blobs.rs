//! Long files: there whole or not at all, whatever step a crash comes between.

use super::home::Home;
use super::world::{World, small_file};
use crate::blobs::{BlobWriter, Target};
use crate::{NewFile, PlacedBlob, Placement, Refusal, SWEEP_AFTER_SECONDS, Stop};
use coffer_model::{BlobId, FileId};

const TRASH_SECONDS: i64 = 35 * 24 * 3600;

fn content() -> Vec<u8> {
    (0..700_003_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

fn file_of(world: &World, name: &str, blob: PlacedBlob) -> NewFile {
    NewFile {
        placement: Placement::Blob(blob),
        ..small_file(name, world.key)
    }
}

async fn read_all(world: &World, blob: BlobId) -> Result<Vec<u8>, crate::StoreError> {
    let mut reader = world.store.blob_open(blob).await?;
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await? {
        assert!(!piece.is_empty());
        all.extend(piece);
    }
    Ok(all)
}

async fn write_all(writer: &mut BlobWriter) -> Result<(), Stop> {
    // Pieces of a size that fits nothing.
    for piece in content().chunks(60_001) {
        writer.write(piece).await?;
    }
    Ok(())
}

async fn placed(world: &World) -> PlacedBlob {
    let mut writer = world.store.blob_begin().await.unwrap();
    write_all(&mut writer).await.unwrap();
    writer.finish().await.unwrap()
}

/// Everything that is stored of any blob: files, rows of segments, and names.
async fn traces(home: &Home) -> (usize, i64, i64) {
    let segments = home.number("select count(*) from blob_segment").await;
    let names = "select (select count(*) from upload_intent) + (select count(*) from blob_trash)";
    (home.blob_names().len(), segments, home.number(names).await)
}

/// Crashes: nothing of the store is closed or finished in order.
async fn crash(home: &Home, world: World) -> World {
    let reopened = home.open().await;
    World {
        store: reopened,
        ..world
    }
}

both! {
    async fn what_was_written_in_pieces_is_read_in_pieces(home) {
        let world = World::new(&home).await;
        let blob = placed(&world).await;
        let id = blob.id;
        assert_eq!(read_all(&world, id).await.unwrap(), content());
        world.upload_as(&world.admin, world.project, file_of(&world, "long.p12", blob)).await.unwrap();
        world.store.advance_clock(10 * SWEEP_AFTER_SECONDS);
        assert_eq!(world.store.blob_sweep().await.unwrap(), 0);
        assert_eq!(read_all(&world, id).await.unwrap(), content());
    }

    async fn an_empty_blob_is_a_blob(home) {
        let world = World::new(&home).await;
        let blob = world.store.blob_begin().await.unwrap().finish().await.unwrap();
        let id = blob.id;
        world.upload_as(&world.admin, world.project, file_of(&world, "empty.p12", blob)).await.unwrap();
        assert_eq!(read_all(&world, id).await.unwrap(), Vec::<u8>::new());
    }

    async fn a_crash_before_the_row_leaves_nothing_once_the_intent_expires(home) {
        let mut world = World::new(&home).await;
        for step in ["begun", "written", "finished"] {
            let mut writer = world.store.blob_begin().await.unwrap();
            if step != "begun" {
                write_all(&mut writer).await.unwrap();
            }
            if step == "finished" {
                writer.finish().await.unwrap();
            } else {
                drop(writer);
            }
            world = crash(&home, world).await;
            let (files, segments, names) = traces(&home).await;
            assert_eq!(names, 1, "{step}: what is there has a name");
            assert_eq!(if home.is_postgres() { files } else { usize::try_from(segments).unwrap() }, 0, "{step}");
            // Not before its time: the upload may still be going on.
            world.store.advance_clock(SWEEP_AFTER_SECONDS - 60);
            assert_eq!(world.store.blob_sweep().await.unwrap(), 0, "{step}");
            assert_eq!(traces(&home).await, (files, segments, names), "{step}");
            world.store.advance_clock(61);
            assert_eq!(world.store.blob_sweep().await.unwrap(), 1, "{step}");
            assert_eq!(traces(&home).await, (0, 0, 0), "{step}");
            world = crash(&home, world).await;
        }
    }

    async fn a_crash_after_the_row_leaves_the_whole_file(home) {
        let world = World::new(&home).await;
        let blob = placed(&world).await;
        let id = blob.id;
        world.upload_as(&world.admin, world.project, file_of(&world, "long.p12", blob)).await.unwrap();
        let world = crash(&home, world).await;
        world.store.advance_clock(10 * SWEEP_AFTER_SECONDS);
        assert_eq!(world.store.blob_sweep().await.unwrap(), 0);
        assert_eq!(read_all(&world, id).await.unwrap(), content());
        assert_eq!(home.number("select count(*) from secure_file where sealed is null").await, 1);
    }

    async fn a_crash_within_a_sweep_is_made_good_by_the_next(home) {
        let world = World::new(&home).await;
        placed(&world).await;
        world.store.advance_clock(SWEEP_AFTER_SECONDS + 1);
        // The first step of a sweep, as its statements do it, and no more.
        home.sql(
            "insert into blob_trash (blob_id, scale_unit, delete_after)
                select blob_id, scale_unit, expires_at from upload_intent;
             delete from upload_intent",
        )
        .await;
        assert_eq!(world.store.blob_sweep().await.unwrap(), 1);
        assert_eq!(traces(&home).await, (0, 0, 0));
        assert_eq!(world.store.blob_sweep().await.unwrap(), 0);
    }

    async fn an_upload_that_was_given_up_cannot_be_committed(home) {
        let world = World::new(&home).await;
        let blob = placed(&world).await;
        world.store.advance_clock(SWEEP_AFTER_SECONDS + 1);
        assert_eq!(world.store.blob_sweep().await.unwrap(), 1);
        let late = world.upload_as(&world.admin, world.project, file_of(&world, "late.p12", blob)).await;
        assert!(matches!(late, Err(Stop::Refused(Refusal::UploadExpired))), "{late:?}");
        assert_eq!(home.number("select count(*) from secure_file").await, 0);
        // Its name is free.
        world.upload("late.p12").await;
    }

    async fn an_upload_that_was_given_up_while_it_was_written_leaves_nothing(home) {
        let world = World::new(&home).await;
        let mut writer = world.store.blob_begin().await.unwrap();
        write_all(&mut writer).await.unwrap();
        world.store.advance_clock(SWEEP_AFTER_SECONDS + 1);
        assert_eq!(world.store.blob_sweep().await.unwrap(), 1);
        let late = match write_all(&mut writer).await {
            Ok(()) => writer.finish().await.map(drop),
            Err(stop) => Err(stop),
        };
        assert!(matches!(late, Err(Stop::Refused(Refusal::UploadExpired))), "{late:?}");
        assert_eq!(traces(&home).await, (0, 0, 0));
    }

    async fn one_blob_makes_one_file(home) {
        let world = World::new(&home).await;
        let blob = placed(&world).await;
        world.upload_as(&world.admin, world.project, file_of(&world, "one.p12", blob.clone())).await.unwrap();
        world.upload_as(&world.admin, world.project, file_of(&world, "two.p12", blob)).await.unwrap_err();
        assert_eq!(home.number("select count(*) from secure_file").await, 1);
    }

    async fn a_deleted_files_bytes_go_after_the_horizon_and_nothing_unknown_goes_with_them(home) {
        let world = World::new(&home).await;
        let blob = placed(&world).await;
        let id = blob.id;
        let kept = placed(&world).await;
        let kept_id = kept.id;
        let file: FileId = world.upload_as(&world.admin, world.project, file_of(&world, "long.p12", blob)).await.unwrap();
        world.upload_as(&world.admin, world.project, file_of(&world, "kept.p12", kept)).await.unwrap();
        if !home.is_postgres() {
            std::fs::write(home.blobs().join("unit-a-nobody-knows-it"), "x").unwrap();
            std::fs::write(home.blobs().join("notes.new"), "x").unwrap();
        }
        world.delete(file).await.unwrap();
        world.store.advance_clock(TRASH_SECONDS - 60);
        assert_eq!(world.store.blob_sweep().await.unwrap(), 0);
        assert_eq!(read_all(&world, id).await.unwrap(), content(), "a backup within the horizon restores");
        world.store.advance_clock(61);
        assert_eq!(world.store.blob_sweep().await.unwrap(), 1);
        assert_ne!(read_all(&world, id).await.unwrap_or_default(), content());
        assert_eq!(read_all(&world, kept_id).await.unwrap(), content());
        let (files, segments, names) = traces(&home).await;
        assert_eq!((files, segments == 0, names), if home.is_postgres() { (0, false, 0) } else { (3, true, 0) });
    }

    async fn an_abandoned_upload_takes_no_space_in_the_folder(home) {
        let world = World::new(&home).await;
        let mut writer = world.store.blob_begin().await.unwrap();
        write_all(&mut writer).await.unwrap();
        writer.abandon().await;
        assert_eq!(home.blob_names(), Vec::<String>::new());
        world.store.advance_clock(SWEEP_AFTER_SECONDS + 1);
        world.store.blob_sweep().await.unwrap();
        assert_eq!(traces(&home).await, (0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_their_folder_are_private_and_named_by_the_scale_unit() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::sqlite();
    let world = World::new(&home).await;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.blobs()), 0o700);
    let mut writer = world.store.blob_begin().await.unwrap();
    writer.write(b"sealed").await.unwrap();
    let [unfinished] = home.blob_names().try_into().unwrap();
    assert!(
        unfinished.starts_with("unit-a-") && unfinished.ends_with(".new"),
        "{unfinished}"
    );
    assert_eq!(mode(&home.blobs().join(&unfinished)), 0o600);
    writer.finish().await.unwrap();
    let [finished] = home.blob_names().try_into().unwrap();
    assert_eq!(format!("{finished}.new"), unfinished);
    assert_eq!(mode(&home.blobs().join(finished)), 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_write_that_failed_in_the_background_is_not_overlooked() {
    let home = Home::sqlite();
    let world = World::new(&home).await;
    let (temporary, path) = (home.blobs().join("b.new"), home.blobs().join("b"));
    std::fs::write(&temporary, "").unwrap();
    // A file that cannot be written to, but can be synced: as a disk that is full.
    let file = tokio::fs::File::open(&temporary).await.unwrap();
    let target = Target::File {
        file,
        temporary,
        path: path.clone(),
    };
    let mut writer = BlobWriter {
        store: world.store.clone(),
        id: BlobId(uuid::Uuid::nil()),
        target,
    };
    let written = writer.write(b"sealed").await;
    let finished = writer.finish().await.map(drop);
    assert!(written.and(finished).is_err());
    assert!(!path.exists());
}
