//! Secrets that somebody types, or that come on standard input: never an argument, which others can see.

use crate::error::{CommandError, Result};
use zeroize::Zeroizing;

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
