//! A sign-in in the call itself: what a token alone is not enough for, because a stolen one must not do it.
//!
//! The caller shows the password, and the code of the second factor where there is one. Whether that was needed is the
//! gate's decision; a code is used up in the unit of the act. It must not know what the acts are.

use crate::Service;
use crate::error::Result;
use crate::passwords::Typed;
use crate::sign_in::Shown;
use coffer_model::{Authentication, Caller};
use coffer_store::{Refusal, Stop, Tx};
use zeroize::Zeroizing;

/// What a caller shows in the call itself. No `Debug`.
#[derive(Default)]
pub struct Again {
    /// The password.
    pub password: Zeroizing<String>,
    /// The code of the second factor; empty where there is none.
    pub code: Zeroizing<String>,
}

/// Who calls, and what was shown with the call, if anything was.
#[derive(Clone)]
pub(crate) struct Proven {
    pub(crate) caller: Caller,
    shown: Option<Shown>,
}

impl Again {
    /// The caller with what it shows. Who shows nothing, or has no token, stays as it came: the gate says what that is
    /// good for.
    pub(crate) async fn of(self, service: &Service, caller: &Caller) -> Result<Proven> {
        let Authentication::Token { credential, scopes } = caller.authentication else {
            return Ok(Proven::nothing(caller));
        };
        if self.password.is_empty() {
            return Ok(Proven::nothing(caller));
        }
        let typed = Typed {
            name: service.people().me(caller).await?.person().unique_name,
            password: self.password,
            code: self.code,
        };
        let shown = service.passwords().show(typed, caller.address).await?;
        let authentication = Authentication::Shown {
            credential,
            scopes,
            method: with_token(shown.method()),
        };
        Ok(Proven {
            caller: Caller {
                authentication,
                ..caller.clone()
            },
            shown: Some(shown),
        })
    }
}

impl Proven {
    fn nothing(caller: &Caller) -> Self {
        Self {
            caller: caller.clone(),
            shown: None,
        }
    }

    /// Uses up what can be shown only once, in the unit of the act.
    pub(crate) async fn spend(&self, tx: &mut Tx) -> std::result::Result<(), Stop> {
        match &self.shown {
            Some(shown) => shown.spend(tx).await,
            None => Ok(()),
        }
    }

    /// What came of the unit: a code that somebody else used up first is a failed sign-in.
    pub(crate) async fn unless_replayed<T>(
        &self,
        service: &Service,
        stored: std::result::Result<T, Stop>,
    ) -> Result<std::result::Result<T, Stop>> {
        match (&self.shown, stored) {
            (Some(shown), Err(stop @ Stop::Refused(Refusal::CodeSpent))) => service
                .passwords()
                .unless_replayed(shown, Err(stop))
                .await
                .map(Ok),
            (_, stored) => Ok(stored),
        }
    }
}

/// What was shown, with the token, as the audit log says it.
fn with_token(method: &str) -> &'static str {
    match method {
        "password" => "token and password",
        "password and code" => "token, password and code",
        _ => "token, password and recovery code",
    }
}
