//! What waits for what: names are unique, dependencies exist, and there is a way to begin and no circle. Stages and jobs
//! are the same to it. It never recurses, so the number of nodes is no danger.

use std::collections::{BTreeMap, VecDeque};

use super::mentions::{By, Mention};
use crate::{
    diagnostic::{Code, Place, Report, quotable},
    words,
};

/// Beyond this many names, none is proposed for an unknown one.
const MAX_PROPOSED: usize = 2000;
/// Names of a circle that are shown.
const MAX_SHOWN: usize = 12;

/// A stage or a job.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) place: Place,
    /// Names as written, and where.
    pub(super) depends_on: Vec<(String, Place)>,
    /// What its condition and its variables look at.
    pub(super) mentions: Vec<Mention>,
}

/// Whose graph it is.
pub(super) enum Of<'a> {
    /// Stages of the pipeline.
    Stages,
    /// Jobs of a stage; without a name when the YAML has no stages.
    Jobs(Option<&'a str>),
}

impl Of<'_> {
    fn one(&self) -> &'static str {
        match self {
            Of::Stages => "stage",
            Of::Jobs(_) => "job",
        }
    }

    fn node(&self, name: &str) -> String {
        match self {
            Of::Stages => format!("Stage {}", quotable(name)),
            Of::Jobs(_) => format!("Job {}", quotable(name)),
        }
    }

    fn whole(&self) -> String {
        match self {
            Of::Jobs(Some(stage)) => format!("Stage {stage}"),
            Of::Stages | Of::Jobs(None) => "The pipeline".to_owned(),
        }
    }

    fn twice(&self, name: &str, first: Place) -> String {
        let parent = match self {
            Of::Jobs(Some(stage)) => format!("Stage {stage}: "),
            Of::Stages | Of::Jobs(None) => String::new(),
        };
        let one = self.one();
        let capital = if one == "stage" { "Stage" } else { "Job" };
        let within = match self {
            Of::Jobs(Some(_)) => "stage",
            Of::Stages | Of::Jobs(None) => "pipeline",
        };
        format!(
            "{parent}The {one} name {} appears more than once. {capital} names must be unique within a {within}. The \
             first is at {}:{}",
            quotable(name),
            first.line,
            first.column
        )
    }
}

/// Checks a graph. For each node: the nodes it waits for, each once, in the order written; what is unknown is left out.
pub(super) fn check(
    of: &Of<'_>,
    nodes: &[Node],
    at: Place,
    report: &mut Report,
) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        if let Some(first) = places.get(&words::fold(&node.name)) {
            let first = nodes.get(*first).map_or(at, |first| first.place);
            report.error(
                Code::DuplicateName,
                node.place,
                of.twice(&node.name, first),
                "give this one another name; names ignore case",
            );
        } else {
            places.insert(words::fold(&node.name), index);
        }
    }
    let mut edges = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut known: Vec<usize> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (name, place) in &node.depends_on {
            match places.get(&words::fold(name)) {
                Some(index) if seen.insert(*index) => known.push(*index),
                Some(_) => {}
                None => unknown(of, nodes, node, name, *place, report),
            }
        }
        edges.push(known);
    }
    circles(of, nodes, &edges, at, report);
    for (node, edges) in nodes.iter().zip(&edges) {
        for mention in &node.mentions {
            let found = places.get(&words::fold(&mention.name));
            let waits = found.is_some_and(|index| edges.contains(index));
            // The status counts also by way of others.
            if !waits && (found.is_none() || mention.by != By::Status) {
                looks_past(of, nodes, node, mention, found.is_some(), report);
            }
        }
    }
    edges
}

/// What is looked at is not there to be looked at.
fn looks_past(
    of: &Of<'_>,
    nodes: &[Node],
    node: &Node,
    mention: &Mention,
    exists: bool,
    report: &mut Report,
) {
    let Mention { by, name, place } = mention;
    let told = node
        .depends_on
        .iter()
        .any(|(known, _)| words::same(known, name));
    if told || report.is_full() {
        return;
    }
    let one = of.one();
    let name = quotable(name);
    let what = match by {
        By::Dependencies => format!("`dependencies.{name}` is null"),
        By::Stages => format!("`stageDependencies.{name}` is null"),
        By::Status => format!("`{name}` counts as skipped"),
    };
    let others = nodes.iter().map(|node| node.name.as_str());
    let near = (!exists && nodes.len() <= MAX_PROPOSED)
        .then(|| words::nearest(&name, others))
        .flatten();
    let why = if exists {
        format!("{one} `{}` does not wait for it", quotable(&node.name))
    } else {
        match of {
            Of::Stages => format!("there is no stage `{name}`"),
            Of::Jobs(_) => format!("there is no job `{name}` beside this one"),
        }
    };
    let hint = match (near, of, by) {
        (Some(near), ..) => format!("did you mean `{near}`?"),
        _ if exists => {
            format!("add `{name}` to `dependsOn`: by way of others is not enough here")
        }
        (None, Of::Jobs(Some(_)), By::Dependencies) => {
            "a job of another stage is `stageDependencies.Stage.Job`".to_owned()
        }
        _ => format!("name a {one} of `dependsOn`"),
    };
    report.warn(
        Code::Suspicious,
        *place,
        format!("{what} here: {why}"),
        hint,
    );
}

fn unknown(
    of: &Of<'_>,
    nodes: &[Node],
    node: &Node,
    name: &str,
    place: Place,
    report: &mut Report,
) {
    if report.is_full() {
        return;
    }
    let one = of.one();
    let message = format!(
        "{} depends on unknown {one} {}.",
        of.node(&node.name),
        quotable(name)
    );
    let others = nodes.iter().filter(|other| other.name != node.name);
    let near = (nodes.len() <= MAX_PROPOSED)
        .then(|| words::nearest(name, others.map(|node| node.name.as_str())));
    let hint = match (near.flatten(), of) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Of::Stages) => "name a stage of this pipeline; `[]` is no dependency".to_owned(),
        (None, Of::Jobs(_)) => {
            "name a job of the same stage; for a job of another stage, let the stages depend on each other"
                .to_owned()
        }
    };
    report.error(Code::InvalidValue, place, message, hint);
}

/// Takes away what can run, again and again; what stays runs in circles or waits for one.
fn circles(of: &Of<'_>, nodes: &[Node], edges: &[Vec<usize>], at: Place, report: &mut Report) {
    let mut waiting: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, known) in edges.iter().enumerate() {
        for before in known {
            followers[*before].push(index);
        }
    }
    let mut gone = vec![false; nodes.len()];
    let mut ready: VecDeque<usize> = (0..nodes.len()).filter(|n| waiting[*n] == 0).collect();
    // A node with an unknown dependency has one, and is no beginning.
    let mut begins = nodes.is_empty() || nodes.iter().any(|node| node.depends_on.is_empty());
    let mut next = 0;
    loop {
        while let Some(index) = ready.pop_front() {
            gone[index] = true;
            for follower in &followers[index] {
                waiting[*follower] -= 1;
                if waiting[*follower] == 0 && !gone[*follower] {
                    ready.push_back(*follower);
                }
            }
        }
        while gone.get(next) == Some(&true) {
            next += 1;
        }
        if next == nodes.len() || report.is_full() {
            break;
        }
        let circle = circle_from(next, edges, &gone);
        tell(of, nodes, &circle, begins, at, report);
        begins = true;
        // The circle counts as run, so that another one is found too.
        for index in circle {
            gone[index] = true;
            ready.push_back(index);
        }
    }
    if !begins {
        report.error(
            Code::InvalidValue,
            at,
            no_beginning(of),
            format!("write `dependsOn: []` for the {} that runs first", of.one()),
        );
    }
}

fn no_beginning(of: &Of<'_>) -> String {
    format!(
        "{} must contain at least one {} with no dependencies.",
        of.whole(),
        of.one()
    )
}

/// Follows what is waited for until a node comes again.
fn circle_from(start: usize, edges: &[Vec<usize>], gone: &[bool]) -> Vec<usize> {
    let mut order: BTreeMap<usize, usize> = BTreeMap::new();
    let mut way = Vec::new();
    let mut at = start;
    loop {
        if let Some(first) = order.get(&at) {
            return way.split_off(*first);
        }
        order.insert(at, way.len());
        way.push(at);
        match edges[at].iter().find(|before| !gone[**before]) {
            Some(before) => at = *before,
            // Cannot be: a node that stays waits for one that stays.
            None => return way,
        }
    }
}

fn tell(
    of: &Of<'_>,
    nodes: &[Node],
    circle: &[usize],
    begins: bool,
    at: Place,
    report: &mut Report,
) {
    let (Some(first), Some(second)) = (circle.first(), circle.get(1).or(circle.first())) else {
        return;
    };
    let (first, second) = (&nodes[*first], &nodes[*second]);
    let mut shown: Vec<String> = circle
        .iter()
        .take(MAX_SHOWN)
        .map(|index| quotable(&nodes[*index].name))
        .collect();
    if circle.len() > MAX_SHOWN {
        shown.push("…".to_owned());
    }
    shown.push(quotable(&first.name));
    let path = shown.join(" → ");
    let place = first
        .depends_on
        .iter()
        .find(|(name, _)| words::same(name, &second.name))
        .map_or(at, |(_, place)| *place);
    let one = of.one();
    let known = if begins {
        format!(
            "{} depends on {one} {} which creates a cycle in the dependency graph.",
            of.node(&first.name),
            quotable(&second.name)
        )
    } else {
        no_beginning(of)
    };
    report.error(
        Code::InvalidValue,
        place,
        format!("{known} Each of these waits for the next: {path}"),
        "remove one of these dependencies",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, depends_on: &[&str]) -> Node {
        let place = Place::START;
        Node {
            name: name.to_owned(),
            place,
            depends_on: depends_on
                .iter()
                .map(|name| ((*name).to_owned(), place))
                .collect(),
            mentions: Vec::new(),
        }
    }

    fn told(nodes: &[Node]) -> Vec<String> {
        let mut report = Report::new("a.yml", "");
        check(&Of::Stages, nodes, Place::START, &mut report);
        report
            .into_errors()
            .into_iter()
            .map(|error| error.message)
            .collect()
    }

    #[test]
    fn a_hundred_thousand_nodes_in_a_row_a_star_and_a_ring_are_checked_without_recursion() {
        const MANY: usize = 100_000;
        let name = |n: usize| format!("S{n}");
        let mut row: Vec<Node> = (1..MANY).map(|n| node(&name(n), &[&name(n - 1)])).collect();
        row.insert(0, node("S0", &[]));
        assert_eq!(told(&row), Vec::<String>::new());
        row.reverse();
        assert_eq!(told(&row), Vec::<String>::new());
        let mut star: Vec<Node> = (1..MANY).map(|n| node(&name(n), &["s0"])).collect();
        star.push(node("S0", &[]));
        assert_eq!(told(&star), Vec::<String>::new());
        let ring: Vec<Node> = (0..MANY)
            .map(|n| node(&name(n), &[&name((n + 1) % MANY)]))
            .collect();
        let messages = told(&ring);
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0].starts_with(
                "The pipeline must contain at least one stage with no dependencies. Each of these waits for the next: \
                 S0 → S1 → S2 →"
            ) && messages[0].ends_with("S11 → … → S0"),
            "{messages:?}"
        );
        let unknown: Vec<Node> = (0..MANY).map(|n| node(&name(n), &["nowhere"])).collect();
        assert_eq!(told(&unknown).len(), 101);
    }

    #[test]
    fn every_circle_is_told_once() {
        let nodes = [
            node("Root", &[]),
            node("A", &["B"]),
            node("B", &["A"]),
            node("C", &["c", "Root"]),
            node("D", &["A"]),
            node("X", &["Y"]),
            node("Y", &["Z", "Root"]),
            node("Z", &["X"]),
        ];
        assert_eq!(
            told(&nodes),
            [
                "Stage A depends on stage B which creates a cycle in the dependency graph. Each of these waits for the \
                 next: A → B → A",
                "Stage C depends on stage C which creates a cycle in the dependency graph. Each of these waits for the \
                 next: C → C",
                "Stage X depends on stage Y which creates a cycle in the dependency graph. Each of these waits for the \
                 next: X → Y → Z → X",
            ]
        );
    }
}
