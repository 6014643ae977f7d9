//! People, their groups, and their tokens.

use crate::error::{Error, PERSON, Result};
use crate::sign_in::Shown;
use crate::{Service, tokens};
use coffer_model::act::{
    CreateAgentToken, CreateOwnToken, CreateTokenAtSignIn, CreateTokenFor, ManagePeople,
    RevokeOwnToken, RevokeTokenOf, ViewOrganization, ViewOwnTokens,
};
use coffer_model::library::{IdentityKind, Person};
use coffer_model::{Caller, CredentialId, IdentityId, Timestamp, name};
use coffer_store::{CredentialKind, NewCredential, NewIdentity, Refusal, Stop};
use zeroize::Zeroizing;

/// The longest life of a token, days.
const MAX_DAYS: u32 = 365;

/// People and tokens.
pub struct People<'a>(pub(crate) &'a Service);

/// A person with groups: each a project's name (none for the organization's) and a group's.
#[derive(Clone, Debug)]
pub struct UserView {
    /// Who.
    pub person: Person,
    /// In which groups, directly.
    pub groups: Vec<(Option<String>, String)>,
}

/// A token, with its value, which is shown once.
pub struct NewToken {
    /// Its id.
    pub id: CredentialId,
    /// Its value.
    pub token: Zeroizing<String>,
    /// When it ends.
    pub expires_at: Timestamp,
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
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a token made by a person is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// Calls of the person.
    Pat,
    /// Registering agents, nothing else.
    Agent,
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
) -> NewCredential {
    NewCredential {
        id: CredentialId::random(service.entropy()),
        kind: kind.stored(),
        hash: tokens::hash(token),
        label: label.to_owned(),
        expires_at: Timestamp(0),
    }
}

/// What is asked of a new token must make sense.
fn check_token(label: &str, days: u32) -> Result<()> {
    if days == 0 || days > MAX_DAYS {
        return Err(Error::invalid(format!(
            "A token lives 1 to {MAX_DAYS} days."
        )));
    }
    if !name::is_fit(label) {
        return Err(Error::invalid(
            "The label of a token is visible text of at most 255 bytes, without slashes.",
        ));
    }
    Ok(())
}

impl People<'_> {
    /// Who the caller is.
    pub async fn me(&self, caller: &Caller) -> Result<Person> {
        let mut read = self.0.store().read().await?;
        read.identity(caller.identity)
            .await?
            .ok_or_else(|| Error::from(Refusal::NotFound).about(&PERSON))
    }

    /// Everybody who can sign in.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<UserView>> {
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(
                caller,
                ViewOrganization {
                    organization: self.0.organization().id,
                },
            )
            .await?;
        let people = read.people(&seen).await?;
        let memberships = read.memberships(&seen).await?;
        Ok(people
            .into_iter()
            .map(|person| {
                let groups = memberships
                    .iter()
                    .filter(|membership| membership.member == person.id)
                    .map(|membership| (membership.project.clone(), membership.group.clone()))
                    .collect();
                UserView { person, groups }
            })
            .collect())
    }

    /// Adds a person, in groups.
    pub async fn add(
        &self,
        caller: &Caller,
        unique_name: &str,
        display_name: Option<String>,
        groups: Vec<(Option<String>, String)>,
    ) -> Result<UserView> {
        let display_name = display_name.unwrap_or_else(|| unique_name.to_owned());
        if !name::is_fit(unique_name) || !name::is_fit(&display_name) {
            return Err(Error::invalid(
                "The name of a person is visible text of at most 255 bytes, without slashes.",
            ));
        }
        let new = NewIdentity {
            id: IdentityId::random(self.0.entropy()),
            kind: IdentityKind::User,
            project: None,
            unique_name: unique_name.to_owned(),
            display_name: display_name.clone(),
        };
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        let (id, wanted) = (new.id, groups.clone());
        let missing = self
            .0
            .store()
            .write("person.add", move |tx| {
                let (caller, new, wanted) = (caller.clone(), new.clone(), wanted.clone());
                Box::pin(async move {
                    let act = ManagePeople {
                        organization,
                        person: new.id,
                    };
                    let details = [
                        ("name", new.unique_name.clone()),
                        ("groups", format!("{wanted:?}")),
                    ];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    let mut ids = vec![tx.everybody().await?];
                    for (project, group) in &wanted {
                        match tx.group_named(project.as_deref(), group).await? {
                            Some(id) => ids.push(id),
                            None => return Ok(Some(group.clone())),
                        }
                    }
                    tx.person_insert(grant, &new, &ids).await?;
                    Ok(None)
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        if missing.is_some() {
            return Err(Error::invalid("There is no group of that name in that project.")
                .hint("Groups of a project: Project Administrators, Build Administrators, Release Administrators, Contributors, Readers."));
        }
        Ok(UserView {
            person: Person {
                id,
                unique_name: unique_name.to_owned(),
                display_name,
            },
            groups,
        })
    }

    /// The caller's own tokens.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenView>> {
        let mut read = self.0.store().read().await?;
        let identity = caller.identity;
        let seen = read.look(caller, ViewOwnTokens { identity }).await?;
        let rows = read.credentials_of(&seen).await?;
        Ok(rows
            .into_iter()
            .map(|row| TokenView {
                id: row.id,
                kind: row.kind.word().to_owned(),
                label: row.label,
                created_at: row.created_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
            })
            .collect())
    }

    /// Makes a token for the caller, for somebody else, or for registering agents.
    pub async fn create_token(
        &self,
        caller: &Caller,
        label: &str,
        days: u32,
        user: Option<&str>,
        kind: TokenKind,
    ) -> Result<NewToken> {
        check_token(label, days)?;
        let token = tokens::mint(kind.stored(), self.0.entropy());
        let new = credential(self.0, &token, kind, label);
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        let (id, user) = (new.id, user.map(str::to_owned));
        let (owner, expires_at) = self
            .0
            .store()
            .write("token.create", move |tx| {
                let (caller, user) = (asked.clone(), user.clone());
                let mut new = new.clone();
                Box::pin(async move {
                    new.expires_at = days_from(tx.now(), days);
                    let details = [
                        ("token", new.id.to_string()),
                        ("label", new.label.clone()),
                        ("days", days.to_string()),
                    ];
                    if kind == TokenKind::Agent {
                        let act = CreateAgentToken { organization };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.credential_insert(grant, &new).await?;
                        return Ok((caller.identity, new.expires_at));
                    }
                    let owner = match user {
                        None => caller.identity,
                        Some(user) => match tx.identity_named(&user).await? {
                            Some(person) => person.id,
                            None => return Err(Stop::Refused(Refusal::NotFound)),
                        },
                    };
                    if owner == caller.identity {
                        let act = CreateOwnToken { identity: owner };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.credential_insert(grant, &new).await?;
                    } else {
                        let act = CreateTokenFor {
                            organization,
                            identity: owner,
                        };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.credential_insert(grant, &new).await?;
                    }
                    Ok((owner, new.expires_at))
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        let identity = self.person(owner).await?;
        Ok(NewToken {
            id,
            token,
            expires_at,
            identity,
        })
    }

    /// Makes a token for who showed just now who it is.
    pub async fn create_token_at_sign_in(
        &self,
        shown: Shown,
        label: &str,
        days: u32,
    ) -> Result<NewToken> {
        check_token(label, days)?;
        let token = tokens::mint(CredentialKind::Pat, self.0.entropy());
        let new = credential(self.0, &token, TokenKind::Pat, label);
        let (id, owner) = (new.id, shown.identity());
        let expires_at = self
            .0
            .store()
            .write("token.create_at_sign_in", move |tx| {
                let (shown, mut new) = (shown.clone(), new.clone());
                Box::pin(async move {
                    new.expires_at = days_from(tx.now(), days);
                    let details = [
                        ("token", new.id.to_string()),
                        ("label", new.label.clone()),
                        ("days", days.to_string()),
                    ];
                    let act = CreateTokenAtSignIn { identity: owner };
                    let grant = tx.authorize_with(&shown.caller, act, &details).await?;
                    shown.spend(tx).await?;
                    tx.credential_insert(grant, &new).await?;
                    Ok(new.expires_at)
                })
            })
            .await?;
        let identity = self.person(owner).await?;
        Ok(NewToken {
            id,
            token,
            expires_at,
            identity,
        })
    }

    async fn person(&self, id: IdentityId) -> Result<Person> {
        let mut read = self.0.store().read().await?;
        read.identity(id)
            .await?
            .ok_or_else(|| Error::from(Refusal::NotFound).about(&PERSON))
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
