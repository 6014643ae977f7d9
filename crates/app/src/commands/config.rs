//! `coffer config`: what the server's configuration amounts to, and where each value comes from.

use crate::cli::ServeArgs;
use crate::config::{self, Entry, keys};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use crate::tls;
use clap::Subcommand;

/// Verbs of `config`.
#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check every value, and show where each came from
    #[command(after_help = "\
Examples:
  coffer config check
  COFFER_LOG__LEVEL=debug coffer config check --config /etc/coffer/coffer.toml
  coffer config check --output json

Takes the flags of `coffer serve`. Secrets are not shown. Exit code 6 when something is wrong.")]
    Check(ServeArgs),
    /// Write the effective configuration as a file
    #[command(after_help = "\
Examples:
  coffer config show > coffer.toml
  coffer config show --listen 127.0.0.1:9000

Secrets are left out, as comments.")]
    Show(ServeArgs),
}

/// Runs a verb.
pub(crate) fn run(context: &Context, command: ConfigCommand) -> Result<Exit> {
    match command {
        ConfigCommand::Check(args) => check(context, &args),
        ConfigCommand::Show(args) => {
            let loaded = crate::load(&args, context)?;
            if context.out.is_json() {
                context.out.json(&loaded.entries)?;
            } else {
                context.out.text(&as_toml(&loaded.entries))?;
            }
            Ok(Exit::Success)
        }
    }
}

fn check(context: &Context, args: &ServeArgs) -> Result<Exit> {
    let (entries, broken) = match config::load(&crate::inputs(args, context)?) {
        Ok(loaded) => (loaded.entries, None),
        Err(mut broken) => (std::mem::take(&mut broken.entries), Some(broken)),
    };
    context.out.show(&entries, |entries| {
        let mut table = Table::new(["key", "value", "from"]);
        for entry in entries {
            table.row([entry.key.into(), entry.value.clone(), entry.source.clone()]);
        }
        table
    })?;
    match broken {
        Some(broken) => Err(CommandError::from(broken)),
        None => {
            let config = crate::load(args, context)?.config;
            if let Some(pair) = tls::load(&config)? {
                for warning in tls::warnings(&config, &pair) {
                    context.out.note(&format!("warning: {warning}"));
                }
            }
            context.out.note("The configuration is valid.");
            Ok(Exit::Success)
        }
    }
}

fn as_toml(entries: &[Entry]) -> String {
    let mut text = String::new();
    let mut section = "";
    for entry in entries {
        let (this, short) = keys::split(entry.key);
        if this != section {
            if !section.is_empty() {
                text.push('\n');
            }
            section = this;
            text.push_str(&format!("[{section}]\n"));
        }
        let key = keys::find(entry.key);
        let bare = key.is_some_and(|key| {
            matches!(key.kind, keys::Kind::Boolean | keys::Kind::Integer { .. })
        });
        let hidden = key.is_some_and(|key| key.secret)
            && (entry.value.contains("://") || entry.value == config::HIDDEN);
        let list = key.is_some_and(|key| matches!(key.kind, keys::Kind::List(_)));
        let value = if bare {
            entry.value.clone()
        } else if list {
            toml::Value::from(keys::words(&entry.value).collect::<Vec<_>>()).to_string()
        } else {
            toml::Value::from(entry.value.as_str()).to_string()
        };
        let mark = if hidden { "# " } else { "" };
        text.push_str(&format!("{mark}{short} = {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use std::collections::BTreeMap;

    #[test]
    fn what_show_writes_can_be_read_again_and_says_the_same() {
        let home = BTreeMap::from([("HOME".to_owned(), "/home/\"odd\"".to_owned())]);
        let first = load(&Inputs {
            environment: home.clone(),
            build: "1".into(),
            ..Inputs::default()
        })
        .unwrap();
        let again = load(&Inputs {
            file: Some(("coffer.toml".into(), as_toml(&first.entries))),
            build: "2".into(),
            ..Inputs::default()
        })
        .unwrap();
        for (one, two) in first.entries.iter().zip(&again.entries) {
            assert_eq!(one.value, two.value);
            assert!(two.source.starts_with("coffer.toml:"), "{two:?}");
        }
    }
}
