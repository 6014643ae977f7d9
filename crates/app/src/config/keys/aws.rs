//! AWS KMS: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "keys.aws.region",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The region; without one, what the SDK finds (`AWS_REGION`, profile, instance). [keys/aws.md](keys/aws.md) explains this section.",
    },
    Key {
        name: "keys.aws.endpoint",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The service's address where it is not AWS's own, such as that of an interface endpoint.",
    },
    Key {
        name: "keys.aws.credentials_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "A shared credentials file in place of the SDK's own.",
    },
    Key {
        name: "keys.aws.patience_seconds",
        kind: Kind::Integer {
            least: 1,
            most: 120,
        },
        fallback: Fallback::Is("10"),
        secret: false,
        flag: None,
        about: "How long one call may take in all, sign-in included.",
    },
    Key {
        name: "keys.aws.profile",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The profile for daily work; without one, the SDK's chain: environment, profile, web identity, container, instance.",
    },
    Key {
        name: "keys.aws.lifecycle.profile",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The profile for the lifecycle of keys: makes, disables and destroys them.",
    },
    Key {
        name: "keys.aws.lifecycle.role",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The role for the lifecycle of keys, in place of a profile: its ARN. The credential that the SDK finds has to be allowed to take it on. With neither, others prepare root keys.",
    },
];
