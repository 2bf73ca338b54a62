//! Authorities that are trusted beside the system's, as PEM.
//!
//! For: a practice's or a provider's private authority. From the text of a file to certificates that TLS will take. Never:
//! takes a file of which a certificate cannot be read, or one without any.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// One or more certificates of authorities, each known to be readable.
#[derive(Clone, Debug)]
pub struct Authorities(Vec<u8>);

impl Authorities {
    /// Reads PEM; `None` where it holds no certificate, or one that cannot be an authority's.
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.ok()?).ok()?;
        }
        (!roots.is_empty()).then(|| Self(pem.to_owned()))
    }

    /// The text that was read.
    pub(super) fn pem(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_refused() {
        let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for text in ["", "hello", wrong, cut, key] {
            assert!(Authorities::from_pem(text.as_bytes()).is_none(), "{text}");
        }
    }
}
