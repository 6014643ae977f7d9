//! Descriptors: how the wire names people, groups and services, computed from their ids, and back to the ids.
//!
//! There are two kinds, as in the original. A *subject descriptor* is what graph speaks (`vssgp.…`), an *identity
//! descriptor* is what access control lists speak (`Microsoft.TeamFoundation.Identity;S-1-9-…`). Both are computed, so
//! they never change, and nothing about them is stored. This module must not know whether an identity exists.

use crate::library::IdentityKind;
use crate::{IdentityId, ProjectId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// What a subject descriptor names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A person, a group or a service.
    Identity(IdentityKind, IdentityId),
    /// A project, as the scope of its groups.
    Project(ProjectId),
}

const GROUP: &str = "vssgp.";
const USER: &str = "msa.";
const SERVICE: &str = "svc.";
const SCOPE: &str = "scp.";

const GROUP_TYPE: &str = "Microsoft.TeamFoundation.Identity";
const USER_TYPE: &str = "Microsoft.IdentityModel.Claims.ClaimsIdentity";
const SERVICE_TYPE: &str = "Microsoft.TeamFoundation.ServiceIdentity";
/// What the original's security identifiers of groups begin with.
const SID: &str = "S-1-9-1551374245-";

fn sid(id: Uuid) -> String {
    let number = id.as_u128();
    let part = |shift: u32| (number >> shift) & u128::from(u32::MAX);
    format!("{SID}{}-{}-{}-{}", part(96), part(64), part(32), part(0))
}

fn from_sid(text: &str) -> Option<Uuid> {
    let mut number = 0_u128;
    let mut count = 0;
    for part in text.strip_prefix(SID)?.split('-') {
        number = (number << 32) | u128::from(part.parse::<u32>().ok()?);
        count += 1;
    }
    let id = Uuid::from_u128(number);
    // One spelling each: a leading zero or a sign is not ours.
    (count == 4 && sid(id) == text).then_some(id)
}

/// The subject descriptor of a person, group or service.
pub fn subject(kind: IdentityKind, id: IdentityId) -> String {
    match kind {
        IdentityKind::Group => format!("{GROUP}{}", URL_SAFE_NO_PAD.encode(sid(id.0))),
        IdentityKind::User => format!("{USER}{}", URL_SAFE_NO_PAD.encode(id.0.as_bytes())),
        IdentityKind::Service => format!("{SERVICE}{}", URL_SAFE_NO_PAD.encode(id.0.as_bytes())),
    }
}

/// The descriptor of a project as a scope.
pub fn project_scope(project: ProjectId) -> String {
    format!("{SCOPE}{}", URL_SAFE_NO_PAD.encode(project.0.as_bytes()))
}

/// What a subject descriptor names. None for what is no descriptor of ours.
pub fn parse_subject(text: &str) -> Option<Subject> {
    let end = text.find('.')? + 1;
    let (prefix, rest) = (text.get(..end)?, text.get(end..)?);
    let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
    let guid = || Uuid::from_slice(&bytes).ok();
    match prefix {
        GROUP => {
            let id = from_sid(std::str::from_utf8(&bytes).ok()?)?;
            Some(Subject::Identity(IdentityKind::Group, IdentityId(id)))
        }
        USER => Some(Subject::Identity(IdentityKind::User, IdentityId(guid()?))),
        SERVICE => Some(Subject::Identity(
            IdentityKind::Service,
            IdentityId(guid()?),
        )),
        SCOPE => Some(Subject::Project(ProjectId(guid()?))),
        _ => None,
    }
}

/// The identity descriptor of a person, group or service. The name is there for people to read; only the id counts.
pub fn identity(kind: IdentityKind, id: IdentityId, unique_name: &str) -> String {
    match kind {
        IdentityKind::Group => format!("{GROUP_TYPE};{}", sid(id.0)),
        IdentityKind::User => format!("{USER_TYPE};{id}\\{unique_name}"),
        IdentityKind::Service => {
            format!("{SERVICE_TYPE};{id}:{}", unique_name.replace('\\', ":"))
        }
    }
}

/// What an identity descriptor names. None for what is no descriptor of ours.
pub fn parse_identity(text: &str) -> Option<(IdentityKind, IdentityId)> {
    let (kind, rest) = text.split_once(';')?;
    let up_to = |end: char| Uuid::parse_str(rest.split(end).next()?).ok();
    if kind.eq_ignore_ascii_case(GROUP_TYPE) {
        Some((IdentityKind::Group, IdentityId(from_sid(rest)?)))
    } else if kind.eq_ignore_ascii_case(USER_TYPE) {
        Some((IdentityKind::User, IdentityId(up_to('\\')?)))
    } else if kind.eq_ignore_ascii_case(SERVICE_TYPE) {
        Some((IdentityKind::Service, IdentityId(up_to(':')?)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [IdentityKind; 3] = [
        IdentityKind::User,
        IdentityKind::Group,
        IdentityKind::Service,
    ];

    fn ids() -> impl Iterator<Item = Uuid> {
        let edges = [
            0,
            1,
            u128::MAX,
            u128::from(u32::MAX),
            1 << 96,
            0xdead_beef_0000_0001 << 32,
        ];
        edges.into_iter().map(Uuid::from_u128)
    }

    #[test]
    fn every_descriptor_leads_back_to_its_id() {
        for id in ids() {
            for kind in KINDS {
                let name = "[Pay Desk]\\A;b:c\\d";
                let here = IdentityId(id);
                assert_eq!(
                    parse_subject(&subject(kind, here)),
                    Some(Subject::Identity(kind, here))
                );
                assert_eq!(
                    parse_identity(&identity(kind, here, name)),
                    Some((kind, here))
                );
            }
            let project = ProjectId(id);
            assert_eq!(
                parse_subject(&project_scope(project)),
                Some(Subject::Project(project))
            );
        }
    }

    #[test]
    fn descriptors_look_as_in_the_original() {
        let id = IdentityId(Uuid::from_u128(0x0000_0001_0000_0002_0000_0003_0000_0004));
        assert_eq!(
            identity(IdentityKind::Group, id, ""),
            "Microsoft.TeamFoundation.Identity;S-1-9-1551374245-1-2-3-4"
        );
        assert_eq!(
            subject(IdentityKind::Group, id),
            format!(
                "vssgp.{}",
                URL_SAFE_NO_PAD.encode("S-1-9-1551374245-1-2-3-4")
            )
        );
        assert_eq!(
            identity(IdentityKind::User, id, "ada@example.com"),
            "Microsoft.IdentityModel.Claims.ClaimsIdentity;00000001-0000-0002-0000-000300000004\\ada@example.com"
        );
    }

    #[test]
    fn what_is_no_descriptor_names_nothing() {
        let group = |sid: &str| format!("vssgp.{}", URL_SAFE_NO_PAD.encode(sid));
        for text in [
            String::new(),
            "vssgp.".into(),
            "msa.".into(),
            "aad.AAAA".into(),
            "nonsense".into(),
            "msa.AAAA====".into(),
            "ä.b".into(),
            group("S-1-9-1551374245-1-2-3"),
            group("S-1-9-1551374245-1-2-3-4-5"),
            group("S-1-9-1551374245-01-2-3-4"),
            group("S-1-9-1551374245-+1-2-3-4"),
            group("S-1-9-1551374245-1-2-3-4294967296"),
            group("S-1-5-1551374245-1-2-3-4"),
        ] {
            assert_eq!(parse_subject(&text), None, "{text}");
        }
        for text in [
            "",
            ";",
            "Microsoft.TeamFoundation.Identity;S-1-9-1551374245-1-2-3-04",
            "Microsoft.IdentityModel.Claims.ClaimsIdentity;ada@example.com",
            "Microsoft.IdentityModel.Claims.ClaimsIdentity",
            "System.Security.Principal.WindowsIdentity;S-1-5-21-1",
        ] {
            assert_eq!(parse_identity(text), None, "{text}");
        }
    }
}
