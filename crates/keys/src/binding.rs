//! What a wrap is bound to where a service takes associated data: the whole context of the project key, and the
//! generation. Must not know any service.

use coffer_seal::{GenerationId, WrapContext};

/// Unambiguous: each part carries its length.
pub(crate) fn associated_data(
    label: &str,
    generation: &GenerationId,
    context: &WrapContext,
) -> Vec<u8> {
    let parts: [&[u8]; 6] = [
        label.as_bytes(),
        generation.0.as_bytes(),
        context.scale_unit.as_bytes(),
        context.organization.as_bytes(),
        context.project.as_bytes(),
        &context.version.to_be_bytes(),
    ];
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}
