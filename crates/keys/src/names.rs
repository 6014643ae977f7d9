//! Names of generations in services that keep all units' keys in one place, such as
//! `coffer.eu-west_2f2.00000007-9c1f02ab`.
//!
//! A name says whose it is and which came later, so that the newest is found by listing, and no two servers that make
//! one at the same time make the same. Must not know any service.

use coffer_seal::Entropy;

use crate::checks::MAX_SCALE_UNIT;

/// The names of one unit's generations: all that begin with it, and no other unit's do.
pub(crate) fn prefix(prefix: &str, scale_unit: &str) -> String {
    format!("{prefix}.{}.", unit_part(scale_unit))
}

/// A unit's name in letters, digits, `-` and `_` alone; two units never look the same.
pub(crate) fn unit_part(scale_unit: &str) -> String {
    let mut part = String::with_capacity(scale_unit.len());
    for byte in scale_unit.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => part.push(char::from(byte)),
            other => part.push_str(&format!("_{other:02x}")),
        }
    }
    part
}

/// Whether a unit can have keys at all.
pub(crate) fn is_scale_unit(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_SCALE_UNIT
}

/// The unit's generations among `names`, the newest first. Two of the same number were made at the same time; the
/// order of the rest of their names decides, the same for everybody.
pub(crate) fn newest_first<'a>(
    names: impl IntoIterator<Item = &'a str>,
    prefix: &str,
) -> Vec<&'a str> {
    let mut found: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((number(name, prefix)?, name)))
        .collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, name)| name).collect()
}

/// A name for a generation that is newer than all of `names`.
pub(crate) fn next<'a>(
    names: impl IntoIterator<Item = &'a str>,
    prefix: &str,
    entropy: &Entropy,
) -> String {
    let newest = names
        .into_iter()
        .filter_map(|name| number(name, prefix))
        .max();
    let mut random = [0; 4];
    entropy(&mut random);
    let number = newest.unwrap_or(0) + 1;
    format!("{prefix}{number:08}-{:08x}", u32::from_be_bytes(random))
}

/// The number in a name of ours.
fn number(name: &str, prefix: &str) -> Option<u32> {
    let (number, random) = name.strip_prefix(prefix)?.split_once('-')?;
    let ours = number.len() == 8
        && random.len() == 8
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_seal::os_entropy;

    #[test]
    fn a_new_name_is_newer_than_all_and_two_differ() {
        let unit = prefix("coffer", "prod");
        let first = next([], &unit, &os_entropy);
        assert!(first.starts_with("coffer.prod.00000001-"), "{first}");
        let second = next([first.as_str()], &unit, &os_entropy);
        let other = next([first.as_str()], &unit, &os_entropy);
        assert_ne!(second, other);
        let names = [first.as_str(), second.as_str(), "coffer.prod.what", "else"];
        assert_eq!(newest_first(names, &unit), [&second, &first]);
    }

    #[test]
    fn one_unit_s_names_are_never_another_s() {
        let units = ["a", "a.b", "a_2eb", "a/b", "A", "a-1", "\u{e4}"];
        for one in units {
            let name = next([], &prefix("coffer", one), &os_entropy);
            for other in units {
                let theirs = newest_first([name.as_str()], &prefix("coffer", other));
                assert_eq!(theirs.len(), usize::from(one == other), "{one} {other}");
            }
        }
    }
}
