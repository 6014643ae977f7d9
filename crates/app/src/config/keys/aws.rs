//! AWS KMS: what can be set. Must not know what it means.

use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key::plain(
        "keys.aws.region",
        Kind::Text,
        "",
        "The region; without one, what the SDK finds (`AWS_REGION`, profile, instance). [keys/aws.md](keys/aws.md) explains this section.",
    ),
    Key::plain(
        "keys.aws.endpoint",
        Kind::Text,
        "",
        "The service's address where it is not AWS's own, such as that of an interface endpoint.",
    ),
    Key::plain(
        "keys.aws.credentials_file",
        Kind::Text,
        "",
        "A shared credentials file in place of the SDK's own.",
    ),
    Key::plain(
        "keys.aws.patience_seconds",
        Kind::Integer {
            least: 1,
            most: 120,
        },
        "10",
        "How long one call may take in all, sign-in included.",
    ),
    Key::plain(
        "keys.aws.profile",
        Kind::Text,
        "",
        "The profile for daily work; without one, the SDK's chain: environment, profile, web identity, container, instance.",
    ),
    Key::plain(
        "keys.aws.lifecycle.profile",
        Kind::Text,
        "",
        "The profile for the lifecycle of keys: makes, disables and destroys them.",
    ),
    Key::plain(
        "keys.aws.lifecycle.role",
        Kind::Text,
        "",
        "The role for the lifecycle of keys, in place of a profile: its ARN. The credential that the SDK finds has to be allowed to take it on. With neither, others prepare root keys.",
    ),
];
