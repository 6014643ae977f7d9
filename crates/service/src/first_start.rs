//! The first start: an organization, a project, and a one-time code that makes the first administrator.

use crate::error::Result;
use crate::{Options, Organization, duty_caller, tokens};
use coffer_model::act::CreateOrganization;
use coffer_model::{OrganizationId, ProjectId};
use zeroize::Zeroizing;

/// What the operator must be told, once.
pub struct FirstStart {
    /// Good for one sign-in as administrator. Goes to a terminal or a 0600 file, never to a log.
    pub code: Zeroizing<String>,
    /// The first project.
    pub project: String,
}

/// The organization, made if there is none, and a fresh one-time code while nobody has used one.
pub(crate) async fn prepare(options: &Options) -> Result<(Organization, Option<FirstStart>)> {
    let mut read = options.store.read().await?;
    let found = read.organization().await?;
    let pending = read.first_sign_in_pending().await?;
    drop(read);
    if let Some((id, _)) = &found {
        complete(options, *id).await?;
    }
    let organization = match found {
        Some((id, name)) if !pending => return Ok((Organization { id, name }, None)),
        Some((id, name)) => Organization { id, name },
        None => create(options).await?,
    };
    let code = tokens::secret(&*options.entropy);
    let digest = hex::encode(tokens::hash(&code));
    options
        .store
        .write("first_sign_in.put", move |tx| {
            let digest = digest.clone();
            Box::pin(async move { tx.first_sign_in_put(&digest).await })
        })
        .await?;
    Ok((
        organization,
        Some(FirstStart {
            code,
            project: options.project.clone(),
        }),
    ))
}

/// What a newer version starts an organization with, for one that an older version started.
async fn complete(options: &Options, id: OrganizationId) -> Result<()> {
    let caller = duty_caller(id, "complete rights");
    options
        .store
        .write("organization.complete", move |tx| {
            let caller = caller.clone();
            Box::pin(async move { tx.organization_complete(&caller, id).await })
        })
        .await?;
    Ok(())
}

async fn create(options: &Options) -> Result<Organization> {
    let id = OrganizationId::random(&*options.entropy);
    let project = ProjectId::random(&*options.entropy);
    let caller = duty_caller(id, "first start");
    let names = (options.organization.clone(), options.project.clone());
    options
        .store
        .write("organization.create", move |tx| {
            let (caller, names) = (caller.clone(), names.clone());
            Box::pin(async move {
                let act = CreateOrganization { organization: id };
                let grant = tx
                    .authorize_with(&caller, act.clone(), &[("name", names.0.clone())])
                    .await?;
                tx.organization_insert(grant, &names.0).await?;
                let grant = tx
                    .authorize_with(&caller, act, &[("project", names.1.clone())])
                    .await?;
                tx.first_project_insert(grant, project, &names.1).await
            })
        })
        .await?;
    Ok(Organization {
        id,
        name: options.organization.clone(),
    })
}
