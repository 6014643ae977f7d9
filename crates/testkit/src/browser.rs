//! What a browser does with cookies, origins and redirects, as far as the server's protection leans on it. No script, no
//! pages drawn: it goes to addresses, follows links from other sites, and sends forms.

use crate::call::{Answer, Answers, Call, method};
use http::header::{LOCATION, SET_COOKIE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;

/// Redirects in a row that a browser puts up with.
const MOST_REDIRECTS: usize = 10;

/// Who made the browser send a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From<'a> {
    /// The person, by typing the address.
    Typed,
    /// A page of the same site.
    SameSite,
    /// A page of another site, with its origin.
    Other(&'a str),
}

#[derive(Clone, Debug)]
struct Cookie {
    value: String,
    strict: bool,
    lax: bool,
}

/// A browser with its cookies, those of each host apart.
pub struct Browser {
    http: reqwest::Client,
    port: u16,
    answers: Answers,
    jar: BTreeMap<(String, String), Cookie>,
    /// Where it is: the last page shown.
    pub at: String,
}

impl Browser {
    pub(crate) fn new(http: reqwest::Client, port: u16, answers: Answers) -> Self {
        Self {
            http,
            port,
            answers,
            jar: BTreeMap::new(),
            at: String::new(),
        }
    }

    /// The server by its usual name.
    pub fn here(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The same server by another name: for a browser, another site.
    pub fn elsewhere(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let key = ("127.0.0.1".to_owned(), name.to_owned());
        self.jar.get(&key).map(|cookie| cookie.value.as_str())
    }

    /// Puts a cookie into the jar, as if the server had set it.
    pub fn plant(&mut self, name: &str, value: &str) {
        let strict = name != "__Host-coffer-session";
        self.jar.insert(
            ("127.0.0.1".into(), name.into()),
            Cookie {
                value: value.into(),
                strict,
                lax: !strict,
            },
        );
    }

    /// Loses a cookie.
    pub fn drop_cookie(&mut self, name: &str) {
        self.jar.remove(&("127.0.0.1".to_owned(), name.to_owned()));
    }

    /// Goes to an address, and follows where it leads.
    pub async fn go(&mut self, from: From<'_>, url: &str) -> Answer {
        self.send("GET", from, url.to_owned(), None).await
    }

    /// Sends a form of a page on `from`, and follows where it leads.
    pub async fn submit(&mut self, from: From<'_>, url: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        self.send("POST", from, url.to_owned(), Some(body.join("&")))
            .await
    }

    /// Loads a page of the usual name, takes its form token, and sends a form from it.
    pub async fn fill(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.go(From::SameSite, &self.here(page)).await;
        let token = form_token(&shown);
        let mut all = vec![("form_token", token.as_str())];
        all.extend_from_slice(fields);
        let action = self.here(action);
        self.submit(From::SameSite, &action, &all).await
    }

    /// Sends content as a script of a page does, with the form's token in its header.
    pub async fn send_content(
        &mut self,
        from: From<'_>,
        url: &str,
        token: &str,
        content: &[u8],
    ) -> Answer {
        let body = Some(("application/octet-stream", content.to_vec()));
        let extra = [("X-Coffer-Form-Token", token)];
        self.once("POST", from, url, body, &extra).await
    }

    /// Goes to an address, and does not follow where it leads.
    pub async fn step(&mut self, from: From<'_>, url: &str) -> Answer {
        self.once("GET", from, url, None, &[]).await
    }

    async fn send(
        &mut self,
        name: &str,
        from: From<'_>,
        url: String,
        body: Option<String>,
    ) -> Answer {
        let (mut name, mut url, mut body) = (name.to_owned(), url, body);
        for _ in 0..MOST_REDIRECTS {
            let form = body.take();
            let form = form.map(|form| ("application/x-www-form-urlencoded", form.into_bytes()));
            let answer = self.once(&name, from, &url, form, &[]).await;
            if !(300..400).contains(&answer.status) {
                self.at = url;
                return answer;
            }
            let to = answer.headers[LOCATION].to_str().unwrap().to_owned();
            url = if to.starts_with('/') {
                format!("{}{to}", origin(&url))
            } else {
                to
            };
            "GET".clone_into(&mut name);
        }
        panic!("{url} leads in circles");
    }

    /// One request, with what a browser sends along.
    async fn once(
        &mut self,
        name: &str,
        from: From<'_>,
        url: &str,
        body: Option<(&str, Vec<u8>)>,
        extra: &[(&str, &str)],
    ) -> Answer {
        let origin = origin(url).to_owned();
        let host = host(url).to_owned();
        let mut call = Call {
            request: self.http.request(method(name), url),
            what: format!("{name} {url} by a browser"),
            answers: self.answers.clone(),
        };
        let sent: Vec<_> = self
            .jar
            .iter()
            .filter(|((of, _), cookie)| *of == host && goes(cookie, from, name))
            .map(|((_, name), cookie)| format!("{name}={}", cookie.value))
            .collect();
        if !sent.is_empty() {
            call = call.header("Cookie", &sent.join("; "));
        }
        let site = match from {
            From::Typed => "none",
            From::SameSite => "same-origin",
            From::Other(_) => "cross-site",
        };
        call = call
            .header("Sec-Fetch-Site", site)
            .header("Sec-Fetch-Mode", "navigate");
        if name != "GET" {
            call = call.header(
                "Origin",
                match from {
                    From::Other(other) => other,
                    _ => &origin,
                },
            );
        }
        for (name, value) in extra {
            call = call.header(name, value);
        }
        if let Some((kind, body)) = body {
            call = call.body(kind, body);
        }
        let answer = call.send().await;
        self.keep(&host, &answer);
        answer
    }

    /// Takes the cookies of an answer, by the rules of their names.
    fn keep(&mut self, host: &str, answer: &Answer) {
        for line in answer.headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let mut parts = line.split(';').map(str::trim);
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
            let has = |wanted: &str| attributes.iter().any(|found| found == wanted);
            let whole =
                has("secure") && has("path=/") && !line.to_ascii_lowercase().contains("domain");
            if name.starts_with("__Host-") && !whole {
                continue;
            }
            assert!(has("httponly"), "{line}");
            let key = (host.to_owned(), name.to_owned());
            if has("max-age=0") {
                self.jar.remove(&key);
                continue;
            }
            let cookie = Cookie {
                value: value.to_owned(),
                strict: has("samesite=strict"),
                lax: has("samesite=lax"),
            };
            self.jar.insert(key, cookie);
        }
    }
}

/// Whether a cookie goes along: `Strict` never with what another site began, `Lax` only when it leads here.
fn goes(cookie: &Cookie, from: From<'_>, name: &str) -> bool {
    match from {
        From::Typed | From::SameSite => true,
        From::Other(_) => !cookie.strict && (!cookie.lax || name == "GET"),
    }
}

fn origin(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find('/').unwrap_or(rest.len());
    &url[..url.len() - rest.len() + end]
}

fn host(url: &str) -> &str {
    let origin = origin(url);
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    authority.split(':').next().unwrap_or(authority)
}

/// The token in the forms of a page, or the one that its script sends along.
pub fn form_token(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("name=\"form_token\" value=\"")
        .or_else(|| text.split_once("<meta name=\"form-token\" content=\""))
        .unwrap_or_else(|| panic!("{page}: no form in {text}"));
    rest.split('"').next().unwrap().to_owned()
}
