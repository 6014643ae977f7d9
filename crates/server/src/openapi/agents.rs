//! Agents: as people see them, and the protocol that they speak.

use super::examples::{AGENT, BASE, DIGEST, FILE, JOB, TIMELINE, WHEN};
use super::operation::{Group, delete, get, post};
use coffer_wire::agent::{
    Feed, Finish, Job, LeaseRequest, Register, Registered, RegisteredAgent, Renew, Renewed,
    Testimony, Witnessed,
};
use coffer_wire::paths::agent as at;
use serde_json::{Value, json};

const ADMINS: &str = "Project Collection Administrators.";
const HOLDER: &str = "The agent that holds the job.";
const LEASE: &str = "lease-example";
const ANCHOR: &str = "a1.12.3456.1772443801000000.c2lnbmVy.Esu1sRDnS0Ko3EeaKqAJSQ.HEADHEADHEADHEADHEADHEADHEADHEADHEADHEADHEA.SIGNATURE";

fn job() -> Value {
    json!({
        "jobId": JOB,
        "jobName": "__default",
        "jobDisplayName": "Job",
        "runId": 41,
        "planId": TIMELINE,
        "timelineId": TIMELINE,
        "leaseToken": LEASE,
        "leaseSeconds": 60,
        "renewSeconds": 20,
        "timeoutInMinutes": 60,
        "cancelTimeoutInMinutes": 5,
        "resources": {
            "endpoints": [{
                "name": "SystemVssConnection",
                "url": format!("{BASE}/"),
                "scheme": "OAuth",
                "parameters": { "AccessToken": "cof_job_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE" },
            }],
            "secureFiles": [{ "id": FILE, "name": "signing.p12", "ticket": "ticket-example", "sha256": DIGEST, "length": 3214 }],
        },
        "variables": { "Build.BuildId": { "value": "41", "isSecret": false, "isReadOnly": true } },
        "mask": [],
        "demands": ["Agent.Version -gtVersion 2.182.1"],
        "steps": [{
            "id": AGENT,
            "name": "cert",
            "displayName": "DownloadSecureFile",
            "condition": "succeeded()",
            "continueOnError": false,
            "timeoutInMinutes": 0,
            "retryCountOnTaskFailure": 0,
            "reference": { "id": "2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b", "name": "DownloadSecureFile", "version": "1.0.0" },
            "environment": [],
            "inputs": [["secureFile", "signing.p12"]],
        }],
    })
}

pub(super) fn group() -> Group {
    Group {
        name: "Agents",
        about: "Coffer's own: agents, and the protocol that they speak. An agent registers once with a token of the kind `agent`. Every later call \
                carries its signature (RFC 9421) over method, path and body instead of a token. Written for those who look into an agent's traffic; \
                `coffer agent` speaks it.",
        operations: vec![
            get(at::AGENTS, "listAgents", "Lists the registered agents")
                .who(ADMINS)
                .gives_list::<RegisteredAgent>("The agents.", json!([{
                    "id": AGENT, "name": "builder-1", "pool": "Default", "version": "4.260.0", "cofferVersion": "0.1.0", "registeredOn": WHEN,
                }])),
            delete(at::AGENT, "deleteAgent", "Removes an agent")
                .about("Its signature is worth nothing from then on.")
                .who(ADMINS)
                .empty(204, "It is removed."),
            post(at::REGISTER, "registerAgent", "Registers an agent")
                .about("A name that is known gets the new key, and the old one is worth nothing from then on.")
                .who("A token of the kind `agent`, and no other.")
                .takes::<Register>(json!({ "name": "builder-1", "version": "4.260.0", "publicKey": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }))
                .gives::<Registered>("The agent's id, and how leases live.", json!({
                    "agentId": AGENT, "leaseSeconds": 60, "renewSeconds": 20, "unitKey": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                })),
            post(at::WITNESS, "witnessAnchor", "Says which anchor an agent remembers")
                .about("An agent remembers the newest state of the database that it was given, signed, and so shows when an older copy was put back. What \
                        the scale unit did not sign is passed over.")
                .who("The agent that the path names.")
                .takes::<Testimony>(json!({ "remembered": { "scaleUnit": "unit-1", "text": ANCHOR } }))
                .gives::<Witnessed>("The database holds what the agent remembers. `remember` is what it is to remember from now on.", json!({
                    "remember": { "scaleUnit": "unit-1", "text": ANCHOR },
                }))
                .refuses(["anchor.behind"]),
            post(at::LEASE, "leaseJob", "Waits for a job")
                .about("Up to `waitSeconds`, at most 50. The job's message holds its token and tickets: it is for memory only.")
                .who("The agent that the path names.")
                .takes::<LeaseRequest>(json!({ "waitSeconds": 50 }))
                .or_nothing()
                .gives::<Job>("A job. It is the agent's until its lease ends.", job())
                .empty(204, "None came in time."),
            post(at::RENEW, "renewLease", "Renews the lease of a job")
                .who(HOLDER)
                .takes::<Renew>(json!({ "leaseToken": LEASE }))
                .gives::<Renewed>("The lease goes on; `cancel` says whether the job is to end.", json!({ "cancel": false }))
                .refuses(["lease.lost"]),
            post(at::FEED, "feedJob", "Reports what happened in a job")
                .about("Records are put, lines are appended. May be sent again after a lost answer: what is there already is not doubled. At most 8 MiB.")
                .who(HOLDER)
                .takes::<Feed>(json!({
                    "leaseToken": LEASE,
                    "records": [{ "id": AGENT, "name": "DownloadSecureFile", "order": 1, "state": "inProgress" }],
                    "lines": [{ "recordId": AGENT, "firstLine": 1, "lines": ["2026-03-02T09:30:01.0000000Z Downloading signing.p12"] }],
                }))
                .gives::<Renewed>("It is there; `cancel` says whether the job is to end.", json!({ "cancel": false }))
                .refuses(["lease.lost"]),
            post(at::FINISH, "finishJob", "Ends a job")
                .about("Its tickets and its token are worth nothing from then on. The same answer if it is sent again.")
                .who(HOLDER)
                .takes::<Finish>(json!({ "leaseToken": LEASE, "result": "succeeded" }))
                .empty(204, "It has ended.")
                .refuses(["lease.lost"]),
        ],
    }
}
