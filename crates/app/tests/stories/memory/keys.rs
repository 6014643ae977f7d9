//! The keys of a site, out of its root key file and its database: a second implementation of `docs/sealed-format.md`.

use super::*;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use base64::Engine as _;

/// Everything that a core must not hold.
pub(super) struct Keys {
    pub(super) root: Vec<(String, Vec<u8>)>,
    /// Secrets of projects and what is derived of them.
    pub(super) project: Vec<(String, Vec<u8>)>,
    /// Keys of files, and the keys derived of them that encrypt the content.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn hkdf(secret: &[u8], salt: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    let key = Salt::new(HKDF_SHA512, salt).extract(secret);
    key.expand(&[info], Length(length))
        .unwrap()
        .fill(&mut out)
        .unwrap();
    out
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part);
    }
    all
}

fn unwrap(key: &[u8], associated: &[u8], wrap: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&wrap[1..13]).unwrap();
    let mut sealed = wrap[13..].to_vec();
    let plain = key
        .open_in_place(nonce, Aad::from(associated), &mut sealed)
        .unwrap();
    plain.to_vec()
}

pub(super) async fn of(site: &Site) -> Keys {
    let mut keys = Keys {
        root: Vec::new(),
        project: Vec::new(),
        files: Vec::new(),
    };
    let text = std::fs::read_to_string(site.path("key/root.key")).unwrap();
    let mut roots = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("generation ")) {
        let word = |name: &str| {
            line.split(' ')
                .find_map(|word| word.strip_prefix(name))
                .unwrap()
        };
        let encoded = word("key=");
        let key = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .unwrap();
        keys.root.push(("the root key".into(), key.clone()));
        keys.root
            .push(("the root key's text".into(), encoded.as_bytes().to_vec()));
        roots.push((word("id=").to_owned(), key));
    }
    let url = format!("sqlite://{}", site.data().join("coffer.db").display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    type Wrapped = (Vec<u8>, Vec<u8>, i64, String, String, Vec<u8>);
    let wrapped: Vec<Wrapped> = sqlx::query_as::<_, Wrapped>(
        "select id, scope_id, version, scale_unit, generation_id, wrapped from project_key",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let (organization,): (Vec<u8>,) =
        sqlx::query_as::<_, (Vec<u8>,)>("select id from organization")
            .fetch_one(&mut database)
            .await
            .unwrap();
    for (id, project, version, unit, generation, wrap) in wrapped {
        let root = &roots.iter().find(|(id, _)| *id == generation).unwrap().1;
        let version = version.to_be_bytes();
        let context: [&[u8]; 4] = [unit.as_bytes(), &organization, &project, &version];
        let label: &[u8] = b"coffer/root-wrap/file/v1";
        let associated = joined(&[&[label, generation.as_bytes()][..], &context[..]].concat());
        let secret = unwrap(root, &associated, &wrap);
        let info = joined(&[&[&b"coffer/project-key/v1"[..]][..], &context[..]].concat());
        let derived = hkdf(&secret, &[], &info, 96);
        let name = format!("of {}", Uuid::from_slice(&project).unwrap());
        keys.project.push((format!("the secret {name}"), secret));
        keys.project
            .push((format!("the key for files {name}"), derived[..32].to_vec()));
        keys.project.push((
            format!("the key for our own {name}"),
            derived[32..64].to_vec(),
        ));
        type File = (String, Vec<u8>, Vec<u8>);
        let of_files: Vec<File> = sqlx::query_as::<_, File>(
            "select f.name, f.preamble, w.wrapped from wrapped_key w join secure_file f on f.id = w.owner_id \
             where w.project_key_id = $1",
        )
        .bind(id)
        .fetch_all(&mut database)
        .await
        .unwrap();
        for (name, preamble, wrap) in of_files {
            let (header, commitment) = preamble.split_at(90);
            let label: &[u8] = b"coffer/file-key-wrap/v1";
            let associated = joined(&[label, unit.as_bytes(), &version, header, commitment]);
            let plain = unwrap(&derived[..32], &associated, &wrap);
            let payload = hkdf(&plain[..32], &header[58..], header, 64);
            assert_eq!(&payload[32..], commitment, "{name}");
            keys.files
                .push((format!("the key of {name}"), plain[..32].to_vec()));
            // Also where a cipher begins: an expanded AES key starts with the key.
            keys.files
                .push((format!("the payload key of {name}"), payload[..32].to_vec()));
        }
    }
    database.close().await.unwrap();
    keys
}
