//! Secrets that somebody types, or that come on standard input: never an argument, which others can see.

use crate::error::{CommandError, Result};
use clap::Args;
use zeroize::Zeroizing;

/// A sign-in in the call itself, for what a token alone is not enough for.
#[derive(Args)]
pub(crate) struct AgainArgs {
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
    /// The code of your authenticator app, or a recovery code; asked for when there is a terminal
    #[arg(long, value_name = "CODE")]
    otp: Option<String>,
}

impl AgainArgs {
    /// Password and code.
    pub(crate) fn ask(&self) -> Result<(Zeroizing<String>, Option<String>)> {
        let mut ask = asking(self.password_stdin);
        let password = ask("Your password")?;
        let code = match &self.otp {
            Some(code) => Some(code.clone()),
            None if self.password_stdin => None,
            None => {
                Some(ask("Code of your authenticator app (empty if you use none)")?.to_string())
            }
        };
        Ok((password, code.filter(|code| !code.is_empty())))
    }
}

/// Asks for one secret after the other: on the terminal without showing them, or a line each from standard input.
pub(crate) fn asking(from_stdin: bool) -> impl FnMut(&str) -> Result<Zeroizing<String>> {
    let mut lines = from_stdin.then(|| std::io::stdin().lines());
    move |what| {
        let read = match &mut lines {
            Some(lines) => lines.next().unwrap_or_else(|| Ok(String::new())),
            None => rpassword::prompt_password(format!("{what}: ")),
        };
        read.map(Zeroizing::new).map_err(|error| {
            CommandError::usage(format!("{what} cannot be asked for: {error}"))
                .hint("without a terminal, `--password-stdin` reads it from standard input")
        })
    }
}
