//! `coffer key`: what keeps root keys, whether it works, the passphrase of the root key file; and what officers do.
//!
//! Listing, rotating, re-encrypting and breaking glass speak with a server, from anywhere. All else runs on the server's host,
//! with the server's configuration, and needs no server.

use super::break_glass::{self, BreakGlassCommand};
use super::key_enable::{self, EnableArgs};
use super::key_move::{self, MoveArgs};
use super::key_rotate::{self, ListArgs, ReEncryptArgs, RotateArgs};
use super::key_test::{self, TestArgs};
use crate::cli::ServeArgs;
use crate::config::{Keys, ProviderKind, ProviderSettings};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::keys::{key_file, typed};
use crate::output::Table;
use clap::{Args, Subcommand};
use coffer_keys::file::{Passphrase, change_passphrase};
use coffer_keys::{Entropy, os_entropy};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Verbs of `key`.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// List key providers: which this build has, and which are configured
    #[command(after_help = "\
Examples:
  coffer key providers
  coffer key providers --config /etc/coffer/coffer.toml --output json

Run it on the server's host. Takes the flags of `coffer serve`.")]
    Providers(ServeArgs),
    /// Prove that the configured providers work: a round trip, its latency, and rights that are missing or too wide
    #[command(after_help = "\
Examples:
  coffer key test
  coffer key test --lifecycle --config /etc/coffer/coffer.toml

Run it on the server's host, as the user that the server runs as. A random secret is wrapped and unwrapped under the newest
root key of the configured scale unit; nothing is stored. Rights are asked of the service, or tried where there is nothing
to change; what cannot be learned so is said to be unknown, and why. With --lifecycle a root key is made for a scale unit of its own,
`<unit>-test`, disabled, enabled, and destroyed again. Exit code 10 when something that is needed does not work.")]
    Test(TestArgs),
    /// Seal the root key file with a passphrase, change it, or take it off
    #[command(after_help = "\
Examples:
  coffer key passphrase
  coffer key passphrase --new-passphrase-file /etc/coffer/new-words
  coffer key passphrase --remove

Run it on the server's host. The present passphrase comes from keys.file.passphrase_file, or is asked for. Without
--new-passphrase-file the new one is asked for, twice. Copies of the file keep the passphrase that they had.
A server that runs reads a changed passphrase from keys.file.passphrase_file: put the new one there.")]
    Passphrase(PassphraseArgs),
    /// List root keys with what still sits under each, and rotations with how far they are
    List(ListArgs),
    /// Rotate all keys now, without a new deployment
    Rotate(RotateArgs),
    /// Seal a secure file again with a new file key, when its key may be known
    ReEncrypt(ReEncryptArgs),
    /// Have the content of one file encrypted to somebody: two officers together
    #[command(subcommand, name = "break-glass")]
    BreakGlass(BreakGlassCommand),
    /// Let a disabled root key open again, to restore a backup from before a rotation
    Enable(EnableArgs),
    /// Move the data to another scale unit's keys, while no server runs
    Move(MoveArgs),
}

/// Arguments of `key passphrase`.
#[derive(Args)]
pub(crate) struct PassphraseArgs {
    /// File whose first line is the new passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    new_passphrase_file: Option<PathBuf>,
    /// Leave the file without a passphrase
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: KeyCommand) -> Result<Exit> {
    match command {
        KeyCommand::Providers(args) => {
            let keys = crate::load(&args, context)?.config.keys;
            providers(context, &keys)?;
            Ok(Exit::Success)
        }
        KeyCommand::Test(args) => key_test::run(context, args).await,
        KeyCommand::Passphrase(args) => {
            passphrase(context, &args)?;
            Ok(Exit::Success)
        }
        KeyCommand::List(args) => {
            key_rotate::list(context, &args).await?;
            Ok(Exit::Success)
        }
        KeyCommand::Rotate(args) => key_rotate::rotate(context, &args).await,
        KeyCommand::ReEncrypt(args) => {
            key_rotate::re_encrypt(context, &args).await?;
            Ok(Exit::Success)
        }
        KeyCommand::BreakGlass(command) => {
            Box::pin(break_glass::run(context, command)).await?;
            Ok(Exit::Success)
        }
        KeyCommand::Enable(args) => {
            key_enable::run(context, args).await?;
            Ok(Exit::Success)
        }
        KeyCommand::Move(args) => {
            key_move::run(context, args).await?;
            Ok(Exit::Success)
        }
    }
}

/// A provider as `key providers` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    provider: &'static str,
    compiled_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    feature: Option<&'static str>,
    /// `new keys`, `older keys`, or nothing.
    used_for: Option<&'static str>,
    /// `own`, `same`, `none`; nothing where it is not used.
    lifecycle_credential: Option<&'static str>,
}

fn providers(context: &Context, keys: &Keys) -> Result {
    let used = |kind: ProviderKind| {
        let older = || keys.also.iter().map(|settings| (settings, "older keys"));
        std::iter::once((&keys.provider, "new keys"))
            .chain(older())
            .find(|(settings, _)| settings.kind() == kind)
    };
    let shown = ProviderKind::ALL.map(|kind| Shown {
        provider: kind.word(),
        compiled_in: kind.compiled(),
        feature: kind.feature(),
        used_for: used(kind).map(|(_, what)| what),
        lifecycle_credential: used(kind).map(|(settings, _)| settings.lifecycle()),
    });
    context.out.show(&shown, |shown| {
        let mut table = Table::new([
            "provider",
            "compiled in",
            "used for",
            "lifecycle credential",
        ]);
        for one in shown {
            let compiled = match (one.compiled_in, one.feature) {
                (true, _) => "yes".to_owned(),
                (false, feature) => format!("no: {}", feature.unwrap_or_default()),
            };
            table.row([
                one.provider.into(),
                compiled,
                one.used_for.unwrap_or("-").into(),
                one.lifecycle_credential.unwrap_or("-").into(),
            ]);
        }
        table
    })
}

fn passphrase(context: &Context, args: &PassphraseArgs) -> Result {
    let keys = crate::load(&args.serve, context)?.config.keys;
    let file = std::iter::once(&keys.provider)
        .chain(&keys.also)
        .find_map(ProviderSettings::file)
        .ok_or_else(|| {
            CommandError::new(
                Exit::Invalid,
                "no root key file is configured, and only a file has a passphrase",
            )
        })?;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let mut from = key_file(file);
    if from.passphrase.is_none() && is_sealed(&from.path)? {
        from.passphrase = Some(typed("Present passphrase")?);
    } else if from.passphrase.is_some() && !is_sealed(&from.path)? {
        // It is configured already, and this is what seals the file.
        from.passphrase = None;
    }
    let to = match (&args.new_passphrase_file, args.remove) {
        (_, true) => None,
        (Some(path), false) => Some(Passphrase::File(path.clone())),
        (None, false) => Some(typed_twice()?),
    };
    let sealed = to.is_some();
    change_passphrase(&from, to, &entropy).map_err(|error| {
        CommandError::new(Exit::Invalid, "the root key file was not changed").because(&error)
    })?;
    context.out.note(match sealed {
        true => "The root key file is sealed with the new passphrase. Keep it apart from the file; without it the file opens nothing.",
        false => "The root key file has no passphrase any more.",
    });
    Ok(())
}

fn typed_twice() -> Result<Passphrase> {
    let first = typed("New passphrase, at least 12 characters")?;
    let (Passphrase::Typed(one), Passphrase::Typed(two)) = (&first, &typed("Again")?) else {
        unreachable!("what is typed is typed");
    };
    if one.as_str() != two.as_str() {
        return Err(CommandError::new(Exit::Usage, "the two are not the same"));
    }
    Ok(first)
}

fn is_sealed(path: &std::path::Path) -> Result<bool> {
    coffer_keys::file::is_sealed(path).map_err(|error| {
        CommandError::new(Exit::Invalid, "the root key file cannot be used").because(&error)
    })
}
