//! `pool:`: a name, a mapping, or `server`. It must not know which pools there are.

use super::{
    Reader,
    fields::fields,
    values::{filled, stays_text, text, wrong_type},
};
use crate::{
    Pool,
    demands::Demand,
    diagnostic::{Code, Place, Report, quotable},
    words,
    yaml::{Kind, Node},
};

/// What has an effect. Others are passed over by the original too, and mean something to templates of pools.
const KEYS: &[&str] = &["name", "vmImage", "demands"];
/// Longest name of a pool or image, in bytes. Each job has a copy of its pool, and so have these limits.
const MAX_NAME: usize = 1000;
/// Most demands of a pool.
const MAX_DEMANDS: usize = 50;
/// Most bytes of all demands of a pool.
const MAX_DEMANDED: usize = 4000;

/// A pool and what is asked of its agents.
#[derive(Clone, Debug)]
pub(super) struct PoolUse {
    pub(super) pool: Pool,
    pub(super) demands: Vec<Demand>,
}

impl PoolUse {
    fn named(name: String) -> Self {
        Self {
            pool: Pool::Agents {
                name: Some(name),
                vm_image: None,
            },
            demands: Vec::new(),
        }
    }
}

/// Reads a pool. Names may hold variables of the YAML root.
pub(super) fn read(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<PoolUse> {
    let node = node?;
    match &node.kind {
        Kind::Refused => return None,
        Kind::Scalar { text, .. } if text == "server" => {
            refuse_server(node.place, reader.report);
            return Some(PoolUse {
                pool: Pool::Server,
                demands: Vec::new(),
            });
        }
        Kind::Scalar { text, .. } => {
            stays_text(node, text, reader.report);
            ignored(node.place, reader);
            return named(node, text, reader).map(PoolUse::named);
        }
        Kind::Sequence(_) => {
            wrong_type(node, "pool", "a name or a mapping", reader.report);
            return None;
        }
        Kind::Mapping(_) => {}
    }
    let fields = fields(node, "a pool", reader.report)?;
    for (key, node, _) in fields.iter() {
        if !KEYS.iter().any(|known| words::same(known, key)) {
            let message = format!("a pool has no key `{}`: it has no effect", quotable(key));
            let hint = words::suggestion(key, KEYS);
            reader.report.warn(Code::Ignored, node.place, message, hint);
        }
    }
    // Pipelines that run write `vmimage` too.
    let get = |wanted: &str| {
        let found = fields.iter().find(|(key, ..)| words::same(key, wanted));
        found.filter(|(.., value)| !value.is_null())
    };
    let mut value = |key: &str| {
        let (_, at, node) = get(key)?;
        let text = filled(node, key, reader.report)?;
        stays_text(node, &text, reader.report);
        ignored(at.place, reader);
        named(node, &text, reader)
    };
    let pool = Pool::Agents {
        name: value("name"),
        vm_image: value("vmImage"),
    };
    let demanded = get("demands").map(|(.., value)| value);
    Some(PoolUse {
        pool,
        demands: demands(demanded, reader.report),
    })
}

/// The name of a pool or image, with variables replaced.
pub(super) fn named(node: &Node, text: &str, reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.known.expand(text);
    if name.len() <= MAX_NAME {
        return Some(name);
    }
    reader.report.error(
        Code::Limit,
        node.place,
        format!("the name of a pool or image may have {MAX_NAME} bytes"),
        "use a shorter name",
    );
    None
}

/// A text, or a list of them.
pub(super) fn demands(node: Option<&Node>, report: &mut Report) -> Vec<Demand> {
    let Some(node) = node else { return Vec::new() };
    let entries = match &node.kind {
        Kind::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if entries.len() > MAX_DEMANDS || node.size().1 > MAX_DEMANDED {
        report.error(
            Code::Limit,
            node.place,
            format!("a pool may have {MAX_DEMANDS} demands, of {MAX_DEMANDED} bytes together"),
            "demand what sets the wanted agents apart",
        );
        return Vec::new();
    }
    entries
        .iter()
        .filter_map(|entry| demand(entry, report))
        .collect()
}

fn demand(node: &Node, report: &mut Report) -> Option<Demand> {
    let text = text(node, "a demand", report)?;
    let demand = text.parse::<Demand>();
    if let Err(wrong) = &demand {
        let message = format!("`{}` is no demand", quotable(&text));
        report.error(Code::InvalidValue, node.place, message, wrong.to_string());
    }
    demand.ok()
}

pub(super) fn refuse_server(place: Place, report: &mut Report) {
    report.refuse(
        place,
        "this server does not run jobs without an agent (`pool: server`)",
        "give the job a pool of agents",
    );
}

/// Said of the first one: it is true of all.
fn ignored(place: Place, reader: &mut Reader<'_>) {
    if std::mem::replace(&mut reader.pools_told, true) {
        return;
    }
    reader.report.warn(
        Code::Ignored,
        place,
        "the names of pools have no effect yet: any agent that meets the demands may run a job",
        "use `demands` to choose an agent",
    );
}
