//! Values that examples share, so that they tell one story: Ann keeps the signing certificate of the project Pay Desk,
//! and the pipeline `release` uses it. Nothing in them works anywhere.

use serde_json::{Value, json};

pub(super) const FILE: &str = "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1";
pub(super) const PROJECT: &str = "f2d1a7c0-1c7b-4b34-9d6e-2c1f7a7f5d10";
pub(super) const ANN: &str = "7c2b8a1e-53f0-4d6f-8c55-0d9a2f3b4c5d";
pub(super) const TIMELINE: &str = "b1f1c1de-7a3c-4c0c-8a59-2f7c6d5e4f30";
pub(super) const AGENT: &str = "5a8e2f6c-90ab-4cde-9f01-23456789abcd";
pub(super) const JOB: &str = "12f1170f-54f2-53f3-20dd-22fc7dff55f9";
pub(super) const TASK: &str = "2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b";
pub(super) const PROCESS: &str = "b8a3a935-7e91-48b8-a94c-606d37c3e9f2";
pub(super) const TOKEN: &str = "e9c1d2b3-a4f5-4061-8273-94a5b6c7d8e9";
pub(super) const REQUEST: &str = "5c0e1d2a-6f2b-4f0e-9d6e-0f1d2c3b4a59";
pub(super) const STREAM: &str = "3f6c1b2a-8d7e-4f50-9a1b-2c3d4e5f6071";
pub(super) const EVENT: &str = "c0ffee00-1111-4222-8333-444455556666";
pub(super) const ORGANIZATION: &str = "9a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c3d";
/// The security namespace of the library.
pub(super) const LIBRARY: &str = "b7e84409-6553-448a-bbb2-af228e07cbeb";
pub(super) const ANN_SUBJECT: &str = "msa.fCuKHlPwTW-MVQ2aLztMXQ";
pub(super) const GROUP: &str = "1d3c5b7a-9e8f-4a6b-8c2d-0f1e2d3c4b5a";
pub(super) const GROUP_SUBJECT: &str =
    "vssgp.Uy0xLTktMTU1MTM3NDI0NS00OTA0OTQ4NDItMjY2MDE5MDgyNy0yMzUxNzYzMjMwLTc1ODkyNjE3MA";
pub(super) const PROJECT_SCOPE: &str = "scp.8tGnwBx7SzSdbiwfen9dEA";
pub(super) const ANN_DESCRIPTOR: &str =
    "Microsoft.IdentityModel.Claims.ClaimsIdentity;7c2b8a1e-53f0-4d6f-8c55-0d9a2f3b4c5d";
pub(super) const FILE_TOKEN: &str =
    "Library/f2d1a7c0-1c7b-4b34-9d6e-2c1f7a7f5d10/SecureFile/0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1";
pub(super) const WHEN: &str = "2026-03-02T09:30:00Z";
pub(super) const LATER: &str = "2026-03-02T09:31:12.5Z";
/// What URLs in answers begin with.
pub(super) const BASE: &str = "https://coffer.example.com/DefaultCollection";

/// 64 hexadecimal digits.
pub(super) const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

pub(super) fn ann() -> Value {
    json!({ "displayName": "Ann Example", "id": ANN, "uniqueName": "ann@example.com" })
}

pub(super) fn file() -> Value {
    json!({
        "id": FILE,
        "name": "signing.p12",
        "properties": { "team": "release" },
        "createdBy": ann(),
        "createdOn": WHEN,
        "modifiedBy": ann(),
        "modifiedOn": WHEN,
        "size": 3214,
    })
}

pub(super) fn resource() -> Value {
    json!({ "type": "securefile", "id": FILE, "name": "signing.p12" })
}

pub(super) fn permissions() -> Value {
    json!({
        "resource": resource(),
        "pipelines": [
            { "id": 12, "authorized": true, "authorizedBy": ann(), "authorizedOn": WHEN },
        ],
    })
}

pub(super) fn url(path: &str) -> String {
    format!("{BASE}/{path}")
}
