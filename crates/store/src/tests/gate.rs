//! The gate: every answer is recorded, a denial is an outcome, and no record means no.

use super::home::Home;
use super::world::{World, small_file};
use crate::{Grant, Lease, PipelineText, Stop, StoreError};
use coffer_model::act::{CreateFile, CreatePipeline, IssueTicket, ReadContents};
use coffer_model::policy::Denied;
use coffer_model::{Authentication, FileId, JobId};
use std::sync::{Arc, Mutex};

fn text(name: &str) -> PipelineText {
    PipelineText {
        name: name.into(),
        folder: "\\".into(),
        path: "p.yml".into(),
        yaml: "steps: []".into(),
        files: Vec::new(),
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T, Stop>) -> Denied {
    match result {
        Err(Stop::Denied { reason, .. }) => reason,
        other => panic!("not denied: {other:?}"),
    }
}

/// Makes every insert into the audit log fail.
async fn break_the_audit_log(home: &Home) {
    home.sql(if home.is_postgres() {
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
         create trigger refuse before insert on audit_event for each row execute function refuse()"
    } else {
        "create trigger refuse before insert on audit_event begin select raise(abort, 'no'); end"
    })
    .await;
}

both! {
    async fn an_allowed_act_and_its_record_are_one(home) {
        let world = World::new(&home).await;
        let before = world.events().await.len();
        let file = world.upload("cert.p12").await;
        let events = world.events().await;
        assert_eq!(events.len(), before + 1);
        let event = events.last().unwrap();
        assert_eq!((event.action.as_str(), event.outcome.as_str()), ("SecureFile.Created", "allowed"));
        assert_eq!((event.actor, event.actor_name.as_str()), (world.admin.identity.0, "ada"));
        assert_eq!((event.resource_type.as_str(), event.resource_id.clone()), ("securefile", file.to_string()));
        assert_eq!((event.project, event.address.as_str()), (Some(world.project.0), "192.0.2.7"));
        assert!(event.details.contains_key("credential"));
    }

    async fn a_denial_commits_its_record_and_nothing_else(home) {
        let world = World::new(&home).await;
        let reader = world.person("rhea", &["Readers"]).await;
        let (before, admin, project) = (world.events().await.len(), world.admin.clone(), world.project);
        let denied = unit!(world.store, (admin, reader), |tx| {
            let grant = tx.authorize(&admin, CreatePipeline { project }).await?;
            tx.pipeline_insert(grant, &text("undone")).await?;
            let grant = tx.authorize(&reader, CreatePipeline { project }).await?;
            tx.pipeline_insert(grant, &text("never")).await
        })
        .await;
        assert!(matches!(reason(denied), Denied::NotFound | Denied::Lacks { .. }));
        let events = world.events().await;
        assert_eq!(events.len(), before + 1, "the act before the denial is undone with its record");
        let event = events.last().unwrap();
        assert_eq!((event.action.as_str(), event.outcome.as_str()), ("Pipelines.PipelineCreated", "denied"));
        assert_eq!(event.actor, reader.identity.0);
        assert!(event.details.contains_key("reason"));
        assert_eq!(home.number("select count(*) from pipeline").await, 0);
    }

    async fn a_refused_act_leaves_no_record_of_having_happened(home) {
        let world = World::new(&home).await;
        world.upload("cert.p12").await;
        let before = world.events().await;
        let again = world.upload_as(&world.admin, world.project, small_file("cert.p12", world.key)).await;
        assert!(matches!(again, Err(Stop::Refused(_))));
        assert_eq!(world.events().await, before);
    }

    async fn a_grant_is_worth_nothing_in_another_unit(home) {
        let world = World::new(&home).await;
        let kept: Arc<Mutex<Option<Grant<CreateFile>>>> = Arc::default();
        let (admin, project, key) = (world.admin.clone(), world.project, world.key);
        unit!(world.store, (admin, kept), |tx| {
            let file = FileId::random(tx.entropy());
            *kept.lock().unwrap() = Some(tx.authorize(&admin, CreateFile { project, file }).await?);
            Ok(())
        })
        .await
        .unwrap();
        let used = unit!(world.store, (kept), |tx| {
            let grant = kept.lock().unwrap().take().unwrap();
            tx.file_insert(grant, small_file("stolen.p12", key)).await
        })
        .await;
        assert!(matches!(used, Err(Stop::Failed(StoreError::ForeignGrant))), "{used:?}");
        assert_eq!(home.number("select count(*) from secure_file").await, 0);
    }

    async fn a_grant_is_worth_nothing_in_another_store(home) {
        // Units of two stores run in step, so numbers that each store counted for itself would meet.
        let world = World::new(&home).await;
        let second = Home::sqlite();
        let elsewhere = World::new(&second).await;
        let kept: Arc<Mutex<Option<Grant<CreateFile>>>> = Arc::default();
        let (admin, project, key) = (world.admin.clone(), world.project, world.key);
        let inner = elsewhere.store.clone();
        let used = unit!(world.store, (admin, kept, inner), |tx| {
            let file = FileId::random(tx.entropy());
            *kept.lock().unwrap() = Some(tx.authorize(&admin, CreateFile { project, file }).await?);
            unit!(inner, (kept), |tx| {
                let grant = kept.lock().unwrap().take().unwrap();
                tx.file_insert(grant, small_file("stolen.p12", key)).await
            })
            .await
        })
        .await;
        assert!(matches!(used, Err(Stop::Failed(StoreError::ForeignGrant))), "{used:?}");
    }

    async fn without_a_record_the_answer_is_no(home) {
        let world = World::new(&home).await;
        let reader = world.person("rhea", &["Readers"]).await;
        break_the_audit_log(&home).await;
        let act = world.upload_as(&world.admin, world.project, small_file("a.p12", world.key)).await;
        assert!(matches!(act, Err(Stop::Failed(StoreError::Statement { .. }))), "{act:?}");
        let denial = world.upload_as(&reader, world.project, small_file("b.p12", world.key)).await;
        assert!(matches!(denial, Err(Stop::Failed(_))), "not even a no without a record: {denial:?}");
        assert_eq!(home.number("select count(*) from secure_file").await, 0);
        // What needs no record still works: the failure did not end the writer.
        unit!(world.store, (), |tx| Ok(tx.claim_setting("k", "v").await?)).await.unwrap();
    }

    async fn acts_and_denials_at_the_same_time_are_each_recorded_once(home) {
        let world = World::new(&home).await;
        let reader = world.person("rhea", &["Readers"]).await;
        let before = world.events().await.len();
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..40 {
            let (world, reader) = (world.clone(), reader.clone());
            calls.spawn(async move {
                let caller = if n % 2 == 0 { &world.admin } else { &reader };
                let file = small_file(&format!("file{n}.p12"), world.key);
                let result = world.upload_as(caller, world.project, file).await;
                match result {
                    Ok(_) => n % 2 == 0,
                    Err(Stop::Denied { .. }) => n % 2 == 1,
                    Err(other) => panic!("{other:?}"),
                }
            });
        }
        assert!(calls.join_all().await.into_iter().all(|as_expected| as_expected));
        let events = &world.events().await[before..];
        let count = |outcome| events.iter().filter(|event| event.outcome == outcome).count();
        assert_eq!((count("allowed"), count("denied"), events.len()), (20, 20, 40));
        assert_eq!(home.number("select count(*) from secure_file").await, 20);
    }

    async fn foreign_and_absent_files_get_one_answer_and_one_kind_of_record(home) {
        let world = World::new(&home).await;
        let foreign = world
            .upload_as(&world.admin, world.other, small_file("theirs.p12", world.other_key))
            .await
            .unwrap();
        let absent = FileId::random(&*world.store.entropy());
        let (admin, project) = (world.admin.clone(), world.project);
        let mut records = Vec::new();
        for file in [foreign, absent] {
            let asked = unit!(world.store, (admin), |tx| {
                tx.authorize(&admin, ReadContents { project, file, ticket: [0; 32] }).await.map(drop)
            })
            .await;
            assert_eq!(reason(asked), Denied::NotFound);
            let mut record = world.events().await.pop().unwrap();
            assert_eq!(record.resource_id, file.to_string());
            (record.id, record.time, record.resource_id) = (uuid::Uuid::nil(), 0, String::new());
            records.push(record);
        }
        assert_eq!(records[0], records[1]);
    }

    async fn an_agent_gets_tickets_for_the_job_it_holds_only(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        world.permit(file, pipeline).await.unwrap();
        let (run, _) = world.queue(pipeline, 1, &[file]).await;
        let (holder, holding) = world.agent("one").await;
        let (_, idle) = world.agent("two").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &holder).await);
        let (project, id) = (world.project, job.id);
        let ask = |caller: &coffer_model::Caller, job: JobId, hash: u8| {
            let caller = caller.clone();
            unit!(world.store, (caller), |tx| {
                let grant = tx.authorize(&caller, IssueTicket { project, file, run, job }).await?;
                tx.ticket_insert(grant, &[hash; 32]).await.map(drop)
            })
        };
        ask(&holding, id, 1).await.unwrap();
        assert_eq!(reason(ask(&idle, id, 2).await), Denied::NotFound);
        assert_eq!(reason(ask(&world.admin, id, 3).await), Denied::WrongAuthentication);
        world.store.advance_clock(61);
        assert_eq!(reason(ask(&holding, id, 4).await), Denied::JobNotLive);
        assert_eq!(home.number("select count(*) from ticket").await, 1);
    }

    async fn content_is_for_a_live_job_with_its_ticket(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        let unplanned = world.upload("other.p12").await;
        for file in [file, unplanned] {
            world.permit(file, pipeline).await.unwrap();
        }
        let (run, _) = world.queue(pipeline, 1, &[file]).await;
        let (agent, holding) = world.agent("one").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &agent).await);
        let (project, id, store) = (world.project, job.id, &world.store);
        unit!(store, (holding), |tx| {
            let grant = tx.authorize(&holding, IssueTicket { project, file, run, job: id }).await?;
            tx.ticket_insert(grant, &[1; 32]).await.map(drop)
        })
        .await
        .unwrap();
        let identity = unit!(store, (), |tx| Ok(tx.build_service(project).await?)).await.unwrap();
        let credential = coffer_model::CredentialId::random(&*store.entropy());
        let caller = coffer_model::Caller {
            identity,
            authentication: Authentication::Job { credential, job: id, run, pipeline, project },
            ..world.admin.clone()
        };
        let read = |caller: &coffer_model::Caller, file: FileId, ticket: u8| {
            let caller = caller.clone();
            unit!(store, (caller), |tx| {
                let act = ReadContents { project, file, ticket: [ticket; 32] };
                let grant = tx.authorize(&caller, act).await?;
                Ok(tx.sealed_body(grant).await?.name)
            })
        };
        assert_eq!(read(&caller, file, 1).await.unwrap(), "cert.p12");
        assert_eq!(reason(read(&caller, file, 2).await), Denied::Ticket);
        assert_eq!(reason(read(&caller, unplanned, 1).await), Denied::Ticket);
        assert_eq!(reason(read(&world.admin, file, 1).await), Denied::NotForPeople);
        world.revoke(file, pipeline).await.unwrap();
        assert_eq!(reason(read(&caller, file, 1).await), Denied::PipelineNotPermitted);
        world.permit(file, pipeline).await.unwrap();
        store.advance_clock(61);
        assert_eq!(reason(read(&caller, file, 1).await), Denied::JobNotLive);
    }

    async fn a_lease_is_worth_nothing_in_another_unit(home) {
        let world = World::new(&home).await;
        let pipeline = world.pipeline("ci").await;
        world.queue(pipeline, 1, &[]).await;
        let (agent, _) = world.agent("one").await;
        let job = world.ready().await.remove(0);
        let (id, project, key) = (agent.id, world.project, world.key);
        let kept: Arc<Mutex<Option<Lease>>> = Arc::default();
        unit!(world.store, (kept, job), |tx| {
            let until = tx.now().plus_seconds(60);
            *kept.lock().unwrap() = tx.job_claim(&job, id, "one", &[1; 32], until).await?;
            Ok(())
        })
        .await
        .unwrap();
        let lease = Arc::new(kept.lock().unwrap().take().unwrap());
        let foreign = |result: Result<(), Stop>| matches!(result, Err(Stop::Failed(StoreError::ForeignGrant)));
        let credential = crate::NewCredential {
                scopes: "app_token".into(),
            id: coffer_model::CredentialId::random(&*world.store.entropy()),
            kind: crate::CredentialKind::Job,
            hash: [5; 32],
            label: String::new(),
            expires_at: coffer_model::Timestamp(i64::MAX),
        };
        assert!(foreign(unit!(world.store, (lease), |tx| tx.lease_renew(&lease, tx.now()).await).await));
        assert!(foreign(unit!(world.store, (lease), |tx| tx.job_log_key_insert(&lease, key, &[1]).await).await));
        assert!(foreign(
            unit!(world.store, (lease, credential), |tx| {
                let service = tx.build_service(project).await?;
                tx.job_credential_insert(&lease, &credential, service).await
            })
            .await
        ));
        assert_eq!(home.number("select count(*) from credential").await, 0);
    }
}
