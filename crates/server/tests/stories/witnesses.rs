//! Agents as witnesses: with nothing kept outside of the database but what an agent was given, an older copy is noticed at the
//! agent's first call; and no agent stops a server, or learns anything, by what it says.

use coffer_testkit::{RunningAgent, TestServer, both, eventually};

/// The rows that an anchor speaks of.
fn rows(anchor: &str) -> i64 {
    anchor.split('.').nth(2).unwrap().parse().unwrap()
}

/// The agent has been given an anchor of at least so many rows.
async fn given(agent: &RunningAgent, at_least: i64) -> String {
    eventually("the agent is given an anchor", || async {
        agent
            .anchor()
            .is_some_and(|anchor| rows(&anchor) >= at_least)
    })
    .await;
    agent.anchor().unwrap()
}

async fn linked(server: &TestServer) -> i64 {
    server.administrator().audit_settled().await;
    let question = "select max(sequence) from audit_link";
    server.database().number(question).await
}

both! {
    async fn an_agent_shows_that_an_older_copy_was_put_back(server) {
        let mut server = server;
        let work = server.scratch("work-witness");
        server.administrator().upload("before.pem", b"before").await;
        let agent = server.start_agent("witness", &work).await;
        let first = given(&agent, 1).await;
        agent.stop().await;
        server.stop().await;
        let old = server.copy_database().await;
        server.try_start(None).await.unwrap();
        server.administrator().upload("after.pem", b"after").await;
        let there = linked(&server).await;
        let agent = server.start_agent("witness", &work).await;
        let newest = given(&agent, there).await;
        assert!(rows(&first) < rows(&newest));
        agent.stop().await;

        // Nothing else is kept outside: the server starts, and works until the agent calls.
        server.stop().await;
        server.put_database(old);
        for _ in 0..2 {
            server.try_start(None).await.unwrap();
            let ada = server.administrator();
            ada.upload(&server.unique("meanwhile"), b"x").await;
            let agent = server.start_agent("witness", &work).await;
            eventually("not ready", || async { server.service().ready().await.is_err() }).await;
            let refused = ada.try_upload("later.pem", b"later").await.unwrap_err();
            assert_eq!(refused.code(), Some("anchor.behind"), "{refused:?}");
            assert!(server.logged("the agent witness: it says"));
            // The agent goes on to say how it was, also when the server has forgotten.
            assert_eq!(agent.anchor().as_deref(), Some(newest.as_str()));
            agent.stop().await;
            server.stop().await;
        }

        // Somebody with the host means it; from here on this history is the one.
        server.try_start(Some("restored on purpose")).await.unwrap();
        let ada = server.administrator();
        ada.upload("later.pem", b"later").await;
        let mut accepted = ada.audit().await;
        accepted.retain(|event| event.action == "Database.RollbackAccepted");
        assert!(accepted[0].details["anchors"].contains("what agents remember"), "{accepted:?}");
        let agent = server.start_agent("witness", &work).await;
        eventually("the agent remembers this history", || async {
            agent.anchor().is_some_and(|anchor| anchor != newest)
        }).await;
        agent.stop().await;
        server.service().ready().await.unwrap();
        let accepted_copy = { server.stop().await; server.copy_database().await };
        server.try_start(None).await.unwrap();
        server.administrator().upload("last.pem", b"last").await;
        let there = linked(&server).await;
        let agent = server.start_agent("witness", &work).await;
        given(&agent, there).await;
        agent.stop().await;
        server.stop().await;
        server.put_database(accepted_copy);
        server.try_start(None).await.unwrap();
        let agent = server.start_agent("witness", &work).await;
        eventually("not ready", || async { server.service().ready().await.is_err() }).await;
        agent.stop().await;
    }

    async fn no_agent_stops_a_server_by_what_it_says(server) {
        let agent = server.agent("hostile").await;
        let ada = server.administrator();
        ada.upload("a.pem", b"a").await;
        ada.audit_settled().await;
        let (unit, mine) = agent.testify(None).await.unwrap().unwrap();
        assert_eq!(unit, "unit-a");
        // What it learns is the anchor: counts, a time, ids, a hash and a signature.
        assert!(mine.len() <= 225 && mine.split('.').count() == 8, "{mine}");

        // Another database of the same unit and organization, with more rows, that signs with its own key.
        let other = TestServer::start(server.engine()).await;
        for _ in 0..20 {
            other.administrator().upload(&other.unique("x"), b"x").await;
        }
        other.administrator().audit_settled().await;
        let stranger = other.agent("stranger").await;
        let (_, foreign) = stranger.testify(None).await.unwrap().unwrap();
        let parts: Vec<&str> = mine.split('.').collect();
        let with = |at: usize, text: &str| {
            let mut parts = parts.clone();
            parts[at] = text;
            parts.join(".")
        };
        let long = "a".repeat(100_000);
        let foreign_parts: Vec<&str> = foreign.split('.').collect();
        for (unit, text) in [
            (unit.as_str(), foreign.as_str()),
            (&unit, ""),
            (&unit, "nonsense"),
            (&unit, &long),
            (&unit, &with(2, "99999")),
            (&unit, &with(3, "9000000000000000")),
            (&unit, &with(2, "-1")),
            (&unit, &with(4, foreign_parts[4])),
            (&unit, &with(6, foreign_parts[6])),
            (&unit, &with(7, foreign_parts[7])),
            ("unit-b", &mine),
            (&long, &mine),
            ("", &mine),
        ] {
            let answer = agent.testify(Some((unit, text))).await.unwrap();
            assert!(answer.is_some(), "{text:.80}");
            server.service().ready().await.unwrap();
        }
        assert!(server.logged("what an agent remembers of the database is not believed"));
        // Its own, however old, is as good as ever.
        ada.upload("b.pem", b"b").await;
        assert!(agent.testify(Some((&unit, &mine))).await.unwrap().is_some());
        ada.upload("c.pem", b"c").await;
        server.service().ready().await.unwrap();
    }

    async fn without_the_key_service_nothing_is_judged_and_nothing_forgotten(server) {
        let mut server = server;
        let agent = server.agent("hand").await;
        let (unit, first) = agent.testify(None).await.unwrap().unwrap();
        // After a start the key that proves anchors is not there yet.
        server.stop().await;
        server.key_faults().away(true);
        server.try_start(None).await.unwrap();
        assert_eq!(agent.testify(Some((&unit, &first))).await.unwrap(), None);
        assert_eq!(agent.testify(Some((&unit, "nonsense"))).await.unwrap(), None);
        server.key_faults().away(false);
        eventually("given again", || async {
            agent.testify(Some((&unit, &first))).await.unwrap().is_some()
        }).await;
    }
}
