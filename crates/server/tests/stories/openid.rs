//! Signing in at the provider of the organization: who comes back is known, let in, and in the groups that the provider
//! names. With a provider of our own, and with one that others wrote.

use crate::newest;
use coffer_service::{Admit, ProviderOptions};
use coffer_testkit::{
    Answer, Browser, CLIENT, FakeProvider, From, TestServer, both, group, provider_options, skip,
    told,
};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) const SESSION: &str = "__Host-coffer-session";
pub(crate) const ATTEMPT: &str = "__Host-coffer-provider";
const ANN: &str = "ann@example.com";

/// A provider of our own, and the server that trusts it.
pub(crate) async fn provider(
    server: &mut TestServer,
    change: impl FnOnce(&mut ProviderOptions),
) -> FakeProvider {
    let provider = FakeProvider::start().await;
    let mut options = provider_options(&provider.issuer());
    change(&mut options);
    server.use_provider(options).await;
    provider
}

/// From our page to the provider's.
pub(crate) async fn leave(browser: &mut Browser, query: &str) -> Answer {
    let url = browser.here(&format!("/signin/oidc{query}"));
    browser.go(From::SameSite, &url).await
}

/// The way back, which for the browser begins at the provider.
pub(crate) async fn come_back(browser: &mut Browser, provider: &FakeProvider) -> Answer {
    let back = provider.agree(&browser.at);
    browser.go(From::Other(&provider.issuer()), &back).await
}

async fn sign_in(browser: &mut Browser, provider: &FakeProvider) -> Answer {
    leave(browser, "?return=%2Faccount").await.ok();
    come_back(browser, provider).await
}

#[track_caller]
fn is_signed_in(page: &Answer, name: &str) {
    let text = page.text();
    assert!(page.status == 200 && text.contains(name), "{page}: {text}");
}

/// In which groups somebody is, directly.
async fn groups(server: &TestServer, name: &str) -> Vec<String> {
    let users = server
        .administrator()
        .client
        .coffer()
        .users()
        .await
        .unwrap();
    let user = users.into_iter().find(|user| user.unique_name == name);
    let mut names: Vec<_> = user
        .unwrap_or_else(|| panic!("no {name}"))
        .groups
        .into_iter()
        .map(|group| group.name)
        .filter(|name| !name.contains("Valid Users"))
        .collect();
    names.sort();
    names
}

both! {
    async fn a_known_person_signs_in_and_is_who_the_subject_is_bound_to(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[group::READERS]).await;
        let mut browser = server.browser();
        let page = browser.go(From::Typed, &browser.here("/signin")).await.ok();
        assert!(page.text().contains("/signin/oidc") && page.text().contains("Example"), "{}", page.text());
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert!(browser.cookie(ATTEMPT).is_none(), "the attempt is over");

        let events = server.administrator().audit().await;
        let bound = newest(&events, "Identity.BoundToProvider");
        assert_eq!(bound.details["subject"], "subject-1");
        assert_eq!(bound.details["issuer"], provider.issuer());
        let started = newest(&events, "Session.Started");
        assert_eq!((started.outcome.as_str(), started.actor.authentication.as_str()), ("allowed", "openid connect"));

        // From now on the subject counts, whatever its address is called.
        provider.person("email", "somebody.else@example.com");
        provider.person("email_verified", false);
        let mut other = server.browser();
        is_signed_in(&sign_in(&mut other, &provider).await, ANN);
        // And another subject with Ann's address is not Ann.
        provider.person("sub", "subject-2");
        provider.person("email", ANN);
        provider.person("email_verified", true);
        let mut thief = server.browser();
        assert_eq!(sign_in(&mut thief, &provider).await.status, 401);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "bound_to_another_subject");
    }

    async fn groups_follow_the_provider_at_each_sign_in(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[group::READERS]).await;
        let mut browser = server.browser();
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert_eq!(groups(&server, ANN).await, [group::CONTRIBUTORS, group::READERS]);
        let events = server.administrator().audit().await;
        let joined = newest(&events, "Group.MemberAddedByProvider");
        assert!(joined.details.contains_key("group") && joined.details.contains_key("member"));

        // A second time nothing changes, and nothing is on record for it.
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        let again = server.administrator().audit().await;
        let count = |events: &[coffer_wire::coffer::AuditEvent]| {
            events.iter().filter(|event| event.action.ends_with("ByProvider")).count()
        };
        assert_eq!(count(&events), count(&again));

        // The provider names no group any more: what it gave goes, what we gave stays.
        provider.person_lacks("groups");
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert_eq!(groups(&server, ANN).await, [group::READERS]);
        let events = server.administrator().audit().await;
        newest(&events, "Group.MemberRemovedByProvider");
    }

    async fn the_provider_does_not_take_the_last_administrator_away(mut server) {
        let provider = provider(&mut server, |options| {
            options.groups[0].project = None;
            options.groups[0].group = group::COLLECTION_ADMINISTRATORS.into();
        })
        .await;
        server.person(ANN, &[]).await;
        let mut browser = server.browser();
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        let given = "select count(*) from provider_membership";
        assert_eq!(server.database().number(given).await, 1);
        provider.person_lacks("groups");
        server.database().sql("update identity set disabled_at = 1 where unique_name = 'ada.admin'").await;
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert_eq!(server.database().number(given).await, 1);
        server.database().sql("update identity set disabled_at = null where unique_name = 'ada.admin'").await;
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert_eq!(server.database().number(given).await, 0);
    }

    async fn a_membership_that_we_gave_is_not_the_providers_to_take(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[group::CONTRIBUTORS]).await;
        let mut browser = server.browser();
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        provider.person("groups", json!([]));
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert_eq!(groups(&server, ANN).await, [group::CONTRIBUTORS]);
    }

    async fn a_domain_lets_in_whom_nobody_added(mut server) {
        let provider = provider(&mut server, |options| {
            options.admit = Admit::Domains(vec!["example.com".into()]);
        })
        .await;
        let mut browser = server.browser();
        provider.person("email_verified", false);
        assert_eq!(sign_in(&mut browser, &provider).await.status, 401);
        provider.person("email_verified", "true");
        assert_eq!(sign_in(&mut browser, &provider).await.status, 401);
        provider.person("email_verified", true);
        provider.person("email", "ann@elsewhere.example");
        assert_eq!(sign_in(&mut browser, &provider).await.status, 401);
        provider.person("email", ANN);
        is_signed_in(&sign_in(&mut browser, &provider).await, "Ann");
        assert_eq!(groups(&server, ANN).await, [group::CONTRIBUTORS]);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Identity.AddedByProvider").details["name"], ANN);
        // A second person of the domain cannot take the first one's name.
        provider.person("sub", "subject-2");
        let mut thief = server.browser();
        assert_eq!(sign_in(&mut thief, &provider).await.status, 401);
    }

    async fn where_known_people_are_never_bound_their_address_makes_nobody(mut server) {
        let provider = provider(&mut server, |options| options.bind_known = false).await;
        server.person(ANN, &[]).await;
        let mut browser = server.browser();
        assert_eq!(sign_in(&mut browser, &provider).await.status, 401);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "not_bound");
    }

    async fn where_a_group_lets_in_leaving_it_shuts_out(mut server) {
        let provider = provider(&mut server, |options| {
            options.admit = Admit::Groups(vec!["staff".into()]);
        })
        .await;
        let mut browser = server.browser();
        is_signed_in(&sign_in(&mut browser, &provider).await, "Ann");
        provider.person("groups", json!(["guests"]));
        let mut later = server.browser();
        assert_eq!(sign_in(&mut later, &provider).await.status, 401);
        assert!(later.cookie(SESSION).is_none());
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "not_admitted");
    }

    async fn claims_that_the_token_lacks_come_from_userinfo_of_the_same_subject(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[]).await;
        provider.person_lacks("email");
        provider.person_lacks("email_verified");
        provider.person_lacks("groups");
        let said = |subject: &str| {
            json!({"sub": subject, "email": ANN, "email_verified": true, "groups": ["staff"]})
        };
        provider.userinfo(Some(said("subject-9")));
        // What the provider says of itself is read again after a while.
        server.advance_clock(601);
        provider.advance_clock(601);
        let mut browser = server.browser();
        assert_eq!(sign_in(&mut browser, &provider).await.status, 401);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "other_subject");
        provider.userinfo(Some(said("subject-1")));
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        assert_eq!(groups(&server, ANN).await, [group::CONTRIBUTORS]);
    }

    async fn only_who_signs_in_again_is_fresh(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[group::READERS]).await;
        let mut browser = server.browser();
        // The provider has a session of its own and asks nothing.
        provider.next_token(|token| token.shift("auth_time", -3600));
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        let fields = [("label", "from a page"), ("days", "1"), ("scope", "vso.build")];
        let refused = browser.fill("/account", "/account/tokens", &fields).await;
        assert_eq!(refused.status, 403, "{}", refused.text());

        leave(&mut browser, "?again=true&return=%2Faccount").await.ok();
        assert!(browser.at.contains("prompt=login") && browser.at.contains("max_age=0"), "{}", browser.at);
        provider.next_token(|token| token.shift("auth_time", -3600));
        assert_eq!(come_back(&mut browser, &provider).await.status, 401);
        leave(&mut browser, "?again=true").await.ok();
        provider.next_token(|token| { token.claims.remove("auth_time"); });
        assert_eq!(come_back(&mut browser, &provider).await.status, 401);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "not_signed_in_anew");

        // Somebody else does not continue Ann's session.
        server.person("bob@example.com", &[]).await;
        leave(&mut browser, "?again=true").await.ok();
        provider.next_token(|token| {
            token.claim("sub", "subject-2");
            token.claim("email", "bob@example.com");
        });
        assert_eq!(come_back(&mut browser, &provider).await.status, 401);

        leave(&mut browser, "?again=true&return=%2Faccount").await.ok();
        is_signed_in(&come_back(&mut browser, &provider).await, ANN);
        let made = browser.fill("/account", "/account/tokens", &fields).await.ok();
        assert!(made.text().contains("cof_pat_"), "{}", made.text());
    }

    async fn the_way_back_leads_to_this_server_only(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[]).await;
        for evil in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"] {
            let mut browser = server.browser();
            leave(&mut browser, &format!("?return={evil}")).await.ok();
            is_signed_in(&come_back(&mut browser, &provider).await, ANN);
            assert_eq!(browser.at, browser.here("/"));
        }
    }

    async fn a_disabled_person_stays_out(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[]).await;
        let mut browser = server.browser();
        is_signed_in(&sign_in(&mut browser, &provider).await, ANN);
        let sql = format!("update identity set disabled_at = 1 where unique_name = '{ANN}'");
        server.database().sql(&sql).await;
        assert_eq!(sign_in(&mut browser, &provider).await.status, 401);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "identity_disabled");
    }

    async fn the_provider_of_others_signs_people_in(mut server) {
        let Some(mut real) = RealProvider::start(&server).await else {
            return skip(concat!(module_path!(), "::the_provider_of_others_signs_people_in"), "Node or the clients are missing");
        };
        server.use_provider(provider_options(&real.issuer)).await;
        server.person(ANN, &[]).await;
        let mut browser = server.browser();
        let page = real.sign_in(&mut browser, "?return=%2Faccount").await;
        is_signed_in(&page, ANN);
        assert_eq!(groups(&server, ANN).await, [group::CONTRIBUTORS]);
        // Signed in again: the provider asks for the password again, though it has a session.
        let page = real.sign_in(&mut browser, "?again=true&return=%2Faccount").await;
        is_signed_in(&page, ANN);
        let fields = [("label", "from a page"), ("days", "1"), ("scope", "vso.build")];
        let made = browser.fill("/account", "/account/tokens", &fields).await.ok();
        assert!(made.text().contains("cof_pat_"), "{}", made.text());
        // Out of the group, and back in a fresh browser.
        real.change("ann", json!({"email": ANN, "email_verified": true, "groups": []})).await;
        let mut browser = server.browser();
        is_signed_in(&real.sign_in(&mut browser, "").await, ANN);
        assert!(groups(&server, ANN).await.is_empty());
        // Somebody whose address nobody has verified is nobody.
        real.change("ann2", json!({"email": "bob@example.com", "email_verified": false})).await;
        server.person("bob@example.com", &[]).await;
        real.user = "ann2";
        let mut browser = server.browser();
        assert_eq!(real.sign_in(&mut browser, "").await.status, 401);
        assert!(browser.cookie(SESSION).is_none());
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Refused").details["cause"], "email_not_verified");
    }
}

/// `oidc-provider` from npm, unmodified, in a process of its own.
struct RealProvider {
    issuer: String,
    user: &'static str,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl RealProvider {
    #[expect(
        clippy::disallowed_methods,
        reason = "the provider that others wrote is a process"
    )]
    async fn start(server: &TestServer) -> Option<Self> {
        let node = told("COFFER_TEST_NODE")?;
        let script = format!("{}/oidc-provider.mjs", told("COFFER_TEST_NODE_MODULES")?);
        let mut process = Command::new(node)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (
            process.stdin.take().unwrap(),
            process.stdout.take().unwrap(),
        );
        let mut provider = Self {
            issuer: String::new(),
            user: "ann",
            input,
            output: BufReader::new(output).lines(),
            _process: process,
        };
        let told = provider
            .tell(&json!({
                "redirect": format!("http://{}/signin/oidc/callback", server.address()),
                "clientId": CLIENT.0, "clientSecret": CLIENT.1,
                "users": {"ann": {"email": ANN, "email_verified": true, "groups": ["staff"]}}
            }))
            .await;
        provider.issuer = told["issuer"].as_str().unwrap().to_owned();
        Some(provider)
    }

    async fn tell(&mut self, what: &Value) -> Value {
        self.input
            .write_all(format!("{what}\n").as_bytes())
            .await
            .unwrap();
        let line = self.output.next_line().await.unwrap();
        serde_json::from_str(&line.expect("the provider answers")).unwrap()
    }

    async fn change(&mut self, user: &str, claims: Value) {
        self.tell(&json!({"user": user, "claims": claims})).await;
    }

    /// Fills the provider's form in.
    async fn sign_in(&self, browser: &mut Browser, query: &str) -> Answer {
        let page = leave(browser, query).await.ok();
        let text = page.text();
        let (_, rest) = text
            .split_once("action=\"")
            .unwrap_or_else(|| panic!("no form at {}: {text}", browser.at));
        let action = rest.split('"').next().unwrap().to_owned();
        let fields = [
            ("prompt", "login"),
            ("login", self.user),
            ("password", "any"),
        ];
        browser.submit(From::SameSite, &action, &fields).await
    }
}
