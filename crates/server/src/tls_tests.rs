//! What is not a good pair is refused in words that say what to do, and repeat nothing of the key.

use super::*;
use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};

fn now() -> Timestamp {
    "2026-07-01T00:00:00Z".parse().unwrap()
}

/// Certificate and key for these names, PEM; valid in 2026.
fn made(names: &[&str]) -> [String; 2] {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.not_before = date_time_ymd(2026, 1, 1);
    parameters.not_after = date_time_ymd(2027, 1, 1);
    let certificate = parameters.self_signed(&key).unwrap();
    [certificate.pem(), key.serialize_pem()]
}

fn read(certificate: &str, key: &str) -> Result<Pair, PairError> {
    Pair::read(certificate.as_bytes(), key.as_bytes(), now())
}

#[test]
fn a_pair_knows_its_names_and_its_end() {
    let [certificate, key] = made(&["coffer.example", "192.0.2.7"]);
    let pair = read(&certificate, &key).unwrap();
    assert_eq!(pair.expires().to_string(), "2027-01-01T00:00:00Z");
    for host in ["coffer.example", "COFFER.example", "192.0.2.7"] {
        assert!(pair.is_for(host), "{host}");
    }
    for host in ["www.coffer.example", "192.0.2.8", "not a host", ""] {
        assert!(!pair.is_for(host), "{host}");
    }
}

#[test]
fn a_chain_is_read_whole() {
    let authority = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = parameters.self_signed(&authority).unwrap().pem();
    let issuer = Issuer::new(parameters, authority);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let own = own.signed_by(&key, &issuer).unwrap().pem();
    let pair = read(&format!("# ours\n{own}\n{root}"), &key.serialize_pem()).unwrap();
    assert_eq!(pair.key.cert.len(), 2);
    // The other way around, the key is not the first certificate's.
    let swapped = read(&format!("{root}{own}"), &key.serialize_pem());
    assert!(matches!(swapped, Err(PairError::Mismatch)), "{swapped:?}");
}

#[test]
fn what_is_no_good_pair_is_refused_with_its_own_words() {
    let [certificate, key] = made(&["a.example"]);
    let [_, other] = made(&["a.example"]);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let body = key.lines().nth(1).unwrap().to_owned();
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let new = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let odd = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        "AAAA".repeat(8)
    );
    for (certificate, key, wanted) in [
        ("", key.as_str(), "no PEM certificate"),
        ("DER, perhaps", &key, "no PEM certificate"),
        (key.as_str(), &key, "no PEM certificate"),
        (broken, &key, "cannot be read"),
        (&certificate, "", "no PEM private key"),
        (&certificate, certificate.as_str(), "no PEM private key"),
        (&certificate, old, "encrypted"),
        (&certificate, &new, "encrypted"),
        (&certificate, &odd, "cannot be used"),
        (&certificate, &other, "does not belong to the certificate"),
    ] {
        let error = read(certificate, key).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}, not {wanted}");
        assert!(!format!("{error:?}").contains(&body));
    }
}

#[test]
fn a_certificate_is_used_only_while_it_is_valid() {
    let [certificate, key] = made(&["a.example"]);
    let at = |text: &str| {
        let now = text.parse().unwrap();
        Pair::read(certificate.as_bytes(), key.as_bytes(), now).map_err(|error| error.to_string())
    };
    assert!(at("2026-01-01T00:00:00Z").is_ok() && at("2027-01-01T00:00:00Z").is_ok());
    let (early, late) = (at("2025-12-31T23:59:59Z"), at("2027-01-01T00:00:01Z"));
    assert!(
        early
            .unwrap_err()
            .contains("valid from 2026-01-01T00:00:00Z")
    );
    assert!(
        late.unwrap_err()
            .contains("expired at 2027-01-01T00:00:00Z")
    );
}
