//! The roles of the Library as patterns, and what may be done to the entries behind them. Pure rules on bits.
//!
//! It must not know where entries are stored, nor who asks.

use super::{Entry, Scope, library};

/// What an entry allows and denies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Bits {
    /// Allowed.
    pub allow: i64,
    /// Denied.
    pub deny: i64,
}

impl Bits {
    /// These allowed, nothing denied.
    pub fn allowing(allow: i64) -> Self {
        Self { allow, deny: 0 }
    }

    /// What is left when deny wins.
    pub fn effective(self) -> i64 {
        self.allow & !self.deny
    }

    /// Both, where the newer one wins a bit that they disagree on.
    #[must_use]
    pub fn merged(self, newer: Self) -> Self {
        Self {
            allow: (self.allow & !newer.deny) | newer.allow,
            deny: (self.deny & !newer.allow) | newer.deny,
        }
    }

    /// Without any word on these bits.
    #[must_use]
    pub fn without(self, bits: i64) -> Self {
        Self {
            allow: self.allow & !bits,
            deny: self.deny & !bits,
        }
    }

    /// Whether it says nothing at all.
    pub fn is_empty(self) -> bool {
        self.allow | self.deny == 0
    }
}

impl Entry {
    /// What it allows and denies.
    pub fn bits(&self) -> Bits {
        Bits {
            allow: self.allow,
            deny: self.deny,
        }
    }
}

/// A role of the Library: a named bit pattern.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// See items.
    Reader,
    /// See and use items.
    User,
    /// Create items. Library level only, and nothing else: not even seeing them.
    Creator,
    /// Everything.
    Administrator,
}

impl Role {
    /// All roles, weakest first.
    pub const ALL: [Self; 4] = [Self::Reader, Self::User, Self::Creator, Self::Administrator];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "Reader",
            Self::User => "User",
            Self::Creator => "Creator",
            Self::Administrator => "Administrator",
        }
    }

    /// What it is good for.
    pub fn description(self) -> &'static str {
        match self {
            Self::Reader => "Reader can only view library items.",
            Self::User => "User can use library items, but cannot manage them.",
            Self::Creator => "Creator can create library items, and administers those it created.",
            Self::Administrator => "Administrator can use and manage library items.",
        }
    }

    /// The role of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(name))
    }

    /// The bits at library level.
    pub fn library_bits(self) -> i64 {
        match self {
            Self::Creator => library::CREATE,
            Self::Administrator => Role::Administrator.item_bits() | library::CREATE,
            _ => self.item_bits(),
        }
    }

    /// The bits at an item. Creator has none there.
    pub fn item_bits(self) -> i64 {
        match self {
            Self::Reader => library::VIEW,
            Self::User => library::VIEW | library::USE,
            Self::Creator => 0,
            Self::Administrator => library::VIEW | library::USE | library::ADMINISTER,
        }
    }

    /// The bits at a scope. None where the role does not exist.
    pub fn bits_at(self, scope: &Scope) -> Option<i64> {
        match scope {
            Scope::Library(_) => Some(self.library_bits()),
            Scope::File(..) if self != Self::Creator => Some(self.item_bits()),
            _ => None,
        }
    }

    /// The roles that can be chosen at a scope.
    pub fn at(scope: &Scope) -> impl Iterator<Item = Self> {
        let scope = *scope;
        Self::ALL
            .into_iter()
            .filter(move |role| role.bits_at(&scope).is_some())
    }
}

/// How an entry that stands at the library or at an item is shown as a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShownRole {
    /// The strongest role that the entry contains as a whole. None when it contains none.
    pub role: Option<Role>,
    /// Whether the entry is that role and nothing else. The creator's mark does not count.
    pub exact: bool,
}

/// The role that an entry amounts to where it stands: `library` for the library, else an item.
///
/// Entries can be set bit by bit, so not each is a role. The strongest role it wholly contains is named, and it is said
/// when that is not all.
pub fn shown(bits: Bits, library: bool) -> ShownRole {
    let of = |role: Role| {
        if library {
            role.library_bits()
        } else {
            role.item_bits()
        }
    };
    let effective = bits.effective();
    let role = Role::ALL
        .into_iter()
        .rev()
        .find(|role| of(*role) != 0 && effective & of(*role) == of(*role));
    ShownRole {
        role,
        exact: role.is_some_and(|role| bits.deny == 0 && bits.allow & !library::OWNER == of(role)),
    }
}

/// Why an entry must stay as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breach {
    /// It is the creator's, which is fixed.
    Creator,
    /// The creator's mark is not for anybody to hand out.
    OwnerMark,
    /// It is inherited, and inheritance is on: it can be raised here, not lowered or removed.
    Inherited,
}

/// Whether one identity's entry at a scope may become `wanted`; `None` removes it.
///
/// `own` and `inherited` are what the identity has now; `inherits` is the switch.
pub fn may_become(
    scope: &Scope,
    own: Option<Bits>,
    inherited: Option<Bits>,
    inherits: bool,
    wanted: Option<Bits>,
) -> Result<(), Breach> {
    let is_library = matches!(scope, Scope::Library(_) | Scope::File(..));
    if is_library {
        let marked = |bits: Option<Bits>| bits.is_some_and(|b| b.allow & library::OWNER != 0);
        if marked(own) && wanted != own {
            return Err(Breach::Creator);
        }
        if wanted.is_some_and(|b| (b.allow | b.deny) & library::OWNER != 0) && wanted != own {
            return Err(Breach::OwnerMark);
        }
    }
    let Some(inherited) = inherited.filter(|_| inherits) else {
        return Ok(());
    };
    match wanted {
        // Removing what stands here brings the inherited one back; without one here, there is nothing to remove.
        None if own.is_some() => Ok(()),
        None => Err(Breach::Inherited),
        Some(wanted) => {
            // What only counts at the library's own level cannot be lost here.
            let counts = if is_library { !library::CREATE } else { !0 };
            let lost = inherited.effective() & !wanted.effective() & counts;
            if lost == 0 {
                Ok(())
            } else {
                Err(Breach::Inherited)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileId, ProjectId};
    use uuid::Uuid;

    const LIBRARY: Scope = Scope::Library(ProjectId(Uuid::nil()));
    const FILE: Scope = Scope::File(ProjectId(Uuid::nil()), FileId(Uuid::nil()));

    fn role(role: Role) -> Option<Bits> {
        Some(Bits::allowing(role.item_bits()))
    }

    #[test]
    fn creator_can_create_and_nothing_else() {
        assert_eq!(Role::Creator.library_bits(), library::CREATE);
        assert_eq!(Role::Creator.bits_at(&FILE), None);
        assert_eq!(Role::at(&LIBRARY).count(), 4);
        assert_eq!(Role::at(&FILE).count(), 3);
    }

    #[test]
    fn roles_are_named_in_any_case() {
        assert_eq!(Role::from_name("aDMINISTRATOR"), Some(Role::Administrator));
        assert_eq!(Role::from_name("Owner"), None);
    }

    #[test]
    fn a_role_is_shown_as_itself_and_a_foreign_pattern_as_what_it_contains() {
        for role in Role::ALL {
            let exact = ShownRole {
                role: Some(role),
                exact: true,
            };
            assert_eq!(shown(Bits::allowing(role.library_bits()), true), exact);
            if role != Role::Creator {
                assert_eq!(shown(Bits::allowing(role.item_bits()), false), exact);
            }
        }
        let see = |allow, deny, library| {
            let shown = shown(Bits { allow, deny }, library);
            (shown.role, shown.exact)
        };
        let administrator = Role::Administrator.item_bits() | library::OWNER;
        assert_eq!(
            see(administrator, 0, false),
            (Some(Role::Administrator), true)
        );
        assert_eq!(see(5, 0, true), (Some(Role::Creator), false));
        assert_eq!(see(1 | 8, 0, false), (Some(Role::Reader), false));
        assert_eq!(see(19, 2, false), (Some(Role::User), false));
        assert_eq!(see(17, 2, false), (Some(Role::User), false));
        assert_eq!(see(17, 1, false), (None, false));
        assert_eq!(see(library::ADMINISTER, 0, false), (None, false));
        assert_eq!(see(library::CREATE, 0, false), (None, false));
        assert_eq!(see(0, library::VIEW, false), (None, false));
    }

    #[test]
    fn the_creators_entry_is_fixed() {
        let creator = Some(Bits::allowing(
            Role::Administrator.item_bits() | library::OWNER,
        ));
        let ask = |wanted| may_become(&FILE, creator, None, true, wanted);
        assert_eq!(ask(creator), Ok(()));
        assert_eq!(ask(role(Role::Reader)), Err(Breach::Creator));
        assert_eq!(ask(role(Role::Administrator)), Err(Breach::Creator));
        assert_eq!(ask(None), Err(Breach::Creator));
        assert_eq!(
            may_become(&FILE, None, None, true, creator),
            Err(Breach::OwnerMark)
        );
        let denied = Some(Bits {
            allow: 0,
            deny: library::OWNER,
        });
        assert_eq!(
            may_become(&FILE, None, None, true, denied),
            Err(Breach::OwnerMark)
        );
    }

    #[test]
    fn an_inherited_entry_is_raised_and_never_lowered_while_inheritance_is_on() {
        let user = role(Role::User);
        let ask = |own, inherits, wanted| may_become(&FILE, own, user, inherits, wanted);
        assert_eq!(ask(None, true, role(Role::Administrator)), Ok(()));
        assert_eq!(ask(None, true, user), Ok(()));
        assert_eq!(ask(None, true, role(Role::Reader)), Err(Breach::Inherited));
        assert_eq!(ask(None, true, None), Err(Breach::Inherited));
        assert_eq!(ask(role(Role::Administrator), true, None), Ok(()));
        let denying = Some(Bits {
            allow: 17,
            deny: 16,
        });
        assert_eq!(ask(None, true, denying), Err(Breach::Inherited));
        assert_eq!(ask(None, false, role(Role::Reader)), Ok(()));
        assert_eq!(ask(None, false, denying), Ok(()));
        // Creator at the library is nothing at an item: it cannot be lost there.
        let creator = Some(Bits::allowing(library::CREATE));
        let reader = role(Role::Reader);
        assert_eq!(may_become(&FILE, None, creator, true, reader), Ok(()));
        assert_eq!(
            may_become(&FILE, None, creator, true, None),
            Err(Breach::Inherited)
        );
    }

    #[test]
    fn merging_lets_the_newer_win() {
        let old = Bits {
            allow: 1 | 2,
            deny: 16,
        };
        let merged = old.merged(Bits { allow: 16, deny: 2 });
        assert_eq!(
            merged,
            Bits {
                allow: 1 | 16,
                deny: 2
            }
        );
        assert_eq!(merged.without(1 | 2), Bits { allow: 16, deny: 0 });
        assert!(merged.without(19).is_empty());
    }
}
