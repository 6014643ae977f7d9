//! `/docs/api`: the reference of the API, for browsers. Made of the OpenAPI document and of nothing else: it shows nothing
//! of what this server holds, so it needs no sign-in. No script, no inline style, nothing from elsewhere.

mod curl;
mod operation;
mod schema;
mod text;

use super::html::{escape, marked};
use crate::App;
use crate::openapi::document;
use crate::params::Params;
use crate::urls::Links;
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use coffer_wire::paths::pages as at;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'";
/// Longest text to look for that is looked for.
const LONGEST: usize = 100;

/// Changes with the style sheet.
static MARK: LazyLock<String> =
    LazyLock::new(|| hex::encode(&digest(&SHA256, STYLE.as_bytes()).as_ref()[..8]));

/// What every page needs to know.
struct Site<'a> {
    /// The path before `/docs/api`.
    prefix: &'a str,
    /// The organization's URL, for examples.
    base: String,
}

impl Site<'_> {
    fn link(&self, path: &str) -> String {
        escape(&format!("{}{path}", self.prefix))
    }
}

/// A group of operations, as a page shows it.
struct Section {
    name: &'static str,
    about: &'static str,
    slug: String,
    operations: Vec<Shown>,
}

/// An operation and where it is.
struct Shown {
    method: String,
    path: &'static str,
    item: &'static Value,
    operation: &'static Value,
}

impl Shown {
    fn text(&self, member: &str) -> &'static str {
        self.operation[member].as_str().unwrap_or_default()
    }
}

fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| {
    let document = document();
    let mut sections: Vec<Section> = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| Section {
            name: tag["name"].as_str().unwrap_or_default(),
            about: tag["description"].as_str().unwrap_or_default(),
            slug: slug(tag["name"].as_str().unwrap_or_default()),
            operations: Vec::new(),
        })
        .collect();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            if let Some(section) = sections.iter_mut().find(|section| section.name == tag) {
                section.operations.push(Shown {
                    method: method.to_uppercase(),
                    path,
                    item,
                    operation,
                });
            }
        }
    }
    sections
});

/// `GET /docs/api?q=`: everything there is, or what has these words.
pub(crate) async fn index(State(app): State<App>, links: Links, params: Params) -> Response {
    let site = Site {
        prefix: app.urls.prefix(),
        base: links.base().to_owned(),
    };
    let asked: String = params
        .text("q")
        .unwrap_or_default()
        .chars()
        .take(LONGEST)
        .collect();
    let words: Vec<String> = asked.split_whitespace().map(str::to_lowercase).collect();
    let mut body = String::new();
    _ = write!(
        body,
        "<h1>API reference</h1>\n<form role=\"search\" action=\"{action}\" method=\"get\"><label for=\"q\">Find a call</label>\
         <span class=\"field\"><input id=\"q\" name=\"q\" type=\"search\" value=\"{value}\" placeholder=\"upload, permit, securefiles …\">\
         <button>Find</button></span></form>\n",
        action = site.link(at::DOCS),
        value = escape(&asked),
    );
    let mut found = 0;
    let mut list = String::new();
    for section in SECTIONS.iter() {
        let fitting: Vec<_> = section
            .operations
            .iter()
            .filter(|one| fits(one, section, &words))
            .collect();
        if fitting.is_empty() {
            continue;
        }
        found += fitting.len();
        _ = write!(
            list,
            "<section><h2><a href=\"{}\">{}</a></h2>",
            site.link(&format!("{}/{}", at::DOCS, section.slug)),
            escape(section.name)
        );
        if words.is_empty() {
            list.push_str(&text::paragraphs(section.about));
        }
        list.push_str(&calls(&site, section, &fitting, true));
        list.push_str("</section>\n");
    }
    if words.is_empty() {
        let about = document()["info"]["description"]
            .as_str()
            .unwrap_or_default();
        _ = write!(
            body,
            "<div class=\"about\">{}</div>\n{list}",
            text::paragraphs(about)
        );
    } else {
        let calls = if found == 1 { "call has" } else { "calls have" };
        _ = write!(
            body,
            "<p role=\"status\">{found} {calls} “{}”. <a href=\"{}\">Show all</a></p>\n{list}",
            escape(&asked),
            site.link(at::DOCS)
        );
    }
    frame(&site, StatusCode::OK, "API reference", None, &body)
}

fn fits(one: &Shown, section: &Section, words: &[String]) -> bool {
    let text = [
        one.method.as_str(),
        one.path,
        one.text("summary"),
        one.text("operationId"),
        one.text("description"),
        section.name,
    ]
    .join("\n")
    .to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

/// A list of links to operations, from elsewhere or on their own page.
fn calls(site: &Site<'_>, section: &Section, operations: &[&Shown], elsewhere: bool) -> String {
    let mut out = String::from("<ul class=\"calls\">");
    for one in operations {
        let page = if elsewhere {
            site.link(&format!("{}/{}", at::DOCS, section.slug))
        } else {
            String::new()
        };
        _ = write!(
            out,
            "<li><a href=\"{page}#{id}\">{summary}</a> <span class=\"route\">{route}</span></li>",
            id = escape(one.text("operationId")),
            summary = escape(one.text("summary")),
            route = operation::route(one),
        );
    }
    out.push_str("</ul>");
    out
}

/// `GET /docs/api/{group}`: the operations of a group, whole.
pub(crate) async fn section(
    State(app): State<App>,
    links: Links,
    Path(wanted): Path<String>,
) -> Response {
    let site = Site {
        prefix: app.urls.prefix(),
        base: links.base().to_owned(),
    };
    let Some(section) = SECTIONS.iter().find(|one| one.slug == wanted) else {
        let body = format!(
            "<h1>There is no such page</h1><p>The reference has a page for each group of calls. <a href=\"{}\">See them all</a>.</p>",
            site.link(at::DOCS)
        );
        return frame(
            &site,
            StatusCode::NOT_FOUND,
            "There is no such page",
            None,
            &body,
        );
    };
    let mut body = format!(
        "<h1>{}</h1>\n{}",
        escape(section.name),
        text::paragraphs(section.about)
    );
    let all: Vec<_> = section.operations.iter().collect();
    if all.len() > 1 {
        body.push_str(&calls(&site, section, &all, false));
    }
    let mut types = schema::Types::default();
    for one in &section.operations {
        body.push_str(&operation::whole(&site, one, &mut types));
    }
    body.push_str(&types.listed());
    frame(&site, StatusCode::OK, section.name, Some(section), &body)
}

/// The frame around every page.
fn frame(
    site: &Site<'_>,
    status: StatusCode,
    title: &str,
    here: Option<&Section>,
    body: &str,
) -> Response {
    let mut list = String::new();
    for section in SECTIONS.iter() {
        let current = if here.is_some_and(|here| here.slug == section.slug) {
            " aria-current=\"page\""
        } else {
            ""
        };
        _ = write!(
            list,
            "<li><a href=\"{}\"{current}>{}</a></li>",
            site.link(&format!("{}/{}", at::DOCS, section.slug)),
            escape(section.name)
        );
    }
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} - Coffer</title>\
         <link rel=\"stylesheet\" href=\"{style}?v={mark}\"></head>\n<body><a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
         <header><a class=\"home\" href=\"{home}\">Coffer <span>API reference</span></a> <a href=\"{json}\">openapi.json</a></header>\n\
         <details class=\"small\"><summary>Sections</summary><nav aria-label=\"Sections\"><ul>{list}</ul></nav></details>\n\
         <div class=\"columns\"><nav class=\"wide\" aria-label=\"Sections\"><ul>{list}</ul></nav>\n\
         <main id=\"content\">{body}</main></div></body></html>\n",
        title = escape(title),
        style = site.link(at::DOCS_STYLE),
        mark = *MARK,
        home = site.link(at::DOCS),
        json = site.link(at::DOCS_DOCUMENT),
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    let mut response = marked(response);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// `GET /docs/api/style.css`. Its address changes with it, so that a browser may keep it.
pub(crate) async fn style(headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", *MARK);
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
    };
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(CACHE_CONTROL, kept);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    marked(response)
}

/// `GET /docs/api/openapi.json`: the document, with this server's address.
pub(crate) async fn openapi(links: Links) -> Response {
    let mut whole = document().clone();
    whole["servers"] = json!([{ "url": links.base(), "description": "This server." }]);
    let text = serde_json::to_vec(&whole).unwrap_or_default();
    let kind = "application/json; charset=utf-8";
    marked(([(CONTENT_TYPE, kind)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_place_on_one_page() {
        let site = Site {
            prefix: "/tfs",
            base: "https://coffer.example.com/tfs/C".into(),
        };
        let mut slugs = std::collections::BTreeSet::new();
        let mut shown = 0;
        for section in SECTIONS.iter() {
            assert!(slugs.insert(&section.slug), "{}", section.slug);
            assert!(!["style.css", "openapi.json"].contains(&section.slug.as_str()));
            let mut types = schema::Types::default();
            for one in &section.operations {
                shown += 1;
                let html = operation::whole(&site, one, &mut types);
                assert!(html.contains(&format!("id=\"{}\"", one.text("operationId"))));
            }
            let listed = types.listed();
            // A link to a type leads to it.
            for part in listed.split("href=\"#").skip(1) {
                let target = part.split('"').next().unwrap();
                assert!(
                    listed.contains(&format!("id=\"{target}\"")),
                    "{}: {target}",
                    section.name
                );
            }
        }
        assert_eq!(
            shown,
            document()["paths"]
                .as_object()
                .unwrap()
                .values()
                .map(|item| item.as_object().unwrap().len() - 1)
                .sum::<usize>()
        );
    }

    #[test]
    fn nothing_on_a_page_needs_what_the_policy_forbids() {
        let site = Site {
            prefix: "",
            base: "https://coffer.example.com/C".into(),
        };
        for section in SECTIONS.iter() {
            let mut types = schema::Types::default();
            let html: String = section
                .operations
                .iter()
                .map(|one| operation::whole(&site, one, &mut types))
                .collect();
            for forbidden in ["<script", "style=", "javascript:", " onclick"] {
                assert!(!html.contains(forbidden), "{}: {forbidden}", section.name);
            }
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn words_are_looked_for_everywhere() {
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let count = |text: &str| {
            let words = words(text);
            SECTIONS
                .iter()
                .flat_map(|section| {
                    section
                        .operations
                        .iter()
                        .filter(|one| fits(one, section, &words))
                })
                .count()
        };
        assert!(count("upload") >= 1 && count("freeze") >= 6);
        assert_eq!(count("upload nosuchword"), 0);
    }
}
