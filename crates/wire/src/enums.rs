//! The enums of the original that we read or write, each with the numbers its clients have built in.
//!
//! An enum goes out as its word in camelCase, or as its number when a client asks for numbers ([`NUMBERED`] is how a
//! serializer knows). It is read in any case, as word or as number, and where it is a set of flags also as a comma list.
//! Numbers are those of the public clients' own declarations: the source stands with each. Where there is none, the enum
//! is ours, and has no numbers. This module must not know which routes use an enum, or what a word means.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// The name under which an enum with numbers is serialized: its variant index is the number.
pub const NUMBERED: &str = "coffer_wire::numbered";

/// How the complaint about an unknown word begins. It quotes nothing of what was sent.
pub const EXPECTED: &str = "expected one of these words: ";

/// An enum of the wire.
pub trait WireEnum: Copy + PartialEq + 'static {
    /// Its name in the original.
    const NAME: &'static str;
    /// Where its numbers are declared; empty when it is ours and has none.
    const SOURCE: &'static str;
    /// Whether several values at once make sense.
    const FLAGS: bool;
    /// All its values.
    const ALL: &'static [Self];

    /// The word on the wire.
    fn word(self) -> &'static str;

    /// The number, which means something only where there is a source.
    fn number(self) -> i32;

    /// One value, as clients write it.
    ///
    /// # Errors
    /// When it is neither a word nor, where there are numbers, a number of this enum.
    fn read(text: &str) -> Result<Self, Unknown<Self>> {
        let text = text.trim();
        let number = text.parse().ok().filter(|_| !Self::SOURCE.is_empty());
        let fits = |value: &Self| {
            value.word().eq_ignore_ascii_case(text) || number == Some(value.number())
        };
        Self::ALL
            .iter()
            .copied()
            .find(fits)
            .ok_or(Unknown(PhantomData))
    }

    /// Values that may be many, as the sum of their numbers: words, numbers, or a list of both.
    ///
    /// # Errors
    /// When a part is no word and no sum of numbers of this enum.
    fn read_flags(text: &str) -> Result<i32, Unknown<Self>> {
        let known = Self::ALL
            .iter()
            .fold(0, |bits, value| bits | value.number());
        let mut bits = 0;
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            bits |= match Self::read(part) {
                Ok(value) => value.number(),
                Err(unknown) => match part.trim().parse::<i32>() {
                    Ok(sum) if sum >= 0 && sum & !known == 0 => sum,
                    _ => return Err(unknown),
                },
            };
        }
        Ok(bits)
    }
}

/// What was said is none of the enum's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown<E>(PhantomData<E>);

impl<E: WireEnum> fmt::Display for Unknown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)?;
        for (place, value) in E::ALL.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}", value.word())?;
        }
        f.write_str(match (E::FLAGS, E::SOURCE.is_empty()) {
            (true, _) => ", or a list of these with commas, or the sum of their numbers",
            (false, false) => ", or its number",
            (false, true) => "",
        })
    }
}

struct Reader<E>(PhantomData<E>);

impl<E: WireEnum> Visitor<'_> for Reader<E> {
    type Value = E;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or a number of an enum")
    }

    fn visit_str<X: Error>(self, text: &str) -> Result<E, X> {
        E::read(text).map_err(X::custom)
    }

    fn visit_i64<X: Error>(self, number: i64) -> Result<E, X> {
        E::read(&number.to_string()).map_err(X::custom)
    }

    fn visit_u64<X: Error>(self, number: u64) -> Result<E, X> {
        E::read(&number.to_string()).map_err(X::custom)
    }
}

/// An enum as lists of them show it: for tests and documents.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// Where its numbers are declared.
    pub source: &'static str,
    /// Whether it is a set of flags.
    pub flags: bool,
    /// Words and numbers.
    pub words: &'static [(&'static str, i32)],
    /// Reads a value from JSON, and says its word or what is wrong.
    pub read: fn(serde_json::Value) -> Result<&'static str, String>,
}

fn read_json<'de, E: WireEnum + Deserialize<'de>>(
    value: serde_json::Value,
) -> Result<&'static str, String> {
    let value = E::deserialize(value).map_err(|error| error.to_string())?;
    Ok(value.word())
}

macro_rules! enums {
    ($(
        $(#[$doc:meta])*
        $name:ident($flags:literal, $source:literal) { $($value:ident = $number:literal $word:literal,)* }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $name { $(#[doc = $word] $value,)* }

            impl WireEnum for $name {
                const NAME: &'static str = stringify!($name);
                const SOURCE: &'static str = $source;
                const FLAGS: bool = $flags;
                const ALL: &'static [Self] = &[$(Self::$value),*];

                fn word(self) -> &'static str {
                    match self { $(Self::$value => $word,)* }
                }

                fn number(self) -> i32 {
                    match self { $(Self::$value => $number,)* }
                }
            }

            /// The first in the list.
            impl Default for $name {
                fn default() -> Self {
                    Self::ALL[0]
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    if Self::SOURCE.is_empty() {
                        return serializer.serialize_str(self.word());
                    }
                    serializer.serialize_unit_variant(NUMBERED, self.number().cast_unsigned(), self.word())
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(Reader(PhantomData))
                }
            }

            impl $name {
                /// The word on the wire.
                pub fn as_str(self) -> &'static str {
                    self.word()
                }
            }

            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"type": "string", "enum": [$($word),*]})
                }
            }

            impl Deref for $name {
                type Target = str;

                fn deref(&self) -> &str {
                    self.word()
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.word())
                }
            }

            impl PartialEq<&str> for $name {
                fn eq(&self, word: &&str) -> bool {
                    self.word() == *word
                }
            }
        )*

        /// Every enum of the wire.
        pub const ENUMS: &[Description] = &[$(Description {
            name: stringify!($name),
            source: $source,
            flags: $flags,
            words: &[$(($word, $number)),*],
            read: read_json::<$name>,
        }),*];

        /// Every value of every enum, as an object of arrays: for tests of serializers.
        #[derive(Debug, Clone, Copy)]
        pub struct Everything;

        impl Serialize for Everything {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(ENUMS.len()))?;
                $(map.serialize_entry(stringify!($name), <$name as WireEnum>::ALL)?;)*
                map.end()
            }
        }
    };
}

enums! {
    /// Of connection data.
    DeploymentFlags(true, "azure-devops-node-api, VSSInterfaces.ts") {
        None = 0 "none", Hosted = 1 "hosted", OnPremises = 2 "onPremises",
    }
    /// What connection data is to tell.
    ConnectOptions(true, "azure-devops-node-api, VSSInterfaces.ts") {
        None = 0 "none", IncludeServices = 1 "includeServices", IncludeLastUserAccess = 2 "includeLastUserAccess",
        IncludeInheritedDefinitionsOnly = 4 "includeInheritedDefinitionsOnly",
        IncludeNonInheritedDefinitionsOnly = 8 "includeNonInheritedDefinitionsOnly",
    }
    /// Of a project.
    ProjectState(false, "Uno.AzureDevOps.Client, ProjectState.cs") {
        WellFormed = 1 "wellFormed", New = 0 "new", Deleting = 2 "deleting", CreatePending = 3 "createPending",
        Deleted = 4 "deleted", All = -1 "all", Unchanged = -2 "unchanged",
    }
    /// Who sees a project.
    ProjectVisibility(false, "azure-devops-node-api, CoreInterfaces.ts") {
        Private = 0 "private", Organization = 1 "organization", Public = 2 "public",
        SystemPrivate = 3 "systemPrivate", Unchanged = -1 "unchanged",
    }
    /// How far something is that takes a while.
    OperationStatus(false, "azure-devops-node-api, OperationsInterfaces.ts") {
        NotSet = 0 "notSet", Queued = 1 "queued", InProgress = 2 "inProgress", Cancelled = 3 "cancelled",
        Succeeded = 4 "succeeded", Failed = 5 "failed",
    }
    /// Which rights a list of secure files is narrowed to.
    SecureFileActionFilter(true, "azure-devops-node-api, TaskAgentInterfaces.ts") {
        None = 0 "none", Manage = 2 "manage", Use = 16 "use",
    }
    /// How far a build is.
    BuildStatus(true, "azure-devops-node-api, BuildInterfaces.ts") {
        None = 0 "none", InProgress = 1 "inProgress", Completed = 2 "completed", Cancelling = 4 "cancelling",
        Postponed = 8 "postponed", NotStarted = 32 "notStarted", All = 47 "all",
    }
    /// How a build ended.
    BuildResult(true, "azure-devops-node-api, BuildInterfaces.ts") {
        None = 0 "none", Succeeded = 2 "succeeded", PartiallySucceeded = 4 "partiallySucceeded",
        Failed = 8 "failed", Canceled = 32 "canceled",
    }
    /// Why a build was queued.
    BuildReason(true, "azure-devops-node-api, BuildInterfaces.ts") {
        None = 0 "none", Manual = 1 "manual", IndividualCi = 2 "individualCI", BatchedCi = 4 "batchedCI",
        Schedule = 8 "schedule", ScheduleForced = 16 "scheduleForced", UserCreated = 32 "userCreated",
        ValidateShelveset = 64 "validateShelveset", CheckInShelveset = 128 "checkInShelveset",
        PullRequest = 256 "pullRequest", BuildCompletion = 512 "buildCompletion",
        ResourceTrigger = 1024 "resourceTrigger", Triggered = 1967 "triggered", All = 2031 "all",
    }
    /// Which builds come first.
    BuildQueryOrder(false, "azure-devops-node-api, BuildInterfaces.ts") {
        FinishTimeAscending = 2 "finishTimeAscending", FinishTimeDescending = 3 "finishTimeDescending",
        QueueTimeDescending = 4 "queueTimeDescending", QueueTimeAscending = 5 "queueTimeAscending",
        StartTimeDescending = 6 "startTimeDescending", StartTimeAscending = 7 "startTimeAscending",
    }
    /// Whether builds that were deleted are listed.
    QueryDeletedOption(false, "azure-devops-node-api, BuildInterfaces.ts") {
        ExcludeDeleted = 0 "excludeDeleted", IncludeDeleted = 1 "includeDeleted", OnlyDeleted = 2 "onlyDeleted",
    }
    /// How urgent a build is.
    QueuePriority(false, "azure-devops-node-api, BuildInterfaces.ts") {
        Normal = 3 "normal", High = 1 "high", AboveNormal = 2 "aboveNormal", BelowNormal = 4 "belowNormal",
        Low = 5 "low",
    }
    /// What kind of definition a pipeline is.
    DefinitionType(false, "azure-devops-node-api, BuildInterfaces.ts") {
        Build = 2 "build", Xaml = 1 "xaml",
    }
    /// Whether runs of a definition are queued.
    DefinitionQueueStatus(false, "azure-devops-node-api, BuildInterfaces.ts") {
        Enabled = 0 "enabled", Paused = 1 "paused", Disabled = 2 "disabled",
    }
    /// How far a record of a timeline is.
    TimelineRecordState(false, "azure-devops-node-api, BuildInterfaces.ts") {
        Pending = 0 "pending", InProgress = 1 "inProgress", Completed = 2 "completed",
    }
    /// How a record of a timeline ended.
    TaskResult(false, "azure-devops-node-api, BuildInterfaces.ts") {
        Succeeded = 0 "succeeded", SucceededWithIssues = 1 "succeededWithIssues", Failed = 2 "failed",
        Canceled = 3 "canceled", Skipped = 4 "skipped", Abandoned = 5 "abandoned",
    }
    /// How bad an issue is.
    IssueType(false, "azure-devops-node-api, BuildInterfaces.ts") {
        Error = 1 "error", Warning = 2 "warning",
    }
    /// How far a run is.
    RunState(false, "azure-devops-node-api, PipelinesInterfaces.ts") {
        Unknown = 0 "unknown", InProgress = 1 "inProgress", Canceling = 2 "canceling", Completed = 4 "completed",
    }
    /// How a run ended.
    RunResult(false, "azure-devops-node-api, PipelinesInterfaces.ts") {
        Unknown = 0 "unknown", Succeeded = 1 "succeeded", Failed = 2 "failed", Canceled = 4 "canceled",
    }
    /// What a pipeline is written in.
    ConfigurationType(false, "azure-devops-node-api, PipelinesInterfaces.ts") {
        Yaml = 1 "yaml", Unknown = 0 "unknown", DesignerJson = 2 "designerJson", JustInTime = 3 "justInTime",
        DesignerHyphenJson = 2 "designerHyphenJson",
    }
    /// What kind of repository a pipeline's path is in.
    RepositoryType(false, "azure-devops-node-api, PipelinesInterfaces.ts") {
        Unknown = 0 "unknown", GitHub = 1 "gitHub", AzureReposGit = 2 "azureReposGit",
        GitHubEnterprise = 3 "gitHubEnterprise", BitBucket = 4 "bitBucket",
        AzureReposGitHyphenated = 2 "azureReposGitHyphenated",
    }
    /// Where a process comes from.
    ProcessType(false, "azure-devops-node-api, CoreInterfaces.ts") {
        System = 0 "system", Custom = 1 "custom", Inherited = 2 "inherited",
    }
    /// Whether a role was assigned at the resource itself.
    RoleAccess(false, "azure-devops-node-api, SecurityRolesInterfaces.ts") {
        Assigned = 1 "assigned", Inherited = 2 "inherited",
    }
    /// Which memberships an identity is shown with.
    QueryMembership(false, "azure-devops-node-api, IdentitiesInterfaces.ts") {
        None = 0 "none", Direct = 1 "direct", Expanded = 2 "expanded", ExpandedUp = 3 "expandedUp",
        ExpandedDown = 4 "expandedDown",
    }
    /// By what an identity is looked for.
    IdentitySearchFilter(false, "the MIT licensed .NET client in actions/runner, IdentityEnumerations.cs") {
        AccountName = 0 "accountName", DisplayName = 1 "displayName", AdministratorsGroup = 2 "administratorsGroup",
        Identifier = 3 "identifier", MailAddress = 4 "mailAddress", General = 5 "general", Alias = 6 "alias",
        Domain = 7 "domain", DirectoryAlias = 8 "directoryAlias", TeamGroupName = 9 "teamGroupName",
        LocalGroupName = 10 "localGroupName",
    }
    /// Up to groups, or down to members.
    GraphTraversalDirection(false, "azure-devops-node-api, GraphInterfaces.ts") {
        Up = 2 "up", Down = 1 "down", Unknown = 0 "unknown",
    }
    /// Ours: what kind a token is.
    TokenKind(false, "") {
        Pat = 0 "pat", Agent = 1 "agent",
    }
    /// Ours: who may make projects.
    ProjectCreators(false, "") {
        Administrators = 0 "administrators", Everybody = 1 "everybody",
    }
    /// Ours: which events come first.
    AuditOrder(false, "") {
        Oldest = 0 "oldest", Newest = 1 "newest",
    }
    /// Ours: whether it was allowed.
    AuditOutcome(false, "") {
        Allowed = 0 "allowed", Denied = 1 "denied",
    }
    /// Ours: how an export is written.
    ExportFormat(false, "") {
        Jsonl = 0 "jsonl", Csv = 1 "csv",
    }
}

#[cfg(test)]
#[path = "enums_tests.rs"]
mod tests;
