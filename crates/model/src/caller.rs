//! Who is calling, and how that was shown.

use crate::scope::TokenScopes;
use crate::{
    AgentId, CredentialId, IdentityId, JobId, OrganizationId, PipelineId, ProjectId, RunId,
    Timestamp,
};
use std::net::IpAddr;
use uuid::Uuid;

/// An authenticated caller. Made by the sign-in use cases only; everything else takes it as an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The organization it was authenticated in.
    pub organization: OrganizationId,
    /// The identity whose rights count.
    pub identity: IdentityId,
    /// The name people see; goes into the audit log.
    pub name: String,
    /// How it was shown.
    pub authentication: Authentication,
    /// Where from, when it came over the network.
    pub address: Option<IpAddr>,
    /// The request it came with.
    pub request: Request,
}

/// What joins an audit event with the line of the access log about the same request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// The request's activity id.
    pub activity: Option<Uuid>,
    /// What the client calls itself. Its own word: it proves nothing.
    pub agent: Option<String>,
}

/// How a caller showed who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Authentication {
    /// A personal access token.
    Token {
        /// Which.
        credential: CredentialId,
        /// What it is good for.
        scopes: TokenScopes,
    },
    /// A personal access token, and what its owner showed in the same call.
    Shown {
        /// Which.
        credential: CredentialId,
        /// What it is good for.
        scopes: TokenScopes,
        /// What was shown, with the token, such as `token and password`.
        method: &'static str,
    },
    /// A person's browser session.
    Session {
        /// Which.
        session: CredentialId,
        /// When the person last showed who they are, by the database's clock.
        signed_in: Timestamp,
    },
    /// The token of a job. The identity is the project's build service.
    Job {
        /// Which token.
        credential: CredentialId,
        /// The job it lives and dies with.
        job: JobId,
        /// The job's run.
        run: RunId,
        /// The run's pipeline.
        pipeline: PipelineId,
        /// The run's project.
        project: ProjectId,
    },
    /// A registered agent's signature.
    Agent {
        /// Which.
        agent: AgentId,
    },
    /// A token that registers agents and does nothing else.
    AgentRegistration {
        /// Which.
        credential: CredentialId,
    },
    /// Somebody who showed just now who it is: good for signing in, and for nothing else.
    SignIn {
        /// How it was shown, such as `password`.
        method: &'static str,
    },
    /// Nobody: what was shown is not good any more, or never was.
    Anonymous,
    /// The product itself, for a named duty.
    System {
        /// Which duty, such as `expire leases`.
        duty: &'static str,
    },
}

impl Authentication {
    /// The word for the audit log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Shown { method, .. } => method,
            Self::Session { .. } => "session",
            Self::Job { .. } => "job",
            Self::Agent { .. } => "agent",
            Self::AgentRegistration { .. } => "agent registration",
            Self::SignIn { method } => method,
            Self::Anonymous => "anonymous",
            Self::System { .. } => "system",
        }
    }

    /// Whether the rights of the identity count at all. What only registers agents or leases jobs has none, whoever
    /// made it.
    pub fn has_rights(&self) -> bool {
        match self {
            Self::Token { .. } | Self::Shown { .. } | Self::Session { .. } | Self::Job { .. } => {
                true
            }
            Self::Agent { .. }
            | Self::AgentRegistration { .. }
            | Self::SignIn { .. }
            | Self::Anonymous
            | Self::System { .. } => false,
        }
    }

    /// The job, when a job calls.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Job { job, .. } => Some(*job),
            _ => None,
        }
    }
}
