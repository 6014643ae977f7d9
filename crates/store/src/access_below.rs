//! Rights at many places below one, in as many statements as at one: what a caller may do there, and who may at all.
//!
//! SQL loads entries, and [`coffer_model::access::effective`] decides. It must not know what the places are.

use crate::access::member_of;
use crate::error::StoreError;
use crate::sql::{Conn, Value, statements};
use coffer_model::IdentityId;
use coffer_model::access::{Entry, Namespace, Place, effective};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The texts of a JSON array, which is the argument given.
macro_rules! listed {
    ($argument:literal, sqlite) => {
        concat!("(select w.value from json_each(", $argument, ") w)")
    };
    ($argument:literal, postgres) => {
        concat!(
            "(select w.value from jsonb_array_elements_text(cast(cast(",
            $argument,
            " as text) as jsonb)) w (value))"
        )
    };
}
pub(crate) use listed;

/// The same as rows `k` with one column, `key`: each text once. For looking each up, where a condition might have the
/// database read everything else first.
macro_rules! keys {
    ($argument:literal, $engine:ident) => {
        concat!(
            "(select distinct x.value as key from ",
            crate::access_below::listed!($argument, $engine),
            " x) k"
        )
    };
}
pub(crate) use keys;

/// The caller's own entries at the places listed in `$3`, and which of the places do not inherit.
macro_rules! below {
    ($engine:ident) => {
        concat!(
            member_of!(),
            " select cast(0 as bigint) as switched, e.token, e.identity_id, e.allow_bits, e.deny_bits
            from access_entry e join member_of c on c.id = e.identity_id
            where e.namespace_id = $2 and e.token in ",
            listed!("$3", $engine),
            " union all select cast(1 as bigint), l.token, l.namespace_id, cast(0 as bigint), cast(0 as bigint)
            from access_list l where l.namespace_id = $2 and l.inherits = 0 and l.token in ",
            listed!("$3", $engine)
        )
    };
}

/// Everybody's entries at the places listed in `$2`, and which of the places do not inherit.
macro_rules! everybody_at {
    ($engine:ident) => {
        concat!(
            "select cast(0 as bigint) as switched, e.token, e.identity_id, e.allow_bits, e.deny_bits
            from access_entry e where e.namespace_id = $1 and e.token in ",
            listed!("$2", $engine),
            " union all select cast(1 as bigint), l.token, l.namespace_id, cast(0 as bigint), cast(0 as bigint)
            from access_list l where l.namespace_id = $1 and l.inherits = 0 and l.token in ",
            listed!("$2", $engine)
        )
    };
}

/// Those whose entries at the places listed in `$2` allow `$3` and who can act, each with every group it is in.
macro_rules! candidates {
    ($engine:ident) => {
        concat!(
            "with recursive candidate (id) as (
                select distinct e.identity_id from access_entry e join identity i on i.id = e.identity_id
                where e.namespace_id = $1 and e.token in ",
            listed!("$2", $engine),
            " and (e.allow_bits & $3) = $3 and i.kind <> 3 and i.disabled_at is null
                and (i.kind <> 2 or exists (select 1 from membership m where m.group_id = i.id))),
            reach (root, id) as (
                select id, id from candidate
                union select r.root, m.group_id from membership m join reach r on m.member_id = r.id)
            select r.root, r.id, i.display_name from reach r join identity i on i.id = r.root
            order by i.kind, i.display_name, r.root"
        )
    };
}

statements! {
    BELOW = below!(sqlite), postgres: below!(postgres);
    EVERYBODY_AT = everybody_at!(sqlite), postgres: everybody_at!(postgres);
    CANDIDATES = candidates!(sqlite), postgres: candidates!(postgres);
}

/// A JSON array of texts. What a database cannot hold in a text is left out: no name and no token has it.
pub(crate) fn array(texts: impl Iterator<Item = String>) -> Value {
    let texts: Vec<String> = texts.filter(|text| !text.contains('\0')).collect();
    serde_json::Value::from(texts).to_string().into()
}

/// Whether it says that the place does not inherit, and else: token, identity, allowed, denied.
type EntryRow = (i64, String, Uuid, i64, i64);

/// What stands at some places: the entries of each, and whether it inherits.
#[derive(Default)]
struct At {
    entries: Vec<Entry>,
    closed: bool,
}

fn by_token(rows: Vec<EntryRow>, above: &str) -> BTreeMap<String, At> {
    let mut places: BTreeMap<String, At> = BTreeMap::new();
    for (switched, token, identity, allow, deny) in rows {
        let own = token != above;
        let at = places.entry(token).or_default();
        if switched == 0 {
            at.entries.push(Entry {
                own,
                identity: IdentityId(identity),
                allow,
                deny,
            });
        } else {
            at.closed = true;
        }
    }
    places
}

/// What a caller may do at many places below one, asked in one statement: for each token what
/// [`coffer_model::access::effective`] says.
pub(crate) async fn bits_below(
    conn: &mut Conn,
    identity: IdentityId,
    namespace: Namespace,
    above: &str,
    tokens: &[String],
) -> Result<BTreeMap<String, i64>, StoreError> {
    let asked = tokens.iter().cloned().chain([above.to_owned()]);
    let values = vec![identity.0.into(), namespace.0.into(), array(asked)];
    let mut places = by_token(conn.all(&BELOW, values).await?, above);
    let inherited = places.remove(above).unwrap_or_default().entries;
    Ok(tokens
        .iter()
        .map(|token| {
            let at = places.remove(token).unwrap_or_default();
            let mut entries = at.entries;
            entries.extend(inherited.iter().cloned());
            (token.clone(), effective(&entries, !at.closed))
        })
        .collect())
}

/// Most names of those who hold a right. Messages say whom to ask, and are no directory.
const MAX_HOLDERS: usize = 10;

/// Display names of people and groups that hold a bit at a place, people first: for messages that say whom to ask. Who is
/// denied it through a group, and a group of nobody, are no help. Not more than ten.
pub(crate) async fn holders(
    conn: &mut Conn,
    place: &Place,
    bit: i64,
) -> Result<Vec<String>, StoreError> {
    let above = place.parent.as_ref().unwrap_or(&place.token);
    let tokens = [place.token.clone()];
    let mut found = holders_below(conn, place.namespace, above, &tokens, bit).await?;
    Ok(found.remove(&place.token).unwrap_or_default())
}

/// The same for many places below one, asked in two statements.
pub(crate) async fn holders_below(
    conn: &mut Conn,
    namespace: Namespace,
    above: &str,
    tokens: &[String],
    bit: i64,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let asked = array(tokens.iter().cloned().chain([above.to_owned()]));
    let values = vec![namespace.0.into(), asked];
    let places = by_token(conn.all(&EVERYBODY_AT, values.clone()).await?, above);
    let values = values.into_iter().chain([bit.into()]).collect();
    let rows: Vec<(Uuid, Uuid, String)> = conn.all(&CANDIDATES, values).await?;
    let mut candidates: Vec<(IdentityId, String, BTreeSet<IdentityId>)> = Vec::new();
    for (root, group, name) in rows {
        match candidates.last_mut() {
            Some((last, _, circle)) if last.0 == root => {
                circle.insert(IdentityId(group));
            }
            _ => candidates.push((IdentityId(root), name, BTreeSet::from([IdentityId(group)]))),
        }
    }
    let nothing = At::default();
    let inherited = places.get(above).unwrap_or(&nothing);
    Ok(tokens
        .iter()
        .map(|token| {
            let own = if token == above {
                &nothing
            } else {
                places.get(token).unwrap_or(&nothing)
            };
            let all = || own.entries.iter().chain(&inherited.entries);
            let holds = |root: &IdentityId, circle: &BTreeSet<IdentityId>| {
                let entries: Vec<Entry> = all()
                    .filter(|entry| circle.contains(&entry.identity))
                    .cloned()
                    .collect();
                all().any(|entry| entry.identity == *root && entry.allow & bit == bit)
                    && effective(&entries, !own.closed) & bit == bit
            };
            let names = candidates
                .iter()
                .filter(|(root, _, circle)| holds(root, circle))
                .map(|(_, name, _)| name.clone())
                .take(MAX_HOLDERS);
            (token.clone(), names.collect())
        })
        .collect())
}
