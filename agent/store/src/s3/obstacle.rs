//! What stands on the way to a server: a certificate that is refused, a proxy that lets nothing through.
//!
//! For: telling these from a server that does not answer. Errors of the HTTP client come in; those that are understood go on
//! with their kind and where it is, all others as they were. Never: a credential of the proxy, or what a proxy said.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::CertificateError;

use crate::{CertificateFault, ErrorKind, ProxyFault, StoreError};

/// An error whose kind is known, around the one it was known by.
#[derive(Debug)]
pub(super) struct Obstacle {
    kind: ErrorKind,
    /// The server or the proxy, without a credential.
    at: String,
    cause: BoxError,
}

/// The proxy that a request goes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Through<'a> {
    /// `http://host:port`.
    pub(super) proxy: &'a str,
    /// Whether it is given a password.
    pub(super) has_login: bool,
}

impl Obstacle {
    /// The one in a chain of causes.
    pub(super) fn among<'a>(mut causes: impl Iterator<Item = &'a (dyn Error + 'static)>) -> Option<&'a Self> {
        causes.find_map(|cause| cause.downcast_ref())
    }

    /// As an error of the store.
    pub(super) fn said(&self, operation: &'static str) -> StoreError {
        StoreError::new(self.kind, operation, &self.at, deepest_cause(&*self.cause))
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no way to {}", self.at)
    }
}

impl Error for Obstacle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// The error with its kind, where it is an obstacle. `server` is where the request was to go.
pub(super) fn recognised(
    error: ConnectorError,
    server: &str,
    through: Option<Through<'_>>,
) -> ConnectorError {
    let certificate = causes(&error).find_map(certificate_fault).map(ErrorKind::Certificate);
    let found = certificate.map(|kind| (kind, server));
    let found = found.or_else(|| {
        let through = through?;
        let in_tunnel = causes(&error).find_map(|cause| tunnel_fault(&cause.to_string(), through.has_login));
        let fault = in_tunnel.or(error.is_timeout().then_some(ProxyFault::NoWay))?;
        Some((ErrorKind::Proxy(fault), through.proxy))
    });
    match found {
        None => error,
        Some((kind, at)) => {
            let at = at.to_owned();
            ConnectorError::io(Box::new(Obstacle { kind, at, cause: error.into() }))
        }
    }
}

fn certificate_fault(cause: &(dyn Error + 'static)) -> Option<CertificateFault> {
    let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() else { return None };
    Some(match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::OtherHost
        }
        _ => CertificateFault::Refused,
    })
}

/// The tunnel's errors have no type that can be named from here, only words; tests with real proxies hold them.
fn tunnel_fault(said: &str, has_login: bool) -> Option<ProxyFault> {
    Some(match said.strip_prefix("tunnel error: ")? {
        "proxy authorization required" if has_login => ProxyFault::RefusesPassword,
        "proxy authorization required" => ProxyFault::WantsPassword,
        "unsuccessful" | "proxy response headers too long" => ProxyFault::Refuses,
        _ => ProxyFault::Silent,
    })
}

/// An error and what is behind it. An I/O error passes over what it wraps where it names its source.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(wrapped) => wrapped.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// The innermost cause, cut short: "Connection refused (os error 111)", "invalid peer certificate…".
pub(super) fn deepest_cause(error: &(dyn Error + 'static)) -> String {
    let said = causes(error).last().map(ToString::to_string).unwrap_or_default();
    said.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const THROUGH: Through<'static> = Through { proxy: "http://proxy:3128", has_login: false };

    fn kind(error: ConnectorError, through: Option<Through<'_>>) -> Option<(ErrorKind, String)> {
        let error = recognised(error, "https://s3.example.fr", through);
        let found = Obstacle::among(causes(&error))?.said("get");
        Some((found.kind, found.target))
    }

    #[test]
    fn a_certificate_is_found_below_wrapped_io_errors() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, refused));
        assert_eq!(
            kind(ConnectorError::io(wrapped.into()), Some(THROUGH)),
            Some((ErrorKind::Certificate(CertificateFault::Expired), "https://s3.example.fr".into()))
        );
    }

    #[test]
    fn only_a_request_through_a_proxy_blames_the_proxy() {
        let late = || ConnectorError::timeout("late".into());
        assert_eq!(kind(late(), None), None);
        assert_eq!(
            kind(late(), Some(THROUGH)),
            Some((ErrorKind::Proxy(ProxyFault::NoWay), "http://proxy:3128".into()))
        );
        let tunnel = || ConnectorError::io("tunnel error: proxy authorization required".into());
        let with_login = Through { has_login: true, ..THROUGH };
        let wants = kind(tunnel(), Some(THROUGH)).unwrap().0;
        assert_eq!(wants, ErrorKind::Proxy(ProxyFault::WantsPassword));
        let refuses = kind(tunnel(), Some(with_login)).unwrap().0;
        assert_eq!(refuses, ErrorKind::Proxy(ProxyFault::RefusesPassword));
        assert_eq!(kind(ConnectorError::io("connection reset".into()), Some(THROUGH)), None);
    }
}
