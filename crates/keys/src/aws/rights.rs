//! What the credentials may do, found out by calls that change nothing: trials (`DryRun`) where KMS has them, and else
//! calls that it must refuse, for the lack of the right or for another reason.
//!
//! docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html has `DryRun`. A policy that is bound to the tag
//! of a key says nothing of a key that is not there, so what cannot be tried on a key of ours is not known. Must not
//! make, change or delete a key.

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{GrantOperation, KeyMetadata, KeyState, KeyUsageType};
use coffer_seal::{
    CredentialRights, GenerationId, KeyError, KeyProvider as _, KeyRight, KeyRights, May,
    ProjectKeySecret, WrapContext,
};

use super::connection::Connection;
use super::keys::{self, ROOT};
use super::{AwsProvider, encryption_context};
use crate::asked::{Doing, both, rights_come_first};

const NO_KEY: &str = "there is no root key yet";
const NO_TRIAL: &str = "KMS has no trial of it that changes nothing";
const TAGGED: &str = "a right that is bound to a key's tag shows on a destroyed key of ours only, and none waits for its \
                      deletion; `coffer key test --lifecycle` tries";
const UNTRIED: &str = "KMS called the trial malformed, perhaps before it looked at rights; `coffer key test --lifecycle` \
                       makes a key and destroys it";

/// What KMS said to an attempt.
enum Said {
    /// It lacks the right.
    Denied,
    /// It has the right, and this was only tried, or cannot be done.
    Allowed,
    /// The request is malformed, which may be said before rights are looked at.
    Malformed,
}

impl From<Said> for May {
    fn from(said: Said) -> Self {
        match said {
            Said::Denied => Self::No,
            Said::Allowed => Self::Yes,
            Said::Malformed => Self::Unknown(UNTRIED),
        }
    }
}

/// What there is to try on.
struct Ground<'a> {
    /// The newest root key.
    newest: Option<KeyMetadata>,
    /// A root key that waits for its deletion.
    waiting: Option<String>,
    /// Something wrapped under the newest.
    wrapped: Option<Vec<u8>>,
    context: WrapContext,
    scale_unit: &'a str,
    /// An id that no key has.
    nobody: String,
}

impl AwsProvider {
    /// What both credentials may do with the keys of a unit.
    pub(super) async fn all_rights(&self, scale_unit: &str) -> Result<KeyRights, KeyError> {
        let ground = self.ground(scale_unit).await?;
        let mut daily = vec![
            (KeyRight::Find, self.finds(&self.daily, &ground).await?),
            (KeyRight::Wrap, wraps(&self.daily, &ground).await?),
        ];
        if self.lifecycle.is_none() {
            daily.push((KeyRight::Note, May::Unknown(NO_TRIAL)));
        }
        let (more, mut first) = tried(&self.daily, &ground).await?;
        daily.extend(more);
        let mut rights = KeyRights {
            daily,
            ..KeyRights::default()
        };
        if let Some(lifecycle) = &self.lifecycle {
            let by = &lifecycle.connection;
            let mut found = vec![(KeyRight::Find, self.finds(by, &ground).await?)];
            let (more, denied) = tried(by, &ground).await?;
            found.extend(more);
            first |= denied;
            if first {
                rights_come_first([&mut rights.daily, &mut found]);
            }
            rights.lifecycle = Some(found);
        }
        Ok(rights)
    }

    async fn ground<'a>(&self, scale_unit: &'a str) -> Result<Ground<'a>, KeyError> {
        let newest = absent_if_denied(self.newest_generation(scale_unit).await)?.flatten();
        let context = WrapContext {
            scale_unit: scale_unit.to_owned(),
            organization: uuid::Uuid::nil(),
            project: uuid::Uuid::nil(),
            version: 0,
        };
        let (mut described, mut wrapped) = (None, None);
        if let Some(generation) = &newest {
            let doing = Doing::anything("read keys", "kms:DescribeKey");
            let key = keys::describe(self.asking(), doing, &generation.0).await;
            described = absent_if_denied(key)?.filter(keys::is_enabled);
            let secret = ProjectKeySecret::generate(self.entropy.as_ref());
            let wrap = self.wrap(generation, &secret, &context).await;
            wrapped = absent_if_denied(wrap)?;
        }
        let mut waiting = None;
        let ours = absent_if_denied(keys::list(self.asking(), ROOT, scale_unit).await)?;
        for key in ours.unwrap_or_default() {
            let doing = Doing::anything("read keys", "kms:DescribeKey");
            let found = keys::describe(self.asking(), doing, &key.id).await;
            if let Some(found) = absent_if_denied(found)?
                && found.key_state == Some(KeyState::PendingDeletion)
            {
                waiting = Some(key.id);
                break;
            }
        }
        let mut random = [0; 16];
        (self.entropy)(&mut random);
        Ok(Ground {
            newest: described,
            waiting,
            wrapped,
            context,
            scale_unit,
            nobody: uuid::Uuid::from_bytes(random).to_string(),
        })
    }

    /// Reading the newest key and its tags; and the list, for who looks for it.
    async fn finds(&self, by: &Connection, ground: &Ground<'_>) -> Result<May, KeyError> {
        if std::ptr::eq(by, self.asking()) {
            let found = absent_if_denied(keys::newest(by, ground.scale_unit).await)?;
            return Ok(found.is_some().into());
        }
        let Some(key) = &ground.newest else {
            return Ok(May::Unknown(NO_KEY));
        };
        let doing = Doing::anything("read keys", "kms:DescribeKey");
        let described = absent_if_denied(keys::describe(by, doing, &key.key_id).await)?;
        let doing = Doing::anything("read tags", "kms:ListResourceTags");
        let tags = absent_if_denied(keys::tags(by, doing, &key.key_id).await)?;
        Ok((described.is_some() && tags.is_some()).into())
    }
}

/// Nothing, where the credential lacks the right, or nothing is there any more.
fn absent_if_denied<T>(result: Result<T, KeyError>) -> Result<Option<T>, KeyError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(KeyError::Forbidden { right, hint }) if right == "sign in" => {
            Err(KeyError::Forbidden { right, hint })
        }
        Err(error) if error.is_passing() => Err(error),
        Err(_) => Ok(None),
    }
}

/// One attempt. The SDK's futures are large: hand them over boxed.
async fn attempt<T, E>(
    by: &Connection,
    permission: &'static str,
    call: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<Said, KeyError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut code = None;
    let call = async {
        let done = call.await;
        if let Err(error) = &done {
            code = error.code().map(str::to_owned);
        }
        done
    };
    let doing = Doing::anything("try a right", permission);
    let done = by.call(doing, call).await;
    match (done, code.as_deref()) {
        (Ok(_), _) => Ok(Said::Allowed),
        (Err(_), Some("AccessDeniedException" | "AccessDenied")) => Ok(Said::Denied),
        (
            Err(_),
            Some(
                "DryRunOperationException"
                | "NotFoundException"
                | "KMSInvalidStateException"
                | "DisabledException"
                | "InvalidCiphertextException"
                | "IncorrectKeyException",
            ),
        ) => Ok(Said::Allowed),
        (Err(_), Some("ValidationException" | "MalformedPolicyDocumentException")) => {
            Ok(Said::Malformed)
        }
        (Err(error), _) => Err(error),
    }
}

async fn wraps(by: &Connection, ground: &Ground<'_>) -> Result<May, KeyError> {
    let Some(key) = &ground.newest else {
        return Ok(May::Unknown(NO_KEY));
    };
    let generation = GenerationId(key.key_id.clone());
    let call = by
        .kms
        .encrypt()
        .key_id(&key.key_id)
        .plaintext(Blob::new([0; 32]))
        .set_encryption_context(Some(encryption_context(&generation, &ground.context)))
        .dry_run(true)
        .send();
    Ok(attempt(by, "kms:Encrypt", Box::pin(call)).await?.into())
}

/// What either credential is tried for, and whether it was refused to make keys for the lack of the right.
async fn tried(by: &Connection, ground: &Ground<'_>) -> Result<(CredentialRights, bool), KeyError> {
    let (make, denied) = makes(by, ground).await?;
    let mut rights = vec![
        (KeyRight::Make, make),
        (KeyRight::Disable, disables(by, ground).await?),
        (KeyRight::Destroy, destroys(by, ground).await?),
    ];
    let Some(key) = &ground.newest else {
        let unknown = [KeyRight::Unwrap, KeyRight::Recover, KeyRight::Grant];
        rights.extend(unknown.map(|right| (right, May::Unknown(NO_KEY))));
        return Ok((rights, denied));
    };
    let generation = GenerationId(key.key_id.clone());
    // What nobody encrypted is as good: only who may decrypt is told that it is damaged.
    let ciphertext = ground.wrapped.clone().unwrap_or_else(|| vec![0; 64]);
    let unwrap = by
        .kms
        .decrypt()
        .key_id(&key.key_id)
        .ciphertext_blob(Blob::new(ciphertext))
        .set_encryption_context(Some(encryption_context(&generation, &ground.context)))
        .dry_run(true)
        .send();
    // Refused for a key that is not to be deleted.
    let recover = by.kms.cancel_key_deletion().key_id(&key.key_id).send();
    let account = key.aws_account_id.clone().unwrap_or_default();
    let grant = by
        .kms
        .create_grant()
        .key_id(&key.key_id)
        .grantee_principal(format!("arn:aws:iam::{account}:root"))
        .operations(GrantOperation::Decrypt)
        .dry_run(true)
        .send();
    rights.extend([
        (
            KeyRight::Unwrap,
            attempt(by, "kms:Decrypt", Box::pin(unwrap)).await?.into(),
        ),
        (
            KeyRight::Recover,
            attempt(by, "kms:CancelKeyDeletion", Box::pin(recover))
                .await?
                .into(),
        ),
        (
            KeyRight::Grant,
            attempt(by, "kms:CreateGrant", Box::pin(grant))
                .await?
                .into(),
        ),
    ]);
    Ok((rights, denied))
}

/// Asks for a key that encrypts symmetrically and signs, which there is not; and to move an alias that is not there.
async fn makes(by: &Connection, ground: &Ground<'_>) -> Result<(May, bool), KeyError> {
    let call = by
        .kms
        .create_key()
        .key_usage(KeyUsageType::SignVerify)
        .set_tags(Some(keys::new_tags(ROOT, ground.scale_unit, &[])))
        .send();
    let make = attempt(by, "kms:CreateKey", Box::pin(call)).await?;
    let denied = matches!(make, Said::Denied);
    let Some(key) = &ground.newest else {
        return Ok((make.into(), denied));
    };
    let call = by
        .kms
        .update_alias()
        .alias_name(format!("alias/coffer-{}", ground.nobody))
        .target_key_id(&key.key_id)
        .send();
    let lead: May = attempt(by, "kms:UpdateAlias", Box::pin(call)).await?.into();
    Ok((both(make.into(), lead), denied))
}

async fn disables(by: &Connection, ground: &Ground<'_>) -> Result<May, KeyError> {
    let tried = ground.waiting.as_ref();
    let call = by
        .kms
        .disable_key()
        .key_id(tried.unwrap_or(&ground.nobody))
        .send();
    let said = attempt(by, "kms:DisableKey", Box::pin(call)).await?;
    Ok(of_any_key(said, tried.is_some()))
}

async fn destroys(by: &Connection, ground: &Ground<'_>) -> Result<May, KeyError> {
    let tried = ground.waiting.as_ref();
    let call = by
        .kms
        .schedule_key_deletion()
        .key_id(tried.unwrap_or(&ground.nobody))
        .send();
    let said = attempt(by, "kms:ScheduleKeyDeletion", Box::pin(call)).await?;
    Ok(of_any_key(said, tried.is_some()))
}

/// Who may do it to a key that is not there may do it to each. Who may not may still do it to ours.
fn of_any_key(said: Said, ours: bool) -> May {
    match said {
        Said::Denied if !ours => May::Unknown(TAGGED),
        said => said.into(),
    }
}
