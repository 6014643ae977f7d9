//! The one table of routes, in groups: method, path, class of authentication, handler. It must not know layers.

use super::Route;
use crate::ado::{
    authorized_resources, builds, directory as identities, graph, location, permissions, pipelines,
    processes, projects as team_projects, roles, secure_files, security, tasks,
};
use crate::auth::Auth;
use crate::body::{FEED_LIMIT, JSON_LIMIT, TEXTS_LIMIT};
use crate::coffer::{
    agents, audit, audit_export, break_glass, file_access, freezes, keys, metrics, organization,
    pools, projects, sign_in, streams, tokens, users,
};
use crate::pages::account::{second_factor, tokens as tokens_page};
use crate::pages::file::{delete, permissions as pipeline_permissions, show as file_page};
use crate::pages::{
    account, assets, library, pipelines as pipelines_page, projects as projects_page, provider,
    reference, run as run_page, security as roles_page, sign_in as sign_in_page,
};
use axum::routing::{MethodFilter, on};
use coffer_wire::paths;

macro_rules! route {
    ($method:ident $template:expr, $handler:expr) => {
        Route {
            method: stringify!($method),
            template: $template,
            auth: Auth::Token,
            limit: JSON_LIMIT,
            streams: false,
            location: None,
            handler: || on(MethodFilter::$method, $handler),
        }
    };
}

/// Every route below the organization's URL. Without a word, a route wants a token.
pub(crate) fn table() -> Vec<Route> {
    let mut table = compatible();
    table.extend(security());
    table.extend(directory());
    table.extend(ours());
    table.extend(agents());
    table.extend(pages());
    table
}

fn compatible() -> Vec<Route> {
    use location::{
        AUTHORIZED_RESOURCES, BUILDS, CONNECTION_DATA, DEFINITION_RESOURCES, LOGS, PERMISSIONS,
        PIPELINES, PREVIEW, RESOURCE_AREAS, RUNS, SECURE_FILES, TASKS, TIMELINE,
    };
    vec![
        route!(OPTIONS paths::location::ROOT, location::all),
        route!(OPTIONS paths::location::AREA, location::area),
        route!(GET paths::location::RESOURCE_AREAS, location::resource_areas).at(&RESOURCE_AREAS),
        route!(GET paths::location::RESOURCE_AREA, location::resource_area).at(&RESOURCE_AREAS),
        route!(GET paths::location::CONNECTION_DATA, location::connection_data)
            .at(&CONNECTION_DATA),
        route!(GET paths::secure_files::COLLECTION, secure_files::list).at(&SECURE_FILES),
        route!(POST paths::secure_files::COLLECTION, secure_files::post).at(&SECURE_FILES),
        route!(PATCH paths::secure_files::COLLECTION, secure_files::update_many).at(&SECURE_FILES),
        route!(GET paths::secure_files::ITEM, secure_files::get).at(&SECURE_FILES),
        route!(PATCH paths::secure_files::ITEM, secure_files::update).at(&SECURE_FILES),
        route!(DELETE paths::secure_files::ITEM, secure_files::delete).at(&SECURE_FILES),
        route!(GET paths::tasks::COLLECTION, tasks::list).at(&TASKS),
        route!(GET paths::tasks::ITEM, tasks::versions).at(&TASKS),
        route!(GET paths::tasks::VERSION, tasks::get).at(&TASKS),
        route!(PATCH paths::permissions::COLLECTION, permissions::change_many).at(&PERMISSIONS),
        route!(GET paths::permissions::ITEM, permissions::get).at(&PERMISSIONS),
        route!(PATCH paths::permissions::ITEM, permissions::change).at(&PERMISSIONS),
        route!(GET paths::authorized_resources::OPEN, authorized_resources::open)
            .at(&AUTHORIZED_RESOURCES),
        route!(PATCH paths::authorized_resources::OPEN, authorized_resources::change_open)
            .at(&AUTHORIZED_RESOURCES),
        route!(GET paths::authorized_resources::OF_DEFINITION, authorized_resources::of_definition)
            .at(&DEFINITION_RESOURCES),
        route!(PATCH paths::authorized_resources::OF_DEFINITION, authorized_resources::change_definition)
            .at(&DEFINITION_RESOURCES),
        route!(GET paths::pipelines::COLLECTION, pipelines::list).at(&PIPELINES),
        route!(POST paths::pipelines::COLLECTION, pipelines::create)
            .at(&PIPELINES)
            .limit(TEXTS_LIMIT),
        route!(GET paths::pipelines::ITEM, pipelines::get).at(&PIPELINES),
        route!(PUT paths::pipelines::ITEM, pipelines::update)
            .at(&PIPELINES)
            .limit(TEXTS_LIMIT),
        route!(GET paths::pipelines::RUNS, pipelines::runs).at(&RUNS),
        route!(POST paths::pipelines::RUNS, pipelines::start).at(&RUNS),
        route!(GET paths::pipelines::RUN, pipelines::run).at(&RUNS),
        route!(POST paths::pipelines::PREVIEW, pipelines::preview).at(&PREVIEW),
        route!(GET paths::builds::COLLECTION, builds::list).at(&BUILDS),
        route!(GET paths::builds::ITEM, builds::get).at(&BUILDS),
        route!(PATCH paths::builds::ITEM, builds::update).at(&BUILDS),
        route!(GET paths::builds::TIMELINE, builds::timeline).at(&TIMELINE),
        route!(GET paths::builds::TIMELINE_ITEM, builds::timeline_by_id).at(&TIMELINE),
        route!(GET paths::builds::LOGS, builds::logs).at(&LOGS),
        route!(GET paths::builds::LOG, builds::log).at(&LOGS),
    ]
}

fn security() -> Vec<Route> {
    use location::{
        ACCESS_ENTRIES, ACCESS_LISTS, EVALUATION_BATCH, NAMESPACES, OWN_PERMISSIONS,
        ROLE_ASSIGNMENTS, ROLE_DEFINITIONS,
    };
    vec![
        route!(GET paths::roles::DEFINITIONS, roles::definitions).at(&ROLE_DEFINITIONS),
        route!(GET paths::roles::ASSIGNMENTS, roles::list).at(&ROLE_ASSIGNMENTS),
        route!(PUT paths::roles::ASSIGNMENTS, roles::set_many).at(&ROLE_ASSIGNMENTS),
        route!(PATCH paths::roles::ASSIGNMENTS, roles::patch).at(&ROLE_ASSIGNMENTS),
        route!(PUT paths::roles::ASSIGNMENT, roles::set_one).at(&ROLE_ASSIGNMENTS),
        route!(DELETE paths::roles::ASSIGNMENT, roles::remove).at(&ROLE_ASSIGNMENTS),
        route!(GET paths::security::NAMESPACES, security::namespaces).at(&NAMESPACES),
        route!(GET paths::security::NAMESPACE, security::namespace).at(&NAMESPACES),
        route!(GET paths::security::LISTS, security::lists).at(&ACCESS_LISTS),
        route!(POST paths::security::LISTS, security::set_lists).at(&ACCESS_LISTS),
        route!(DELETE paths::security::LISTS, security::reset_lists).at(&ACCESS_LISTS),
        route!(POST paths::security::ENTRIES, security::set_entries).at(&ACCESS_ENTRIES),
        route!(DELETE paths::security::ENTRIES, security::remove_entries).at(&ACCESS_ENTRIES),
        route!(GET paths::security::PERMISSIONS, security::check).at(&OWN_PERMISSIONS),
        route!(DELETE paths::security::PERMISSIONS, security::clear).at(&OWN_PERMISSIONS),
        route!(POST paths::security::EVALUATE, security::evaluate).at(&EVALUATION_BATCH),
    ]
}

/// People, groups and projects, as the original serves them.
fn directory() -> Vec<Route> {
    use location::{
        GRAPH_DESCRIPTORS, GRAPH_GROUPS, GRAPH_LOOKUP, GRAPH_MEMBERSHIP, GRAPH_MEMBERSHIPS,
        GRAPH_QUERY, GRAPH_STATES, GRAPH_STORAGE_KEYS, GRAPH_USERS, IDENTITIES, OPERATIONS,
        PROCESSES, PROJECTS,
    };
    use paths::graph as at;
    vec![
        route!(GET paths::core::PROJECTS, team_projects::list).at(&PROJECTS),
        route!(POST paths::core::PROJECTS, team_projects::create).at(&PROJECTS),
        route!(GET paths::core::PROJECT, team_projects::get).at(&PROJECTS),
        route!(PATCH paths::core::PROJECT, team_projects::change).at(&PROJECTS),
        route!(DELETE paths::core::PROJECT, team_projects::delete).at(&PROJECTS),
        route!(GET paths::core::OPERATION, team_projects::operation_of).at(&OPERATIONS),
        route!(GET paths::core::PROCESSES, processes::list).at(&PROCESSES),
        route!(GET paths::core::PROCESS, processes::get).at(&PROCESSES),
        route!(GET at::IDENTITIES, identities::identities).at(&IDENTITIES),
        route!(GET at::IDENTITY, identities::one).at(&IDENTITIES),
        route!(GET at::DESCRIPTOR, graph::descriptor_of).at(&GRAPH_DESCRIPTORS),
        route!(GET at::STORAGE_KEY, graph::storage_key).at(&GRAPH_STORAGE_KEYS),
        route!(GET at::GROUPS, graph::groups).at(&GRAPH_GROUPS),
        route!(POST at::GROUPS, graph::create_group).at(&GRAPH_GROUPS),
        route!(GET at::GROUP, graph::group).at(&GRAPH_GROUPS),
        route!(PATCH at::GROUP, graph::change_group).at(&GRAPH_GROUPS),
        route!(DELETE at::GROUP, graph::delete_group).at(&GRAPH_GROUPS),
        route!(GET at::USERS, graph::users).at(&GRAPH_USERS),
        route!(POST at::USERS, graph::create_user).at(&GRAPH_USERS),
        route!(GET at::USER, graph::user).at(&GRAPH_USERS),
        route!(DELETE at::USER, graph::delete_user).at(&GRAPH_USERS),
        route!(GET at::MEMBERSHIPS, graph::memberships).at(&GRAPH_MEMBERSHIPS),
        route!(GET at::MEMBERSHIP, graph::membership_of).at(&GRAPH_MEMBERSHIP),
        route!(PUT at::MEMBERSHIP, graph::join).at(&GRAPH_MEMBERSHIP),
        route!(DELETE at::MEMBERSHIP, graph::leave).at(&GRAPH_MEMBERSHIP),
        route!(GET at::MEMBERSHIP_STATE, graph::state).at(&GRAPH_STATES),
        route!(POST at::LOOKUP, graph::lookup).at(&GRAPH_LOOKUP),
        route!(POST at::QUERY, graph::query).at(&GRAPH_QUERY),
    ]
}

fn ours() -> Vec<Route> {
    vec![
        route!(POST paths::coffer::SIGN_IN, sign_in::first).anonymous(),
        route!(GET paths::coffer::ORGANIZATION, organization::show),
        route!(PATCH paths::coffer::ORGANIZATION, organization::change),
        route!(POST paths::coffer::SIGN_IN_PASSWORD, sign_in::by_password).anonymous(),
        route!(POST paths::coffer::NEW_PASSWORD, sign_in::new_password).anonymous(),
        route!(POST paths::coffer::INVITATIONS, sign_in::invite),
        route!(POST paths::coffer::SECOND_FACTOR_RESETS, sign_in::reset_second_factor),
        route!(POST paths::coffer::SIGN_OUTS, sign_in::sign_out),
        route!(GET paths::coffer::USERS, users::list),
        route!(POST paths::coffer::USERS, users::add),
        route!(PATCH paths::coffer::USER, users::change),
        route!(GET paths::coffer::TOKENS, tokens::list),
        route!(POST paths::coffer::TOKENS, tokens::create),
        route!(DELETE paths::coffer::TOKEN, tokens::revoke),
        route!(GET paths::coffer::PROJECTS, projects::list),
        route!(POST paths::coffer::PROJECTS, projects::create),
        route!(GET paths::break_glass::COLLECTION, break_glass::list),
        route!(POST paths::break_glass::COLLECTION, break_glass::create),
        route!(DELETE paths::break_glass::ITEM, break_glass::withdraw),
        route!(POST paths::break_glass::APPROVE, break_glass::approve),
        route!(POST paths::break_glass::EXPORT, break_glass::export),
        route!(GET paths::keys::GENERATIONS, keys::generations),
        route!(GET paths::keys::ROTATIONS, keys::rotations),
        route!(POST paths::keys::ROTATIONS, keys::rotate),
        route!(GET paths::keys::ROTATION, keys::one),
        route!(POST paths::keys::RE_ENCRYPT, keys::re_encrypt),
        route!(GET paths::keys::METRICS, metrics::get),
        route!(GET paths::access::FREEZE, freezes::of_everything),
        route!(PUT paths::access::FREEZE, freezes::freeze_everything),
        route!(DELETE paths::access::FREEZE, freezes::unfreeze_everything),
        route!(GET paths::access::PROJECT_FREEZE, freezes::of_project),
        route!(PUT paths::access::PROJECT_FREEZE, freezes::freeze_project),
        route!(DELETE paths::access::PROJECT_FREEZE, freezes::unfreeze_project),
        route!(GET paths::access::FILE_FREEZE, freezes::of_file),
        route!(PUT paths::access::FILE_FREEZE, freezes::freeze_file),
        route!(DELETE paths::access::FILE_FREEZE, freezes::unfreeze_file),
        route!(GET paths::access::FILE_ACCESS, file_access::get),
        route!(GET paths::coffer::AUDIT, audit::page),
        route!(GET paths::coffer::AUDIT_VERIFY, audit::verify),
        route!(GET paths::coffer::AUDIT_EXPORT, audit_export::export),
        route!(GET paths::coffer::AUDIT_KEY, audit::key),
        route!(POST paths::coffer::AUDIT_CHECKPOINTS, audit::checkpoint),
        route!(GET paths::coffer::AUDIT_RECONCILE, audit::reconcile),
        route!(POST paths::coffer::AUDIT_RETAIN, audit::retain),
        route!(GET paths::coffer::AUDIT_STREAMS, streams::list),
        route!(POST paths::coffer::AUDIT_STREAMS, streams::create),
        route!(GET paths::coffer::AUDIT_STREAM, streams::get),
        route!(PATCH paths::coffer::AUDIT_STREAM, streams::change),
        route!(DELETE paths::coffer::AUDIT_STREAM, streams::delete),
        route!(POST paths::coffer::AUDIT_STREAM_TEST, streams::test),
    ]
}

/// Pages for browsers, beside the organization. Their guard is another one: [`crate::pages::guard`].
fn pages() -> Vec<Route> {
    vec![
        route!(GET paths::pages::PROJECTS, projects_page::index).page(),
        route!(GET paths::pages::ASSET, assets::get).open(),
        route!(GET paths::pages::PROJECT, projects_page::project).page(),
        route!(GET paths::pages::PIPELINES, pipelines_page::get).page(),
        route!(POST paths::pages::RUN_START, pipelines_page::run).page(),
        route!(GET paths::pages::RUN, run_page::get).page(),
        route!(GET paths::pages::RUN_LOG, run_page::log::get).page(),
        route!(GET paths::pages::RUN_REVIEW, run_page::review::get).page(),
        route!(POST paths::pages::RUN_REVIEW, run_page::review::permit).page(),
        route!(GET paths::pages::RUN_CANCEL, run_page::cancel::get).page(),
        route!(POST paths::pages::RUN_CANCEL, run_page::cancel::post).page(),
        route!(GET paths::pages::FILE, file_page::page).page(),
        // A hundred properties, each of a kilobyte and another, with each byte written as three.
        route!(POST paths::pages::FILE, file_page::change)
            .page()
            .limit(JSON_LIMIT),
        route!(GET paths::pages::FILE_DELETE, delete::form).page(),
        route!(POST paths::pages::FILE_DELETE, delete::delete).page(),
        route!(GET paths::pages::FILE_PERMISSIONS, pipeline_permissions::list).page(),
        route!(POST paths::pages::FILE_PERMISSIONS, pipeline_permissions::change).page(),
        route!(GET paths::pages::FILE_PERMISSIONS_ADD, pipeline_permissions::add).page(),
        route!(GET paths::pages::FILE_PERMISSIONS_OPEN, pipeline_permissions::open).page(),
        route!(GET paths::pages::FILE_SECURITY, roles_page::of_file).page(),
        route!(POST paths::pages::FILE_SECURITY, roles_page::change_file)
            .page()
            .limit(JSON_LIMIT),
        route!(GET paths::pages::LIBRARY_SECURITY, roles_page::of_library).page(),
        route!(POST paths::pages::LIBRARY_SECURITY, roles_page::change_library)
            .page()
            .limit(JSON_LIMIT),
        route!(GET paths::pages::LIBRARY, library::index).page(),
        route!(GET paths::pages::LIBRARY_UPLOAD, library::upload::dialog).page(),
        route!(GET paths::pages::LIBRARY_CHECK, library::upload::check).page(),
        route!(POST paths::pages::FILES, library::upload::upload).content(),
        route!(GET paths::pages::SIGN_IN, sign_in_page::form).entry(),
        route!(POST paths::pages::SIGN_IN, sign_in_page::sign_in).entry(),
        route!(GET paths::pages::PASSWORD, sign_in_page::password_form).entry(),
        route!(POST paths::pages::PASSWORD, sign_in_page::set_password).entry(),
        route!(GET paths::pages::PROVIDER, provider::leave).entry(),
        route!(GET paths::pages::PROVIDER_CALLBACK, provider::come_back).entry(),
        route!(POST paths::pages::SIGN_OUT, sign_in_page::sign_out).page(),
        route!(GET paths::pages::ACCOUNT, account::overview).page(),
        route!(GET paths::pages::ACCOUNT_PASSWORD, account::password_form).page(),
        route!(POST paths::pages::ACCOUNT_PASSWORD, account::password).page(),
        route!(GET paths::pages::ACCOUNT_TOKENS, tokens_page::form).page(),
        route!(POST paths::pages::ACCOUNT_TOKENS, tokens_page::create).page(),
        route!(GET paths::pages::ACCOUNT_TOKENS_REVOKE, tokens_page::revoke_form).page(),
        route!(POST paths::pages::ACCOUNT_TOKENS_REVOKE, tokens_page::revoke).page(),
        route!(POST paths::pages::ACCOUNT_SESSIONS, account::end_session).page(),
        route!(GET paths::pages::ACCOUNT_SECOND_FACTOR, second_factor::form).page(),
        route!(POST paths::pages::ACCOUNT_SECOND_FACTOR, second_factor::step).page(),
        route!(GET paths::pages::DOCS, reference::index).open(),
        route!(GET paths::pages::DOCS_DOCUMENT, reference::openapi).open(),
        route!(GET paths::pages::DOCS_STYLE, reference::style).open(),
        route!(GET paths::pages::DOCS_GROUP, reference::section).open(),
    ]
}

fn agents() -> Vec<Route> {
    vec![
        route!(GET paths::agent::AGENTS, pools::agents),
        route!(DELETE paths::agent::AGENT, pools::remove),
        route!(POST paths::agent::REGISTER, agents::register),
        route!(POST paths::agent::WITNESS, agents::witness).signed(),
        route!(POST paths::agent::LEASE, agents::lease).signed(),
        route!(POST paths::agent::RENEW, agents::renew).signed(),
        route!(POST paths::agent::FEED, agents::feed)
            .signed()
            .limit(FEED_LIMIT),
        route!(POST paths::agent::FINISH, agents::finish).signed(),
    ]
}
