//! The text that an agent signs: HTTP message signatures (RFC 9421) in one fixed profile.
//!
//! Profile: label `coffer`; components `"@method" "@path" "content-digest"` in that order (`content-digest` is
//! RFC 9530, `sha-256`, and always sent, also for an empty body); parameters `created` (seconds), `nonce`
//! (base64url of 16 random bytes), `keyid` (the agent's id), `alg="ed25519"`, in that order. A profile this narrow
//! needs no general structured-field parser: anything that is not exactly this is refused.
//! `@path` is the path as the server routes it, below any `--public-url` prefix. No cryptography here.

use std::fmt;

/// Clocks may differ by this many seconds; nonces are remembered for twice as long.
pub const WINDOW_SECONDS: i64 = 60;

/// The signature's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// Never used twice by one key.
    pub nonce: String,
    /// The agent's id, lower-case GUID.
    pub key_id: String,
}

/// Why a `Signature-Input` header is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct NotOurProfile;

impl fmt::Display for NotOurProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the request's Signature-Input header does not follow Coffer's profile of RFC 9421",
        )
    }
}

impl std::error::Error for NotOurProfile {}

impl Parameters {
    /// The inner list with its parameters, as it stands in the header and in the base.
    fn inner(&self) -> String {
        format!(
            "(\"@method\" \"@path\" \"content-digest\");created={};nonce=\"{}\";keyid=\"{}\";alg=\"ed25519\"",
            self.created, self.nonce, self.key_id
        )
    }

    /// Value of the `Signature-Input` header.
    pub fn header(&self) -> String {
        format!("coffer={}", self.inner())
    }

    /// Reads a `Signature-Input` header that follows the profile to the letter.
    pub fn parse(header: &str) -> Result<Self, NotOurProfile> {
        let rest = header
            .strip_prefix("coffer=(\"@method\" \"@path\" \"content-digest\");created=")
            .ok_or(NotOurProfile)?;
        let (created, rest) = rest.split_once(";nonce=\"").ok_or(NotOurProfile)?;
        let (nonce, rest) = rest.split_once("\";keyid=\"").ok_or(NotOurProfile)?;
        let key_id = rest
            .strip_suffix("\";alg=\"ed25519\"")
            .ok_or(NotOurProfile)?;
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= 64
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !plain(nonce) || !plain(key_id) {
            return Err(NotOurProfile);
        }
        let parameters = Self {
            created: created.parse().map_err(|_| NotOurProfile)?,
            nonce: nonce.into(),
            key_id: key_id.into(),
        };
        // One spelling only: what we would write is what we were sent.
        if parameters.header() == header {
            Ok(parameters)
        } else {
            Err(NotOurProfile)
        }
    }

    /// The signature base: the bytes that are signed.
    pub fn base(&self, method: &str, path: &str, content_digest: &str) -> String {
        format!(
            "\"@method\": {method}\n\"@path\": {path}\n\"content-digest\": {content_digest}\n\"@signature-params\": {}",
            self.inner()
        )
    }
}

/// Value of the `Content-Digest` header for a SHA-256 digest in standard base64.
pub fn content_digest(sha256_base64: &str) -> String {
    format!("sha-256=:{sha256_base64}:")
}

/// Value of the `Signature` header for a signature in standard base64.
pub fn signature_header(signature_base64: &str) -> String {
    format!("coffer=:{signature_base64}:")
}

/// The base64 text inside a `Signature` header of our label.
pub fn parse_signature(header: &str) -> Result<&str, NotOurProfile> {
    header
        .strip_prefix("coffer=:")
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or(NotOurProfile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Parameters {
        Parameters {
            created: 1_763_000_000,
            nonce: "q83vEjRWeJCrze8SNFZ4kA".into(),
            key_id: "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Parameters::parse(&sample().header()), Ok(sample()));
    }

    #[test]
    fn any_other_spelling_is_refused() {
        let good = sample().header();
        for bad in [
            good.replace("coffer=", "sig1="),
            good.replace("\"@path\" ", ""),
            good.replace("ed25519", "rsa-v1_5-sha256"),
            good.replace("created=", "created=+"),
            good.replace("created=1", "created=01"),
            good.replace("nonce=\"q", "nonce=\"\\\"q"),
            format!("{good};tag=\"x\""),
            format!("{good}, other=()"),
            String::new(),
        ] {
            assert_eq!(Parameters::parse(&bad), Err(NotOurProfile), "{bad}");
        }
    }

    #[test]
    fn the_base_names_every_component_once() {
        let base = sample().base("POST", "/a/b", "sha-256=:x:");
        assert_eq!(
            base,
            "\"@method\": POST\n\"@path\": /a/b\n\"content-digest\": sha-256=:x:\n\"@signature-params\": \
             (\"@method\" \"@path\" \"content-digest\");created=1763000000;nonce=\"q83vEjRWeJCrze8SNFZ4kA\";\
             keyid=\"0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1\";alg=\"ed25519\""
        );
    }
}
