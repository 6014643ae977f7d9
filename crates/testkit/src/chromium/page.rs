//! A window, and what somebody does in it. Every act waits by itself for what it needs, so that no story sleeps; what does
//! not come in time fails the story, with what was to be seen instead.

use super::{Find, Pipe, button, field};
use crate::User;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Steps with the Tab key after which a page is walked through.
const MOST_STEPS: usize = 120;

/// A window of somebody.
pub struct Page {
    pipe: Pipe,
    number: usize,
    origin: String,
    /// The same person by the API, where they have a token.
    pub user: User,
}

impl Page {
    pub(super) fn new(pipe: Pipe, number: usize, origin: String, user: User) -> Self {
        Self {
            pipe,
            number,
            origin,
            user,
        }
    }

    async fn act(&self, name: &str, mut more: Value) -> Value {
        more["do"] = name.into();
        more["page"] = self.number.into();
        self.pipe.act(more).await
    }

    /// Playwright's own method of what is found.
    pub async fn call(&self, find: impl Into<Find>, method: &str, arguments: Value) -> Value {
        let find = find.into().into_json();
        let act = json!({"find": find, "method": method, "arguments": arguments});
        self.act("call", act).await
    }

    /// Playwright's own method of the page, such as `keyboard.press`.
    pub async fn call_page(&self, method: &str, arguments: Value) -> Value {
        let act = json!({"find": [], "method": method, "arguments": arguments});
        self.act("call", act).await
    }

    /// Types an address: a path of the server, or a whole one. Answers with the status; 0 where the browser shows no page, but
    /// saves a file.
    pub async fn goto(&self, path: &str) -> u64 {
        let url = match path.starts_with('/') {
            true => format!("{}{path}", self.origin),
            false => path.to_owned(),
        };
        let status = self.act("goto", json!({"url": url})).await;
        status.as_u64().unwrap_or_default()
    }

    /// Types an address that leads to a download and to no page. Answers with the name that the file gets.
    pub async fn download(&self, url: &str) -> String {
        let name = self.act("download", json!({"url": url})).await;
        name.as_str().unwrap().to_owned()
    }

    /// Lets the page ask another origin too.
    pub async fn allow(&self, origin: &str) {
        self.act("allow", json!({"origin": origin})).await;
    }

    /// Another window of the same person, with the same cookies.
    pub async fn another_tab(&self) -> Self {
        let act = json!({"do": "tab", "of": self.number});
        let number = self.pipe.open(act).await;
        Self {
            pipe: self.pipe.clone(),
            number,
            origin: self.origin.clone(),
            user: self.user.clone(),
        }
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.call_page("reload", json!([])).await;
    }

    /// Signs in on the page for it, and waits until that page is left.
    pub async fn sign_in(&self, name: &str, password: &str) {
        self.fill(field("Name"), name).await;
        self.fill(field("Password"), password).await;
        self.click(button("Sign in")).await;
    }

    /// Clicks.
    pub async fn click(&self, find: impl Into<Find>) {
        self.call(find, "click", json!([])).await;
    }

    /// Writes into a field what stands in it then.
    pub async fn fill(&self, find: impl Into<Find>, text: &str) {
        self.call(find, "fill", json!([text])).await;
    }

    /// Chooses an entry of a list of choices, by its text.
    pub async fn select(&self, find: impl Into<Find>, label: &str) {
        self.call(find, "selectOption", json!([{"label": label}]))
            .await;
    }

    /// Ticks a box, or takes the tick away.
    pub async fn tick(&self, find: impl Into<Find>, ticked: bool) {
        self.call(find, "setChecked", json!([ticked])).await;
    }

    /// Presses a key where the focus is, such as `Enter` or `Shift+Tab`.
    pub async fn press(&self, key: &str) {
        self.call_page("keyboard.press", json!([key])).await;
    }

    /// Types where the focus is.
    pub async fn types(&self, text: &str) {
        self.call_page("keyboard.type", json!([text])).await;
    }

    /// Goes on with the Tab key until the focus is there. What the key does not reach is not there for many people.
    pub async fn tab_to(&self, find: impl Into<Find>) {
        let find = find.into();
        let mut seen = Vec::new();
        for _ in 0..MOST_STEPS {
            let act = json!({"find": find.clone().into_json()});
            if self.act("focuses", act).await == true {
                return;
            }
            self.press("Tab").await;
            seen.push(self.focused().await);
        }
        panic!("the Tab key does not lead to {find:?}, but to {seen:#?}");
    }

    /// What has the focus: its role and its name.
    pub async fn focused(&self) -> String {
        let focused = self
            .ask(
                "(() => { const e = document.activeElement; return e === null || e === document.body; })()",
            )
            .await;
        if focused == true {
            return "nothing".into();
        }
        let seen = self.act("focused", json!({})).await;
        seen.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until it is to be seen.
    pub async fn see(&self, find: impl Into<Find>) {
        self.act("see", json!({"find": find.into().into_json()}))
            .await;
    }

    /// Waits until it is not to be seen.
    pub async fn gone(&self, find: impl Into<Find>) {
        self.act("gone", json!({"find": find.into().into_json()}))
            .await;
    }

    /// Waits until the address has this in it.
    pub async fn arrive(&self, part: &str) {
        self.act("arrive", json!({"part": part})).await;
    }

    /// How many there are now. For what may still come, see it first.
    pub async fn count(&self, find: impl Into<Find>) -> u64 {
        self.call(find, "count", json!([])).await.as_u64().unwrap()
    }

    /// The text as it is written there.
    pub async fn text_of(&self, find: impl Into<Find>) -> String {
        let text = self.call(find, "innerText", json!([])).await;
        text.as_str().unwrap().to_owned()
    }

    /// What stands in a field.
    pub async fn value_of(&self, find: impl Into<Find>) -> String {
        let text = self.call(find, "inputValue", json!([])).await;
        text.as_str().unwrap().to_owned()
    }

    /// The address.
    pub async fn at(&self) -> String {
        let url = self.call_page("url", json!([])).await;
        url.as_str().unwrap().to_owned()
    }

    /// What an expression gives on the page. The policy of the page does not hold for it.
    pub async fn ask(&self, expression: &str) -> Value {
        self.act("ask", json!({"expression": expression})).await
    }

    /// What an expression gives that the page runs itself, under its policy.
    pub async fn ask_under_policy(&self, expression: &str) -> Value {
        self.act("later", json!({"expression": expression})).await
    }

    /// Chooses files in a field for files.
    pub async fn choose(&self, find: impl Into<Find>, files: &[(&str, &[u8])]) {
        let act = json!({"find": find.into().into_json(), "files": contents(files)});
        self.act("choose", act).await;
    }

    /// Drops files there that were dragged from the desktop.
    pub async fn drop_files(&self, find: impl Into<Find>, files: &[(&str, &[u8])]) {
        let act = json!({"find": find.into().into_json(), "files": contents(files)});
        self.act("drop", act).await;
    }

    /// Lets so many bytes a second out of this window; none: as many as can.
    pub async fn sends_slowly(&self, bytes: Option<u64>) {
        self.act("slow", json!({"bytes": bytes})).await;
    }

    /// How many bytes came for the page and what it loads.
    pub async fn weight(&self) -> u64 {
        self.act("weight", json!({})).await.as_u64().unwrap()
    }

    /// What the page sends takes its time from now on: so many bytes a second; 0 is as fast as it can.
    pub async fn slow_sending(&self, bytes_a_second: u64) {
        self.act("slow", json!({"bytes": bytes_a_second})).await;
    }

    /// Nothing on the page as it is now keeps people out, in light and in dark.
    pub async fn accessible(&self, name: &str) {
        let found = self.act("accessible", json!({})).await;
        let found: Vec<_> = found.as_array().unwrap().iter().collect();
        let found: Vec<_> = found.into_iter().filter_map(Value::as_str).collect();
        assert!(
            found.is_empty(),
            "{name} keeps people out:\n{}",
            found.join("\n")
        );
    }

    /// Keeps pictures of the page as it is now, at three widths, in light and in dark. At none of them does the page scroll
    /// sideways.
    pub async fn picture(&self, name: &str) {
        let wide = self.act("picture", json!({"name": name})).await;
        let wide = wide.as_array().unwrap();
        assert!(wide.is_empty(), "{name}: {wide:#?}");
    }

    /// Waits for complaints with this text, takes them back, and says them. A story that wants a page to be refused
    /// something asks so.
    pub async fn complained(&self, text: &str) -> Vec<String> {
        let found = self.act("complained", json!({"text": text})).await;
        let found = found.as_array().unwrap().iter();
        let found: Vec<_> = found
            .map(|text| text.as_str().unwrap().to_owned())
            .collect();
        assert!(!found.is_empty(), "the browser does not complain of {text}");
        found
    }

    /// Takes back what there is of complaints with this text, if any: they come along with one that was asked for.
    pub async fn take_back(&self, text: &str) {
        self.act("forget", json!({"text": text})).await;
    }

    /// The frames of the page but itself: their addresses, and the text that is to be seen in them.
    pub async fn frames(&self) -> Vec<(String, String)> {
        let frames = self.act("frames", json!({})).await;
        let frames = frames.as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        frames
            .map(|frame| (text(&frame["url"]), text(&frame["text"])))
            .collect()
    }
}

fn contents(files: &[(&str, &[u8])]) -> Value {
    let files = files
        .iter()
        .map(|(name, content)| json!({"name": name, "base64": STANDARD.encode(content)}));
    files.collect()
}
