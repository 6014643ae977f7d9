//! `coffer file access`: who can use a file, and why.

use super::{freeze, permits, short_date};
use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use coffer_client::Client;
use coffer_wire::access::{FileAccess, Reach};

/// Shows people, pipelines and what stands in the way.
pub(super) async fn show(context: &Context, client: &Client, project: &str, name: &str) -> Result {
    let file = permits::file(client, project, name).await?;
    let access = client.freezes().access(project, &file.id).await?;
    if context.out.is_json() {
        return context.out.json(&access);
    }
    for one in &access.freezes {
        context.out.heading(&format!(
            "Nobody is given its content: {}",
            freeze::text(one)
        ));
    }
    if access.all_pipelines_suspended.is_some() {
        context.out.note(
            "It was opened to all pipelines, but the organization does not allow that now: only permits count.",
        );
    }
    context.out.show(&access, people)?;
    context.out.line("")?;
    context.out.show(&access, pipelines)?;
    if !access.everybody {
        context
            .out
            .note("Only your own part is shown: the rest is for administrators of the file.");
    }
    Ok(())
}

fn people(access: &FileAccess) -> Table {
    let mut table = Table::new(["person", "role", "through"]);
    for person in &access.people {
        let through: Vec<String> = person.through.iter().map(reach).collect();
        table.row([
            person.person.unique_name.clone(),
            person.role.clone(),
            through.join("; "),
        ]);
    }
    table
}

/// `User at the library through [Desk]\Release`.
fn reach(reach: &Reach) -> String {
    let mut text = format!("{} at the {}", reach.role, reach.at);
    if !reach.denies.is_empty() {
        text.push_str(&format!(", denied {}", reach.denies.join(" and ")));
    }
    if !reach.groups.is_empty() {
        text.push_str(&format!(" through {}", reach.groups.join(" > ")));
    }
    if !reach.counts {
        text.push_str(" (does not count)");
    }
    text
}

fn pipelines(access: &FileAccess) -> Table {
    let mut table = Table::new(["pipeline", "refs", "permitted"]);
    let by = |permission: &coffer_wire::permissions::Permission| {
        let on = permission.authorized_on.as_deref().map(short_date);
        let by = permission.authorized_by.as_ref();
        format!(
            "{} by {}",
            on.unwrap_or_default(),
            by.map_or("?", |by| by.display_name.as_str())
        )
    };
    if let Some(all) = &access.all_pipelines {
        table.row(["all of the project".into(), "all".into(), by(all)]);
    }
    for pipeline in &access.pipelines {
        table.row([
            pipeline
                .name
                .clone()
                .unwrap_or_else(|| pipeline.id.to_string()),
            pipeline
                .refs
                .as_ref()
                .map_or_else(|| "all".to_owned(), |refs| refs.join(", ")),
            by(&pipeline.permission),
        ]);
    }
    table
}
