//! Makes a good vector from its name and length alone.

use coffer_seal::{
    FileKey, ProjectKey, ProjectKeyContext, ProjectKeySecret, SealedContext, Sealer, Summary,
};
use uuid::Uuid;

use crate::support::{Context, GoodVector, Wrap, pattern, scripted};

/// A sealed file as the vectors have it.
pub(crate) struct Made {
    /// What goes into the file of vectors.
    pub(crate) vector: GoodVector,
    /// All sealed bytes.
    pub(crate) sealed: Vec<u8>,
}

/// The plaintext of a good vector.
pub(crate) fn plaintext(vector: &GoodVector) -> Vec<u8> {
    pattern(
        &vector.name,
        usize::try_from(vector.length).expect("vectors are small"),
    )
}

/// The sealed bytes of a good vector, made again by our sealer.
pub(crate) fn seal(
    file_key: &str,
    salt: &str,
    context: Context,
    plain: &[u8],
) -> (Vec<u8>, Summary, FileKey) {
    let key = FileKey::generate(scripted(hex::decode(file_key).expect("hexadecimal")).as_ref());
    let salt = scripted(hex::decode(salt).expect("hexadecimal"));
    let mut sealed = Vec::new();
    let mut sealer = Sealer::new(&key, SealedContext::from(context), salt.as_ref());
    sealer.push(plain, &mut sealed);
    let summary = sealer.finish(&mut sealed);
    (sealed, summary, key)
}

/// A project key of the vectors, and its commitment.
pub(crate) fn project_key(
    secret: &str,
    scale_unit: &str,
    context: Context,
    version: u64,
) -> (ProjectKey, [u8; 32]) {
    let bytes: [u8; 32] = hex::decode(secret)
        .expect("hexadecimal")
        .try_into()
        .expect("32 bytes");
    ProjectKey::create(
        &ProjectKeySecret::from_bytes(&bytes),
        ProjectKeyContext {
            scale_unit: scale_unit.into(),
            organization: context.organization,
            project: context.project,
            version,
        },
    )
}

/// Makes the vector `name` of `length` bytes of plaintext.
pub(crate) fn good(name: &str, length: usize, short: bool) -> Made {
    let of = |what: &str, length| hex::encode(pattern(&format!("{name}/{what}"), length));
    let context = Context {
        organization: Uuid::from_u128(0x6f72_6761_6e69_7a61_7469_6f6e_0000_0001),
        project: Uuid::from_u128(0x7072_6f6a_6563_7400_0000_0000_0000_0002),
        file: Uuid::from_slice(&pattern(&format!("{name}/file"), 16)).expect("16 bytes"),
    };
    let (file_key, salt, nonce) = (of("file-key", 32), of("salt", 32), of("nonce", 12));
    let project_secret = hex::encode(pattern("project-secret", 32));
    let plain = pattern(name, length);
    let (sealed, summary, key) = seal(&file_key, &salt, context, &plain);
    let (project_key, commitment) = project_key(&project_secret, "unit-1", context, 3);
    let entropy = scripted(hex::decode(&nonce).expect("hexadecimal"));
    let wrap = project_key.wrap_file_key(&key, &summary, entropy.as_ref());
    let vector = GoodVector {
        name: name.into(),
        context,
        file_key,
        salt,
        length: length as u64,
        sha256: summary.sha256.to_hex(),
        preamble: hex::encode(summary.preamble),
        sealed_length: summary.sealed_length,
        sealed_sha256: hex::encode(summary.sealed_sha256),
        sealed: short.then(|| hex::encode(&sealed)),
        wrap: Wrap {
            project_secret,
            scale_unit: "unit-1".into(),
            version: 3,
            project_commitment: hex::encode(commitment),
            nonce,
            bytes: hex::encode(wrap),
        },
    };
    Made { vector, sealed }
}
