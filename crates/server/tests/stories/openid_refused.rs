//! Sign-ins at a provider that must fail: bad tokens, bad answers, answers to somebody else's attempt, and a provider
//! that misbehaves. Each gets the one text, a row with the reason, and no session.

use crate::openid::{ATTEMPT, SESSION, come_back, leave, provider};
use coffer_testkit::{
    Answer, Browser, Endpoint, FakeProvider, Fault, From, Signer, TestServer, Token, both,
};
use serde_json::json;
use std::time::Duration;

const ANN: &str = "ann@example.com";

/// What was expected to be refused, and what came of it.
#[derive(Default)]
struct Refusals {
    expected: Vec<String>,
    text: Option<String>,
}

impl Refusals {
    /// A refusal like all the others.
    #[track_caller]
    fn take(&mut self, browser: &Browser, answer: &Answer, case: &str, because: &str) {
        assert_eq!(answer.status, 401, "{case}: {}", answer.text());
        assert!(browser.cookie(SESSION).is_none(), "{case}: a session");
        let text = answer.text();
        assert!(
            text.contains("Signing in at the provider"),
            "{case}: {text}"
        );
        let first = self.text.get_or_insert_with(|| text.clone());
        assert_eq!(*first, text, "{case}: another text");
        self.expected.push(because.to_owned());
    }

    /// The officer finds each of them, in order, and no session.
    async fn are_on_record(&self, server: &TestServer) {
        let events = server.administrator().audit().await;
        let found: Vec<_> = events
            .iter()
            .filter(|event| event.action == "Session.Refused")
            .map(|event| {
                assert_eq!(event.outcome, "denied");
                event.details["cause"].clone()
            })
            .collect();
        assert_eq!(found, self.expected);
        assert!(events.iter().all(|event| event.action != "Session.Started"));
    }
}

type Case = (&'static str, &'static str, fn(&mut Token));

/// Tokens that are wrong in one way each: what it is, the reason, the change.
const TOKENS: &[Case] = &[
    ("another issuer", "issuer", |t| {
        t.claim("iss", "https://id.example");
    }),
    ("the issuer with a slash", "issuer", |t| {
        let issuer = format!("{}/", t.claims["iss"].as_str().unwrap());
        t.claim("iss", issuer);
    }),
    ("no issuer", "malformed", |t| drop(t.claims.remove("iss"))),
    ("another audience", "audience", |t| {
        t.claim("aud", "another-client");
    }),
    ("no audience", "audience", |t| drop(t.claims.remove("aud"))),
    ("several audiences, no authorized party", "audience", |t| {
        t.claim("aud", json!(["coffer", "another-client"]));
    }),
    (
        "several audiences, another authorized party",
        "authorized_party",
        |t| {
            t.claim("aud", json!(["coffer", "another-client"]));
            t.claim("azp", "another-client");
        },
    ),
    ("another authorized party", "authorized_party", |t| {
        t.claim("azp", "another-client");
    }),
    ("several audiences without us", "audience", |t| {
        t.claim("aud", json!(["another-client", "third-client"]));
        t.claim("azp", "coffer");
    }),
    ("no algorithm, no signature", "algorithm", |t| {
        t.header("alg", "none");
        t.signer = Signer::Nobody;
    }),
    ("no algorithm, but a signature", "algorithm", |t| {
        t.header("alg", "none");
    }),
    ("the algorithm none, spelled otherwise", "malformed", |t| {
        t.header("alg", "nOnE");
        t.signer = Signer::Nobody;
    }),
    (
        "HS256 with the public key as the secret",
        "algorithm",
        |t| {
            t.header("alg", "HS256");
            t.signer = Signer::PublicKeyAsSecret;
        },
    ),
    ("HS256 with the client's secret", "algorithm", |t| {
        t.header("alg", "HS256");
        t.signer = Signer::ClientSecret;
    }),
    ("an algorithm that is not allowed", "algorithm", |t| {
        t.header("alg", "RS512");
    }),
    ("an algorithm that nobody knows", "malformed", |t| {
        t.header("alg", "XS256");
    }),
    (
        "the RSA key under the name of the other",
        "key_unknown",
        |t| t.header("kid", "ec"),
    ),
    ("ES256 with the RSA key", "key_unknown", |t| {
        t.header("alg", "ES256");
    }),
    ("RS256 with the other key", "signature", |t| {
        t.signer = Signer::Ec;
    }),
    ("a key that is not published", "signature", |t| {
        t.signer = Signer::NewRsa;
    }),
    (
        "a key that is not published, by its name",
        "key_unknown",
        |t| {
            t.header("kid", "new");
            t.signer = Signer::NewRsa;
        },
    ),
    ("a stripped signature", "signature", |t| {
        t.signer = Signer::Nobody;
    }),
    ("a header that must be understood", "malformed", |t| {
        t.header("crit", json!(["exp"]));
    }),
    ("another kind of token", "malformed", |t| {
        t.header("typ", "at+jwt");
    }),
    ("expired", "expired", |t| t.shift("exp", -361)),
    ("no end", "malformed", |t| drop(t.claims.remove("exp"))),
    ("not valid yet", "not_yet_valid", |t| {
        let now = t.claims["iat"].as_i64().unwrap();
        t.claim("nbf", now + 90);
    }),
    ("valid from no moment", "not_yet_valid", |t| {
        t.claim("nbf", "now");
    }),
    ("issued in the future", "issued_at", |t| t.shift("iat", 90)),
    ("issued long ago", "issued_at", |t| t.shift("iat", -700)),
    ("no nonce", "nonce", |t| drop(t.claims.remove("nonce"))),
    ("another nonce", "nonce", |t| {
        t.claim("nonce", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    }),
    ("no subject", "malformed", |t| drop(t.claims.remove("sub"))),
    ("another access token's hash", "access_token_hash", |t| {
        t.claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA");
    }),
    (
        "an address that nobody verified",
        "email_not_verified",
        |t| t.claim("email_verified", false),
    ),
    (
        "an address of which nothing is said",
        "email_not_verified",
        |t| drop(t.claims.remove("email_verified")),
    ),
    ("an unknown person", "unknown_person", |t| {
        t.claim("email", "bob@example.com");
    }),
    ("no name", "name_unfit", |t| drop(t.claims.remove("email"))),
];

/// A change of a token before it is signed.
type Spoiling = fn(&mut Token);

/// Tokens at the edge that hold.
const GOOD: &[(&str, Spoiling)] = &[
    ("several audiences, issued to us", |t| {
        t.claim("aud", json!(["another-client", "coffer"]));
        t.claim("azp", "coffer");
    }),
    ("one audience in a list", |t| {
        t.claim("aud", json!(["coffer"]));
    }),
    ("ended within the skew", |t| t.shift("exp", -330)),
    ("begins within the skew", |t| {
        let now = t.claims["iat"].as_i64().unwrap();
        t.claim("nbf", now + 30);
    }),
    ("issued within the skew", |t| t.shift("iat", 30)),
    ("no hash of the access token", |t| {
        drop(t.claims.remove("at_hash"));
    }),
    ("the other key", |t| {
        t.header("alg", "ES256");
        t.header("kid", "ec");
        t.signer = Signer::Ec;
    }),
];

/// Signs in, with the next token changed.
async fn attempt(server: &TestServer, provider: &FakeProvider) -> (Browser, Answer) {
    let mut browser = server.browser();
    leave(&mut browser, "").await.ok();
    let answer = come_back(&mut browser, provider).await;
    (browser, answer)
}

both! {
    async fn no_bad_token_signs_anybody_in(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[]).await;
        let mut refusals = Refusals::default();
        for (case, because, change) in TOKENS {
            provider.next_token(*change);
            let (browser, answer) = attempt(&server, &provider).await;
            refusals.take(&browser, &answer, case, because);
        }
        refusals.are_on_record(&server).await;
        // The same provider, person and rules sign in when the token holds: nothing above failed for another reason.
        for (case, change) in GOOD {
            provider.next_token(*change);
            let (browser, answer) = attempt(&server, &provider).await;
            assert!(answer.status == 200 && browser.cookie(SESSION).is_some(), "{case}: {}", answer.text());
        }
    }

    async fn an_answer_is_good_once_and_for_the_browser_that_asked(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[]).await;
        let issuer = provider.issuer();
        let mut refusals = Refusals::default();

        // Login CSRF: the answer to an attempt of the attacker's, in the browser of somebody who began none.
        let mut attacker = server.browser();
        leave(&mut attacker, "").await.ok();
        let back = provider.agree(&attacker.at);
        let mut victim = server.browser();
        let answer = victim.go(From::Other("https://evil.example"), &back).await;
        refusals.take(&victim, &answer, "no attempt", "attempt_unknown");
        // In the browser of somebody who began one: the state is not of this attempt. It is over then.
        leave(&mut victim, "").await.ok();
        let own = provider.agree(&victim.at);
        let cookie = victim.cookie(ATTEMPT).unwrap().to_owned();
        let answer = victim.go(From::Other("https://evil.example"), &back).await;
        refusals.take(&victim, &answer, "another attempt's state", "state");
        victim.plant(ATTEMPT, &cookie);
        let answer = victim.go(From::Typed, &own).await;
        // One row per address and minute stands for what nobody had begun.
        assert_eq!(answer.status, 401, "the attempt was spent");

        // A code that was stolen on the way is worth nothing without the browser's secret.
        let mut thief = server.browser();
        leave(&mut thief, "").await.ok();
        let code = |url: &str| {
            let (_, rest) = url.split_once("code=").unwrap();
            rest.split('&').next().unwrap().to_owned()
        };
        let stolen = code(&own);
        let mine = provider.agree(&thief.at);
        let answer = thief.go(From::Other(&issuer), &mine.replace(&code(&mine), &stolen)).await;
        refusals.take(&thief, &answer, "a stolen code", "code_refused");

        for (case, because, change) in [
            ("no code", "code_missing", |url: &str| url.replace("code=", "kode=")),
            ("an error", "provider_error", |url: &str| url.replace("code=", "error=access_denied&x=")),
            ("no state", "state", |url: &str| url.replace("state=", "stat=")),
            ("two states", "state", |url: &str| format!("{url}&state=x")),
            ("another issuer", "issuer", |url: &str| url.replace("iss=", "iss=x")),
            ("no issuer though announced", "issuer", |url: &str| url.replace("&iss=", "&is=")),
        ] as [(&str, &str, fn(&str) -> String); 6] {
            let mut browser = server.browser();
            leave(&mut browser, "").await.ok();
            let back = change(&provider.agree(&browser.at));
            let answer = browser.go(From::Other(&issuer), &back).await;
            refusals.take(&browser, &answer, case, because);
        }

        // Too late.
        let mut slow = server.browser();
        leave(&mut slow, "").await.ok();
        let back = provider.agree(&slow.at);
        server.advance_clock(601);
        let answer = slow.go(From::Other(&issuer), &back).await;
        refusals.take(&slow, &answer, "too late", "attempt_unknown");
        refusals.are_on_record(&server).await;
        provider.advance_clock(601);

        // A good answer, and the same answer again.
        let mut browser = server.browser();
        leave(&mut browser, "").await.ok();
        let cookie = browser.cookie(ATTEMPT).unwrap().to_owned();
        let back = provider.agree(&browser.at);
        browser.go(From::Other(&issuer), &back).await.ok();
        let mut again = server.browser();
        again.plant(ATTEMPT, &cookie);
        let answer = again.go(From::Other(&issuer), &back).await;
        assert_eq!(answer.status, 401);
        assert!(again.cookie(SESSION).is_none());
    }

    async fn keys_come_and_go(mut server) {
        let provider = provider(&mut server, |_| {}).await;
        server.person(ANN, &[]).await;
        let by_new = |token: &mut Token| {
            token.header("kid", "new");
            token.signer = Signer::NewRsa;
        };
        let (_, answer) = attempt(&server, &provider).await;
        answer.ok();
        // A new key is looked for at once.
        provider.publishes(&[Signer::NewRsa]);
        provider.next_token(by_new);
        let (_, answer) = attempt(&server, &provider).await;
        answer.ok();
        // The old one is gone with it.
        let (browser, answer) = attempt(&server, &provider).await;
        let mut refusals = Refusals::default();
        refusals.take(&browser, &answer, "a key that is gone", "key_unknown");
        // A flood of unknown keys does not become a flood of questions.
        let asked = provider.asked("jwks");
        for _ in 0..5 {
            provider.next_token(|token| token.header("kid", "made-up"));
            let (browser, answer) = attempt(&server, &provider).await;
            refusals.take(&browser, &answer, "a made-up key", "key_unknown");
        }
        assert_eq!(provider.asked("jwks"), asked);
        // After a minute it may ask again, and once only.
        server.advance_clock(61);
        provider.advance_clock(61);
        for _ in 0..2 {
            provider.next_token(|token| token.header("kid", "made-up"));
            attempt(&server, &provider).await;
        }
        assert_eq!(provider.asked("jwks"), asked + 1);
        // A key that is taken away without a successor is good for ten minutes at most.
        provider.publishes(&[Signer::Ec]);
        server.advance_clock(601);
        provider.advance_clock(601);
        provider.next_token(by_new);
        let (browser, answer) = attempt(&server, &provider).await;
        refusals.take(&browser, &answer, "a key that was taken away", "key_unknown");
    }

    async fn a_provider_that_misbehaves_signs_nobody_in(mut server) {
        let provider = provider(&mut server, |options| options.patience = Duration::from_millis(500)).await;
        server.person(ANN, &[]).await;
        let mut refusals = Refusals::default();
        for fault in [Fault::Redirects, Fault::Floods, Fault::Hangs, Fault::Babbles] {
            let because = if fault == Fault::Babbles { "malformed" } else { "provider_unreachable" };
            for endpoint in [Endpoint::Discovery, Endpoint::Keys] {
                // Each time it is asked anew, and the next row is of another minute.
                server.advance_clock(601);
                provider.advance_clock(601);
                provider.fault(Some((endpoint, fault)));
                let mut browser = server.browser();
                let answer = leave(&mut browser, "").await;
                refusals.take(&browser, &answer, &format!("{endpoint:?} {fault:?}"), because);
                assert!(browser.cookie(ATTEMPT).is_none());
                // And not again at once, however many ask.
                let asked = provider.asked("discovery");
                let answer = leave(&mut browser, "").await;
                assert_eq!((answer.status, provider.asked("discovery")), (401, asked));
            }
            server.advance_clock(6);
            provider.advance_clock(6);
            provider.fault(Some((Endpoint::Token, fault)));
            let (browser, answer) = attempt(&server, &provider).await;
            refusals.take(&browser, &answer, &format!("token {fault:?}"), because);
        }
        refusals.are_on_record(&server).await;
        assert_eq!(provider.asked("elsewhere"), 0);
        provider.fault(None);
        attempt(&server, &provider).await.1.ok();
    }

    async fn without_a_provider_there_is_no_door(server) {
        let mut browser = server.browser();
        for path in ["/signin/oidc", "/signin/oidc/callback?code=x&state=y"] {
            let url = browser.here(path);
            assert_eq!(browser.go(From::Typed, &url).await.status, 404);
        }
        let url = browser.here("/signin");
        let page = browser.go(From::Typed, &url).await.ok();
        assert!(!page.text().contains("/signin/oidc"), "{}", page.text());
    }
}
