//! `strategy:` of a job: the legs of a matrix, or slices. They are counted before anything is made of them.

use std::collections::BTreeSet;

use super::{
    Reader,
    fields::{Fields, fields},
    values::{count, runtime, text, wrong_type},
    variables,
};
use crate::{
    Count, Leg, Legs, Strategy, Variable,
    diagnostic::{Code, Place, Report, quotable},
    expression::Time,
    words,
    yaml::{Kind, Node},
};

/// Most legs of a job: the limit of the original.
pub(crate) const MAX_LEGS: usize = 256;
/// Most jobs of a pipeline, each leg counted.
const MAX_NODES: usize = 10_000;

/// What legs are called.
pub(crate) const LEG_HINT: &str = "use letters, digits, `_` and `-`, at most 100 characters";

/// Whether a leg may be called so. The public documentation knows no `-` here, and many pipelines that run have it.
pub(crate) fn is_leg(name: &str) -> bool {
    let fits = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    fits && !name.is_empty() && name.len() <= words::MAX_NAME
}

/// The job that is multiplied.
pub(crate) struct Of<'a> {
    display_name: &'a str,
    identifier: &'a str,
}

impl<'a> Of<'a> {
    /// Identified by `stage.job`.
    pub(crate) fn job(display_name: &'a str, identifier: &'a str) -> Self {
        Self {
            display_name,
            identifier,
        }
    }

    /// Gives a leg what follows from its name and its job.
    pub(crate) fn name(&self, leg: &mut Leg) {
        leg.display_name = format!("{} {}", self.display_name, leg.name);
        leg.identifier = format!("{}.{}", self.identifier, leg.name);
    }
}

/// Reads a strategy.
pub(super) fn read(node: Option<&Node>, of: &Of<'_>, reader: &mut Reader<'_>) -> Option<Strategy> {
    let node = node?;
    let fields = fields(node, "a strategy", reader.report)?;
    let known = ["matrix", "maxParallel", "parallel"];
    fields.check("a strategy", &known, reader.report);
    read_fields(&fields, of, reader)
}

/// The same keys, wherever they stand.
pub(super) fn read_fields(
    fields: &Fields<'_>,
    of: &Of<'_>,
    reader: &mut Reader<'_>,
) -> Option<Strategy> {
    reader.report.refuse(
        fields.place(),
        "this server does not multiply jobs yet (`matrix` or `parallel`)",
        "write the job out once for each leg",
    );
    let most = u32::try_from(MAX_LEGS).unwrap_or(u32::MAX);
    let report = &mut *reader.report;
    let max_parallel = fields
        .get("maxParallel")
        .and_then(|node| count(node, "maxParallel", most, report));
    let legs = match (fields.get("matrix"), fields.get("parallel")) {
        (Some(matrix), parallel) => {
            if let Some(parallel) = parallel {
                let message = "a strategy has either `matrix` or `parallel`, not both";
                report.error(
                    Code::UnknownKey,
                    parallel.place,
                    message,
                    "remove one of the two",
                );
            }
            matrix_legs(matrix, of, reader)?
        }
        (None, Some(parallel)) => match count(parallel, "parallel", most, report)? {
            Count::Fixed(0) => {
                let message = "`parallel: 0` would be no job at all";
                report.error(
                    Code::InvalidValue,
                    parallel.place,
                    message,
                    "write at least 1",
                );
                return None;
            }
            Count::Fixed(number) => Legs::Named(slices(number, of)),
            Count::Expression(expression) => Legs::Slices(expression),
        },
        (None, None) => {
            report.error(
                Code::Missing,
                fields.place(),
                "a strategy has a `matrix` or a number of `parallel` slices",
                "write for example `parallel: 2`",
            );
            return None;
        }
    };
    if let Legs::Named(legs) = &legs {
        add(legs.len().saturating_sub(1), fields.place(), reader)?;
    }
    Some(Strategy { legs, max_parallel })
}

/// Counts jobs; `None` when there are too many.
pub(super) fn add(nodes: usize, place: Place, reader: &mut Reader<'_>) -> Option<()> {
    let before = reader.nodes;
    reader.nodes = before.saturating_add(nodes);
    if reader.nodes <= MAX_NODES {
        return Some(());
    }
    if before <= MAX_NODES {
        let message = format!("a pipeline may have {MAX_NODES} jobs, each leg counted");
        reader
            .report
            .error(Code::Limit, place, message, "split the pipeline");
    }
    None
}

fn matrix_legs(node: &Node, of: &Of<'_>, reader: &mut Reader<'_>) -> Option<Legs> {
    let report = &mut *reader.report;
    if let Kind::Scalar { text, .. } = &node.kind {
        if let Some(expression) = runtime(node, text, Time::Start, report) {
            return expression.map(Legs::Matrix);
        }
        let wanted = "a mapping (`leg: {variable: value}`) or `$[ expression ]`";
        wrong_type(node, "matrix", wanted, report);
        return None;
    }
    let written = fields(node, "matrix", report)?;
    let number = written.iter().count();
    if number == 0 || number > MAX_LEGS {
        let message = format!("a matrix has 1 to {MAX_LEGS} legs and this one has {number}");
        report.error(
            Code::Limit,
            node.place,
            message,
            "write `name: {variable: value}` for each leg",
        );
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut named = Vec::new();
    for (name, key, value) in written.iter() {
        if !is_leg(name) {
            let message = format!("a leg of a matrix may not be called `{}`", quotable(name));
            report.error(Code::InvalidName, key.place, message, LEG_HINT);
        } else if !seen.insert(words::fold(name)) {
            let message = format!("a leg of this matrix is already called `{name}`");
            let hint = "give this one another name; names ignore case";
            report.error(Code::DuplicateName, key.place, message, hint);
        }
        named.push((name.to_owned(), leg_variables(value, reader.inputs, report)));
    }
    Some(Legs::Named(legs(named, of)))
}

fn leg_variables(node: &Node, inputs: &crate::PlanInputs, report: &mut Report) -> Vec<Variable> {
    if node.is_null() {
        return Vec::new();
    }
    let listed = fields(node, "a leg of a matrix", report);
    let mut found = Vec::new();
    for (name, key, value) in listed.iter().flat_map(Fields::iter) {
        let label = format!("the value of the variable `{}`", quotable(name));
        if variables::check_name(name, key.place, inputs, report)
            && let Some(value) = text(value, &label, report)
        {
            found.push(variables::plain(name, value));
        }
    }
    found
}

/// Slices are called `job1`, `job2` ….
pub(crate) fn slices(number: u32, of: &Of<'_>) -> Vec<Leg> {
    let names = (1..=number).map(|slice| (format!("job{slice}"), Vec::new()));
    legs(names.collect(), of)
}

pub(crate) fn legs(named: Vec<(String, Vec<Variable>)>, of: &Of<'_>) -> Vec<Leg> {
    let leg = |(name, variables): (String, Vec<Variable>)| {
        let mut leg = Leg {
            name,
            display_name: String::new(),
            identifier: String::new(),
            variables,
        };
        of.name(&mut leg);
        leg
    };
    named.into_iter().map(leg).collect()
}
