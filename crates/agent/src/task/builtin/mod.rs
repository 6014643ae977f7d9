//! The tasks that the agent has in itself, with the behaviour of the tasks of the same name.

pub(crate) mod bash;
pub(crate) mod checkout;
pub(crate) mod download_secure_file;
pub(crate) mod script;
