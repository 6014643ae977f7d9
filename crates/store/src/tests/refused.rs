//! A grant names what it is for: it is of no use for another thing of the same kind.

use super::home::Home;
use super::world::World;
use crate::{CredentialKind, NewCredential, NewIdentity, NewProjectKey, Refusal, Stop, StoreError};
use coffer_model::act::{
    AddPerson, CancelRun, CreateAgentToken, CreateKey, CreateOwnToken, OpenAccess, RevokeOwnToken,
    RevokePipeline, ViewOwnTokens, ViewPermissions,
};
use coffer_model::library::IdentityKind;
use coffer_model::{CredentialId, IdentityId, PipelineId, ProjectKeyId, Timestamp};

fn foreign<T: std::fmt::Debug>(result: Result<T, Stop>) -> bool {
    matches!(result, Err(Stop::Failed(StoreError::ForeignGrant)))
}

both! {
    async fn a_personal_token_is_a_personal_token(home) {
        let world = World::new(&home).await;
        let (admin, organization, identity) = (world.admin.clone(), world.organization, world.admin.identity);
        let token = |kind, n| NewCredential {
                scopes: "app_token".into(),
            id: CredentialId::random(&*world.store.entropy()),
            kind,
            hash: [n; 32],
            label: "laptop".into(),
            expires_at: Timestamp(i64::MAX),
        };
        let own = |token: NewCredential| {
            unit!(world.store, (admin, token), |tx| {
                let grant = tx.authorize(&admin, CreateOwnToken { identity }).await?;
                tx.credential_insert(grant, &token).await
            })
        };
        let agents = |token: NewCredential| {
            unit!(world.store, (admin, token), |tx| {
                let grant = tx.authorize(&admin, CreateAgentToken { organization }).await?;
                tx.credential_insert(grant, &token).await
            })
        };
        assert!(foreign(own(token(CredentialKind::Job, 1)).await));
        assert!(foreign(own(token(CredentialKind::Agent, 2)).await));
        assert!(foreign(agents(token(CredentialKind::Pat, 3)).await));
        own(token(CredentialKind::Pat, 4)).await.unwrap();
        agents(token(CredentialKind::Agent, 5)).await.unwrap();
        assert_eq!(home.numbers("select count(*) from credential group by kind").await, [1, 1]);
    }

    async fn a_token_is_found_while_it_lives_and_only_the_one_named_is_revoked(home) {
        let world = World::new(&home).await;
        let (admin, identity) = (world.admin.clone(), world.admin.identity);
        let ids = [1, 2, 3].map(|_| CredentialId::random(&*world.store.entropy()));
        let created = world.store.read().await.unwrap().now();
        for (n, id) in (1_u8..).zip(ids) {
            let token = NewCredential {
                scopes: "app_token".into(),
                id,
                kind: CredentialKind::Pat,
                hash: [n; 32],
                label: format!("token {n}"),
                expires_at: created.plus_seconds(if n == 3 { 30 } else { 3600 }),
            };
            unit!(world.store, (admin, token), |tx| {
                let grant = tx.authorize(&admin, CreateOwnToken { identity }).await?;
                tx.credential_insert(grant, &token).await
            })
            .await
            .unwrap();
        }
        let revoke = |named: CredentialId, taken: CredentialId| {
            unit!(world.store, (admin), |tx| {
                let act = RevokeOwnToken { identity, token: named.to_string() };
                let grant = tx.authorize(&admin, act).await?;
                tx.credential_revoke_own(grant, taken).await
            })
        };
        assert!(foreign(revoke(ids[0], ids[1]).await));
        revoke(ids[0], ids[0]).await.unwrap();
        assert!(matches!(revoke(ids[0], ids[0]).await, Err(Stop::Refused(Refusal::NotFound))));
        world.store.advance_clock(31);
        let mut read = world.store.read().await.unwrap();
        let mut live = Vec::new();
        for n in 1..=4 {
            live.push(read.credential(&[n; 32]).await.unwrap().map(|found| found.id));
        }
        assert_eq!(live, [None, Some(ids[1]), None, None], "revoked, live, expired, never made");
        let seen = read.look(&admin, ViewOwnTokens { identity }).await.unwrap();
        assert_eq!(read.credentials_of(&seen).await.unwrap().len(), 3, "its owner sees all of them");
        home.sql("update identity set disabled_at = 1").await;
        assert!(read.credential(&[2; 32]).await.unwrap().is_none(), "the token of a disabled person is none");
    }

    async fn only_the_person_who_was_named_is_added(home) {
        let world = World::new(&home).await;
        let (admin, organization) = (world.admin.clone(), world.organization);
        let [named, added] = [1, 2].map(|_| IdentityId::random(&*world.store.entropy()));
        let result = unit!(world.store, (admin), |tx| {
            let grant = tx.authorize(&admin, AddPerson { organization, person: named }).await?;
            let new = NewIdentity {
                id: added,
                kind: IdentityKind::User,
                project: None,
                unique_name: "eve".into(),
                display_name: "Eve".into(),
            };
            tx.person_insert(grant, &admin, &new, &[]).await
        })
        .await;
        assert!(foreign(result));
    }

    async fn only_the_key_of_the_project_that_was_named_is_made(home) {
        let world = World::new(&home).await;
        let (duty, project, other) = (world.duty(), world.project, world.other);
        let new = NewProjectKey {
            id: ProjectKeyId::random(&*world.store.entropy()),
            scope: other.into(),
            version: 2,
            generation: "g1".into(),
            wrapped: vec![1],
            commitment: [1; 32],
            deployment: "d1".into(),
        };
        let result = unit!(world.store, (duty, new), |tx| {
            let grant = tx.authorize(&duty, CreateKey { project: Some(project), version: "2".into() }).await?;
            tx.project_key_insert(grant, &new).await
        })
        .await;
        assert!(foreign(result));
    }

    async fn a_run_is_cancelled_by_who_may_stop_its_own_pipeline(home) {
        let world = World::new(&home).await;
        let (mine, theirs) = (world.pipeline("mine").await, world.pipeline_in(world.other, "theirs").await);
        let (run, _) = world.queue(mine, 1, &[]).await;
        let (admin, project, other) = (world.admin.clone(), world.project, world.other);
        let cancel = |project, pipeline| {
            unit!(world.store, (admin), |tx| {
                let grant = tx.authorize(&admin, CancelRun { project, pipeline, run }).await?;
                tx.run_cancel(grant).await
            })
        };
        assert!(matches!(cancel(other, theirs).await, Err(Stop::Refused(Refusal::NotFound))));
        assert_eq!(world.ready().await.len(), 1);
        cancel(project, mine).await.unwrap();
        assert_eq!(world.ready().await.len(), 0);
    }

    async fn open_access_is_not_a_pipeline_that_a_user_can_revoke(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        let (admin, project) = (world.admin.clone(), world.project);
        unit!(world.store, (admin), |tx| {
            let grant = tx.authorize(&admin, OpenAccess { project, file }).await?;
            tx.permission_open(grant).await
        })
        .await
        .unwrap();
        world.permit(file, pipeline).await.unwrap();
        let nobody = unit!(world.store, (admin), |tx| {
            let act = RevokePipeline { project, file, pipeline: PipelineId(0) };
            let grant = tx.authorize(&admin, act).await?;
            tx.permission_remove(grant).await
        })
        .await;
        assert!(matches!(nobody, Err(Stop::Refused(Refusal::NotFound))), "{nobody:?}");
        let foreign = world.pipeline_in(world.other, "theirs").await;
        assert!(matches!(world.permit(file, foreign).await, Err(Stop::Refused(Refusal::NotFound))));
        let mut read = world.store.read().await.unwrap();
        let seen = read.look(&admin, ViewPermissions { project, file }).await.unwrap();
        let permissions = read.permissions(&seen).await.unwrap();
        assert!(permissions.all.is_some());
        assert_eq!(permissions.pipelines.iter().map(|permit| permit.pipeline).collect::<Vec<_>>(), [pipeline]);
    }
}
