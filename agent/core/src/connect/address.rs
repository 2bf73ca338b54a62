//! Where a repository lives: `file:///absolute/path` or `s3://bucket/prefix`.
//!
//! From what was typed or configured to a typed address. Never: a credential in an address.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{AgentError, Result};
use crate::platform;

/// The address of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RepoAddress {
    /// A folder on a disk or a NAS. Absolute.
    Folder(PathBuf),
    /// A bucket of an S3 service.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Key prefix without slashes at its ends; empty for the whole bucket.
        prefix: String,
    },
}

impl FromStr for RepoAddress {
    type Err = AgentError;

    /// Reads an address; a plain absolute path is taken as a folder. Anything else is exit 2.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("s3://") {
            return s3(rest).ok_or_else(AgentError::repository_address_invalid);
        }
        let path = match text.strip_prefix("file://") {
            Some(rest) => file_url_path(rest),
            None => Some(PathBuf::from(text)),
        };
        path.filter(|path| path.is_absolute())
            .map(Self::Folder)
            .ok_or_else(AgentError::repository_address_invalid)
    }
}

impl fmt::Display for RepoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => {
                let path = path.to_string_lossy().replace('%', "%25");
                // Elsewhere a backslash is a character of a name like any other.
                let path = if platform::BACKSLASH_SEPARATES { path.replace('\\', "/") } else { path };
                let slash = if path.starts_with('/') { "" } else { "/" };
                write!(f, "file://{slash}{path}")
            }
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

fn s3(rest: &str) -> Option<RepoAddress> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_matches('/');
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let bucket_ok = (1..=255).contains(&bucket.len()) && bucket.chars().all(name);
    let prefix_ok = prefix.len() <= 512
        && (prefix.is_empty()
            || prefix
                .split('/')
                .all(|part| !part.is_empty() && part != ".." && part != "." && part.chars().all(name)));
    (bucket_ok && prefix_ok).then(|| RepoAddress::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// The path of a `file://` address (RFC 8089): no host or `localhost`, percent-encoding undone.
fn file_url_path(rest: &str) -> Option<PathBuf> {
    let path = rest.strip_prefix("localhost/").map(|p| format!("/{p}")).unwrap_or_else(|| rest.to_owned());
    if !path.starts_with('/') {
        return None;
    }
    let path = percent_decoded(&path)?;
    // `file:///C:/Dossiers` names C:\Dossiers.
    let drive = path.as_bytes().get(2) == Some(&b':') && path.as_bytes()[1].is_ascii_alphabetic();
    Some(PathBuf::from(if platform::HAS_DRIVES && drive { &path[1..] } else { &path[..] }))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let pair = tail.get(..2).filter(|_| first == b'%').and_then(|hex| hex::decode(hex).ok());
        match pair {
            Some(byte) => {
                bytes.extend(byte);
                rest = &tail[2..];
            }
            // A lone percent sign is a percent sign: people type paths, not URLs.
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

/// Checks an S3 endpoint: `https://host[:port]`, or `http://` towards this computer only.
pub fn check_endpoint(endpoint: &str) -> Result<()> {
    let (secure, rest) = match (endpoint.strip_prefix("https://"), endpoint.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(AgentError::endpoint_invalid()),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A user name or password does not belong in an address that is shown and logged.
    if authority.is_empty() || authority.contains('@') {
        return Err(AgentError::endpoint_invalid());
    }
    if secure || is_loopback(authority) { Ok(()) } else { Err(AgentError::insecure_endpoint().at(endpoint)) }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitCode;

    #[cfg(unix)]
    #[test]
    fn folders() {
        let folder = |text: &str| text.parse::<RepoAddress>().unwrap();
        assert_eq!(folder("file:///mnt/nas"), RepoAddress::Folder("/mnt/nas".into()));
        assert_eq!(folder("file://localhost/mnt"), RepoAddress::Folder("/mnt".into()));
        assert_eq!(folder("/mnt/nas"), RepoAddress::Folder("/mnt/nas".into()));
        assert_eq!(folder("file:///a%20b/100%"), RepoAddress::Folder("/a b/100%".into()));
        for odd in ["/mnt/a%41 é", "/mnt/a\\b", "/mnt/new\nline", "/mnt/trail "] {
            let odd = RepoAddress::Folder(odd.into());
            assert_eq!(folder(&odd.to_string()), odd);
        }
    }

    #[test]
    fn buckets() {
        let s3 =
            |bucket: &str, prefix: &str| RepoAddress::S3 { bucket: bucket.into(), prefix: prefix.into() };
        assert_eq!("s3://cabinet".parse::<RepoAddress>().unwrap(), s3("cabinet", ""));
        assert_eq!("s3://cabinet/a/b/".parse::<RepoAddress>().unwrap(), s3("cabinet", "a/b"));
        assert_eq!(s3("cabinet", "a/b").to_string(), "s3://cabinet/a/b");
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "relative",
            "file://relative",
            "file://nas/share",
            "s3://",
            "s3:///x",
            "s3://b/../x",
            "s3://key:secret@b",
            "https://host/b",
        ] {
            let error = text.parse::<RepoAddress>().unwrap_err();
            assert_eq!(error.code, ExitCode::Usage, "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_for_this_computer_only() {
        for good in [
            "https://s3.example.org",
            "https://h:9000/",
            "http://127.0.0.1:8333",
            "http://[::1]:1",
            "http://LOCALHOST",
        ] {
            assert!(check_endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "http://s3.example.org",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org:80",
            "http://10.0.0.1",
            "http://localhost@evil.example",
            "s3.example.org",
            "https://",
            "https://u:p@h",
            "ftp://h",
        ] {
            assert_eq!(check_endpoint(bad).unwrap_err().code, ExitCode::Usage, "{bad}");
        }
    }
}
