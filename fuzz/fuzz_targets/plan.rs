//! Any text gets a plan or an answer: no panic, no endless work, the same answer twice, and only secure files that the
//! resolver handed out.
#![no_main]

use std::sync::Arc;

use coffer_pipeline::{
    Lookup, PlanInputs, Refusal, ResolvedFile, Resolver, SecureFileReference, Source, plan, tasks::TaskDefinition,
};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

/// Knows one secure file, says "not loaded" to names with a `?`, and has no tasks.
struct One;

const KNOWN: Uuid = Uuid::from_u128(0x11111111_2222_4333_8444_abcdefabcdef);

impl Resolver for One {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        match reference {
            SecureFileReference::Name(name) if name.contains('?') => Lookup::Unknown,
            SecureFileReference::Name(name) if name != "a" => Lookup::Missing,
            SecureFileReference::Id(id) if *id != KNOWN => Lookup::Missing,
            _ => Lookup::Found(ResolvedFile { id: KNOWN, name: "a".to_owned() }),
        }
    }

    fn task(&self, _: &str, _: &str) -> Lookup<Arc<TaskDefinition>> {
        Lookup::Missing
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source { path: "azure-pipelines.yml".to_owned(), text: text.to_owned() };
    let inputs = PlanInputs::default();
    let first = plan(&source, &inputs, &One);
    assert_eq!(first, plan(&source, &inputs, &One), "the same text, another answer");
    match first {
        Ok(plan) => {
            assert!(plan.secure_files().iter().all(|id| *id == KNOWN));
            let json = plan.canonical_json();
            let read: coffer_pipeline::Plan = serde_json::from_str(&json).expect("a plan can be read again");
            assert_eq!(read.canonical_json(), json);
        }
        Err(Refusal::Invalid(errors)) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| error.line > 0 && error.column > 0 && error.hint.is_some()));
        }
        Err(Refusal::Needs(needs)) => assert!(!needs.is_empty()),
    }
});
