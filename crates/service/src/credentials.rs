//! Personal access tokens, and tokens that register agents: making, listing, revoking. A token is shown once, narrows
//! what its owner may do by its scopes, and ends.

use crate::error::{Error, Kind, PERSON, Result};
use crate::people::People;
use crate::sign_in::Shown;
use crate::{Service, tokens};
use coffer_model::act::{
    CreateAgentToken, CreateOwnToken, CreateTokenAtSignIn, CreateTokenFor, RevokeOwnToken,
    RevokeTokenOf, ViewOwnTokens, ViewTokens,
};
use coffer_model::library::Person;
use coffer_model::{
    Authentication, Caller, CredentialId, IdentityId, Timestamp, TokenScopes, name,
};
use coffer_store::{CredentialKind, CredentialListed, NewCredential, Refusal, Stop};
use uuid::Uuid;
use zeroize::Zeroizing;

/// A token, with its value, which is shown once.
pub struct NewToken {
    /// Its id.
    pub id: CredentialId,
    /// Its value.
    pub token: Zeroizing<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it is good for, as words.
    pub scopes: String,
    /// Whose it is.
    pub identity: Person,
}

/// A token without its value.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// Its id.
    pub id: CredentialId,
    /// `pat` or `agent`.
    pub kind: String,
    /// What the owner calls it.
    pub label: String,
    /// What it is good for, as words.
    pub scopes: String,
    /// Whose it is.
    pub owner: Person,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Where from.
    pub last_used_address: Option<String>,
}

/// What a token made by a person is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// Calls of the person.
    Pat,
    /// Registering agents, nothing else.
    Agent,
}

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// What it is for.
    pub label: String,
    /// Days until it ends.
    pub days: u32,
    /// Whose; the caller's own when absent.
    pub user: Option<String>,
    /// Its kind.
    pub kind: TokenKind,
    /// Words of scopes; everything when absent.
    pub scopes: Option<String>,
}

impl TokenKind {
    fn stored(self) -> CredentialKind {
        match self {
            Self::Pat => CredentialKind::Pat,
            Self::Agent => CredentialKind::Agent,
        }
    }
}

pub(crate) fn days_from(now: Timestamp, days: u32) -> Timestamp {
    now.plus_seconds(i64::from(days) * 86_400)
}

/// A credential row for a minted token; its end is set in the unit of work, by the database's clock.
pub(crate) fn credential(
    service: &Service,
    token: &str,
    kind: TokenKind,
    label: &str,
    scopes: TokenScopes,
) -> NewCredential {
    NewCredential {
        id: CredentialId::random(service.entropy()),
        kind: kind.stored(),
        hash: tokens::hash(token),
        label: label.to_owned(),
        expires_at: Timestamp(0),
        scopes: scopes.words(),
    }
}

/// What is asked of a new token must make sense.
fn check(label: &str, days: u32) -> Result<()> {
    if days == 0 {
        return Err(Error::invalid("A token lives at least a day."));
    }
    if !name::is_fit(label) {
        return Err(Error::invalid(
            "The label of a token is visible text of at most 255 bytes, without slashes.",
        ));
    }
    Ok(())
}

fn scopes(words: Option<&str>) -> Result<TokenScopes> {
    let Some(words) = words else {
        return Ok(TokenScopes::FULL);
    };
    match TokenScopes::parse(words) {
        Some(scopes) if scopes != TokenScopes::NONE => Ok(scopes),
        _ => {
            let known: Vec<_> = coffer_model::scope::SCOPES
                .iter()
                .map(|(word, _)| *word)
                .collect();
            Err(Error::invalid("One of the scopes is not known.")
                .hint(format!("Scopes: {}.", known.join(", "))))
        }
    }
}

/// What the record of a new token says: enough to know it again.
fn details(new: &NewCredential, owner: IdentityId, days: u32) -> [(&'static str, String); 6] {
    [
        ("token", new.id.to_string()),
        ("kind", new.kind.word().to_owned()),
        ("owner", owner.to_string()),
        ("label", new.label.clone()),
        ("scopes", new.scopes.clone()),
        ("days", days.to_string()),
    ]
}

fn too_long(most: u32) -> Error {
    Error::invalid(format!(
        "A token lives at most {most} days in this organization."
    ))
    .hint("An administrator may change it: `coffer organization set`.")
}

fn view(row: CredentialListed) -> TokenView {
    TokenView {
        id: row.id,
        kind: row.kind.word().to_owned(),
        label: row.label,
        scopes: row.scopes,
        owner: row.owner,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
        last_used_address: row.last_used_address,
    }
}

impl People<'_> {
    /// The caller's own tokens.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenView>> {
        let mut read = self.0.store().read().await?;
        let identity = caller.identity;
        let seen = read.look(caller, ViewOwnTokens { identity }).await?;
        let rows = read.credentials_of(&seen).await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Everybody's tokens, for who administers the organization.
    pub async fn all_tokens(&self, caller: &Caller) -> Result<Vec<TokenView>> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewTokens { organization }).await?;
        let rows = read.credentials_of_everybody(&seen).await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// The longest life of a token, days.
    pub async fn most_days(&self) -> Result<u32> {
        let mut read = self.0.store().read().await?;
        let settings = read.organization_settings(self.0.organization().id).await?;
        Ok(settings.max_token_days)
    }

    /// Makes a token for the caller, for somebody else, or for registering agents.
    pub async fn create_token(&self, caller: &Caller, wish: TokenWish) -> Result<NewToken> {
        check(&wish.label, wish.days)?;
        let most = self.most_days().await?;
        if wish.days > most {
            return Err(too_long(most));
        }
        let scopes = match wish.kind {
            TokenKind::Pat => scopes(wish.scopes.as_deref())?,
            TokenKind::Agent => TokenScopes::FULL,
        };
        // A token makes none that is good for more than itself.
        if let Authentication::Token { scopes: own, .. } = &caller.authentication
            && !own.cover(scopes)
            && wish.kind == TokenKind::Pat
        {
            return Err(Error::new(
                Kind::Forbidden,
                "token.scope",
                "This token is good for less than the one that it asks for.",
            )
            .hint("Ask for scopes that this token has, or sign in and make the token then."));
        }
        let token = tokens::mint(wish.kind.stored(), self.0.entropy());
        let new = credential(self.0, &token, wish.kind, &wish.label, scopes);
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        let (id, words) = (new.id, new.scopes.clone());
        let (owner, expires_at) = self
            .0
            .store()
            .write("token.create", move |tx| {
                let (caller, wish) = (asked.clone(), wish.clone());
                let mut new = new.clone();
                Box::pin(async move {
                    new.expires_at = days_from(tx.now(), wish.days);
                    if wish.kind == TokenKind::Agent {
                        let act = CreateAgentToken { organization };
                        let details = details(&new, caller.identity, wish.days);
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.credential_insert(grant, &new).await?;
                        return Ok((caller.identity, new.expires_at));
                    }
                    let owner = match &wish.user {
                        None => Some(caller.identity),
                        Some(user) => tx.person_enabled(user).await?.map(|person| person.id),
                    };
                    if owner == Some(caller.identity) {
                        let act = CreateOwnToken {
                            identity: caller.identity,
                        };
                        let details = details(&new, caller.identity, wish.days);
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.credential_insert(grant, &new).await?;
                        return Ok((caller.identity, new.expires_at));
                    }
                    // Who may not make tokens for others does not hear who there is.
                    let identity = owner.unwrap_or(IdentityId(Uuid::nil()));
                    let act = CreateTokenFor {
                        organization,
                        identity,
                    };
                    let details = details(&new, identity, wish.days);
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    if owner.is_none() {
                        return Err(Stop::Refused(Refusal::NotFound));
                    }
                    tx.credential_insert(grant, &new).await?;
                    Ok((identity, new.expires_at))
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        let identity = self.person(owner).await?;
        Ok(NewToken {
            id,
            token,
            expires_at,
            scopes: words,
            identity,
        })
    }

    /// Makes a token for who showed just now who it is. It ends in time, however long was asked for.
    pub async fn create_token_at_sign_in(
        &self,
        shown: Shown,
        label: &str,
        days: u32,
        words: Option<&str>,
    ) -> Result<NewToken> {
        check(label, days)?;
        let scopes = scopes(words)?;
        let most = self.most_days().await?;
        if days > most {
            return Err(too_long(most));
        }
        let token = tokens::mint(CredentialKind::Pat, self.0.entropy());
        let new = credential(self.0, &token, TokenKind::Pat, label, scopes);
        let (id, owner, words) = (new.id, shown.identity(), new.scopes.clone());
        let by = shown.clone();
        let stored = self
            .0
            .store()
            .write("token.create_at_sign_in", move |tx| {
                let (shown, mut new) = (by.clone(), new.clone());
                Box::pin(async move {
                    new.expires_at = days_from(tx.now(), days);
                    let details = details(&new, owner, days);
                    let act = CreateTokenAtSignIn { identity: owner };
                    let grant = tx.authorize_with(&shown.caller, act, &details).await?;
                    shown.spend(tx).await?;
                    tx.credential_insert(grant, &new).await?;
                    Ok(new.expires_at)
                })
            })
            .await;
        let expires_at = self.0.passwords().unless_replayed(&shown, stored).await?;
        let identity = self.person(owner).await?;
        Ok(NewToken {
            id,
            token,
            expires_at,
            scopes: words,
            identity,
        })
    }

    /// Revokes a token: the caller's own, or somebody's if the caller administers the organization.
    pub async fn revoke_token(&self, caller: &Caller, token: CredentialId) -> Result<()> {
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("token.revoke", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let id = token.to_string();
                    if tx.credential_owner(token).await? == Some(caller.identity) {
                        let act = RevokeOwnToken {
                            identity: caller.identity,
                            token: id,
                        };
                        let grant = tx.authorize(&caller, act).await?;
                        tx.credential_revoke_own(grant, token).await
                    } else {
                        let grant = tx
                            .authorize(
                                &caller,
                                RevokeTokenOf {
                                    organization,
                                    token: id,
                                },
                            )
                            .await?;
                        tx.credential_revoke(grant, token).await
                    }
                })
            })
            .await?;
        Ok(())
    }
}
