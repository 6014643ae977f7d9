//! What the pages of an account can look like.

use super::second_factor::{Page, Step};
use super::tokens::{NewToken, Revoke, Row, TokenMade};
use super::{NewPassword, Overview, SessionRow, scopes};
use crate::pages::frame::{Frame, Place};
use crate::pages::samples::{HOSTILE, LONG, RIGHT_TO_LEFT, Sampled};
use coffer_model::{CredentialId, Timestamp};
use coffer_service::SecondFactorState;
use uuid::Uuid;
use zeroize::Zeroizing;

const AT: Timestamp = Timestamp(1_736_511_886_106_666);
const ID: CredentialId = CredentialId(Uuid::nil());

fn again() -> Option<String> {
    Some(Place::sample().sign_in_again("/coffer/account"))
}

fn token(label: &str, over: Option<&'static str>) -> Row {
    Row {
        id: ID,
        label: label.to_owned(),
        scopes: scopes::told(&format!("vso.build {HOSTILE}")),
        made: AT,
        ends: AT,
        used: over.is_some().then_some(AT),
        used_from: over.map(|_| HOSTILE.to_owned()),
        over,
    }
}

impl Sampled for Overview {
    const FILE: &'static str = "account/overview.html";

    fn samples() -> Vec<Self> {
        let of = |full: bool| Self {
            frame: Frame::sample(),
            name: HOSTILE.to_owned(),
            unique_name: LONG.to_owned(),
            groups: match full {
                true => vec![HOSTILE.to_owned(), RIGHT_TO_LEFT.to_owned()],
                false => Vec::new(),
            },
            tokens: match full {
                true => vec![
                    token(HOSTILE, None),
                    token(LONG, Some("revoked")),
                    token(RIGHT_TO_LEFT, Some("ended")),
                ],
                false => Vec::new(),
            },
            second: SecondFactorState {
                on: full,
                recovery_codes: 3,
            },
            sessions: vec![SessionRow {
                id: ID,
                method: "password".to_owned(),
                address: HOSTILE.to_owned(),
                since: AT,
                seen: AT,
                this: full,
            }],
        };
        vec![of(false), of(true)]
    }
}

impl Sampled for NewPassword {
    const FILE: &'static str = "account/password.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            frame: Frame::sample(),
            unique_name: "grace".to_owned(),
            shortest: 12,
        }]
    }
}

impl Sampled for NewToken {
    const FILE: &'static str = "account/token.html";

    fn samples() -> Vec<Self> {
        let of = |again| Self {
            frame: Frame::sample(),
            groups: scopes::GROUPS,
            days: 30,
            most_days: 365,
            again,
        };
        vec![of(None), of(again())]
    }
}

impl Sampled for TokenMade {
    const FILE: &'static str = "account/token_made.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            frame: Frame::sample(),
            token: Zeroizing::new("cof_pat_x".to_owned()),
            scopes: scopes::told("app_token"),
            ends: AT,
        }]
    }
}

impl Sampled for Revoke {
    const FILE: &'static str = "account/revoke.html";

    fn samples() -> Vec<Self> {
        let of = |label: &str| Self {
            frame: Frame::sample(),
            id: ID,
            label: label.to_owned(),
        };
        vec![of(HOSTILE), of(LONG), of(RIGHT_TO_LEFT)]
    }
}

impl Sampled for Page {
    const FILE: &'static str = "account/second_factor.html";

    fn samples() -> Vec<Self> {
        let of = |step, again| Self {
            frame: Frame::sample(),
            step,
            again,
        };
        let secret = || Zeroizing::new("ABCD".to_owned());
        let begun = Step::Begun {
            secret: secret(),
            link: Zeroizing::new(format!("otpauth://totp/{HOSTILE}")),
        };
        let codes = vec![secret(), secret()];
        vec![
            of(Step::Off, None),
            of(Step::Off, again()),
            of(begun, None),
            of(Step::Confirmed { codes }, None),
            of(Step::On, None),
            of(Step::On, again()),
        ]
    }
}
