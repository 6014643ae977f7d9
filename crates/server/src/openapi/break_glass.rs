//! Breaking glass.

use super::examples::{DIGEST, FILE, REQUEST, WHEN, ann};
use super::operation::{Group, delete, get, post};
use coffer_wire::break_glass::{
    BreakGlassExport, BreakGlassRequest, BreakGlassStep, BreakGlassWish,
};
use coffer_wire::paths::break_glass as at;
use serde_json::{Value, json};

const OFFICERS: &str = "Break-glass officers: in the group, named by the server's configuration, and administrators neither \
                        of the file nor of its project. The call holds their password, and the code of their second factor.";
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn request(state: &str) -> Value {
    json!({
        "id": REQUEST,
        "project": "Pay Desk",
        "fileId": FILE,
        "file": "signing.p12",
        "reason": "Incident 7: is this the key that leaked?",
        "recipient": RECIPIENT,
        "requestedBy": ann(),
        "requestedOn": WHEN,
        "state": state,
        "until": WHEN,
        "digest": DIGEST,
    })
}

fn approved() -> Value {
    let mut request = request("approved");
    request["approvedBy"] = ann();
    request
}

fn step() -> Value {
    json!({ "digest": DIGEST, "password": "a long enough password", "code": "123456" })
}

pub(super) fn group() -> Group {
    Group {
        name: "Breaking glass",
        about: "Coffer's own: the one way by which the content of a file reaches people. Two officers agree, then it leaves once, \
                encrypted to whom the request names. Every step is in the audit log, allowed or denied.",
        operations: vec![
            get(at::COLLECTION, "listBreakGlassRequests", "Lists requests, newest first")
                .who("Break-glass officers and key operators.")
                .gives_list::<BreakGlassRequest>("The requests.", json!([request("requested")]))
                .refuses(["break_glass.not_found"]),
            post(at::COLLECTION, "requestBreakGlass", "Asks for the content of a file")
                .about("What is asked for never changes. Another officer has an hour to approve it.")
                .who(OFFICERS)
                .takes::<BreakGlassWish>(json!({
                    "project": "Pay Desk",
                    "file": "signing.p12",
                    "reason": "Incident 7: is this the key that leaked?",
                    "recipient": RECIPIENT,
                    "password": "a long enough password",
                }))
                .gives::<BreakGlassRequest>("The request.", request("requested"))
                .refuses(["break_glass.officer", "secure_file.not_found", "secure_file.frozen", "sign_in.refused",
                    "rate.limited", "sign_in.busy", "password.switched_off"]),
            delete(at::ITEM, "withdrawBreakGlass", "Takes a request back")
                .who("Break-glass officers, without a password: it only makes less possible.")
                .empty(204, "It is withdrawn.")
                .refuses(["break_glass.officer", "break_glass.over"]),
            post(at::APPROVE, "approveBreakGlass", "Agrees with what another officer asked for")
                .about("`digest` is the request's, as it was shown: what is agreed to is that and nothing else. The content can be had \
                        once then, within an hour.")
                .who(OFFICERS)
                .takes::<BreakGlassStep>(step())
                .gives::<BreakGlassRequest>("The request.", approved())
                .refuses(["break_glass.officer", "break_glass.changed", "break_glass.over", "sign_in.refused",
                    "rate.limited", "sign_in.busy", "password.switched_off"]),
            post(at::EXPORT, "exportBreakGlass", "Has the content, once")
                .about("The request is spent before anything is opened: what fails after that needs a new request.")
                .who("The two officers of the request, with their password and code as above.")
                .takes::<BreakGlassStep>(step())
                .gives::<BreakGlassExport>("The content as an age file in base64, for the recipient alone.", json!({
                    "file": "signing.p12",
                    "content": "YWdlLWVuY3J5cHRpb24ub3JnL3Yx",
                }))
                .refuses(["break_glass.officer", "break_glass.changed", "break_glass.over", "secure_file.frozen", "sign_in.refused",
                    "rate.limited", "sign_in.busy", "password.switched_off", "keys.unavailable"]),
        ],
    }
}
