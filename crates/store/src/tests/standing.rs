//! What a caller may do at many places, told in as many statements as at one: what the gate says of each.

use super::home::Home;
use super::world::{World, small_file};
use crate::sql::{Statement, args};
use crate::{FilePageQuery, FileQuery, FileSort, PageFrom};
use coffer_model::access::{LIBRARY, Role, Scope, file_token, library, library_token};
use coffer_model::act::{ChangeFile, PermitPipeline, UseFile, ViewAccess, ViewFile};
use coffer_model::{AgentId, Authentication, Caller, FileId, PipelineId};
use uuid::Uuid;

const ENTRY: Statement = Statement {
    name: "entry",
    sqlite: "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits) values ($1, $2, $3, $4, 0)",
    postgres: "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits) values ($1, $2, $3, $4, 0)",
};
const CLOSE: Statement = Statement {
    name: "close",
    sqlite: "insert into access_list (namespace_id, token, inherits) values ($1, $2, 0)",
    postgres: "insert into access_list (namespace_id, token, inherits) values ($1, $2, 0)",
};

/// Gives somebody a role at a place of the library.
async fn give(world: &World, who: &Caller, token: String, role: Role) {
    let who = who.identity.0;
    unit!(world.store, (token), |tx| {
        let values = args![LIBRARY.0, token, who, role.item_bits()];
        Ok(tx.run_one(&ENTRY, values).await?)
    })
    .await
    .unwrap_or_else(|stop| panic!("{stop:?}"));
}

async fn close(world: &World, file: FileId) {
    let token = file_token(world.project, file);
    unit!(world.store, (token), |tx| {
        Ok(tx.run_one(&CLOSE, args![LIBRARY.0, token]).await?)
    })
    .await
    .unwrap_or_else(|stop| panic!("{stop:?}"));
}

fn all() -> FilePageQuery {
    FilePageQuery {
        search: None,
        sort: FileSort::Name,
        descending: false,
        from: PageFrom::Start(0),
        top: 50,
    }
}

both! {
    async fn inheritance_that_is_off_counts_for_rows_and_filters(home) {
        let world = World::new(&home).await;
        let project = world.project;
        let (open, closed) = (world.upload("open.p12").await, world.upload("closed.p12").await);
        let bob = world.person("bob", &[]).await;
        give(&world, &bob, library_token(project), Role::Administrator).await;
        give(&world, &bob, file_token(project, closed), Role::Reader).await;
        // While it inherits, the entry at the file already replaces the library's.
        close(&world, closed).await;
        let ann = world.person("ann", &["Release Administrators"]).await;
        give(&world, &ann, file_token(project, closed), Role::Reader).await;
        let mut read = world.store.read().await.unwrap();
        for caller in [&bob, &ann] {
            let page = read.files_page(caller, project, &all()).await.unwrap();
            assert_eq!(page.items.len(), 2, "{}", caller.name);
            for (file, standing) in page.items {
                let act = ChangeFile { project, file: file.id };
                let may = read.may(caller, &act).await.unwrap();
                assert_eq!(may, file.id == open);
                assert_eq!(standing.may(&act), may, "{} of {}", caller.name, file.name);
            }
            let used = read.files_visible(caller, project, library::USE, &FileQuery::All).await.unwrap();
            assert_eq!(used.iter().map(|file| file.id).collect::<Vec<_>>(), [open]);
        }
    }

    async fn a_standing_is_about_its_place_and_nothing_else(home) {
        let world = World::new(&home).await;
        let project = world.project;
        let (file, other) = (world.upload("a.p12").await, world.upload("b.p12").await);
        let absent = FileId(Uuid::from_u128(7));
        let mut read = world.store.read().await.unwrap();
        let standing = read.standing(&world.admin, Scope::File(project, file)).await.unwrap();
        assert!(standing.may(&UseFile { project, file }));
        assert!(!standing.may(&UseFile { project, file: other }));
        assert!(!standing.may(&ViewAccess { scope: Scope::Library(project) }));
        standing.look(ViewFile { project, file: other }).unwrap_err();
        let many = read.files_standing(&world.admin, project, &[absent, other, file]).await.unwrap();
        let seen = |n: usize, file| many[n].look(ViewFile { project, file }).is_ok();
        assert_eq!((seen(0, absent), seen(1, other), seen(2, file)), (false, true, true));
        let elsewhere = read.files_standing(&world.admin, world.other, &[file]).await.unwrap();
        elsewhere[0].look(ViewFile { project: world.other, file }).unwrap_err();
        // A session that did not sign in lately may, once it does.
        let late = Caller {
            authentication: Authentication::Session {
                session: coffer_model::CredentialId(Uuid::from_u128(9)),
                signed_in: coffer_model::Timestamp(0),
            },
            ..world.admin.clone()
        };
        let act = PermitPipeline { project, file, pipeline: PipelineId(1) };
        assert!(!read.may(&late, &act).await.unwrap());
        let standing = read.standing(&late, Scope::File(project, file)).await.unwrap();
        assert!(standing.may(&act));
        standing.look(act).unwrap_err();
    }

    async fn an_agent_sees_no_page_whoever_it_is(home) {
        let world = World::new(&home).await;
        world.upload("a.p12").await;
        let agent = Caller {
            authentication: Authentication::Agent { agent: AgentId(Uuid::from_u128(8)) },
            ..world.admin.clone()
        };
        let mut read = world.store.read().await.unwrap();
        assert_eq!(read.files_page(&world.admin, world.project, &all()).await.unwrap().items.len(), 1);
        assert!(read.files_page(&agent, world.project, &all()).await.unwrap().items.is_empty());
        assert!(read.pipelines_page(&agent, world.project, "", 0, 50).await.unwrap().items.is_empty());
        assert!(read.projects_page(&agent, "", None, 0, 50).await.unwrap().items.is_empty());
        assert!(read.project_named(&agent, "alpha").await.unwrap().is_none());
    }

    async fn who_may_permit_is_said_of_each_file_by_itself(home) {
        let world = World::new(&home).await;
        let project = world.project;
        let bob = world.person("bob", &["Release Administrators"]).await;
        let (first, second) = (
            world.upload_as(&bob, project, small_file("first.p12", world.key)).await.unwrap(),
            world.upload("second.p12").await,
        );
        let closed = world.upload("closed.p12").await;
        close(&world, closed).await;
        let mut read = world.store.read().await.unwrap();
        let mut seen = Vec::new();
        for file in [first, second, closed] {
            seen.push(read.look(&world.admin, ViewFile { project, file }).await.unwrap());
        }
        let who = read.who_may_permit(project, &seen).await.unwrap();
        // Through a group is told as the group, also of who has a right of its own at another file.
        assert_eq!(who[&first][0], "bob");
        assert!(who[&first].iter().any(|name| name == "Release Administrators"));
        assert!(!who[&second].contains(&"bob".to_owned()), "{:?}", who[&second]);
        assert!(who[&second].iter().any(|name| name == "Release Administrators"));
        assert_eq!(who[&closed], ["ada"], "nothing is inherited there");
        for (file, names) in &who {
            let alone = read.look(&world.admin, ViewFile { project, file: *file }).await.unwrap();
            assert_eq!(&read.who_may_permit(project, &[alone]).await.unwrap()[file], names);
        }
    }
}
