//! A way back for an administrator who cannot sign in any more. For who has the host: it opens no door over the network.

use crate::error::{Error, Kind, PERSON, Result};
use crate::{duty_caller, tokens};
use coffer_model::act::RecoverPerson;
use coffer_model::library::Identity;
use coffer_model::{Entropy, Timestamp};
use coffer_store::{Refusal, Stop, Store};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How long a code is good, seconds.
const CODE_SECONDS: i64 = 3600;

/// What the operator must be told, once.
pub struct Recovery {
    /// Good for one token of that person. Goes to a terminal or a 0600 file, never to a log.
    pub code: Zeroizing<String>,
    /// Whose it is.
    pub person: Identity,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes a one-time code for a person, who is let in again and administers the organization from now on.
///
/// Needs the database alone: no key, and no server, which may run meanwhile.
pub async fn recover(store: &Store, entropy: &Arc<Entropy>, unique_name: &str) -> Result<Recovery> {
    let found = store.read().await?.organization().await?;
    let Some((organization, _)) = found else {
        return Err(Error::new(
            Kind::Conflict,
            "organization.absent",
            "This database holds no organization yet. There is nobody to recover.",
        )
        .hint("Start the server: its first start shows how to sign in."));
    };
    let code = tokens::secret(&**entropy);
    let digest = hex::encode(tokens::hash(&code));
    let caller = duty_caller(organization, "recovery on the host");
    let wanted = unique_name.to_owned();
    let (person, expires_at) = store
        .write("person.recover", move |tx| {
            let (caller, wanted, digest) = (caller.clone(), wanted.clone(), digest.clone());
            Box::pin(async move {
                let person = tx
                    .person_by_name(&wanted)
                    .await?
                    .ok_or(Stop::Refused(Refusal::NotFound))?;
                let act = RecoverPerson {
                    identity: person.id,
                };
                let details = [("identity", person.id.to_string())];
                let grant = tx.authorize_with(&caller, act, &details).await?;
                tx.person_recover(grant, &caller, &digest, CODE_SECONDS)
                    .await?;
                Ok((person, tx.now().plus_seconds(CODE_SECONDS)))
            })
        })
        .await
        .map_err(|stop| Error::from(stop).about(&PERSON))?;
    Ok(Recovery {
        code,
        person,
        expires_at,
    })
}
