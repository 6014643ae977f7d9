//! Debian's Chromium for a story, led by Playwright: a process of `e2e/browser` that takes acts, one line of JSON each.
//!
//! Whatever a page should never do (an error in its console, a script of hostile text, a hit of its policy, a request to
//! another host, a dialog) is a complaint, and a story fails for every complaint that it did not ask for. Knows no page of
//! ours: [`Page`] does what a person does, [`Find`] says what a person looks for.

mod elsewhere;
mod find;
mod page;

pub use elsewhere::Elsewhere;
pub use find::{
    Find, button, checkbox, css, dialog, field, heading, item, link, menu_item, radio, region, row,
    sheet, status, tab, text,
};
pub use page::Page;

use crate::{TestServer, User};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// Longer than any act takes that ends at all.
const PATIENCE: Duration = Duration::from_secs(90);
/// What everybody signs in with whom [`Chromium::person`] makes.
pub const PASSWORD: &str = "correct horse battery";

/// Makes a test of each story, on SQLite, or on what stands behind `on`. Where there is no Chromium the story is skipped,
/// and the skip counted. Each story has a browser of its own, and ends by asking it for complaints.
///
/// ```ignore
/// browser! {
///     async fn the_story(server, browser) { … }
///     async fn another(server, browser, Setup { … }) on Postgres { … }
/// }
/// ```
#[macro_export]
macro_rules! browser {
    ($($(#[$attribute:meta])* async fn $name:ident($server:pat_param, $browser:pat_param $(, $setup:expr)?)
        $(on $engine:ident)? $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn story($server: &mut $crate::TestServer, $browser: &$crate::Chromium) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_chromium() {
                // The last one counts: what is usual, or what the story says.
                let engines = [$crate::Engine::Sqlite, $($crate::Engine::$engine)?];
                let engine = engines.into_iter().next_back().unwrap_or($crate::Engine::Sqlite);
                let setups = [$crate::Setup::default(), $($setup)?];
                let setup = setups.into_iter().next_back().unwrap_or_default();
                if !engine.is_there(module_path!()) || !$crate::Chromium::is_there(module_path!()) {
                    return;
                }
                let mut server = $crate::TestServer::start_with(engine, setup).await;
                let browser = $crate::Chromium::start(&server, module_path!()).await;
                Box::pin(story(&mut server, &browser)).await;
                browser.end().await;
            }
        }
    )*};
}

/// A running browser. Ends when it is dropped.
pub struct Chromium {
    pipe: Pipe,
}

#[derive(Clone)]
pub(crate) struct Pipe(Arc<Mutex<Inner>>);

struct Inner {
    _child: Child,
    acts: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    pages: usize,
}

impl Chromium {
    /// Whether there is one; else the skip is written down.
    pub fn is_there(story: &str) -> bool {
        for name in [
            "COFFER_TEST_NODE",
            "COFFER_TEST_CHROMIUM",
            "COFFER_TEST_BROWSER_MODULES",
        ] {
            if crate::told(name).is_none() {
                crate::skip(story, &format!("{name} is not set"));
                return false;
            }
        }
        true
    }

    /// Starts one for a story, by the whole path of its module.
    #[expect(
        clippy::disallowed_methods,
        reason = "the story is about this very program"
    )]
    pub async fn start(server: &TestServer, story: &str) -> Self {
        let told = |name| crate::told(name).expect("a story asks before");
        let home = server.scratch("browser");
        let driver = PathBuf::from(told("COFFER_TEST_BROWSER_MODULES")).join("driver.mjs");
        let mut start = Command::new(told("COFFER_TEST_NODE"));
        start
            .arg(driver)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", &home)
            .env("TMPDIR", &home)
            .env("COFFER_CHROMIUM", told("COFFER_TEST_CHROMIUM"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = crate::told("COFFER_TEST_SCREENSHOTS") {
            let (_, story) = story.split_once("::").unwrap_or(("", story));
            let folder = PathBuf::from(folder).join(story.replace("::", "."));
            start.env("COFFER_SCREENSHOTS", folder);
        }
        let mut child = start.spawn().unwrap();
        let acts = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut inner = Inner {
            _child: child,
            acts,
            answers,
            pages: 0,
        };
        inner.answer("the browser starts").await.unwrap();
        Self {
            pipe: Pipe(Arc::new(Mutex::new(inner))),
        }
    }

    /// A window of somebody whom the server does not know.
    pub async fn nobody(&self, server: &TestServer) -> Page {
        self.window(server, server.nobody(), json!({})).await
    }

    /// The same with options of Playwright's contexts, such as `{"javaScriptEnabled": false}`.
    pub async fn nobody_with(&self, server: &TestServer, options: Value) -> Page {
        self.window(server, server.nobody(), options).await
    }

    /// A new person of these groups, who has signed in with [`PASSWORD`] in a window of their own.
    pub async fn person(&self, server: &TestServer, name: &str, groups: &[&str]) -> Page {
        self.person_with(server, name, groups, json!({})).await
    }

    /// The same with options of Playwright's contexts.
    pub async fn person_with(
        &self,
        server: &TestServer,
        name: &str,
        groups: &[&str],
        options: Value,
    ) -> Page {
        let user = server.person_with_password(name, groups, PASSWORD).await;
        let page = self.window(server, user, options).await;
        page.goto("/signin").await;
        page.sign_in(name, PASSWORD).await;
        page.see(link(&format!("Your account: {name}"))).await;
        page
    }

    async fn window(&self, server: &TestServer, user: User, options: Value) -> Page {
        let origin = server.origin();
        let act = json!({"do": "open", "who": user.name, "origins": [&origin], "options": options});
        let number = self.pipe.open(act).await;
        Page::new(self.pipe.clone(), number, origin, user)
    }

    /// Ends the story: there must be no complaint that the story did not ask for.
    pub async fn end(self) {
        let complaints = self.pipe.act(json!({"do": "end"})).await;
        let complaints: Vec<_> = complaints.as_array().unwrap().iter().collect();
        assert!(
            complaints.is_empty(),
            "the browser complains:\n{complaints:#?}"
        );
    }
}

impl Pipe {
    /// Has a new page opened, and says its number.
    pub(crate) async fn open(&self, mut act: Value) -> usize {
        let mut inner = self.0.lock().await;
        inner.pages += 1;
        let number = inner.pages;
        act["page"] = number.into();
        inner.act(&act).await;
        number
    }

    pub(crate) async fn act(&self, act: Value) -> Value {
        self.0.lock().await.act(&act).await
    }
}

impl Inner {
    async fn act(&mut self, act: &Value) -> Value {
        let line = format!("{act}\n");
        self.acts.write_all(line.as_bytes()).await.unwrap();
        let came = self.answer(&line).await;
        came.unwrap_or_else(|message| panic!("{}\n{message}", brief(&line)))
    }

    async fn answer(&mut self, what: &str) -> Result<Value, String> {
        let line = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("no answer: {}", brief(what)));
        let line = line
            .unwrap()
            .unwrap_or_else(|| panic!("the browser is gone: {}", brief(what)));
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer["ok"] == true {
            true => Ok(answer["result"].take()),
            false => Err(answer["message"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

/// An act as far as it helps: files in it are long.
fn brief(line: &str) -> String {
    line.trim_end().chars().take(400).collect()
}
