//! What should hold, by the rules as people know them: one identity, one place, one bit at a time. It shares no code with
//! what it is compared with, and it is not made for speed.

use super::{ADMINISTRATORS, IDENTITIES, PEOPLE, VALID_USERS};
use crate::Refusal;
use coffer_model::access::library;
use std::collections::{BTreeMap, BTreeSet};

/// How a step ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Done,
    Denied(&'static str),
    Refused(Refusal),
}

/// Where, with a file's number in the order of making; `None` when there is none to speak of.
pub(super) type Where = Option<usize>;

/// What should hold.
#[derive(Clone, Default)]
pub(super) struct Model {
    /// Member, group.
    pub(super) members: BTreeSet<(usize, usize)>,
    pub(super) disabled: BTreeSet<usize>,
    /// By place (the library is `None`) and identity: allowed, denied.
    pub(super) rows: BTreeMap<(Where, usize), (i64, i64)>,
    /// Files that do not inherit.
    pub(super) alone: BTreeSet<usize>,
    /// Who made each file; a deleted one is nobody's.
    pub(super) files: Vec<Option<usize>>,
    pub(super) permits: BTreeSet<usize>,
}

impl Model {
    pub(super) fn new() -> Self {
        let mut model = Self::default();
        model.members.insert((0, ADMINISTRATORS));
        model.members.insert((ADMINISTRATORS, VALID_USERS));
        model
            .rows
            .insert((None, ADMINISTRATORS), (1 | 2 | 4 | 16, 0));
        model.rows.insert((None, VALID_USERS), (1, 0));
        model
    }

    /// Whether somebody is an identity, or in it by some way.
    fn is(&self, who: usize, identity: usize, passed: &mut BTreeSet<usize>) -> bool {
        who == identity
            || passed.insert(who)
                && self
                    .members
                    .iter()
                    .filter(|(member, _)| *member == who)
                    .any(|(_, group)| self.is(*group, identity, passed))
    }

    /// The row that counts for an identity at a place.
    fn row(&self, place: Where, identity: usize) -> Option<(i64, i64)> {
        if let Some(row) = self.rows.get(&(place, identity)) {
            return Some(*row);
        }
        match place {
            Some(file) if !self.alone.contains(&file) => self.rows.get(&(None, identity)).copied(),
            _ => None,
        }
    }

    pub(super) fn has(&self, who: usize, place: Where, bit: i64) -> bool {
        if self.disabled.contains(&who) {
            return false;
        }
        let mut allowed = false;
        for identity in 0..IDENTITIES {
            if !self.is(who, identity, &mut BTreeSet::new()) {
                continue;
            }
            if let Some((allow, deny)) = self.row(place, identity) {
                if deny & bit != 0 {
                    return false;
                }
                allowed |= allow & bit != 0;
            }
        }
        allowed
    }

    pub(super) fn exists(&self, place: Where) -> bool {
        place.is_none_or(|file| self.files[file].is_some())
    }

    pub(super) fn sees(&self, who: usize, place: Where) -> bool {
        self.exists(place) && self.has(who, place, library::VIEW)
    }

    /// The no that the gate gives, if it gives one.
    pub(super) fn no(&self, who: usize, place: Where, bit: i64, view: i64) -> Option<End> {
        if self.disabled.contains(&who) {
            Some(End::Denied("identity_disabled"))
        } else if !self.exists(place) || (view != 0 && !self.has(who, place, view)) {
            Some(End::Denied("not_found"))
        } else if self.has(who, place, bit) {
            None
        } else {
            Some(End::Denied("role_missing"))
        }
    }

    fn somebody_administers(&self, place: Where) -> bool {
        (0..PEOPLE).any(|who| {
            self.has(who, place, library::VIEW) && self.has(who, place, library::ADMINISTER)
        })
    }

    /// Places of which nobody is Administrator.
    fn deserted(&self) -> BTreeSet<Where> {
        let files = (0..self.files.len()).map(Some);
        std::iter::once(None)
            .chain(files)
            .filter(|place| self.exists(*place) && !self.somebody_administers(*place))
            .collect()
    }

    fn owner(&self, place: Where, who: usize) -> bool {
        self.rows
            .get(&(place, who))
            .is_some_and(|(allow, _)| allow & library::OWNER != 0)
    }

    /// Changes rows, if somebody is left afterwards whom the change did not take away.
    fn settle(&mut self, next: Self, here: Where) -> End {
        let (before, after) = (self.deserted(), next.deserted());
        if after.contains(&here) || after.difference(&before).next().is_some() {
            return End::Refused(Refusal::LastAdministrator);
        }
        *self = next;
        End::Done
    }

    pub(super) fn write(&mut self, who: usize, place: Where, whose: usize, row: (i64, i64)) -> End {
        let removes = row == (0, 0);
        if let Some(no) = self.no(who, place, library::ADMINISTER, library::VIEW) {
            return no;
        }
        let own = self.rows.get(&(place, whose)).copied();
        if self.owner(place, whose) && own != Some(row) {
            return End::Refused(Refusal::CreatorFixed);
        }
        if (row.0 | row.1) & library::OWNER != 0 && own != Some(row) {
            return End::Refused(Refusal::OwnerMark);
        }
        let above = match place {
            Some(file) if !self.alone.contains(&file) => self.rows.get(&(None, whose)).copied(),
            _ => None,
        };
        if let Some((allow, deny)) = above {
            let lowered = [library::VIEW, library::ADMINISTER, library::USE]
                .into_iter()
                .any(|bit| {
                    let had = allow & bit != 0 && deny & bit == 0;
                    let has = row.0 & bit != 0 && row.1 & bit == 0;
                    had && !has
                });
            if (removes && own.is_none()) || (!removes && lowered) {
                return End::Refused(Refusal::Inherited);
            }
        }
        let mut next = self.clone();
        if removes {
            next.rows.remove(&(place, whose));
        } else {
            next.rows.insert((place, whose), row);
        }
        self.settle(next, place)
    }

    pub(super) fn inherit(&mut self, who: usize, file: usize, on: bool) -> End {
        if let Some(no) = self.no(who, Some(file), library::ADMINISTER, library::VIEW) {
            return no;
        }
        let mut next = self.clone();
        if on {
            next.alone.remove(&file);
            for identity in 0..IDENTITIES {
                if self.rows.contains_key(&(None, identity)) && !self.owner(Some(file), identity) {
                    next.rows.remove(&(Some(file), identity));
                }
            }
        } else {
            next.alone.insert(file);
        }
        self.settle(next, Some(file))
    }
}
