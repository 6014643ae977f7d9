//! Sample content, made when it is needed: nothing that looks like a secret lies in the repository.

use coffer_seal::os_entropy;
use uuid::{Builder, Uuid};

/// Random bytes.
pub fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    os_entropy(&mut bytes);
    bytes
}

/// A random GUID.
pub fn random_guid() -> Uuid {
    Builder::from_random_bytes(random(16).try_into().unwrap()).into_uuid()
}

/// A self-signed CA certificate of this name, PEM.
pub fn certificate(name: &str) -> Vec<u8> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.self_signed(&key).unwrap().pem().into_bytes()
}

/// A certificate authority of a test, as a company has one.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Coffer test authority");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            issuer: rcgen::Issuer::new(parameters, key),
            pem,
        }
    }

    /// What clients have to trust, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names and addresses, valid between two years, and its key. PEM.
    pub fn issue(&self, names: &[&str], years: [i32; 2]) -> [String; 2] {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.use_authority_key_identifier_extension = true;
        parameters.not_before = rcgen::date_time_ymd(years[0], 1, 1);
        parameters.not_after = rcgen::date_time_ymd(years[1], 1, 1);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
