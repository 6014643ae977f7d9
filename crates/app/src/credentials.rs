//! The file that `coffer login` writes, and reading tokens from where people keep them. Never from an argument.

use crate::error::{CommandError, Exit, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// Longer than any token.
const MAX_TOKEN: u64 = 16 * 1024;

/// Who is signed in where. No `Debug`: it holds a token.
pub(crate) struct Login {
    /// The organization's URL.
    pub(crate) url: String,
    pub(crate) token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Stored {
    url: String,
    token: String,
}

#[derive(Serialize)]
struct ToStore<'a> {
    url: &'a str,
    token: &'a str,
}

/// Reads the login; `None` when there is none.
pub(crate) fn load(path: &Path) -> Result<Option<Login>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CommandError::file(
                "cannot read the login file",
                path,
                &error,
            ));
        }
    };
    match serde_json::from_str::<Stored>(&text) {
        Ok(stored) => Ok(Some(Login {
            url: stored.url,
            token: Zeroizing::new(stored.token),
        })),
        // serde's words may quote the file, which holds a token.
        Err(_) => Err(CommandError::new(
            Exit::Invalid,
            format!("the login file {} is damaged", path.display()),
        )
        .hint("sign in again with `coffer login URL`")),
    }
}

/// Writes the login, whole or not at all, readable by its owner only.
pub(crate) fn store(path: &Path, login: &Login) -> Result {
    let failed = |error: io::Error| CommandError::file("cannot write the login file", path, &error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let stored = ToStore {
        url: &login.url,
        token: &login.token,
    };
    let text = serde_json::to_vec_pretty(&stored).map_err(|error| failed(error.into()))?;
    let text = Zeroizing::new(text);
    // A temporary file of this kind is 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes the login; answers whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(CommandError::file(
            "cannot remove the login file",
            path,
            &error,
        )),
    }
}

/// A token out of a file, or of standard input for `-`. White space around it is dropped.
pub(crate) fn token_from_file(path: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut text))
    };
    read.map_err(|error| CommandError::file("cannot read a token from", path, &error))?;
    let token = Zeroizing::new(text.trim().to_owned());
    let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.is_empty() || !plain {
        return Err(CommandError::new(
            Exit::Invalid,
            format!("{} holds no token", path.display()),
        ));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_kept_for_its_owner_only_and_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coffer/login.json");
        assert!(load(&path).unwrap().is_none());
        for token in ["first", "second"] {
            let login = Login {
                url: "http://c.example/Acme".into(),
                token: Zeroizing::new(token.into()),
            };
            store(&path, &login).unwrap();
            let back = load(&path).unwrap().unwrap();
            assert_eq!(
                (back.url.as_str(), back.token.as_str()),
                ("http://c.example/Acme", token)
            );
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
    }

    #[test]
    fn a_damaged_login_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login.json");
        fs::write(&path, "{\"url\":1,\"token\":\"sesame\"}").unwrap();
        let error = load(&path).map(|_| ()).unwrap_err();
        assert!(!format!("{error:?}").contains("sesame"));
    }

    #[test]
    fn a_token_file_may_end_in_a_newline_and_must_hold_one_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        fs::write(&path, " abc\r\n").unwrap();
        assert_eq!(token_from_file(&path).unwrap().as_str(), "abc");
        for bad in ["", "\n", "a b", "a\u{e9}"] {
            fs::write(&path, bad).unwrap();
            assert!(token_from_file(&path).is_err(), "{bad:?}");
        }
    }
}
