//! Drafts of roles against roles that change below them.

use super::draft::{Draft, Sheet, What};
use crate::pages::guard::Form;
use coffer_model::access::{Bits, Role, Scope, library, shown};
use coffer_model::library::{IdentityKind, Person};
use coffer_model::{FileId, IdentityId, ProjectId};
use coffer_service::{Held, RoleSheet, SheetRow};
use uuid::Uuid;

const FILE: Scope = Scope::File(ProjectId(Uuid::nil()), FileId(Uuid::nil()));

fn id(number: u128) -> IdentityId {
    IdentityId(Uuid::from_u128(number))
}

fn held(role: Role) -> Option<Held> {
    let of_library = role == Role::Creator;
    let bits = match of_library {
        true => role.library_bits(),
        false => role.item_bits(),
    };
    Some(Held {
        role: shown(Bits::allowing(bits), of_library),
        bits: Bits::allowing(bits),
        of_library,
    })
}

fn row(number: u128, own: Option<Held>, inherited: Option<Held>) -> SheetRow {
    SheetRow {
        identity: Person {
            id: id(number),
            unique_name: format!("n{number}"),
            display_name: format!("N{number}"),
        },
        kind: IdentityKind::User,
        own,
        inherited,
        creator: own.is_some_and(|own| own.bits.allow & library::OWNER != 0),
    }
}

fn roles(stamp: &str, inherits: bool, rows: Vec<SheetRow>) -> RoleSheet {
    RoleSheet {
        scope: FILE,
        inherits,
        stamp: stamp.to_owned(),
        rows,
    }
}

/// 1 inherits User, 2 is Reader here, 3 is User here and Reader in the library, 4 inherits Creator.
fn usual(stamp: &str, inherits: bool) -> RoleSheet {
    roles(
        stamp,
        inherits,
        vec![
            row(1, None, held(Role::User)),
            row(2, held(Role::Reader), None),
            row(3, held(Role::User), held(Role::Reader)),
            row(4, None, held(Role::Creator)),
        ],
    )
}

/// The form that a page of this sheet sends, with some fields of it changed.
fn sent(sheet: &Sheet, changed: &[(&str, u128, &str)]) -> Draft {
    let on = |on: bool| if on { "on" } else { "off" };
    let mut fields = vec![format!("stamp={}", sheet.stamp)];
    if let Some(inherits) = sheet.inherits {
        fields.push(format!(
            "inherited={}&inherits={}",
            on(sheet.inherits_now),
            on(inherits)
        ));
    }
    for row in &sheet.rows {
        fields.push(format!("was.{}={}", row.id, row.was));
        if let What::Chosen { role, gone, new } = &row.what {
            let other = changed.iter().find(|(_, number, _)| id(*number) == row.id);
            let role = other.map_or(role.as_str(), |(_, _, role)| *role);
            fields.push(format!("role.{}={role}", row.id));
            fields.extend(gone.then(|| format!("gone.{}=on", row.id)));
            fields.extend(new.then(|| format!("new.{}=on", row.id)));
        }
    }
    Draft::read(&Form::read(fields.join("&").as_bytes()).unwrap())
}

/// `number: what` of each row.
fn shows(sheet: &Sheet) -> Vec<String> {
    let words = sheet.rows.iter().map(|row| {
        let number = row.id.0.as_u128();
        match &row.what {
            What::Inherited(role) => format!("{number}: inherits {role}"),
            What::Creator => format!("{number}: made it"),
            What::Chosen { gone: true, .. } => format!("{number}: gone"),
            What::Chosen { role, .. } => format!("{number}: {role}"),
        }
    });
    words.collect()
}

/// `number: role` of each change.
fn saves(draft: &Draft, sheet: &Sheet) -> Vec<String> {
    let changes = draft.changes(sheet);
    let switch = changes.inherits.map(|on| format!("inherits: {on}"));
    let roles = changes.roles.into_iter().map(|(id, role)| {
        let role = role.unwrap_or_else(|| "none".to_owned());
        format!("{}: {role}", id.0.as_u128())
    });
    switch.into_iter().chain(roles).collect()
}

#[test]
fn a_page_that_nobody_touched_changes_nothing() {
    for inherits in [true, false] {
        let now = usual("a", inherits);
        let sheet = Draft::default().over(&now, &[]);
        let draft = sent(&sheet, &[]);
        let again = draft.over(&now, &[]);
        assert_eq!((shows(&again), again.waiting()), (shows(&sheet), 0));
        assert!(saves(&draft, &again).is_empty());
        assert!(!again.is_stale);
    }
    let inherits = Draft::default().over(&usual("a", true), &[]);
    assert_eq!(
        shows(&inherits),
        [
            "1: inherits User",
            "2: Reader",
            "3: User",
            "4: inherits Creator"
        ]
    );
    // What does not count is not shown.
    let alone = Draft::default().over(&usual("a", false), &[]);
    assert_eq!(shows(&alone), ["2: Reader", "3: User"]);
}

#[test]
fn changes_are_collected_and_only_they_are_saved() {
    let now = usual("a", true);
    let first = Draft::default().over(&now, &[]);
    let mut draft = sent(&first, &[("role", 2, "Administrator")]);
    draft.remove(id(3));
    let second = draft.over(&now, &[]);
    assert_eq!(
        shows(&second),
        [
            "1: inherits User",
            "2: Administrator",
            "3: gone",
            "4: inherits Creator"
        ]
    );
    // They go along from page to page.
    let mut draft = sent(&second, &[]);
    draft.add(id(1), "Administrator");
    let third = draft.over(&now, &[]);
    assert_eq!(
        saves(&draft, &third),
        ["1: Administrator", "2: Administrator", "3: none"]
    );
    let mut draft = sent(&third, &[]);
    draft.keep(id(3));
    draft.remove(id(1));
    let fourth = draft.over(&now, &[]);
    assert_eq!(saves(&draft, &fourth), ["2: Administrator"]);
    assert_eq!(shows(&fourth)[0], "1: inherits User");
}

#[test]
fn switched_off_what_was_inherited_stays_until_it_is_changed() {
    let now = usual("a", true);
    let mut draft = sent(&Draft::default().over(&now, &[]), &[]);
    draft.switch(false);
    let off = draft.over(&now, &[]);
    assert_eq!(shows(&off), ["1: User", "2: Reader", "3: User"]);
    assert_eq!(saves(&draft, &off), ["inherits: false", "1: User"]);
    let mut lowered = sent(&off, &[("role", 1, "Reader")]);
    let sheet = lowered.over(&now, &[]);
    assert_eq!(saves(&lowered, &sheet), ["inherits: false", "1: Reader"]);
    // Switched on again before it is saved, all is as it was.
    lowered.switch(true);
    let back = lowered.over(&now, &[]);
    assert!(saves(&lowered, &back).is_empty());
    assert_eq!(shows(&back), shows(&Draft::default().over(&now, &[])));
}

#[test]
fn switched_on_again_the_file_gives_way_to_the_library() {
    let now = usual("a", false);
    let mut draft = sent(
        &Draft::default().over(&now, &[]),
        &[("role", 3, "Administrator")],
    );
    draft.switch(true);
    let on = draft.over(&now, &[]);
    assert_eq!(
        shows(&on),
        [
            "1: inherits User",
            "2: Reader",
            "3: inherits Reader",
            "4: inherits Creator"
        ]
    );
    assert_eq!(saves(&draft, &on), ["inherits: true"]);
}

#[test]
fn what_somebody_else_changed_meanwhile_is_shown_and_what_was_chosen_stays() {
    let sheet = Draft::default().over(&usual("a", true), &[]);
    let draft = sent(&sheet, &[("role", 2, "User")]);
    let now = roles(
        "b",
        true,
        vec![
            row(1, held(Role::Administrator), held(Role::User)),
            row(2, held(Role::Administrator), None),
            row(4, None, held(Role::Creator)),
            row(5, held(Role::Reader), None),
        ],
    );
    let merged = draft.over(&now, &[]);
    assert!(merged.is_stale);
    assert_eq!(
        shows(&merged),
        [
            "1: Administrator",
            "2: User",
            "4: inherits Creator",
            "5: Reader"
        ]
    );
    let told: Vec<_> = merged
        .rows
        .iter()
        .map(|row| row.meanwhile.as_deref())
        .collect();
    assert_eq!(
        told,
        [
            Some("was given Administrator"),
            Some("was Reader, is now Administrator"),
            None,
            Some("was given Reader")
        ]
    );
    assert_eq!(merged.left, 1);
    // Sent again, it is made from what is there now.
    let again = sent(&merged, &[]);
    let sheet = again.over(&now, &[]);
    assert!(!sheet.is_stale);
    assert_eq!(saves(&again, &sheet), ["2: User"]);
    assert_eq!(again.changes(&sheet).stamp, "b");
}

#[test]
fn the_creators_role_is_fixed_and_custom_rights_stay_until_a_role_takes_their_place() {
    let bits = |allow| {
        Some(Held {
            role: shown(Bits::allowing(allow), false),
            bits: Bits::allowing(allow),
            of_library: false,
        })
    };
    let creator = bits(Role::Administrator.item_bits() | library::OWNER);
    let custom = bits(library::VIEW | library::ADMINISTER);
    let now = roles("a", true, vec![row(1, creator, None), row(2, custom, None)]);
    let sheet = Draft::default().over(&now, &[]);
    assert_eq!(shows(&sheet), ["1: made it", "2: custom"]);
    let mut draft = sent(&sheet, &[]);
    draft.remove(id(1));
    let sheet = draft.over(&now, &[]);
    assert!(saves(&draft, &sheet).is_empty());
    let draft = sent(&sheet, &[("role", 2, "Reader")]);
    let sheet = draft.over(&now, &[]);
    assert_eq!(saves(&draft, &sheet), ["2: Reader"]);
}

#[test]
fn a_form_that_is_not_ours_is_read_as_far_as_it_makes_sense() {
    let garbage = "role.x=Reader&role.=&was=&=&step=save&role.00000000-0000-0000-0000-000000000009=Reader&inherits=maybe";
    let draft = Draft::read(&Form::read(garbage.as_bytes()).unwrap());
    let now = usual("a", true);
    assert!(draft.strangers(&now).is_empty());
    let sheet = draft.over(&now, &[]);
    assert_eq!(sheet.rows.len(), 4);
}
