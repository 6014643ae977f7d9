//! What is promised of any input, in one place: each function takes bytes and panics when its promise is broken. The tests
//! beside it call them with seeds and made-up bytes, the fuzz targets with whatever the fuzzer finds. It must not know
//! who calls, and uses nothing but the public interface.

mod condition;
mod expression;
mod hidden;
mod query;
mod template;
pub(crate) mod world;
mod yaml;

pub(crate) use condition::condition;
pub(crate) use expression::expression;
pub(crate) use hidden::hidden;
pub(crate) use query::query;
pub(crate) use template::template;
pub(crate) use yaml::yaml;
