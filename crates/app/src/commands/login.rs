//! `coffer login`, `logout`, `whoami`.

use super::secret_input::asking;
use crate::context::Context;
use crate::credentials::{self, Login, token_from_file};
use crate::error::{CommandError, Result};
use crate::output::Table;
use clap::Args;
use coffer_client::organization_url;
use coffer_wire::coffer::{FirstSignIn, NewPassword, PasswordSignIn};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `login`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer login http://127.0.0.1:8080 --code CODE --name ada
  coffer login https://coffer.example --user grace
  coffer login https://coffer.example --token-file token.txt
  pass coffer | coffer login https://coffer.example --token-file -

A server that starts for the first time shows a one-time code; it makes its user the first administrator. Everybody
else signs in by password, which is traded for a token, or with a token. A password is first set with the one-time code
that an administrator makes with `coffer user invite NAME`. Passwords and tokens are asked for without an echo or read
from standard input or a file, and never from an argument, which others could see.
Server and token are kept in login.json in your configuration folder, readable by you only.")]
pub(crate) struct LoginArgs {
    /// URL of the server; without a path, the organization is DefaultCollection
    #[arg(value_name = "URL")]
    server: Option<String>,
    /// The one-time code of the first start, `-` for standard input
    // A code may begin with a hyphen.
    #[arg(long, conflicts_with = "token_file", allow_hyphen_values = true)]
    code: Option<String>,
    /// Your name as the first administrator [default: your user name]
    #[arg(long, requires = "code")]
    name: Option<String>,
    /// Sign-in name: asks for the password, and for the code of the second factor
    #[arg(long, value_name = "NAME", conflicts_with_all = ["code", "token_file"])]
    user: Option<String>,
    /// Read the password from standard input, its first line
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// The code of your authenticator app, or a recovery code; asked for when there is a terminal
    #[arg(long, value_name = "CODE", requires = "user")]
    otp: Option<String>,
    /// Set a new password first, with an administrator's one-time code; `-` asks for the code
    #[arg(
        long,
        value_name = "CODE",
        requires = "user",
        allow_hyphen_values = true
    )]
    invitation: Option<String>,
    /// Days until the token ends that the password is traded for
    #[arg(long, default_value_t = 30, requires = "user", value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    /// File that holds a token, `-` for standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Signs in and remembers it.
pub(crate) async fn login(context: &Context, args: LoginArgs) -> Result {
    let Some(server) = args.server.as_ref().or(context.global.url.as_ref()) else {
        return Err(CommandError::usage("which server?")
            .hint("coffer login http://127.0.0.1:8080 --code CODE"));
    };
    let url = organization_url(server)?;
    let file = context.login_file()?;
    let token = match (&args.code, &args.token_file) {
        _ if args.user.is_some() => password_sign_in(context, &url, &args).await?,
        (Some(code), _) => first_sign_in(context, &url, code, args.name.as_deref()).await?,
        (None, Some(path)) => token_from_file(path)?,
        (None, None) => {
            return Err(
                CommandError::usage("login needs a user, a token or a one-time code")
                    .hint(format!(
                        "coffer login {server} --user NAME asks for your password"
                    ))
                    .hint(format!(
                        "coffer login {server} --token-file - reads a token from standard input"
                    ))
                    .hint(format!(
                        "coffer login {server} --code CODE uses the code of the first start"
                    )),
            );
        }
    };
    let client = context.client_for(url.clone(), Some(token.clone()))?;
    // After a first sign-in the code is spent: keep the token before anything else can fail.
    let login = Login { url, token };
    if args.code.is_some() || args.user.is_some() {
        credentials::store(&file, &login)?;
    }
    let who = client.coffer().connection_data().await?.authenticated_user;
    credentials::store(&file, &login)?;
    context.out.note(&format!(
        "Signed in to {} as {}.",
        login.url, who.provider_display_name
    ));
    if is_open_wire(&login.url) {
        context
            .out
            .note("Warning: this server is reached without TLS; others on the network can read the token.");
    }
    if context.out.is_json() {
        context.out.json(&serde_json::json!({
            "url": login.url, "id": who.id, "displayName": who.provider_display_name,
        }))?;
    }
    Ok(())
}

/// Trades a password for a token; sets the password first, where somebody was invited to.
async fn password_sign_in(
    context: &Context,
    url: &str,
    args: &LoginArgs,
) -> Result<Zeroizing<String>> {
    let user = args.user.clone().unwrap_or_default();
    let client = context.client_for(url.to_owned(), None)?;
    let mut ask = asking(args.password_stdin);
    let password = match args.invitation.as_deref() {
        None => ask("Password")?,
        Some(code) => {
            let code = match code {
                "-" => ask("One-time code")?,
                code => Zeroizing::new(code.trim().to_owned()),
            };
            let password = ask("New password, at least 12 characters")?;
            if !args.password_stdin && *ask("The same again")? != *password {
                return Err(CommandError::usage("the two passwords are not the same"));
            }
            let body = NewPassword {
                code: code.to_string(),
                password: password.to_string(),
            };
            client.coffer().set_password(&body).await?;
            password
        }
    };
    let code = match &args.otp {
        Some(code) => Zeroizing::new(code.clone()),
        None if args.password_stdin => Zeroizing::default(),
        None => ask("Code of your authenticator app (empty if you use none)")?,
    };
    let body = PasswordSignIn {
        user,
        password: password.to_string(),
        code: (!code.is_empty()).then(|| code.to_string()),
        label: "coffer login".to_owned(),
        days: Some(args.days),
        scope: None,
    };
    let created = client.coffer().sign_in_by_password(&body).await?;
    Ok(Zeroizing::new(created.token))
}

async fn first_sign_in(
    context: &Context,
    url: &str,
    code: &str,
    name: Option<&str>,
) -> Result<Zeroizing<String>> {
    let code = match code {
        "-" => token_from_file("-".as_ref())?.to_string(),
        code => code.trim().to_owned(),
    };
    let user = context.environment.get("USER").map(String::as_str);
    let name = name.or(user).filter(|name| !name.is_empty());
    let body = FirstSignIn {
        code,
        unique_name: name.unwrap_or("administrator").to_owned(),
        label: "coffer login".to_owned(),
    };
    let client = context.client_for(url.to_owned(), None)?;
    let created = client.coffer().sign_in(&body).await?;
    Ok(Zeroizing::new(created.token))
}

/// Forgets it.
pub(crate) fn logout(context: &Context) -> Result {
    if credentials::remove(&context.login_file()?)? {
        context
            .out
            .note("Signed out. The token stays valid until it ends or is revoked.");
    } else {
        context.out.note("You were not signed in.");
    }
    Ok(())
}

/// Shows who the server takes us for.
pub(crate) async fn whoami(context: &Context) -> Result {
    let url = context.url()?;
    let client = context
        .client()
        .inspect_err(|_| context.out.note(&format!("Server: {url}")))?;
    let data = client
        .coffer()
        .connection_data()
        .await
        .inspect_err(|_| context.out.note(&format!("Server: {url}")))?;
    let user = &data.authenticated_user;
    let shown = serde_json::json!({
        "url": url,
        "id": user.id,
        "displayName": user.provider_display_name,
        "descriptor": user.descriptor,
        "instanceId": data.instance_id,
    });
    context.out.show(&shown, |_| {
        let mut table = Table::facts();
        table.fact("User", user.provider_display_name.as_str());
        table.fact("Id", user.id.as_str());
        table.fact("Server", url.as_str());
        table
    })
}

/// Plain HTTP to another machine.
fn is_open_wire(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or(rest);
    !(host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost"))
}
