//! A root generation that was disabled opens again, for a database that needs it. Asked for on the host itself.

use crate::error::{Error, Kind, Result};
use crate::{Providers, duty_caller};
use coffer_model::act::EnableGeneration;
use coffer_seal::GenerationId;
use coffer_store::Store;

/// Has the provider enable a generation that this database knows, and puts that on record first.
///
/// # Errors
/// When the database does not know it, or its provider does not do it.
pub async fn enable_generation(
    store: &Store,
    providers: &Providers,
    generation: &str,
) -> Result<()> {
    let mut read = store.read().await?;
    let organization = read.organization().await?;
    let known = read
        .generations()
        .await?
        .into_iter()
        .find(|row| row.id == generation);
    drop(read);
    let (Some((organization, _)), Some(row)) = (organization, known) else {
        return Err(Error::new(
            Kind::NotFound,
            "keys.unknown",
            format!("This database knows no root key '{generation}'."),
        )
        .hint("`coffer doctor` names those that it needs."));
    };
    let Some(lifecycle) = providers.of(&row.provider)?.lifecycle() else {
        return Err(Error::new(
            Kind::Forbidden,
            "keys.lifecycle",
            format!(
                "No credential is configured that may enable root keys at {}.",
                row.provider
            ),
        )
        .hint("Enable it in the key service itself, or configure the lifecycle credential."));
    };
    let caller = duty_caller(organization, "enable a root key");
    let act = EnableGeneration {
        generation: row.id.clone(),
    };
    store
        .write("generation.enable", move |tx| {
            let (caller, act) = (caller.clone(), act.clone());
            Box::pin(async move { tx.authorize(&caller, act).await.map(drop) })
        })
        .await?;
    lifecycle.enable(&GenerationId(row.id)).await?;
    Ok(())
}
