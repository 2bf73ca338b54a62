//! The way to the store: certificates and proxies. Never: a credential, or what a proxy said.

use super::said::Said;
use crate::bilingual;

/// The way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayFailure {
    /// The certificate's last day is over.
    CertificateExpired,
    /// The certificate's first day is to come.
    CertificateNotYetValid,
    /// Nobody who is trusted here vouches for the certificate.
    UnknownAuthority,
    /// The certificate is another host's.
    OtherHost,
    /// The certificate is refused for another reason.
    CertificateRefused,
    /// The proxy itself does not answer.
    ProxySilent,
    /// The proxy wants a password, and none is given.
    ProxyWantsPassword,
    /// The proxy refuses the password that is given.
    ProxyRefusesPassword,
    /// The proxy answers, and does not lead to the store.
    ProxyRefuses,
    /// No connection to the store came about through the proxy in time.
    NoWayThroughProxy,
}

impl WayFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(self) -> Said {
        match self {
            Self::CertificateExpired => Said {
                what: bilingual!("le certificat du stockage a expiré", "the store's certificate has expired"),
                todo: bilingual!(
                    "vérifiez la date de ce poste ; si elle est juste, prévenez l'hébergeur : rien n'a été envoyé par cette connexion",
                    "check this computer's date; if it is right, tell the host: nothing was sent over this connection"
                ),
            },
            Self::CertificateNotYetValid => Said {
                what: bilingual!(
                    "le certificat du stockage n'est pas encore valable",
                    "the store's certificate is not valid yet"
                ),
                todo: bilingual!(
                    "vérifiez la date de ce poste ; si elle est juste, prévenez l'hébergeur : rien n'a été envoyé par cette connexion",
                    "check this computer's date; if it is right, tell the host: nothing was sent over this connection"
                ),
            },
            Self::UnknownAuthority => Said {
                what: bilingual!(
                    "le certificat du stockage vient d'une autorité inconnue de ce poste",
                    "the store's certificate comes from an authority that this computer does not know"
                ),
                todo: bilingual!(
                    "si c'est l'autorité de votre cabinet ou de votre prestataire, donnez son certificat avec s3.ca_file ou \
                 AWS_CA_BUNDLE ; sinon, prévenez l'hébergeur : rien n'a été envoyé par cette connexion",
                    "if it is your practice's or your provider's authority, give its certificate with s3.ca_file or \
                 AWS_CA_BUNDLE; otherwise tell the host: nothing was sent over this connection"
                ),
            },
            Self::OtherHost => Said {
                what: bilingual!(
                    "le certificat présenté est celui d'un autre serveur",
                    "the certificate shown is another server's"
                ),
                todo: bilingual!(
                    "vérifiez l'adresse (--s3-endpoint) : elle doit être un nom que porte le certificat ; rien n'a été envoyé par cette connexion",
                    "check the address (--s3-endpoint): it must be a name that the certificate bears; nothing was sent over this connection"
                ),
            },
            Self::CertificateRefused => Said {
                what: bilingual!(
                    "le certificat du stockage est refusé",
                    "the store's certificate is refused"
                ),
                todo: bilingual!(
                    "prévenez l'hébergeur ; -v montre la cause ; rien n'a été envoyé par cette connexion",
                    "tell the host; -v shows the cause; nothing was sent over this connection"
                ),
            },
            Self::ProxySilent => Said {
                what: bilingual!("le proxy ne répond pas", "the proxy does not answer"),
                todo: bilingual!(
                    "vérifiez son adresse (s3.proxy ou HTTPS_PROXY) et qu'il fonctionne, puis recommencez",
                    "check its address (s3.proxy or HTTPS_PROXY) and that it works, then try again"
                ),
            },
            Self::ProxyWantsPassword => Said {
                what: bilingual!("le proxy demande un mot de passe", "the proxy wants a password"),
                todo: bilingual!(
                    "donnez-le avec s3.proxy_credentials_file (une ligne utilisateur:mot-de-passe)",
                    "give it with s3.proxy_credentials_file (one line user:password)"
                ),
            },
            Self::ProxyRefusesPassword => Said {
                what: bilingual!(
                    "le proxy refuse l'utilisateur ou le mot de passe donné",
                    "the proxy refuses the user or the password given"
                ),
                todo: bilingual!(
                    "corrigez le fichier de s3.proxy_credentials_file, ou HTTPS_PROXY",
                    "correct the file of s3.proxy_credentials_file, or HTTPS_PROXY"
                ),
            },
            Self::ProxyRefuses => Said {
                what: bilingual!(
                    "le proxy répond et ne mène pas au stockage",
                    "the proxy answers and does not lead to the store"
                ),
                todo: bilingual!(
                    "vérifiez l'utilisateur et le mot de passe s'il en faut, demandez à qui s'occupe du proxy d'autoriser l'adresse du \
                 stockage, ou exceptez-la du proxy avec s3.no_proxy",
                    "check user and password where it needs them, ask whoever runs the proxy to allow the store's address, or leave it \
                 out of the proxy with s3.no_proxy"
                ),
            },
            Self::NoWayThroughProxy => Said {
                what: bilingual!(
                    "le stockage ne répond pas à travers le proxy",
                    "the store does not answer through the proxy"
                ),
                todo: bilingual!(
                    "vérifiez la liaison, le proxy et l'adresse du stockage, puis recommencez",
                    "check the connection, the proxy and the store's address, then try again"
                ),
            },
        }
    }
}
