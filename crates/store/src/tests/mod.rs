//! Tests of the store itself, on both engines. The stories over HTTP are elsewhere.

/// Runs a unit of work on a store. Names in the parentheses are cloned into it.
macro_rules! unit {
    ($store:expr, ($($captured:ident),* $(,)?), |$tx:ident| $body:expr) => {{
        $(let $captured = Clone::clone(&$captured);)*
        $store.write("test", move |$tx| {
            $(let $captured = Clone::clone(&$captured);)*
            Box::pin(async move { $body })
        })
    }};
}

/// Makes two tests of each story: one for each engine.
macro_rules! both {
    ($($(#[doc = $doc:expr])* async fn $name:ident($home:ident) $body:block)*) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn story($home: Home) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                Home::sqlite().tell(story).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(home) = Home::postgres(concat!(module_path!(), "::postgres")).await {
                    home.tell(story).await;
                }
            }
        }
    )*};
}

mod access;
mod blobs;
mod chain;
mod freezes;
mod gate;
mod group_commit;
mod histories;
mod home;
mod jobs;
mod logs;
mod migrations;
mod pages;
mod postgres;
mod refused;
mod rotation;
mod schema;
mod secure_files;
mod standing;
mod visible;
mod world;
