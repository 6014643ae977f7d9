//! `coffer token`.

use super::short_date;
use crate::context::Context;
use crate::error::Result;
use crate::output::Table;
use clap::{Subcommand, ValueEnum};
use coffer_wire::Date;
use coffer_wire::coffer::TokenRequest;
use coffer_wire::enums::TokenKind as WireKind;
use zeroize::Zeroizing;

/// Verbs of `token`.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token, and show it this once
    #[command(after_help = "\
Examples:
  coffer token create laptop --days 90
  coffer token create first --user grace > grace.token
  coffer token create build-machines --kind agent > agent.token
  coffer token create reports --scope vso.securefiles_read --scope vso.build

Standard output gets the token alone, so that it can go to a file or a password store.")]
    Create {
        /// What it is for
        label: String,
        /// Days until it ends; at most what the organization allows
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
        days: u32,
        /// Whose it is; only an administrator may make one for somebody else
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// What it can do
        #[arg(long, value_enum, default_value_t = TokenKind::Pat)]
        kind: TokenKind,
        /// What it is good for, such as vso.securefiles_read; may be repeated [default: everything]
        #[arg(long = "scope", value_name = "SCOPE", conflicts_with = "kind")]
        scopes: Vec<String>,
    },
    /// List your tokens, without their values
    #[command(
        after_help = "Examples:\n  coffer token list\n  coffer token list --all --output json"
    )]
    List {
        /// Everybody's; for administrators of the organization
        #[arg(long)]
        all: bool,
    },
    /// End a token at once
    #[command(after_help = "Examples:\n  coffer token revoke 3f0a1c7e-5f5b-4c8e-9f1e-2f6d7a8b9c0d")]
    Revoke {
        /// The token's id, as `coffer token list` shows it
        id: String,
    },
}

/// Kinds of tokens that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenKind {
    /// Acts as its user
    Pat,
    /// Registers agents, nothing else
    Agent,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: TokenCommand) -> Result {
    let client = context.client()?;
    let out = context.out;
    match command {
        TokenCommand::Create {
            label,
            days,
            user,
            kind,
            scopes,
        } => {
            let request = TokenRequest {
                label,
                days,
                user,
                kind: (kind == TokenKind::Agent).then_some(WireKind::Agent),
                scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
            };
            let mut created = client.coffer().create_token(&request).await?;
            out.note(&format!(
                "Token of {} until {}. It is shown this once.",
                created.identity.display_name,
                short_date(&created.expires_on)
            ));
            if out.is_json() {
                return out.json(&created);
            }
            let token = Zeroizing::new(std::mem::take(&mut created.token));
            out.line(&token)
        }
        TokenCommand::List { all } => {
            let tokens = if all {
                client.coffer().all_tokens().await?
            } else {
                client.coffer().tokens().await?
            };
            out.show(&tokens, |tokens| {
                let mut table = Table::new([
                    "id",
                    "owner",
                    "kind",
                    "label",
                    "scope",
                    "created",
                    "ends",
                    "last used",
                    "revoked",
                ]);
                for token in tokens {
                    let date =
                        |date: &Option<Date>| date.as_deref().map(short_date).unwrap_or_default();
                    let owner = token.owner.as_ref().map(|owner| owner.unique_name.clone());
                    table.row([
                        token.id.to_string(),
                        owner.unwrap_or_default(),
                        token.kind.clone(),
                        token.label.clone(),
                        token.scope.clone(),
                        short_date(&token.created_on),
                        short_date(&token.expires_on),
                        date(&token.last_used_on),
                        date(&token.revoked_on),
                    ]);
                }
                table
            })
        }
        TokenCommand::Revoke { id } => {
            client.coffer().revoke_token(&id).await?;
            out.note(&format!("Token {id} is revoked."));
            Ok(())
        }
    }
}
