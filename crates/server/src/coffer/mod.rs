//! Our own routes, in the area `coffer`. One file per group of use cases.

pub(crate) mod again;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod audit_convert;
pub(crate) mod audit_export;
pub(crate) mod break_glass;
pub(crate) mod convert;
pub(crate) mod file_access;
pub(crate) mod freezes;
pub(crate) mod keys;
pub(crate) mod metrics;
pub(crate) mod organization;
pub(crate) mod pools;
pub(crate) mod projects;
pub(crate) mod sign_in;
pub(crate) mod streams;
pub(crate) mod tokens;
pub(crate) mod users;
