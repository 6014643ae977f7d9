//! Why somebody may do something at a place: the entries that count, and the groups through which they reach a person.
//!
//! Pure, and of one mind with [`crate::access::effective`], which decides; this only tells.

use crate::IdentityId;
use crate::access::{Entry, effective};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// One entry that reaches a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Through {
    /// The groups on the way, the person's own one first, the entry's holder last. Empty for the person's own entry.
    pub groups: Vec<IdentityId>,
    /// Whether it stands at the thing itself.
    pub own: bool,
    /// Bits it allows.
    pub allow: i64,
    /// Bits it denies.
    pub deny: i64,
    /// Whether it counts: an inherited entry does not when inheritance is off, or the same holder has one at the thing.
    pub counts: bool,
}

/// The bits a person has, and through what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The effective bits.
    pub bits: i64,
    /// Every entry that reaches the person, those that do not count among them.
    pub through: Vec<Through>,
}

/// What was loaded of a place: all entries there, and who is in which group.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Entries of whomever, at the thing and at what it inherits from.
    pub entries: Vec<Entry>,
    /// Whether the thing inherits.
    pub inherits: bool,
    /// Member and group.
    pub memberships: Vec<(IdentityId, IdentityId)>,
}

impl Ground {
    /// Why `person` has what it has here.
    pub fn explain(&self, person: IdentityId) -> Explanation {
        let ways = self.ways(person);
        let reaching: Vec<Entry> = self
            .entries
            .iter()
            .filter(|entry| ways.contains_key(&entry.identity.0))
            .cloned()
            .collect();
        let mut through: Vec<Through> = reaching
            .iter()
            .map(|entry| Through {
                groups: ways[&entry.identity.0].clone(),
                own: entry.own,
                allow: entry.allow,
                deny: entry.deny,
                counts: entry.own
                    || (self.inherits
                        && !reaching
                            .iter()
                            .any(|other| other.own && other.identity == entry.identity)),
            })
            .collect();
        through.sort_by_key(|one| (!one.own, one.groups.len()));
        Explanation {
            bits: effective(&reaching, self.inherits),
            through,
        }
    }

    /// The shortest way from a person to each group it is in. Circles end.
    fn ways(&self, person: IdentityId) -> BTreeMap<uuid::Uuid, Vec<IdentityId>> {
        let mut groups: HashMap<IdentityId, Vec<IdentityId>> = HashMap::new();
        for (member, group) in &self.memberships {
            groups.entry(*member).or_default().push(*group);
        }
        let mut ways = BTreeMap::from([(person.0, Vec::new())]);
        let mut next = VecDeque::from([person]);
        while let Some(at) = next.pop_front() {
            for group in groups.get(&at).into_iter().flatten() {
                if !ways.contains_key(&group.0) {
                    let mut way = ways[&at.0].clone();
                    way.push(*group);
                    ways.insert(group.0, way);
                    next.push_back(*group);
                }
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(n: u128) -> IdentityId {
        IdentityId(Uuid::from_u128(n))
    }

    fn entry(own: bool, identity: u128, allow: i64, deny: i64) -> Entry {
        Entry {
            own,
            identity: id(identity),
            allow,
            deny,
        }
    }

    #[test]
    fn the_way_to_a_right_leads_through_groups_in_order() {
        let ground = Ground {
            entries: vec![
                entry(false, 30, 17, 0),
                entry(true, 1, 1, 0),
                entry(false, 99, 2, 0),
            ],
            inherits: true,
            memberships: vec![(id(1), id(20)), (id(20), id(30)), (id(30), id(20))],
        };
        let found = ground.explain(id(1));
        assert_eq!(found.bits, 17);
        assert_eq!(
            found.through.len(),
            2,
            "somebody else's entry is not the person's"
        );
        assert_eq!(found.through[0].groups, []);
        assert_eq!(found.through[1].groups, [id(20), id(30)]);
        assert_eq!(ground.explain(id(2)).bits, 0);
    }

    #[test]
    fn what_does_not_count_is_shown_and_said_not_to() {
        let ground = Ground {
            entries: vec![
                entry(false, 20, 19, 0),
                entry(true, 20, 0, 16),
                entry(false, 1, 16, 0),
            ],
            inherits: true,
            memberships: vec![(id(1), id(20))],
        };
        let found = ground.explain(id(1));
        assert_eq!(found.bits, 0, "the deny at the thing wins");
        let inherited = |groups: &[IdentityId]| {
            let found = found.through.iter().find(|t| !t.own && t.groups == groups);
            found.unwrap().counts
        };
        assert!(!inherited(&[id(20)]), "replaced by the group's own entry");
        assert!(inherited(&[]));
        let cut = Ground {
            inherits: false,
            ..ground
        };
        assert!(cut.explain(id(1)).through.iter().all(|t| t.own == t.counts));
    }
}
