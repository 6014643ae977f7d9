//! The organization and its switches.

use crate::App;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::Result;
use crate::version::Asked;
use axum::extract::State;
use axum::response::Response;
use coffer_model::organization::{ProjectCreators, SettingsChange};
use coffer_service::OrganizationView;
use coffer_wire::coffer::{Organization, OrganizationChange};
use coffer_wire::enums::ProjectCreators as Creators;

/// `GET coffer/organization`.
pub(crate) async fn show(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let view = app.service.organizations().show(&caller).await?;
    Ok(asked.json(&organization(view)))
}

/// `PATCH coffer/organization`.
pub(crate) async fn change(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<OrganizationChange>,
) -> Result<Response> {
    let creators = body.project_creators.map(|word| match word {
        Creators::Administrators => ProjectCreators::Administrators,
        Creators::Everybody => ProjectCreators::Everybody,
    });
    let change = SettingsChange {
        open_access_allowed: body.open_access_allowed,
        password_sign_in_allowed: body.password_sign_in_allowed,
        project_creators: creators,
        max_token_days: body.max_token_days,
    };
    let view = app.service.organizations().change(&caller, change).await?;
    Ok(asked.json(&organization(view)))
}

fn organization(view: OrganizationView) -> Organization {
    Organization {
        id: view.id.0,
        name: view.name,
        open_access_allowed: view.settings.open_access_allowed,
        password_sign_in_allowed: view.settings.password_sign_in_allowed,
        project_creators: match view.settings.project_creators {
            ProjectCreators::Administrators => Creators::Administrators,
            ProjectCreators::Everybody => Creators::Everybody,
        },
        max_token_days: view.settings.max_token_days,
    }
}
