//! Changes of roles that are not saved yet. They live in the form: what each row was when the page was made, and what a
//! person wants it to be. Put together with what the roles are now, they make the rows to show and the changes to save.
//!
//! It must not know markup, nor who may change what: the gate and the rules of roles answer when it is saved.

use crate::pages::guard::Form;
use coffer_model::IdentityId;
use coffer_model::access::{Role, Scope};
use coffer_model::library::{Identity, IdentityKind};
use coffer_service::{Held, RoleChanges, RoleSheet, SheetRow};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Rights that are no role: kept as they are, unless a role takes their place.
pub(crate) const CUSTOM: &str = "custom";
/// Rows of one form at most.
const MOST: usize = 1000;

/// What a person wants of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wish {
    /// What stood at the place itself when the page was made: a role's name, `custom`, or nothing.
    was: String,
    /// What shall stand there.
    role: String,
    /// Taken away.
    gone: bool,
    /// Added by hand: it has no row of its own yet.
    new: bool,
}

/// What was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// What the roles were; empty when the page is shown for the first time.
    stamp: String,
    /// The switch as it was and as it shall be.
    inherits: Option<(bool, bool)>,
    wishes: BTreeMap<IdentityId, Wish>,
}

/// A row of the page.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: IdentityId,
    pub(crate) name: String,
    pub(crate) unique_name: String,
    pub(crate) kind: IdentityKind,
    pub(crate) what: What,
    /// What stands at the place now: what `was` becomes.
    pub(crate) was: String,
    /// What somebody else changed since the page was made.
    pub(crate) meanwhile: Option<String>,
    /// The role that it has at the library, where that counts or would count.
    pub(crate) above: Option<String>,
}

/// What can be done with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// It follows from the library.
    Inherited(String),
    /// It made the file.
    Creator,
    /// Its role can be chosen.
    Chosen { role: String, gone: bool, new: bool },
}

impl Row {
    /// Whether saving changes it.
    pub(crate) fn is_changed(&self) -> bool {
        match &self.what {
            What::Chosen { gone: true, .. } => !self.was.is_empty(),
            What::Chosen { role, .. } => *role != self.was,
            What::Inherited(_) | What::Creator => false,
        }
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.was == CUSTOM
    }

    pub(crate) fn kind_word(&self) -> &'static str {
        kind_word(self.kind)
    }

    /// The role that it has now or inherits, in words; none where it would be new.
    pub(crate) fn role_now(&self) -> Option<String> {
        match &self.what {
            What::Inherited(role) => Some(format!("{role}, inherited")),
            What::Creator => Some("Administrator, created the file".to_owned()),
            What::Chosen { gone: true, .. } => None,
            What::Chosen { role, .. } if role == CUSTOM => Some("custom rights".to_owned()),
            What::Chosen { role, .. } => Some(role.clone()),
        }
    }
}

/// What an identity is.
pub(crate) fn kind_word(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "person",
        IdentityKind::Group => "group",
        IdentityKind::Service => "service",
    }
}

/// What is shown: the roles as they are, with what a person wants.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) stamp: String,
    /// The switch as it shall be; none where there is nothing to inherit from.
    pub(crate) inherits: Option<bool>,
    pub(crate) inherits_now: bool,
    pub(crate) rows: Vec<Row>,
    /// Whether the roles are not any more what the page was made of.
    pub(crate) is_stale: bool,
    /// Names of those whose rows went away meanwhile.
    pub(crate) left: usize,
}

impl Sheet {
    /// Whether saving turns the switch.
    pub(crate) fn is_switched(&self) -> bool {
        self.inherits
            .is_some_and(|wanted| wanted != self.inherits_now)
    }

    /// How many changes wait to be saved.
    pub(crate) fn waiting(&self) -> usize {
        let rows = self.rows.iter().filter(|row| row.is_changed());
        rows.count() + usize::from(self.is_switched())
    }
}

/// A role as the form says it.
fn word(held: &Held) -> String {
    match held.role.role {
        Some(role) if held.role.exact => role.name().to_owned(),
        _ => CUSTOM.to_owned(),
    }
}

/// A role as people read it.
fn told(held: &Held) -> String {
    match (held.role.role, held.role.exact) {
        (Some(role), true) => role.name().to_owned(),
        (Some(role), false) => format!("{} (custom rights)", role.name()),
        (None, _) => "No role (custom rights)".to_owned(),
    }
}

impl Draft {
    /// What a form says. What it says wrong is as if it had not been said.
    pub(crate) fn read(form: &Form) -> Self {
        let on = |name| form.field(name) == "on";
        let mut draft = Self {
            stamp: form.field("stamp").to_owned(),
            inherits: (!form.field("inherits").is_empty())
                .then(|| (on("inherited"), on("inherits"))),
            wishes: BTreeMap::new(),
        };
        for (name, value) in form.fields() {
            let Some((part, id)) = name.split_once('.') else {
                continue;
            };
            let Ok(id) = Uuid::parse_str(id) else {
                continue;
            };
            let id = IdentityId(id);
            if draft.wishes.len() >= MOST && !draft.wishes.contains_key(&id) {
                continue;
            }
            let value = value.to_owned();
            match part {
                "was" => draft.wish(id).was = value,
                "role" => draft.wish(id).role = value,
                "gone" => draft.wish(id).gone = true,
                "new" => draft.wish(id).new = true,
                _ => {}
            }
        }
        draft
    }

    fn wish(&mut self, id: IdentityId) -> &mut Wish {
        self.wishes.entry(id).or_default()
    }

    pub(crate) fn switch(&mut self, inherits: bool) {
        let was = self.inherits.map_or(!inherits, |(was, _)| was);
        self.inherits = Some((was, inherits));
    }

    /// Marks a row as to be taken away. One that was only added is forgotten.
    pub(crate) fn remove(&mut self, id: IdentityId) {
        let wish = self.wish(id);
        if wish.new && wish.was.is_empty() {
            self.wishes.remove(&id);
        } else {
            wish.gone = true;
        }
    }

    pub(crate) fn keep(&mut self, id: IdentityId) {
        self.wish(id).gone = false;
    }

    /// Adds a row, or gives one that is there another role.
    pub(crate) fn add(&mut self, id: IdentityId, role: &str) {
        let wish = self.wish(id);
        wish.role = role.to_owned();
        wish.gone = false;
        wish.new = true;
    }

    /// Those that were added and have no row yet: whose names are to be looked up.
    pub(crate) fn strangers(&self, sheet: &RoleSheet) -> Vec<IdentityId> {
        let known: BTreeSet<_> = sheet.rows.iter().map(|row| row.identity.id).collect();
        let new = self
            .wishes
            .iter()
            .filter(|(id, wish)| wish.new && !known.contains(id));
        new.map(|(id, _)| *id).collect()
    }

    /// Whether it is wanted that the place inherits.
    fn inherits(&self, now: bool) -> bool {
        match self.inherits {
            // Whoever did not touch the switch wants it as it is.
            Some((was, wanted)) if was != wanted => wanted,
            _ => now,
        }
    }

    /// The rows to show: the roles as they are now, with what is wanted where it was touched.
    pub(crate) fn over(&self, now: &RoleSheet, strangers: &[Identity]) -> Sheet {
        let is_file = matches!(now.scope, Scope::File(..));
        let inherits = is_file && self.inherits(now.inherits);
        let is_stale = !self.stamp.is_empty() && self.stamp != now.stamp;
        let mut rows: Vec<Row> = now
            .rows
            .iter()
            .filter_map(|row| self.row(row, inherits, now.inherits, is_stale))
            .collect();
        for stranger in strangers {
            let role = self.wishes.get(&stranger.id).map(|wish| wish.role.clone());
            rows.push(Row {
                id: stranger.id,
                name: stranger.display_name.clone(),
                unique_name: stranger.unique_name.clone(),
                kind: stranger.kind,
                what: What::Chosen {
                    role: role.unwrap_or_default(),
                    gone: false,
                    new: true,
                },
                was: String::new(),
                meanwhile: None,
                above: None,
            });
        }
        let there: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        let left = self
            .wishes
            .iter()
            .filter(|(id, wish)| is_stale && !wish.was.is_empty() && !there.contains(id));
        Sheet {
            left: left.count(),
            stamp: now.stamp.clone(),
            inherits: is_file.then_some(inherits),
            inherits_now: now.inherits,
            rows,
            is_stale,
        }
    }

    fn row(
        &self,
        row: &SheetRow,
        inherits: bool,
        inherits_now: bool,
        is_stale: bool,
    ) -> Option<Row> {
        let wish = self.wishes.get(&row.identity.id);
        let was = row.own.as_ref().map(word).unwrap_or_default();
        let added = wish.is_some_and(|wish| wish.new);
        // Switched on again, the place gives way to the library for whoever has a role there.
        let gives_way = inherits && !inherits_now && row.inherited.is_some();
        let what = match (&row.own, &row.inherited) {
            _ if row.creator => What::Creator,
            (own, Some(above)) if inherits && (own.is_none() || gives_way) && !added => {
                What::Inherited(told(above))
            }
            // What was inherited until now stays, as the place's own, until it is changed.
            (None, Some(above)) if !inherits && inherits_now => {
                let role = above.role.role.filter(|_| !above.of_library);
                let usual = role.map(|role| role.name().to_owned()).unwrap_or_default();
                self.chosen(wish, &was, usual)?
            }
            (None, Some(_)) if !inherits && !added => return None,
            _ => self.chosen(wish, &was, was.clone())?,
        };
        let before = wish.map(|wish| wish.was.as_str());
        let changed =
            is_stale && before != Some(was.as_str()) && !(before.is_none() && was.is_empty());
        Some(Row {
            id: row.identity.id,
            name: row.identity.display_name.clone(),
            unique_name: row.identity.unique_name.clone(),
            kind: row.kind,
            meanwhile: changed.then(|| match (before, was.as_str()) {
                (Some("") | None, now) => format!("was given {now}"),
                (Some(_), "") => "was taken away".to_owned(),
                (Some(before), now) => format!("was {before}, is now {now}"),
            }),
            what,
            was,
            above: row.inherited.as_ref().map(told),
        })
    }

    /// What is wanted of a row that can be chosen; `usual` where it was not touched. None for nothing at all.
    fn chosen(&self, wish: Option<&Wish>, was: &str, usual: String) -> Option<What> {
        let touched = wish.filter(|wish| wish.new || wish.gone || wish.role != wish.was);
        let (role, gone, new) = match touched {
            Some(wish) if wish.role.is_empty() => (usual, wish.gone, wish.new),
            Some(wish) => (wish.role.clone(), wish.gone, wish.new),
            None => (usual, false, false),
        };
        let nothing = role.is_empty() && was.is_empty();
        (!nothing).then_some(What::Chosen { role, gone, new })
    }

    /// What is to be saved, made up from what the person saw.
    pub(crate) fn changes(&self, sheet: &Sheet) -> RoleChanges {
        let wanted = sheet
            .inherits
            .filter(|wanted| *wanted != sheet.inherits_now);
        let roles = sheet.rows.iter().filter(|row| row.is_changed());
        RoleChanges {
            stamp: self.stamp.clone(),
            inherits: wanted,
            roles: roles
                .filter_map(|row| match &row.what {
                    What::Chosen { gone: true, .. } => Some((row.id, None)),
                    What::Chosen { role, .. } => Some((row.id, Some(role.clone()))),
                    What::Inherited(_) | What::Creator => None,
                })
                .collect(),
        }
    }
}

/// Names of the roles that can be chosen at a place.
pub(crate) fn roles(scope: &Scope) -> Vec<Role> {
    Role::at(scope).collect()
}
