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
