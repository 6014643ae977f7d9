//! The audit chain: rows in order, without holes, and every change of a row is found.

use super::home::Home;
use super::world::{World, small_file};
use crate::Store;
use coffer_model::audit::Row;
use coffer_model::trail::Trail;

/// What a verifier says of the events, and of the bare chain.
pub(super) async fn problems(store: &Store) -> Vec<String> {
    let mut read = store.read().await.unwrap();
    let (mut events, mut after) = (Trail::default(), 0);
    loop {
        // In small pages, as somebody does who has more events than memory.
        let page = read.audit_linked(after, 7).await.unwrap();
        for linked in &page {
            let sequence = linked.sequence.unwrap();
            let chain = linked.chain.unwrap_or([0; 32]);
            let event = Some((linked.salt, linked.event.clone()));
            events.row(&Row {
                sequence,
                digest: linked.digest,
                chain,
                event,
            });
            after = sequence;
        }
        if page.is_empty() {
            break;
        }
    }
    let mut bare = Trail::default();
    for (sequence, digest, chain) in read.audit_chain(0, 100_000).await.unwrap() {
        bare.row(&Row {
            sequence,
            digest,
            chain,
            event: None,
        });
    }
    let (events, bare) = (events.finish(true), bare.finish(false));
    let mut problems = events.problems;
    problems.extend(bare.problems);
    if (events.head, events.rows, events.root) != (bare.head, bare.rows, bare.root) {
        problems.push("the events do not end where the chain ends".into());
    }
    problems
}

both! {
    async fn rows_are_linked_in_order_and_units_that_were_undone_leave_no_hole(home) {
        let world = World::new(&home).await;
        let reader = world.person("rhea", &["Readers"]).await;
        let before = world.events().await.len();
        for n in 0..10 {
            let name = format!("file{n}.p12");
            world.upload(&name).await;
            // Refused: its audit row is undone with it. Denied: its audit row is all that stays.
            world.upload_as(&world.admin, world.project, small_file(&name, world.key)).await.unwrap_err();
            world.upload_as(&reader, world.project, small_file(&name, world.key)).await.unwrap_err();
        }
        let events = world.events().await;
        assert_eq!(events.len(), before + 20);
        let sequences = home.numbers("select sequence from audit_event order by ordinal").await;
        assert_eq!(sequences, (1..=i64::try_from(before).unwrap() + 20).collect::<Vec<_>>());
        assert_eq!(home.numbers("select sequence from audit_link order by sequence").await, sequences);
        assert_eq!(problems(&world.store).await, Vec::<String>::new());
    }

    async fn the_chain_goes_on_where_it_was_after_a_restart(home) {
        let world = World::new(&home).await;
        world.upload("one.p12").await;
        world.events().await;
        world.store.close().await;
        let world = World { store: home.open().await, ..world };
        world.upload("two.p12").await;
        world.events().await;
        assert_eq!(problems(&world.store).await, Vec::<String>::new());
    }

    async fn every_change_behind_our_back_is_found(home) {
        let world = World::new(&home).await;
        for n in 0..3 {
            world.upload(&format!("file{n}.p12")).await;
        }
        world.events().await;
        assert_eq!(problems(&world.store).await, Vec::<String>::new());
        home.sql("create table kept_event as select * from audit_event; create table kept_link as select * from audit_link")
            .await;
        for (what, tampering) in [
            ("a changed actor", "update audit_event set actor_name = 'eve' where sequence = 2"),
            ("a changed outcome", "update audit_event set outcome = 'denied' where sequence = 2"),
            ("a changed time", "update audit_event set time = time + 1 where sequence = 2"),
            ("changed details", "update audit_event set details = '{}' where sequence = 2"),
            ("a deleted event", "delete from audit_event where sequence = 2"),
            ("a deleted last event", "delete from audit_event where sequence = (select max(sequence) from audit_link)"),
            ("a deleted link", "delete from audit_link where sequence = 2"),
            (
                "a changed digest",
                "update audit_link set digest = (select digest from kept_link where sequence = 3) where sequence = 2",
            ),
            (
                "a changed chain value",
                "update audit_link set chain = (select chain from kept_link where sequence = 3) where sequence = 2",
            ),
            (
                "swapped events",
                "update audit_event set sequence = -1 where sequence = 2;
                 update audit_event set sequence = 2 where sequence = 3;
                 update audit_event set sequence = 3 where sequence = -1",
            ),
            (
                "swapped events with swapped digests",
                "update audit_event set sequence = -1 where sequence = 2;
                 update audit_event set sequence = 2 where sequence = 3;
                 update audit_event set sequence = 3 where sequence = -1;
                 update audit_link set digest = (select digest from kept_link k where k.sequence = 5 - audit_link.sequence)
                    where sequence in (2, 3)",
            ),
            ("a deleted event with its link", "delete from audit_event where sequence = 2; delete from audit_link where sequence = 2"),
        ] {
            home.sql(tampering).await;
            assert_ne!(problems(&world.store).await, Vec::<String>::new(), "{what} is found");
            home.sql(
                "delete from audit_event; insert into audit_event select * from kept_event;
                 delete from audit_link; insert into audit_link select * from kept_link",
            )
            .await;
            assert_eq!(problems(&world.store).await, Vec::<String>::new(), "{what} is put right again");
        }
    }
}
