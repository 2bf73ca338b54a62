//! TLS for listeners beyond this machine: 1.2 or newer, post-quantum key exchange preferred.
//!
//! Certificate chain and key come as PEM files, and are read again when the operator asks (SIGHUP): connections that
//! stand keep the old one. Never: a client certificate, a private key in an error, or a certificate that its key does
//! not belong to.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// The certificate that is shown now.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    shown: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read()))
    }
}

impl Certificate {
    /// Reads certificate and key. The error says which of the two cannot be used.
    pub fn open(chain: &Path, key: &Path) -> io::Result<Arc<Self>> {
        let shown = RwLock::new(Arc::new(read(chain, key)?));
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), shown }))
    }

    /// Reads both again; what cannot be used leaves the old ones in place.
    pub fn reload(&self) -> io::Result<()> {
        *self.shown.write() = Arc::new(read(&self.chain, &self.key)?);
        Ok(())
    }

    /// Accepts connections with it.
    pub fn acceptor(self: &Arc<Self>) -> io::Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| unusable("protocol"))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn unusable(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn read(chain: &Path, key: &Path) -> io::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|_| unusable("certificate"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|_| unusable("key"))?;
    CertifiedKey::from_der(chain, key, &default_provider())
        .map_err(|_| unusable("certificate and key do not belong together"))
}
