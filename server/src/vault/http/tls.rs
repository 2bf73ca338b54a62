//! TLS for listeners beyond this machine: 1.2 or newer, post-quantum key exchange preferred.
//!
//! Certificate chain and key come as PEM files. Never: a client certificate, or a private key in an error.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Reads certificate and key. The error says which of the two cannot be used.
pub fn acceptor(certificate: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    let unusable = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|_| unusable("certificate"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|_| unusable("key"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable("protocol"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|_| unusable("certificate and key do not belong together"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
