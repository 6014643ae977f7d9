//! What every client command needs: where the server is, who we are, which project, how to talk.

use crate::cli::Global;
use crate::config::user_folder;
use crate::credentials::{self, Login};
use crate::error::{CommandError, Exit, Result};
use crate::output::Out;
use coffer_client::{Client, ClientOptions, organization_url};
use std::collections::BTreeMap;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The surroundings of one command.
pub(crate) struct Context {
    pub(crate) out: Out,
    pub(crate) global: Global,
    pub(crate) environment: BTreeMap<String, String>,
}

impl Context {
    /// The file that `coffer login` writes.
    pub(crate) fn login_file(&self) -> Result<PathBuf> {
        let folder = user_folder(&self.environment).ok_or_else(|| {
            CommandError::new(Exit::Invalid, "there is no user configuration folder")
                .hint("set HOME, or use COFFER_URL and COFFER_TOKEN instead of `coffer login`")
        })?;
        Ok(folder.join("login.json"))
    }

    fn login(&self) -> Result<Option<Login>> {
        match self.login_file() {
            Ok(path) => credentials::load(&path),
            Err(_) => Ok(None),
        }
    }

    fn variable(&self, name: &str) -> Option<&String> {
        self.environment.get(name).filter(|value| !value.is_empty())
    }

    /// The token of the environment: `COFFER_TOKEN`, or the content of `COFFER_TOKEN_FILE`.
    fn token(&self) -> Result<Option<Zeroizing<String>>> {
        if let Some(token) = self.variable("COFFER_TOKEN") {
            return Ok(Some(Zeroizing::new(token.trim().to_owned())));
        }
        self.variable("COFFER_TOKEN_FILE")
            .map(|path| credentials::token_from_file(path.as_ref()))
            .transpose()
    }

    /// The organization's URL: flag or `COFFER_URL`, else the login's.
    pub(crate) fn url(&self) -> Result<String> {
        match &self.global.url {
            Some(url) => Ok(organization_url(url)?),
            None => match self.login()? {
                Some(login) => Ok(login.url),
                None => Err(CommandError::usage("no server is named")
                    .hint("sign in with `coffer login URL`, or set COFFER_URL")),
            },
        }
    }

    /// A client for a URL and a token of the caller's choice.
    pub(crate) fn client_for(
        &self,
        organization_url: String,
        token: Option<Zeroizing<String>>,
    ) -> Result<Client> {
        Ok(Client::new(ClientOptions {
            organization_url,
            token,
            ca_file: self.global.ca_file.clone(),
            user_agent: format!("coffer/{}", env!("CARGO_PKG_VERSION")),
        })?)
    }

    /// A client for the server in use, signed in.
    ///
    /// The token of a login goes to the server of that login and to no other.
    pub(crate) fn client(&self) -> Result<Client> {
        let url = self.url()?;
        let token = match self.token()? {
            Some(token) => Some(token),
            None => self
                .login()?
                .filter(|login| login.url == url)
                .map(|login| login.token),
        };
        let Some(token) = token else {
            return Err(
                CommandError::new(Exit::Denied, format!("not signed in to {url}")).hint(format!(
                    "sign in with `coffer login {url}`, or set COFFER_TOKEN"
                )),
            );
        };
        self.client_for(url, Some(token))
    }

    /// The project: `--project` or `COFFER_PROJECT`, else the only one there is.
    pub(crate) async fn project(&self, client: &Client) -> Result<String> {
        if let Some(project) = &self.global.project {
            return Ok(project.clone());
        }
        let projects = client.coffer().projects().await?;
        match &projects[..] {
            [only] => Ok(only.name.clone()),
            [] => Err(
                CommandError::new(Exit::NotFound, "there is no project you may see")
                    .hint("an administrator adds one with `coffer project add NAME`"),
            ),
            several => {
                let names: Vec<&str> = several.iter().map(|p| p.name.as_str()).collect();
                Err(CommandError::usage("which project?").hint(format!(
                    "name one with --project or COFFER_PROJECT: {}",
                    names.join(", ")
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    fn context(home: &std::path::Path, variables: &[(&str, &str)], url: Option<&str>) -> Context {
        let mut environment: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        environment.insert("HOME".into(), home.display().to_string());
        Context {
            out: Out::new(Format::Table, &environment),
            global: Global {
                url: url.map(str::to_owned),
                ..Global::default()
            },
            environment,
        }
    }

    #[test]
    fn the_token_of_a_login_goes_to_no_other_server() {
        let home = tempfile::tempdir().unwrap();
        let here = context(home.path(), &[], None);
        assert_eq!(here.client().unwrap_err().exit, Exit::Usage);
        let login = Login {
            url: "http://c.example/DefaultCollection".into(),
            token: Zeroizing::new("t".into()),
        };
        credentials::store(&here.login_file().unwrap(), &login).unwrap();
        here.client().unwrap();
        context(home.path(), &[], Some("http://c.example"))
            .client()
            .unwrap();
        for other in [
            "http://c.example/Other",
            "https://c.example",
            "http://d.example",
        ] {
            let client = context(home.path(), &[], Some(other)).client();
            assert_eq!(client.unwrap_err().exit, Exit::Denied, "{other}");
        }
        let named = [("COFFER_TOKEN", "u")];
        context(home.path(), &named, Some("http://d.example"))
            .client()
            .unwrap();
    }
}
