//! Argon2id, off the async threads and a few at a time. Parameters and their cost: ADR 0011. It must not know whose a
//! password is.

use crate::error::{Error, Kind, Result};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

/// Memory of one hash, KiB.
const MEMORY: u32 = 64 * 1024;
/// Passes over it.
const PASSES: u32 = 2;
/// Hashes at once: their memory is what bounds it.
const AT_ONCE: usize = 2;
/// How long a sign-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// A hash of these parameters that no password has: 32 zero bytes.
const NOBODYS: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Makes and compares hashes of passwords.
pub(crate) struct Hasher {
    room: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// What a comparison found.
pub(crate) struct Compared {
    /// Whether it is the password.
    pub(crate) same: bool,
    /// The same password under today's parameters, when the stored hash has others.
    pub(crate) anew: Option<String>,
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, 1, Some(32)).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn make(password: &str, salt: &[u8; 16]) -> Result<String> {
    let hash: PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(Error::internal)?;
    Ok(hash.to_string())
}

impl Hasher {
    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = self.room.clone().acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::new(
                Kind::Unavailable,
                "sign_in.busy",
                "Too many people sign in at this moment. Try again shortly.",
            )),
        }
    }

    /// The hash of a new password, with everything that a comparison needs.
    pub(crate) async fn hash(&self, password: Zeroizing<String>, salt: [u8; 16]) -> Result<String> {
        let turn = self.turn().await?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            make(&password, &salt)
        })
        .await
        .map_err(Error::internal)?
    }

    /// Compares. Where there is no hash, it takes as long and says no.
    pub(crate) async fn compare(
        &self,
        password: Zeroizing<String>,
        stored: Option<String>,
        salt: [u8; 16],
    ) -> Result<Compared> {
        let turn = self.turn().await?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let text = stored.as_deref().unwrap_or(NOBODYS);
            let hash = PasswordHash::new(text).map_err(Error::internal)?;
            let same = argon2()?
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
                && stored.is_some();
            let today = text.starts_with("$argon2id$v=19$m=65536,t=2,p=1$");
            let anew = (same && !today)
                .then(|| make(&password, &salt))
                .transpose()?;
            Ok(Compared { same, anew })
        })
        .await
        .map_err(Error::internal)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let hasher = Hasher::default();
        let stored = hasher
            .hash(password("correct horse"), [7; 16])
            .await
            .unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=65536,t=2,p=1$"),
            "{stored}"
        );
        let ask =
            |text: &str, stored: Option<String>| hasher.compare(password(text), stored, [8; 16]);
        let same = ask("correct horse", Some(stored.clone())).await.unwrap();
        assert!(same.same && same.anew.is_none());
        assert!(!ask("correct horsf", Some(stored)).await.unwrap().same);
        assert!(!ask("", None).await.unwrap().same);
    }

    #[tokio::test]
    async fn a_hash_of_older_parameters_is_made_anew() {
        let old = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(1024, 1, 1, Some(32)).unwrap(),
        );
        let old: PasswordHash = old
            .hash_password_with_salt(b"correct horse", &[1; 16])
            .unwrap();
        let hasher = Hasher::default();
        let compared = hasher
            .compare(password("correct horse"), Some(old.to_string()), [2; 16])
            .await
            .unwrap();
        let anew = compared.anew.unwrap();
        let again = hasher.compare(password("correct horse"), Some(anew), [3; 16]);
        assert!(again.await.unwrap().same);
    }
}
