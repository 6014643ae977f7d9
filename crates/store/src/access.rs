//! The one access-control store: entries, inheritance, and the SQL that filters lists by them.

use crate::error::StoreError;
use crate::facts;
use crate::sql::{Conn, args, statements};
use crate::unit::Tx;
use coffer_model::IdentityId;
use coffer_model::access::{Bits, Entry, Namespace, Place};
use uuid::Uuid;

/// The caller and every group the caller is in, directly or through groups. `$1` is the caller; a disabled one is
/// nobody.
macro_rules! member_of {
    () => {
        "with recursive member_of (id) as (
            select id from identity where id = $1 and disabled_at is null
            union select m.group_id from membership m join member_of c on m.member_id = c.id)"
    };
}
pub(crate) use member_of;

/// A condition on a row whose token is the SQL text given: the caller's entries give the bit `$2` there, and deny it not.
///
/// `$1` caller, `$2` bit, `$3` namespace, `$4` token above. Must say what `coffer_model::access::effective` says; a
/// property test compares them. Single bits only. The tokens stand first, so that an entry is found by its key: found by
/// its identity, a list of n files by one person would look at n × n entries.
macro_rules! has_bit {
    ($own:literal) => {
        concat!(
            "exists (select 1 from access_entry e join member_of c on c.id = e.identity_id
            where e.namespace_id = $3 and e.token in (",
            $own,
            ", $4) and (e.allow_bits & $2) = $2
                and (e.token = ",
            $own,
            " or (not exists (select 1 from access_list l
                        where l.namespace_id = $3 and l.token = ",
            $own,
            " and l.inherits = 0)
                    and not exists (select 1 from access_entry o
                        where o.namespace_id = $3 and o.token = ",
            $own,
            " and o.identity_id = e.identity_id))))
        and not exists (select 1 from access_entry e join member_of c on c.id = e.identity_id
            where e.namespace_id = $3 and e.token in (",
            $own,
            ", $4) and (e.deny_bits & $2) <> 0
                and (e.token = ",
            $own,
            " or (not exists (select 1 from access_list l
                        where l.namespace_id = $3 and l.token = ",
            $own,
            " and l.inherits = 0)
                    and not exists (select 1 from access_entry o
                        where o.namespace_id = $3 and o.token = ",
            $own,
            " and o.identity_id = e.identity_id))))"
        )
    };
}
pub(crate) use has_bit;

/// [`has_bit`] on `f`, a secure file.
macro_rules! file_has_bit {
    () => {
        crate::access::has_bit!("f.access_token")
    };
}
pub(crate) use file_has_bit;

/// [`has_bit`] on `p`, a pipeline.
macro_rules! pipeline_has_bit {
    () => {
        crate::access::has_bit!("($4 || '/' || cast(p.id as text))")
    };
}
pub(crate) use pipeline_has_bit;

statements! {
    ENTRIES = concat!(member_of!(), "
        select e.token, e.identity_id, e.allow_bits, e.deny_bits from access_entry e
            join member_of c on c.id = e.identity_id
            where e.namespace_id = $2 and e.token in ($3, $4)");
    INHERITS = "select inherits from access_list where namespace_id = $1 and token = $2";
    PUT = "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits)
        values ($1, $2, $3, $4, $5)
        on conflict (namespace_id, token, identity_id)
        do update set allow_bits = excluded.allow_bits, deny_bits = excluded.deny_bits";
    ROW = "select allow_bits, deny_bits from access_entry where namespace_id = $1 and token = $2 and identity_id = $3";
    FORGET_ENTRIES = "delete from access_entry where namespace_id = $1 and token = $2";
    FORGET_LIST = "delete from access_list where namespace_id = $1 and token = $2";
}

/// The entries that count for an identity at a place, and whether the place inherits.
pub(crate) async fn entries(
    conn: &mut Conn,
    identity: IdentityId,
    place: &Place,
) -> Result<(Vec<Entry>, bool), StoreError> {
    let entries = entries_at(conn, identity, place).await?;
    Ok((entries, inherits(conn, place).await?))
}

/// The entries of an identity and its groups at a place, and at the one above.
pub(crate) async fn entries_at(
    conn: &mut Conn,
    identity: IdentityId,
    place: &Place,
) -> Result<Vec<Entry>, StoreError> {
    let parent = place.parent.as_ref().unwrap_or(&place.token);
    let rows: Vec<(String, Uuid, i64, i64)> = conn
        .all(
            &ENTRIES,
            args![identity.0, place.namespace.0, &place.token, parent],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(token, identity, allow, deny)| Entry {
            own: token == place.token,
            identity: IdentityId(identity),
            allow,
            deny,
        })
        .collect())
}

/// Whether a place inherits: there is something above it, and the switch is not off.
pub(crate) async fn inherits(conn: &mut Conn, place: &Place) -> Result<bool, StoreError> {
    let switch: Option<(i64,)> = conn
        .maybe(&INHERITS, args![place.namespace.0, &place.token])
        .await?;
    Ok(place.parent.is_some() && switch.is_none_or(|(inherits,)| inherits != 0))
}

impl Tx {
    pub(crate) async fn access_put(
        &mut self,
        namespace: Namespace,
        token: &str,
        identity: Uuid,
        allow: i64,
    ) -> Result<(), StoreError> {
        self.entry_write(namespace, token, identity, Bits::allowing(allow))
            .await
    }

    /// Writes one identity's entry, whatever stood there, and tells of it.
    pub(crate) async fn entry_write(
        &mut self,
        namespace: Namespace,
        token: &str,
        identity: Uuid,
        bits: Bits,
    ) -> Result<(), StoreError> {
        let Bits { allow, deny } = bits;
        self.run_one(&PUT, args![namespace.0, token, identity, allow, deny])
            .await?;
        self.change(&facts::entry(namespace, token, identity, allow, deny));
        Ok(())
    }

    /// What one identity's entry allows and denies; nothing when there is none.
    pub(crate) async fn access_row(
        &mut self,
        token: &str,
        namespace: Namespace,
        identity: IdentityId,
    ) -> Result<(i64, i64), StoreError> {
        let row: Option<(i64, i64)> = self
            .maybe(&ROW, args![namespace.0, token, identity.0])
            .await?;
        Ok(row.unwrap_or_default())
    }

    pub(crate) async fn access_forget(
        &mut self,
        namespace: Namespace,
        token: &str,
    ) -> Result<(), StoreError> {
        self.run(&FORGET_ENTRIES, args![namespace.0, token]).await?;
        self.run(&FORGET_LIST, args![namespace.0, token]).await?;
        self.change(&facts::no_entries(namespace, token));
        self.change(&facts::gone(facts::inherits(namespace, token, true)));
        Ok(())
    }
}
