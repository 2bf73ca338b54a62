//! The way to the store: certificates and proxies. Never: a credential, or what a proxy said.

use scelle_store::{CertificateFault, ProxyFault};
use scelle_view::words::failures::WayFailure;

use crate::error::{AgentError, ExitCode};

/// The way to the store: exit 14.
impl AgentError {
    /// The server's certificate is refused.
    pub fn certificate(fault: CertificateFault) -> Self {
        Self::new(
            ExitCode::Unreachable,
            match fault {
                CertificateFault::Expired => WayFailure::CertificateExpired,
                CertificateFault::NotYetValid => WayFailure::CertificateNotYetValid,
                CertificateFault::UnknownAuthority => WayFailure::UnknownAuthority,
                CertificateFault::OtherHost => WayFailure::OtherHost,
                CertificateFault::Refused => WayFailure::CertificateRefused,
            },
        )
    }

    /// A proxy lets nothing through.
    pub fn proxy(fault: ProxyFault) -> Self {
        Self::new(
            ExitCode::Unreachable,
            match fault {
                ProxyFault::Silent => WayFailure::ProxySilent,
                ProxyFault::WantsPassword => WayFailure::ProxyWantsPassword,
                ProxyFault::RefusesPassword => WayFailure::ProxyRefusesPassword,
                ProxyFault::Refuses => WayFailure::ProxyRefuses,
                ProxyFault::NoWay => WayFailure::NoWayThroughProxy,
            },
        )
    }
}
