//! Uses of personal access tokens: counted in memory, and once a minute put on record for each person and on each token.
//! What a crash takes with it is a minute of counts. It must not know what a token was used for.

use crate::Service;
use crate::error::Result;
use coffer_model::act::CountTokenUses;
use coffer_model::{CredentialId, IdentityId, Timestamp};
use coffer_store::TokenUse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tokens counted at once; what is used beyond them is counted for its person without its token.
const MOST: usize = 10_000;
/// Tokens and addresses that a row names; more are a number.
const NAMED: usize = 8;
/// Rows of one unit of work.
const AT_ONCE: usize = 200;

#[derive(Default)]
struct Used {
    count: u64,
    last: Option<(Timestamp, Option<IpAddr>)>,
}

#[derive(Default)]
struct Person {
    tokens: BTreeMap<CredentialId, Used>,
    addresses: BTreeSet<IpAddr>,
    /// Uses of tokens that were too many to name.
    others: u64,
}

#[derive(Default)]
struct Counted {
    people: BTreeMap<IdentityId, Person>,
    tokens: usize,
}

/// Uses since the last record.
#[derive(Default)]
pub(crate) struct TokenUses(Mutex<Counted>);

impl TokenUses {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a use.
    pub(crate) fn count(
        &self,
        identity: IdentityId,
        token: CredentialId,
        address: Option<IpAddr>,
        now: Timestamp,
    ) {
        let mut counted = self.lock();
        let Counted { people, tokens } = &mut *counted;
        if *tokens >= MOST && !people.contains_key(&identity) {
            // Somebody with a good token that there is no room for: the next record makes room.
            return;
        }
        let person = people.entry(identity).or_default();
        if let Some(address) = address
            && person.addresses.len() < 10 * NAMED
        {
            person.addresses.insert(address);
        }
        let known = person.tokens.contains_key(&token);
        if !known && *tokens >= MOST {
            person.others += 1;
            return;
        }
        *tokens += usize::from(!known);
        let used = person.tokens.entry(token).or_default();
        used.count += 1;
        used.last = Some((now, address));
    }

    fn drain(&self) -> BTreeMap<IdentityId, Person> {
        std::mem::take(&mut *self.lock()).people
    }
}

/// Some named, the rest as a number.
fn named(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let mut text: Vec<_> = all.take(NAMED).collect();
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}

type Row = (IdentityId, [(&'static str, String); 3], Vec<TokenUse>);

fn row((identity, person): (IdentityId, Person)) -> Row {
    let total: u64 = person.tokens.values().map(|used| used.count).sum();
    let details = [
        ("uses", (total + person.others).to_string()),
        (
            "tokens",
            named(
                person
                    .tokens
                    .iter()
                    .map(|(id, used)| format!("{id} ({})", used.count)),
            ),
        ),
        (
            "addresses",
            named(person.addresses.iter().map(IpAddr::to_string)),
        ),
    ];
    let uses = person.tokens.into_iter().filter_map(|(id, used)| {
        let (at, address) = used.last?;
        let address = address.map_or_else(String::new, |address| address.to_string());
        Some(TokenUse { id, at, address })
    });
    (identity, details, uses.collect())
}

impl Service {
    /// Puts on record what is counted by the minute; at the end, whatever waits.
    pub(crate) async fn record_counts(&self, all: bool) {
        let recorded = match self.sign_in().record_due(all).await {
            Ok(()) => self.record_token_uses().await,
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            tracing::warn!(error = %error, "recording uses and refusals of tokens failed");
        }
        if let Err(error) = self.keys().record_unverified(all).await {
            tracing::warn!(error = %error, "recording what did not verify failed");
        }
    }

    /// Puts the uses since the last record on record: a row for each person, and the last use on each token.
    pub(crate) async fn record_token_uses(&self) -> Result<()> {
        let mut rows = self.0.token_uses.drain().into_iter().map(row).peekable();
        let caller = self.duty("count token uses");
        while rows.peek().is_some() {
            let some: Vec<Row> = rows.by_ref().take(AT_ONCE).collect();
            let caller = caller.clone();
            self.store()
                .write("token.count_uses", move |tx| {
                    let (caller, some) = (caller.clone(), some.clone());
                    Box::pin(async move {
                        for (identity, details, uses) in some {
                            let act = CountTokenUses { identity };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.token_uses_put(grant, &uses).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_persons_uses_are_one_row_that_names_some() {
        let uses = TokenUses::default();
        let ada = IdentityId(Uuid::from_u128(1));
        for n in 0..20_u128 {
            let address = IpAddr::from([192, 0, 2, 1]);
            uses.count(
                ada,
                CredentialId(Uuid::from_u128(n)),
                Some(address),
                Timestamp(7),
            );
        }
        uses.count(ada, CredentialId(Uuid::nil()), None, Timestamp(8));
        let rows: Vec<_> = uses.drain().into_iter().map(row).collect();
        assert_eq!(rows.len(), 1);
        let (identity, details, last) = &rows[0];
        assert_eq!((*identity, last.len()), (ada, 20));
        assert_eq!(details[0].1, "21");
        assert!(
            details[1]
                .1
                .starts_with("00000000-0000-0000-0000-000000000000 (2), ")
        );
        assert!(details[1].1.ends_with("and 12 more"), "{}", details[1].1);
        assert_eq!(details[2].1, "192.0.2.1");
        assert_eq!((last[0].at, last[0].address.as_str()), (Timestamp(8), ""));
        assert!(uses.drain().is_empty());
    }

    #[test]
    fn memory_is_bounded_whoever_has_how_many_tokens() {
        let uses = TokenUses::default();
        for n in 0..(MOST as u128 + 50) {
            let ada = IdentityId(Uuid::from_u128(1));
            uses.count(ada, CredentialId(Uuid::from_u128(n)), None, Timestamp(7));
        }
        let (_, details, last) = row(uses.drain().pop_first().unwrap());
        assert_eq!(last.len(), MOST);
        assert_eq!(details[0].1, (MOST + 50).to_string());
    }
}
