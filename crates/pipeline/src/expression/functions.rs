//! The functions of the language: their names, how many arguments they take, and where they exist. What they do stands in
//! `calls` and `evaluate`, or is the context's.

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are called as they are written")]
pub enum Function {
    Always,
    And,
    Canceled,
    Coalesce,
    Contains,
    ContainsValue,
    ConvertToJson,
    Counter,
    EndsWith,
    Eq,
    Failed,
    Format,
    Ge,
    Gt,
    Iif,
    In,
    Join,
    Le,
    Length,
    Lower,
    Lt,
    Ne,
    Not,
    NotIn,
    Or,
    Property,
    Replace,
    Split,
    StartsWith,
    Succeeded,
    SucceededOrFailed,
    Trim,
    Upper,
    Xor,
}

/// Where a function exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// Wherever expressions are.
    Everywhere,
    /// In pipelines, and not in queries.
    Pipelines,
    /// In conditions of stages, jobs and steps.
    Conditions,
    /// Where a variable is defined, with `$[ ]`.
    Variables,
    /// In queries of secure files.
    Queries,
}

/// What is known of a function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    pub(crate) least: usize,
    /// None = no limit.
    pub(crate) most: Option<usize>,
    pub(crate) home: Home,
}

const fn of(
    name: &'static str,
    function: Function,
    least: usize,
    most: Option<usize>,
    home: Home,
) -> Signature {
    Signature {
        name,
        function,
        least,
        most,
        home,
    }
}

/// Every function, sorted by name ignoring case. Counts are those of the public documentation; it gives `in` and `notIn` one argument at least.
pub(crate) const FUNCTIONS: &[Signature] = {
    use Function as F;
    use Home::{Conditions, Everywhere, Pipelines, Queries, Variables};
    &[
        of("always", F::Always, 0, Some(0), Conditions),
        of("and", F::And, 2, None, Everywhere),
        of("canceled", F::Canceled, 0, Some(0), Conditions),
        of("coalesce", F::Coalesce, 2, None, Everywhere),
        of("contains", F::Contains, 2, Some(2), Everywhere),
        of("containsValue", F::ContainsValue, 2, Some(2), Pipelines),
        of("convertToJson", F::ConvertToJson, 1, Some(1), Pipelines),
        of("counter", F::Counter, 0, Some(2), Variables),
        of("endsWith", F::EndsWith, 2, Some(2), Everywhere),
        of("eq", F::Eq, 2, Some(2), Everywhere),
        of("failed", F::Failed, 0, None, Conditions),
        of("format", F::Format, 1, None, Pipelines),
        of("ge", F::Ge, 2, Some(2), Everywhere),
        of("gt", F::Gt, 2, Some(2), Everywhere),
        of("iif", F::Iif, 3, Some(3), Everywhere),
        of("in", F::In, 1, None, Everywhere),
        of("join", F::Join, 2, Some(2), Pipelines),
        of("le", F::Le, 2, Some(2), Everywhere),
        of("length", F::Length, 1, Some(1), Everywhere),
        of("lower", F::Lower, 1, Some(1), Everywhere),
        of("lt", F::Lt, 2, Some(2), Everywhere),
        of("ne", F::Ne, 2, Some(2), Everywhere),
        of("not", F::Not, 1, Some(1), Everywhere),
        of("notIn", F::NotIn, 1, None, Everywhere),
        of("or", F::Or, 2, None, Everywhere),
        of("property", F::Property, 1, Some(1), Queries),
        of("replace", F::Replace, 3, Some(3), Pipelines),
        of("split", F::Split, 2, Some(2), Pipelines),
        of("startsWith", F::StartsWith, 2, Some(2), Everywhere),
        of("succeeded", F::Succeeded, 0, None, Conditions),
        of(
            "succeededOrFailed",
            F::SucceededOrFailed,
            0,
            None,
            Conditions,
        ),
        of("trim", F::Trim, 1, Some(1), Everywhere),
        of("upper", F::Upper, 1, Some(1), Everywhere),
        of("xor", F::Xor, 2, Some(2), Everywhere),
    ]
};

impl Function {
    /// The function of a name, ignoring case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FUNCTIONS
            .binary_search_by(|known| {
                let known = known.name.bytes().map(|b| b.to_ascii_lowercase());
                known.cmp(name.bytes().map(|b| b.to_ascii_lowercase()))
            })
            .ok()
            .map(|at| FUNCTIONS[at].function)
    }

    /// What is known of it: the table has a row for each.
    pub(crate) fn signature(self) -> &'static Signature {
        // In the order of the variants, so that this is a look-up.
        FUNCTIONS
            .get(self as usize)
            .expect("the table has a row for each function")
    }

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.signature().name
    }

    /// Whether it asks how what came before went.
    #[must_use]
    pub fn is_status(self) -> bool {
        self.signature().home == Home::Conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_its_row() {
        for row in FUNCTIONS {
            assert_eq!(row.function.signature().name, row.name);
            assert_eq!(
                Function::named(&row.name.to_ascii_uppercase()),
                Some(row.function)
            );
        }
        assert_eq!(Function::named("substring"), None);
    }
}
