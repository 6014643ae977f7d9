//! What a job asks of an agent, and whether an agent has it. Used by the server to choose, and by the agent once more
//! before each step. Knows no pools.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{version::Version, words};

/// The capability that holds an agent's compatibility number.
pub const AGENT_VERSION: &str = "Agent.Version";

/// One demand: `name`, `name -equals value` or `Agent.Version -gtVersion 2.182.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Capability it looks at; ignores case.
    pub name: String,
    /// What must hold.
    pub test: Test,
}

/// What a [`Demand`] asks of a capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is there, whatever its value.
    Exists,
    /// It has this value, ignoring case.
    Equals(String),
    /// It is a version, and this one or newer (in spite of its name, `-gtVersion` is a lower bound).
    AtLeast(Version),
}

/// The text is no demand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a demand as `name`, `name -equals value` or `name -gtVersion 1.2.3`")]
pub struct InvalidDemand;

/// A demand that an agent does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The demand.
    pub demand: Demand,
    /// What the agent has under that name.
    pub found: Option<String>,
}

/// What an agent offers: names, which ignore case, and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeMap<String, String>);

impl Capabilities {
    /// The value of a capability.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&words::fold(name)).map(String::as_str)
    }

    /// Those of the demands that are not met, in their order.
    #[must_use]
    pub fn unmet(&self, demands: &[Demand]) -> Vec<Unmet> {
        demands
            .iter()
            .filter_map(|demand| demand.check(self).err())
            .collect()
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Capabilities {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (words::fold(name.as_ref()), value.into()))
                .collect(),
        )
    }
}

impl Demand {
    /// The demand that a task's `minimumAgentVersion` stands for.
    #[must_use]
    pub fn agent_version(minimum: Version) -> Self {
        Self {
            name: AGENT_VERSION.to_owned(),
            test: Test::AtLeast(minimum),
        }
    }

    /// Whether an agent meets it.
    ///
    /// # Errors
    ///
    /// [`Unmet`], whose text says what is missing and what to do.
    pub fn check(&self, capabilities: &Capabilities) -> Result<(), Unmet> {
        let found = capabilities.get(&self.name);
        let met = match (&self.test, found) {
            (_, None) => false,
            (Test::Exists, Some(_)) => true,
            (Test::Equals(value), Some(found)) => words::same(value, found),
            (Test::AtLeast(minimum), Some(found)) => found
                .parse::<Version>()
                .is_ok_and(|found| found >= *minimum),
        };
        if met {
            Ok(())
        } else {
            Err(Unmet {
                demand: self.clone(),
                found: found.map(str::to_owned),
            })
        }
    }
}

impl FromStr for Demand {
    type Err = InvalidDemand;

    fn from_str(text: &str) -> Result<Self, InvalidDemand> {
        let mut words = text.split_whitespace();
        let name = words
            .next()
            .filter(|name| !name.starts_with('-'))
            .ok_or(InvalidDemand)?
            .to_owned();
        let Some(operator) = words.next() else {
            return Ok(Self {
                name,
                test: Test::Exists,
            });
        };
        let value = words.collect::<Vec<_>>().join(" ");
        if value.is_empty() {
            return Err(InvalidDemand);
        }
        let test = if operator.eq_ignore_ascii_case("-equals") {
            Test::Equals(value)
        } else if operator.eq_ignore_ascii_case("-gtVersion") {
            Test::AtLeast(value.parse().map_err(|_| InvalidDemand)?)
        } else {
            return Err(InvalidDemand);
        };
        Ok(Self { name, test })
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Exists => f.write_str(&self.name),
            Test::Equals(value) => write!(f, "{} -equals {value}", self.name),
            Test::AtLeast(version) => write!(f, "{} -gtVersion {version}", self.name),
        }
    }
}

impl std::error::Error for Unmet {}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Demand { name, test } = &self.demand;
        match (test, &self.found) {
            (Test::AtLeast(minimum), Some(found)) if words::same(name, AGENT_VERSION) => write!(
                f,
                "this needs Agent.Version {minimum} or newer and the agent has {found}; update the agent, or choose an \
                 older version of the task"
            ),
            (Test::AtLeast(minimum), Some(found)) => write!(
                f,
                "this needs {name} {minimum} or newer and the agent has {found}; update it on the agent's machine"
            ),
            (Test::Equals(value), Some(found)) => write!(
                f,
                "this needs {name} to be {value} and the agent has {found}; use an agent that offers it, or change the demand"
            ),
            (_, _) => write!(
                f,
                "this needs {} and the agent does not offer {name}; install it and start the agent again, or use another agent",
                self.demand
            ),
        }
    }
}

impl Serialize for Demand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Demand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(text: &str) -> Demand {
        text.parse().expect("demand")
    }

    fn agent() -> Capabilities {
        [
            ("xcode", "/Applications/Xcode.app"),
            ("Agent.OS", "Linux"),
            ("Agent.Version", "4.248.0"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn each_form_is_met_or_not() {
        for (text, met) in [
            ("xcode", true),
            ("XCODE", true),
            ("JDK", false),
            ("agent.os -equals linux", true),
            ("Agent.OS -equals Darwin", false),
            ("Agent.Version -gtVersion 2.182.1", true),
            ("Agent.Version -gtVersion 4.248.0", true),
            ("Agent.Version -gtVersion 4.248.1", false),
            ("Agent.Version -gtVersion 10.0.0", false),
            ("xcode -gtVersion 1.0.0", false),
            ("JDK -equals 17", false),
        ] {
            assert_eq!(demand(text).check(&agent()).is_ok(), met, "{text}");
            assert_eq!(demand(&demand(text).to_string()), demand(text));
        }
    }

    #[test]
    fn an_old_agent_is_told_both_numbers_and_what_to_do() {
        let unmet = agent().unmet(&[demand("Agent.Version -gtVersion 4.250.0"), demand("xcode")]);
        assert_eq!(unmet.len(), 1);
        assert_eq!(
            unmet[0].to_string(),
            "this needs Agent.Version 4.250.0 or newer and the agent has 4.248.0; update the agent, or choose an older \
             version of the task"
        );
    }

    #[test]
    fn what_is_no_demand_is_refused() {
        for text in [
            "",
            "  ",
            "-equals x",
            "a -equals",
            "a b",
            "a -like b",
            "a -gtVersion x",
        ] {
            assert_eq!(text.parse::<Demand>(), Err(InvalidDemand), "{text:?}");
        }
    }
}
