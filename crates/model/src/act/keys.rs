//! Acts on the key hierarchy: rotation by hand, and what a rotation does by itself. It must not know how facts are loaded.
//!
//! A rotation is on record when it begins, fails and ends, each generation when its state changes, each project key when
//! it is made. What is wrapped again is counted in the report, and not on record one by one.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, officers};
use crate::scope::TokenScopes;
use crate::{OrganizationId, ProjectId};

acts! {
    KEYS_ACTS;

    /// Have all keys rotated now, without a new deployment.
    RequestRotation { /// Organization.
        organization: OrganizationId } "Key.RotationRequested" scope FULL + fresh
        needs |a| right(Scope::Officers(a.organization), officers::OPERATE_KEYS, officers::LOOK),
        about |a| about(None, "organization", a.organization);

    /// Begin to rotate all keys.
    StartRotation { /// Its number.
        rotation: i64 } "Key.RotationStarted" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "rotation", a.rotation);

    /// Put off a rotation that cannot go on. On record when it failed for the first time since it last went on.
    FailRotation { /// Its number.
        rotation: i64 } "Key.RotationFailed" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "rotation", a.rotation);

    /// End a rotation with its signed report.
    FinishRotation { /// Its number.
        rotation: i64 } "Key.RotationFinished" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "rotation", a.rotation);

    /// Put on record that a key, a wrap or what is sealed under one did not verify: a row a minute for each, with a count.
    NoteUnverified { /// Its project, unless it belongs to none.
        project: Option<ProjectId>, /// The key, or whose wrap it is.
        id: String } "Key.NotVerified" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(a.project, "key", &a.id);

    /// Retire a root generation that wraps nothing any more.
    RetireGeneration { /// The generation.
        generation: String } "Key.GenerationRetired" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "key", &a.generation);

    /// Disable a retired root generation. The key service can take it back.
    DisableGeneration { /// The generation.
        generation: String } "Key.GenerationDisabled" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "key", &a.generation);

    /// Let a disabled root generation open again, for a backup that was restored: asked for on the host itself.
    EnableGeneration { /// The generation.
        generation: String } "Key.GenerationEnabled" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "key", &a.generation);

    /// Destroy a disabled root generation, for ever.
    DestroyGeneration { /// The generation.
        generation: String } "Key.GenerationDestroyed" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "key", &a.generation);
}
