//! Keys, and the numbers by which they are watched.

use super::examples::{DIGEST, LATER, ORGANIZATION, WHEN};
use super::operation::{Content, Group, get, post};
use coffer_wire::keys::{KeyGeneration, KeyRotation, RotateKeys, SignInAgain};
use coffer_wire::paths::keys as at;
use serde_json::{Value, json};

const LOOKERS: &str = "Key Operators, Break-Glass Officers and Project Collection Administrators.";

fn generation() -> Value {
    json!({
        "id": "coffer-default-7",
        "scaleUnit": "default",
        "provider": "vault",
        "state": "retired",
        "madeOn": WHEN,
        "retiredOn": LATER,
        "destroyedAfter": LATER,
        "endedByServer": true,
        "projectKeys": 0,
        "wraps": 0,
        "secrets": 0,
    })
}

fn rotation(state: &str) -> Value {
    json!({
        "number": 3,
        "cause": "request",
        "state": state,
        "deployments": [],
        "provider": "vault",
        "from": "coffer-default-7",
        "generation": "coffer-default-8",
        "beganOn": WHEN,
        "done": { "projectKeys": 4, "wraps": 800, "secrets": 0, "retiredKeys": 0, "retiredGenerations": 0, "unopened": 0 },
    })
}

fn running() -> Value {
    let mut rotation = rotation("running");
    rotation["left"] = json!({ "projectKeys": 0, "wraps": 434, "secrets": 1 });
    rotation
}

fn done() -> Value {
    let mut rotation = rotation("done");
    rotation["endedOn"] = LATER.into();
    rotation["report"] = json!({
        "kind": "rotation",
        "scaleUnit": "default",
        "organization": ORGANIZATION,
        "number": 8,
        "previous": DIGEST,
        "time": 1_772_443_872_500_000_i64,
        "keyId": DIGEST,
        "sequence": 1050,
        "head": DIGEST,
        "root": DIGEST,
        "text": "rotation 3\ncause request\nprovider vault\n",
        "signature": format!("{DIGEST}{DIGEST}"),
    });
    rotation
}

pub(super) fn group() -> Group {
    Group {
        name: "Keys",
        about: "Coffer's own: root generations and what still sits under each, rotations with their signed reports, and metrics. No key and no wrapped \
                key is ever in an answer.",
        operations: vec![
            get(at::GENERATIONS, "listKeyGenerations", "Lists root generations, newest first")
                .who(LOOKERS)
                .gives_list::<KeyGeneration>("The generations.", json!([generation()]))
                .refuses(["keys.not_found"]),
            get(at::ROTATIONS, "listKeyRotations", "Lists the newest 50 rotations, newest first")
                .who(LOOKERS)
                .gives_list::<KeyRotation>("The rotations.", json!([done()]))
                .refuses(["keys.not_found"]),
            post(at::ROTATIONS, "rotateKeys", "Rotates all keys now")
                .about("As a deployment does: it goes on in the background while everything is served, and ends in a signed report. Ask for it by its number.")
                .who("Key Operators and Project Collection Administrators.")
                .takes::<RotateKeys>(json!({ "reason": "Incident 7: a backup of the key service was copied." }))
                .gives::<KeyRotation>("The rotation that has begun.", running())
                .refuses(["keys.not_found", "keys.rotating"]),
            get(at::ROTATION, "getKeyRotation", "Reads how far a rotation is")
                .who(LOOKERS)
                .gives::<KeyRotation>("The rotation.", done()),
            post(at::RE_ENCRYPT, "reEncryptSecureFile", "Seals a file's content again with a new file key")
                .about("For the day on which the key of a file may be known: a rotation wraps the same file key anew, this makes another one. Content, digest, \
                        name, roles, permissions and tickets stay.")
                .who("Who administers the file. The call holds their password, and the code of their second factor.")
                .takes::<SignInAgain>(json!({ "password": "a long enough password", "code": "123456" }))
                .empty(204, "It is sealed anew.")
                .refuses(["secure_file.not_found", "sign_in.not_fresh", "sign_in.refused", "rate.limited", "sign_in.busy",
                    "password.switched_off", "keys.unavailable", "keys.throttled", "keys.refused"]),
            get(at::METRICS, "getMetrics", "Reads the numbers by which keys and breaking glass are watched")
                .about("In the text format of Prometheus. A token with the scope `coffer.metrics` is enough, of somebody who may look at keys.")
                .who(LOOKERS)
                .answers(200, "The numbers.", Content::text("text/plain", "# HELP coffer_key_rotation_failures How often the rotation that is under way failed since it last went on.\n\
                    # TYPE coffer_key_rotation_failures gauge\ncoffer_key_rotation_failures 0\n"))
                .refuses(["keys.not_found"]),
        ],
    }
}
