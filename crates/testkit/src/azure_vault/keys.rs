//! Keys of the double: material, versions, attributes, and what a key is on the wire. Must not know HTTP.

use super::{now, unique};
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) enum Pair {
    Rsa(Box<Rsa>),
    Ec(EcdsaKeyPair),
}

/// One key pair for both uses of RSA.
pub(super) struct Rsa {
    signing: RsaKeyPair,
    decrypting: OaepPrivateDecryptingKey,
    encrypting: OaepPublicEncryptingKey,
}

impl Rsa {
    fn new(size: KeySize) -> Self {
        let signing = RsaKeyPair::generate(size).unwrap();
        let der: Pkcs8V1Der<'_> = signing.as_der().unwrap();
        let private = PrivateDecryptingKey::from_pkcs8(der.as_ref()).unwrap();
        Self {
            encrypting: OaepPublicEncryptingKey::new(private.public_key()).unwrap(),
            decrypting: OaepPrivateDecryptingKey::new(private).unwrap(),
            signing,
        }
    }

    pub(super) fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let mut room = vec![0; self.encrypting.ciphertext_size()];
        self.encrypting
            .encrypt(&OAEP_SHA256_MGF1SHA256, plain, &mut room, None)
            .unwrap()
            .to_vec()
    }

    fn decrypt(&self, wrapped: &[u8]) -> Option<Vec<u8>> {
        let mut room = vec![0; self.decrypting.min_output_size()];
        let plain = self
            .decrypting
            .decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut room, None);
        plain.ok().map(|plain| plain.to_vec())
    }
}

pub(super) struct Version {
    pub(super) id: String,
    pub(super) pair: Pair,
    pub(super) operations: Vec<String>,
    pub(super) enabled: bool,
    pub(super) expires: Option<i64>,
    not_before: Option<i64>,
    created: i64,
    updated: i64,
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) struct Key {
    pub(super) versions: Vec<Version>,
}

/// Why an operation with a key is refused: the inner code, and what the message says of the key.
pub(super) enum Refusal {
    Disabled,
    Expired,
    NotYet,
    Operation,
    Parameter(&'static str),
}

impl Key {
    pub(super) fn newest(&self) -> &Version {
        self.versions.last().expect("a key has a version")
    }

    pub(super) fn newest_mut(&mut self) -> &mut Version {
        self.versions.last_mut().expect("a key has a version")
    }

    /// A version, or the newest where none is named.
    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        match id {
            "" => self.versions.last(),
            id => self.versions.iter().find(|version| version.id == id),
        }
    }

    pub(super) fn version_mut(&mut self, id: &str) -> Option<&mut Version> {
        match id {
            "" => self.versions.last_mut(),
            id => self.versions.iter_mut().find(|version| version.id == id),
        }
    }
}

impl Version {
    /// What `create` was asked for; the answer is why not.
    pub(super) fn create(asked: &Value) -> Result<Self, &'static str> {
        let size = match asked["key_size"].as_i64() {
            None | Some(2048) => KeySize::Rsa2048,
            Some(3072) => KeySize::Rsa3072,
            Some(4096) => KeySize::Rsa4096,
            Some(_) => return Err("key_size is not one of 2048, 3072, 4096"),
        };
        let (pair, usual) = match (asked["kty"].as_str(), asked["crv"].as_str()) {
            (Some("RSA" | "RSA-HSM"), _) => (
                Pair::Rsa(Box::new(Rsa::new(size))),
                &[
                    "encrypt",
                    "decrypt",
                    "sign",
                    "verify",
                    "wrapKey",
                    "unwrapKey",
                ][..],
            ),
            (Some("EC" | "EC-HSM"), None | Some("P-256")) => (
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
                &["sign", "verify"][..],
            ),
            _ => return Err("kty or crv is not supported"),
        };
        let operations = match asked["key_ops"].as_array() {
            None => usual.iter().map(|name| (*name).to_owned()).collect(),
            Some(list) => list
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
        };
        let mut version = Self {
            id: unique(),
            pair,
            operations,
            enabled: true,
            expires: None,
            not_before: None,
            created: now(),
            updated: now(),
            tags: BTreeMap::new(),
        };
        version.change(asked)?;
        Ok(version)
    }

    /// Attributes and tags, as far as they are named. Tags are replaced as a whole.
    pub(super) fn change(&mut self, asked: &Value) -> Result<(), &'static str> {
        if let Some(tags) = asked["tags"].as_object() {
            if tags.len() > 15 {
                return Err("too many tags");
            }
            let mut kept = BTreeMap::new();
            for (name, value) in tags {
                let value = value.as_str().ok_or("a tag is a text")?;
                if name.len() > 256 || value.chars().count() > 256 {
                    return Err("a tag is longer than 256 characters");
                }
                kept.insert(name.clone(), value.to_owned());
            }
            self.tags = kept;
        }
        let attributes = &asked["attributes"];
        if let Some(enabled) = attributes["enabled"].as_bool() {
            self.enabled = enabled;
        }
        self.expires = attributes["exp"].as_i64().or(self.expires);
        self.not_before = attributes["nbf"].as_i64().or(self.not_before);
        self.updated = now();
        Ok(())
    }

    /// Whether an operation is possible now. Outside of its time a key still unwraps and verifies.
    fn may(&self, operation: &str) -> Result<(), Refusal> {
        if !self.enabled {
            return Err(Refusal::Disabled);
        }
        if !matches!(operation, "unwrapKey" | "verify") {
            if self.expires.is_some_and(|at| at <= now()) {
                return Err(Refusal::Expired);
            }
            if self.not_before.is_some_and(|at| at > now()) {
                return Err(Refusal::NotYet);
            }
        }
        match self.operations.iter().any(|name| name == operation) {
            true => Ok(()),
            false => Err(Refusal::Operation),
        }
    }

    /// `wrapKey`, `unwrapKey` or `sign` of these bytes.
    pub(super) fn operate(
        &self,
        operation: &str,
        algorithm: &str,
        value: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        self.may(operation)?;
        match (operation, algorithm, &self.pair) {
            ("wrapKey", "RSA-OAEP-256", Pair::Rsa(key)) => Ok(key.encrypt(value)),
            ("unwrapKey", "RSA-OAEP-256", Pair::Rsa(key)) => key
                .decrypt(value)
                .ok_or(Refusal::Parameter("the parameter is incorrect")),
            ("sign", name, pair) => {
                let digest = Digest::import_less_safe(value, &SHA256)
                    .map_err(|_| Refusal::Parameter("the digest has the wrong length"))?;
                match (name, pair) {
                    ("ES256", Pair::Ec(key)) => {
                        Ok(key.sign_digest(&digest).unwrap().as_ref().to_vec())
                    }
                    ("RS256" | "PS256", Pair::Rsa(key)) => {
                        let mut signature = vec![0; key.signing.public_modulus_len()];
                        let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                            if name == "RS256" {
                                &RSA_PKCS1_SHA256
                            } else {
                                &RSA_PSS_SHA256
                            };
                        key.signing
                            .sign_digest(padding, &digest, &mut signature)
                            .unwrap();
                        Ok(signature)
                    }
                    _ => Err(Refusal::Parameter("the key does not know this algorithm")),
                }
            }
            _ => Err(Refusal::Parameter("the key does not know this algorithm")),
        }
    }

    fn attributes(&self, protected: bool) -> Value {
        let mut attributes = json!({
            "enabled": self.enabled, "created": self.created, "updated": self.updated,
            "recoveryLevel": if protected { "Recoverable" } else { "Recoverable+Purgeable" },
            "recoverableDays": 90, "exportable": false,
        });
        for (name, at) in [("exp", self.expires), ("nbf", self.not_before)] {
            if let Some(at) = at {
                attributes[name] = at.into();
            }
        }
        attributes
    }

    /// As `get`, `create` and `update` answer.
    pub(super) fn bundle(&self, id: &str, protected: bool) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = Map::new();
        key.insert("kid".into(), format!("{id}/{}", self.id).into());
        key.insert("key_ops".into(), self.operations.clone().into());
        match &self.pair {
            Pair::Rsa(rsa) => {
                let (n, e) = crate::provider::numbers(rsa.signing.public_key().as_ref());
                key.insert("kty".into(), "RSA".into());
                key.insert("n".into(), encode(n).into());
                key.insert("e".into(), encode(e).into());
            }
            Pair::Ec(ec) => {
                let (x, y) = ec.public_key().as_ref()[1..].split_at(32);
                key.insert("kty".into(), "EC".into());
                key.insert("crv".into(), "P-256".into());
                key.insert("x".into(), encode(x).into());
                key.insert("y".into(), encode(y).into());
            }
        }
        json!({"key": key, "attributes": self.attributes(protected), "tags": self.tags})
    }

    /// As a list shows it.
    pub(super) fn item(&self, id: &str, protected: bool) -> Value {
        json!({"kid": id, "attributes": self.attributes(protected), "tags": self.tags})
    }
}
