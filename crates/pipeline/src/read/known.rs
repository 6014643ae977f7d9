//! `$(x)` at the time of the plan: variables of the YAML root and predefined ones, and no others. Used where a name must
//! be known before a job exists: secure files, pools, environments, images.

use std::collections::BTreeMap;

use crate::{Variable, macros, words};

/// Bytes of variables that the expansion of one value may read and write.
const MAX_EXPANSION: usize = 8 << 10;

/// Values that are known.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<String, String>);

impl Known {
    /// Variables of the YAML root and predefined ones; the predefined win. An expression (`$[ ]`) is not known yet.
    pub(crate) fn new(root: &[Variable], system: &[(String, String)]) -> Self {
        let root = root.iter().filter_map(|variable| {
            Some((words::fold(&variable.name), variable.text()?.to_owned()))
        });
        let system = system
            .iter()
            .map(|(name, value)| (words::fold(name), value.clone()));
        Self(root.chain(system).collect())
    }

    /// The text with every known name replaced; the others stay.
    pub(crate) fn expand(&self, text: &str) -> String {
        if !text.contains("$(") {
            return text.to_owned();
        }
        macros::expand_nested_within(text, MAX_EXPANSION, |name| {
            let value = self.0.get(&words::fold(name));
            // A longer one would not be put in, and is not copied for that.
            value.filter(|value| value.len() < MAX_EXPANSION).cloned()
        })
        .text
    }
}
