//! Rights beyond secure files: lists of pipelines and runs are what the gate decides, and an organization of an older
//! version gets the groups that a new one starts with.

use super::home::Home;
use super::world::World;
use crate::sql::{Statement, args};
use crate::{AccessChange, FileQuery, NewIdentity, Refusal, Stop};
use coffer_model::access::{
    AUDIT_READERS, BREAK_GLASS_OFFICERS, Bits, COLLECTION_ADMINISTRATORS, KEY_OPERATORS, Role,
    Scope, build, library, officers,
};
use coffer_model::act::{AddPerson, CheckAccess, CreateProject, ViewAccess, ViewPipeline, ViewRun};
use coffer_model::library::IdentityKind;
use coffer_model::{Caller, IdentityId, PipelineId, ProjectId};
use std::collections::BTreeSet;

const SWITCH: Statement = Statement {
    name: "switch",
    sqlite: "insert into access_list (namespace_id, token, inherits) values ($1, $2, 0)",
    postgres: "insert into access_list (namespace_id, token, inherits) values ($1, $2, 0)",
};
const DISABLE: Statement = Statement {
    name: "disable",
    sqlite: "update identity set disabled_at = $2 where id = $1",
    postgres: "update identity set disabled_at = $2 where id = $1",
};
const ENTRY: Statement = Statement {
    name: "entry",
    sqlite: "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits) values ($1, $2, $3, $4, $5)",
    postgres: "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits) values ($1, $2, $3, $4, $5)",
};

/// No entry, one that allows, one that denies.
const STATES: [Option<(bool, bool)>; 3] = [None, Some((true, false)), Some((false, true))];
const SEE: i64 = build::VIEW_BUILDS | build::VIEW_DEFINITION;

both! {
    async fn lists_of_pipelines_and_runs_say_what_the_gate_says(home) {
        let world = World::new(&home).await;
        let (admin, organization) = (world.admin.clone(), world.organization);
        let somebody = world.person("bob", &["Readers"]).await;
        // For every state of the caller's own entry and of a group's, above: a project. Below: a pipeline each.
        for (n, (own, group)) in STATES.iter().flat_map(|a| STATES.iter().map(move |b| (*a, *b))).enumerate() {
            let project = ProjectId(uuid::Uuid::from_u128(0x7000 + n as u128));
            let (admin2, somebody2) = (admin.clone(), somebody.clone());
            let readers = unit!(world.store, (admin2, somebody2), |tx| {
                let grant = tx.authorize(&admin2, CreateProject { organization, project }).await?;
                let name = format!("P{n}");
                tx.project_insert(grant, &admin2, &name).await?;
                let readers = tx.group_named(Some(&name), "Contributors").await?.unwrap();
                tx.membership_insert(readers, somebody2.identity).await?;
                let place = Scope::Pipelines(project).place();
                tx.access_forget(place.namespace, &place.token).await?;
                for (who, state) in [(somebody2.identity, own), (readers, group)] {
                    if let Some((allow, deny)) = state {
                        let values = args![place.namespace.0, &place.token, who.0, SEE * i64::from(allow), SEE * i64::from(deny)];
                        tx.run_one(&ENTRY, values).await?;
                    }
                }
                // The administrator still makes the pipelines.
                let values = args![place.namespace.0, &place.token, admin2.identity.0, build::ALL, 0_i64];
                tx.run_one(&ENTRY, values).await?;
                Ok(readers)
            })
            .await
            .unwrap();
            let mut pipelines: Vec<PipelineId> = Vec::new();
            for (m, (own, group)) in STATES.iter().flat_map(|a| STATES.iter().map(move |b| (*a, *b))).enumerate() {
                for inherits in [true, false] {
                    let pipeline = world.pipeline_in(project, &format!("p{m}{inherits}")).await;
                    pipelines.push(pipeline);
                    let somebody2 = somebody.clone();
                    unit!(world.store, (somebody2), |tx| {
                        let place = Scope::Pipeline(project, pipeline).place();
                        for (who, state) in [(somebody2.identity, own), (readers, group)] {
                            if let Some((allow, deny)) = state {
                                let values = args![place.namespace.0, &place.token, who.0, SEE * i64::from(allow), SEE * i64::from(deny)];
                                tx.run_one(&ENTRY, values).await?;
                            }
                        }
                        if !inherits {
                            tx.run_one(&SWITCH, args![place.namespace.0, &place.token]).await?;
                        }
                        Ok(())
                    })
                    .await
                    .unwrap();
                }
            }
            let mut read = world.store.read().await.unwrap();
            let listed: BTreeSet<i64> = read.pipelines_visible(&somebody, project).await.unwrap().into_iter().map(|row| row.id).collect();
            let mut looked = BTreeSet::new();
            for pipeline in pipelines {
                let see = read.may(&somebody, &ViewPipeline { project, pipeline }).await.unwrap();
                assert_eq!(see, read.may(&somebody, &ViewRun { project, pipeline }).await.unwrap());
                if see {
                    looked.insert(pipeline.0);
                }
            }
            assert_eq!(listed, looked, "own {own:?}, group {group:?}");
        }
    }

    async fn runs_of_a_hidden_pipeline_are_hidden(home) {
        let world = World::new(&home).await;
        let somebody = world.person("bob", &["Readers"]).await;
        let (open, hidden) = (world.pipeline("open").await, world.pipeline("hidden").await);
        let (seen, _) = world.queue(open, 1, &[]).await;
        let (secret, _) = world.queue(hidden, 1, &[]).await;
        let runs = async |pipeline| {
            let mut read = world.store.read().await.unwrap();
            let rows = read.runs_visible(&somebody, world.project, pipeline, None, 10).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(runs(None).await, [secret, seen]);
        let place = Scope::Pipeline(world.project, hidden).place();
        let values = args![place.namespace.0, place.token, somebody.identity.0, 0_i64, build::VIEW_BUILDS];
        unit!(world.store, (values), |tx| {
            tx.run_one(&ENTRY, values).await?;
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(runs(None).await, [seen]);
        assert_eq!(runs(Some(hidden)).await, []);
        assert_eq!(runs(Some(open)).await, [seen]);
        // And a run is only what its own pipeline's look shows.
        let mut read = world.store.read().await.unwrap();
        let act = ViewRun { project: world.project, pipeline: open };
        let look = read.look(&somebody, act).await.unwrap();
        assert!(read.run(&look, secret).await.unwrap().is_none());
        assert!(read.run(&look, seen).await.unwrap().is_some());
        let files = read.files_visible(&somebody, world.project, 0, &FileQuery::All).await.unwrap();
        assert!(files.is_empty());
    }

    async fn roles_are_not_changed_over_what_somebody_else_changed(home) {
        let world = World::new(&home).await;
        let (ann, bob) = (world.person("ann", &["Readers"]).await, world.person("bob", &["Readers"]).await);
        let scope = Scope::File(world.project, world.upload("ca.pem").await);
        let stamp = async || {
            let mut read = world.store.read().await.unwrap();
            let seen = read.look(&world.admin, ViewAccess { scope }).await.unwrap();
            read.access_list(&seen).await.unwrap().stamp()
        };
        let change = async |who: &Caller, stamp: &str, deny: i64| {
            let put = AccessChange::Put { identity: ann.identity, bits: Bits { allow: library::VIEW, deny }, role: None };
            let (who, stamp, changes) = (who.clone(), stamp.to_owned(), vec![put]);
            unit!(world.store, (who, stamp, changes), |tx| tx.access_change_since(&who, scope, &changes, &stamp).await).await
        };
        let first = stamp().await;
        change(&world.admin, &first, 0).await.unwrap();
        let second = stamp().await;
        assert_ne!(first, second);
        let stale = change(&world.admin, &first, library::USE).await;
        assert!(matches!(stale, Err(Stop::Refused(Refusal::ChangedMeanwhile))));
        assert_eq!(stamp().await, second);
        // Who may not change anything hears that, and not whether it would have been out of date.
        for stamp in [&first, &second] {
            assert!(matches!(change(&bob, stamp, library::USE).await, Err(Stop::Denied { .. })));
        }
        // The switch is part of what a list says.
        let (admin, changes) = (world.admin.clone(), vec![AccessChange::Inherit(false)]);
        unit!(world.store, (admin, changes), |tx| tx.access_change(&admin, scope, &changes).await).await.unwrap();
        assert_ne!(stamp().await, second);
        assert!(change(&world.admin, &second, library::USE).await.is_err());
        let now = stamp().await;
        change(&world.admin, &now, library::USE).await.unwrap();
    }

    async fn a_change_at_the_library_leaves_no_file_below_without_an_administrator(home) {
        let world = World::new(&home).await;
        let ann = world.person("ann", &["Readers"]).await;
        let file = world.upload("ca.pem").await;
        let (library, file) = (Scope::Library(world.project), Scope::File(world.project, file));
        let change = async |scope: Scope, change: AccessChange| {
            let (admin, changes) = (world.admin.clone(), vec![change]);
            unit!(world.store, (admin, changes), |tx| tx.access_change(&admin, scope, &changes).await).await
        };
        let rights = |who: &Caller, allow, deny| AccessChange::Put {
            identity: who.identity,
            bits: Bits { allow, deny },
            role: None,
        };
        let refused = |result: Result<(), Stop>| matches!(result, Err(Stop::Refused(Refusal::LastAdministrator)));
        let administrator = Role::Administrator.library_bits();
        change(library, rights(&ann, administrator, 0)).await.unwrap();
        // Who is shut out of the file: all administrators of the library but ann. The creator among them.
        let (admin, organization) = (world.admin.clone(), world.organization);
        let shut_out = unit!(world.store, (admin), |tx| {
            let group = IdentityId::random(tx.entropy());
            tx.authorize(&admin, AddPerson { organization, person: group }).await?;
            let group_row = NewIdentity {
                id: group,
                kind: IdentityKind::Group,
                project: None,
                unique_name: "shut out".into(),
                display_name: "shut out".into(),
            };
            tx.identity_insert(&group_row).await?;
            let member = tx.group_named(None, COLLECTION_ADMINISTRATORS).await?.unwrap();
            tx.membership_insert(group, member).await?;
            Ok(group)
        })
        .await
        .unwrap();
        let deny = AccessChange::Put {
            identity: shut_out,
            bits: Bits { allow: 0, deny: library::ADMINISTER },
            role: None,
        };
        change(file, deny).await.unwrap();
        // Now ann's role at the library is what administers the file.
        let gone = AccessChange::Remove { identity: ann.identity };
        assert!(refused(change(library, gone.clone()).await));
        assert!(refused(change(library, rights(&ann, library::VIEW, 0)).await));
        // What has nobody already holds up no other change.
        let off = args![ann.identity.0, 1_i64];
        unit!(world.store, (off), |tx| {
            tx.run_one(&DISABLE, off).await?;
            Ok(())
        })
        .await
        .unwrap();
        let bob = world.person("bob", &["Readers"]).await;
        change(library, rights(&bob, library::VIEW, 0)).await.unwrap();
        change(library, gone).await.unwrap();
    }

    async fn an_older_organization_gets_its_new_groups_once(home) {
        let world = World::new(&home).await;
        let names = [AUDIT_READERS, KEY_OPERATORS, BREAK_GLASS_OFFICERS];
        for name in names {
            let id = format!("(select id from identity where unique_name = '[Organization]\\{name}')");
            home.sql(&format!("delete from access_entry where identity_id in {id}")).await;
            home.sql(&format!("delete from identity where unique_name = '[Organization]\\{name}'")).await;
        }
        home.sql("delete from access_entry where token = 'Officers'").await;
        home.sql("delete from meta where key = 'organization_rights'").await;
        let scope = Scope::Officers(world.organization);
        let may = async |bits| {
            let mut read = world.store.read().await.unwrap();
            read.may(&world.admin, &CheckAccess { scope, bits }).await.unwrap()
        };
        assert!(!may(officers::LOOK).await);
        let (duty, organization) = (world.duty(), world.organization);
        let complete = async || unit!(world.store, (duty), |tx| tx.organization_complete(&duty, organization).await).await.unwrap();
        complete().await;
        assert!(may(officers::LOOK | officers::OPERATE_KEYS | officers::ADMINISTER).await);
        assert!(!may(officers::BREAK_GLASS).await);
        for name in names {
            let found = unit!(world.store, (), |tx| Ok(tx.group_named(None, name).await?)).await.unwrap();
            assert!(found.is_some(), "{name}");
        }
        let events = world.events().await;
        let made: Vec<_> = events.iter().filter(|event| event.action == "Security.DefaultsCompleted").collect();
        assert_eq!(made.len(), 4, "{made:?}");
        assert!(made.iter().all(|event| event.authentication == "system" && event.details.contains_key("token")));
        // What an administrator takes away later stays away.
        home.sql("delete from access_entry where token = 'Officers'").await;
        complete().await;
        assert!(!may(officers::LOOK).await);
    }
}
