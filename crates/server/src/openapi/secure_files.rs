//! Secure files, who can use them, and freezes.

use super::examples::{DIGEST, FILE, LATER, PROJECT, WHEN, ann, file};
use super::operation::{Content, Group, Parameter, delete, get, patch, post, put, wrapped};
use coffer_wire::List;
use coffer_wire::access::{FileAccess, Freeze, FreezeRequest};
use coffer_wire::paths::{access as freeze_at, secure_files as at};
use coffer_wire::secure_files::{SecureFile, SecureFileUpdate};
use serde_json::{Value, json};

const ACTION_FILTER: &str = "Only what the caller may `manage` or `use`. Names or their numbers (2, 16), with commas, in any case; `none` narrows nothing.";
const TICKETS: &str = "Whether each file shall come with a download ticket. Only a live job gets one, for files of its plan; for everybody else the member `ticket` is absent.";
const ADMINISTRATOR: &str = "Administrators of the file.";

fn renamed() -> Value {
    let mut file = file();
    file["name"] = json!("signing-2026.p12");
    file["modifiedOn"] = json!(LATER);
    file
}

pub(super) fn group() -> Group {
    Group {
        name: "Secure files",
        about: "The files of a project's library: upload, list, rename, delete. Content goes in here and comes out only \
                to a live job whose plan names the file; no route gives it to a person. Content is never replaced: \
                delete the file and upload another.",
        operations: vec![
            get(at::COLLECTION, "listSecureFiles", "Lists the secure files of a project")
                .about("Those that the caller may see. Of `secureFileNames`, `secureFileIds` and `namePattern`, the first of these that is given counts.")
                .who("Whoever may see the project; the list holds the files that they may see.")
                .query([
                    Parameter::text("namePattern", "Only names that fit: `*` stands for any run of characters. Case does not count.").example("*.p12"),
                    Parameter::text("secureFileNames", "Only these names, with commas. A name that holds a comma itself is found as well."),
                    Parameter::text("secureFileIds", "Only these ids, with commas."),
                    Parameter::text("actionFilter", ACTION_FILTER),
                    Parameter::flag("includeDownloadTickets", TICKETS),
                ])
                .gives_list::<SecureFile>("The files, by name.", json!([file()])),
            post(at::COLLECTION, "uploadSecureFile", "Uploads a secure file, or queries by properties")
                .about("**An upload** is the file's bytes, at most 10,485,760 of them, with `Content-Type: application/octet-stream` and the query parameter `name`; \
                        the length need not be known before. The file is there whole or not at all, and whoever uploads it is its Administrator.\n\n\
                        **A query** is a JSON string with `Content-Type: application/json`: a condition in the language of pipeline conditions over `property('name')`, \
                        such as `\"eq(property('team'), 'release')\"`. The answer is the list of files that it is true of; `null` is no condition.")
                .who("Uploading: Creators and Administrators of the library. Querying: whoever may see the project; the list holds the files that they may see.")
                .query([
                    Parameter::text("name", "For an upload, which it must have: the file's name, unique in the project ignoring case.").example("signing.p12"),
                    Parameter::flag("authorizePipelines", "For an upload: whether every pipeline of the project may use it at once."),
                    Parameter::text("namePattern", "For a query: only names that fit; `*` stands for any run of characters."),
                ])
                .takes_content(Content::bytes())
                .takes_content(Content::said(
                    json!({ "type": ["string", "null"], "description": "The condition." }),
                    json!("eq(property('team'), 'release')"),
                ))
                .gives::<SecureFile>("The new file, or for a query the files.", file())
                .answers(200, "", Content::json::<List<SecureFile>>(wrapped(json!([file()]))))
                .refuses(["secure_file.name_taken", "secure_file.name_invalid", "secure_file.too_large", "secure_file.upload_broken",
                    "organization.open_access_off", "keys.unavailable", "keys.throttled"]),
            patch(at::COLLECTION, "updateSecureFiles", "Changes names and properties of several files")
                .about("All or none. Each element names its file by `id`; a member that is absent keeps what there is, and `properties` replaces the whole map.")
                .who("Administrators of each of the files.")
                .takes::<Vec<SecureFileUpdate>>(json!([{ "id": FILE, "name": "signing-2026.p12" }]))
                .gives_list::<SecureFile>("The files as they are now, in the order of the request.", json!([renamed()]))
                .refuses(["secure_file.not_found", "secure_file.name_taken", "secure_file.name_invalid"]),
            get(at::ITEM, "getSecureFile", "Reads a secure file, or downloads it")
                .about("Without `ticket` the answer is the metadata, whatever `Accept` says. With a ticket it is the content, for the job \
                        that the ticket was made for, as often as it asks while it runs; each download is in the audit log. \
                        A download is never compressed, and breaks off when a byte of it is not as it was sealed.")
                .who("The metadata: whoever may see the file. The content: a live job whose plan names it, with that job's token and ticket. A person never.")
                .query([
                    Parameter::text("ticket", "The ticket from the job's message. Its presence asks for the content."),
                    Parameter::flag("download", "With a ticket: whether the answer is an attachment with the file's name."),
                    Parameter::flag("includeDownloadTicket", TICKETS),
                    Parameter::text("actionFilter", ACTION_FILTER),
                ])
                .gives::<SecureFile>("The metadata or, with a ticket, the content. `sha256` is there for callers whose role includes Use.", {
                    let mut file = file();
                    file["sha256"] = json!(DIGEST);
                    file
                })
                .answers(200, "", Content::bytes())
                .with_header("ContentDisposition")
                .refuses(["ticket.invalid", "content.for_jobs", "secure_file.frozen", "source.not_trusted", "keys.unavailable", "keys.throttled"]),
            patch(at::ITEM, "updateSecureFile", "Changes a file's name and properties")
                .about("A member that is absent keeps what there is; `properties` replaces the whole map. Everything else in the body is ignored.")
                .who(ADMINISTRATOR)
                .takes::<SecureFileUpdate>(json!({ "name": "signing-2026.p12", "properties": { "team": "release" } }))
                .gives::<SecureFile>("The file as it is now.", renamed())
                .refuses(["secure_file.name_taken", "secure_file.name_invalid"]),
            delete(at::ITEM, "deleteSecureFile", "Deletes a secure file")
                .about("Its content can be read by nobody from then on, and cannot be brought back here. Its id is never used again.")
                .who(ADMINISTRATOR)
                .empty(204, "It is deleted."),
        ],
    }
}

fn frozen(what: &str, id: Value) -> Value {
    let mut freeze = json!({ "what": what, "reason": "The key may have leaked.", "frozenBy": ann(), "frozenOn": WHEN });
    if !id.is_null() {
        freeze["id"] = id;
    }
    freeze
}

fn reason() -> Value {
    json!({ "reason": "The key may have leaked." })
}

const FREEZES_FILE: &str = "Administrators of the file.";
const FREEZES_PROJECT: &str = "Project Administrators.";
const FREEZES_ALL: &str = "Project Collection Administrators.";

pub(super) fn access() -> Group {
    let of_file = || json!([frozen("file", json!(FILE))]);
    let of_project = || json!([frozen("project", json!(PROJECT))]);
    let of_all = || json!([frozen("everything", Value::Null)]);
    Group {
        name: "Access and freezes",
        about: "Coffer's own: who can use a file and through what, and freezes. While something is frozen nobody gets its \
                content, whatever their rights; downloads that are under way break off.",
        operations: vec![
            get(freeze_at::FILE_ACCESS, "getSecureFileAccess", "Says who can use a file, and why")
                .about("Administrators of the file see everybody. Others see themselves alone, and `everybody` is false.")
                .who("Whoever may see the file.")
                .gives::<FileAccess>("People, pipelines and freezes.", json!({
                    "id": FILE,
                    "name": "signing.p12",
                    "everybody": true,
                    "people": [{
                        "person": ann(),
                        "role": "Administrator",
                        "through": [{ "groups": ["[Pay Desk]\\Project Administrators"], "at": "library", "role": "Administrator", "counts": true }],
                    }],
                    "pipelines": [{ "id": 12, "name": "release", "authorized": true, "authorizedBy": ann(), "authorizedOn": WHEN }],
                    "freezes": [],
                })),
            get(freeze_at::FILE_FREEZE, "listFileFreezes", "Lists what holds a file")
                .about("Its own freeze, its project's and that of everything.")
                .who("Whoever may see the file.")
                .gives_list::<Freeze>("The freezes.", of_file()),
            put(freeze_at::FILE_FREEZE, "freezeFile", "Freezes a file")
                .who(FREEZES_FILE)
                .takes::<FreezeRequest>(reason())
                .gives_list::<Freeze>("The freezes that hold the file now.", of_file())
                .refuses(["freeze.exists"]),
            delete(freeze_at::FILE_FREEZE, "unfreezeFile", "Ends the freeze of a file")
                .about("Only its own: a freeze of the project or of everything goes on.")
                .who(FREEZES_FILE)
                .empty(204, "It is frozen no longer.")
                .refuses(["freeze.not_found"]),
            get(freeze_at::PROJECT_FREEZE, "listProjectFreezes", "Lists what is frozen in a project")
                .who("Whoever may see the project; the list holds what they may see of its files.")
                .gives_list::<Freeze>("The freezes.", of_project()),
            put(freeze_at::PROJECT_FREEZE, "freezeProject", "Freezes all files of a project")
                .who(FREEZES_PROJECT)
                .takes::<FreezeRequest>(reason())
                .gives_list::<Freeze>("The freezes of the project now.", of_project())
                .refuses(["freeze.exists"]),
            delete(freeze_at::PROJECT_FREEZE, "unfreezeProject", "Ends the freeze of a project")
                .who(FREEZES_PROJECT)
                .empty(204, "It is frozen no longer.")
                .refuses(["freeze.not_found"]),
            get(freeze_at::FREEZE, "listFreezesOfEverything", "Says whether everything is frozen")
                .who("Everybody who belongs to the organization.")
                .gives_list::<Freeze>("One freeze, or none.", of_all()),
            put(freeze_at::FREEZE, "freezeEverything", "Freezes all files of all projects")
                .who(FREEZES_ALL)
                .takes::<FreezeRequest>(reason())
                .gives_list::<Freeze>("The freeze.", of_all())
                .refuses(["freeze.exists", "project.not_found"]),
            delete(freeze_at::FREEZE, "unfreezeEverything", "Ends the freeze of everything")
                .about("Freezes of single projects and files go on.")
                .who(FREEZES_ALL)
                .empty(204, "It is frozen no longer.")
                .refuses(["freeze.not_found", "project.not_found"]),
        ],
    }
}
