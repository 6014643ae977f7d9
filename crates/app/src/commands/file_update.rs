//! `coffer file update`: a file's name and properties. On the wire properties change as a whole; here those that are not
//! named stay.

use super::file::table;
use super::permits;
use crate::context::Context;
use crate::error::{CommandError, Result};
use clap::Args;
use coffer_client::Client;
use coffer_wire::secure_files::SecureFileUpdate;
use std::collections::BTreeMap;

/// Arguments of `file update`.
#[derive(Args)]
pub(crate) struct UpdateArgs {
    /// Name or id
    file: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// Set a property; can be given several times
    #[arg(long = "property", value_name = "NAME=VALUE")]
    properties: Vec<String>,
    /// Remove a property; can be given several times
    #[arg(long = "remove-property", value_name = "NAME")]
    removed: Vec<String>,
}

/// Says what is wrong before anything is sent.
pub(super) fn check(args: &UpdateArgs) -> Result {
    if args.name.is_none() && args.properties.is_empty() && args.removed.is_empty() {
        return Err(CommandError::usage("nothing is to be changed")
            .hint("give --name, --property or --remove-property"));
    }
    args.properties
        .iter()
        .try_for_each(|text| pair(text).map(drop))
}

fn pair(text: &str) -> Result<(&str, &str)> {
    text.split_once('=').ok_or_else(|| {
        CommandError::usage("a property is a name, =, and a value")
            .hint("for example --property team=mobile")
    })
}

/// Changes a file.
pub(super) async fn update(
    context: &Context,
    client: &Client,
    project: &str,
    args: UpdateArgs,
) -> Result {
    let file = permits::file(client, project, &args.file).await?;
    let named = !(args.properties.is_empty() && args.removed.is_empty());
    let change = SecureFileUpdate {
        id: None,
        name: args.name.clone(),
        properties: if named {
            Some(merged(file.properties, &args)?)
        } else {
            None
        },
    };
    let changed = client
        .secure_files(project)
        .update(&file.id, &change)
        .await?;
    context.out.note(&format!("Changed {}.", changed.name));
    context
        .out
        .show(&changed, |file| table(std::slice::from_ref(file)))
}

/// Names of properties ignore case: one that is there keeps no second spelling.
fn merged(
    mut properties: BTreeMap<String, String>,
    args: &UpdateArgs,
) -> Result<BTreeMap<String, String>> {
    let without = |properties: &mut BTreeMap<String, String>, name: &str| {
        properties.retain(|known, _| known.to_lowercase() != name.to_lowercase());
    };
    for name in &args.removed {
        without(&mut properties, name);
    }
    for text in &args.properties {
        let (name, value) = pair(text)?;
        without(&mut properties, name);
        properties.insert(name.to_owned(), value.to_owned());
    }
    Ok(properties)
}
