//! Settings of an S3 store and the SDK client built from them.
//!
//! For: one place that decides TLS, timeouts, checksums and signing time. Never: reads an environment
//! variable or a shared AWS file for a credential, or speaks plain HTTP to another machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedInterceptor,
    StalledStreamProtectionConfig,
};
use secrecy::{ExposeSecret, SecretString};

use super::clock::ServerClock;
use super::patience::{ATTEMPT_TIMEOUT, Patience, SLOWEST_BYTES_PER_SECOND};
use super::route::Route;
use crate::throttle::ByteRate;
use crate::{ErrorKind, Key, StoreError};

/// Time to reach the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the bucket is and how to speak to it. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// `https://host[:port]`; `None` is Amazon's own for the region.
    pub endpoint: Option<String>,
    /// Region name as the host wants it in signatures, e.g. `gra`.
    pub region: String,
    /// Bucket name.
    pub bucket: String,
    /// Put before every key, `/`-separated, with or without a final `/`; may be empty.
    pub prefix: String,
    /// Access key id.
    pub access_key: String,
    /// Secret key.
    pub secret_key: SecretString,
    /// Session token of temporary credentials.
    pub session_token: Option<SecretString>,
    /// `https://host/bucket/key` (true) or `https://bucket.host/key`.
    pub path_style: bool,
    /// The way there: proxy, and authorities beside the system's.
    pub route: Route,
    /// Allow `http://` when the host is this machine (tests, a local gateway).
    pub allow_plain_http_loopback: bool,
    /// How fast bodies may be sent, together.
    pub upload_rate: Option<Arc<ByteRate>>,
    /// Whether the engine honours `If-None-Match: *` (the probe knows). When false a HEAD goes first.
    pub conditional_put: bool,
    /// How long the store may be silent, and who is told.
    pub patience: Patience,
}

impl BucketSettings {
    /// Settings with what is usual at S3-compatible hosts: path style, conditional writes, no prefix.
    pub fn new(
        endpoint: Option<String>,
        region: impl Into<String>,
        bucket: impl Into<String>,
        access_key: impl Into<String>,
        secret_key: impl Into<SecretString>,
    ) -> Self {
        Self {
            path_style: endpoint.is_some(),
            endpoint,
            region: region.into(),
            bucket: bucket.into(),
            prefix: String::new(),
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            session_token: None,
            route: Route::default(),
            allow_plain_http_loopback: false,
            upload_rate: None,
            conditional_put: true,
            patience: Patience::default(),
        }
    }

    /// The prefix as put before keys: empty, or ending in `/`.
    pub(super) fn key_prefix(&self) -> Result<String, StoreError> {
        let trimmed = self.prefix.trim_matches('/');
        match trimmed {
            "" => Ok(String::new()),
            _ if trimmed.len() <= 256 && Key::new(trimmed).is_some() => Ok(format!("{trimmed}/")),
            _ => {
                Err(invalid(&self.bucket, "the prefix may hold only letters, digits, '.', '-', '_' and '/'"))
            }
        }
    }

    /// Where the store is, without credentials.
    pub fn address(&self) -> String {
        let host = match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://s3.{}.amazonaws.com", self.region),
        };
        let prefix = self.prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{host}/{}{slash}{prefix}", self.bucket)
    }

    /// Refuses what must not be tried: plain HTTP over a network, credentials in the URL, odd URLs.
    fn checked_endpoint(&self) -> Result<Option<&str>, StoreError> {
        if self.bucket.is_empty() || self.region.is_empty() {
            return Err(invalid(&self.bucket, "a bucket and a region are needed"));
        }
        let Some(endpoint) = &self.endpoint else { return Ok(None) };
        let refuse = |detail: &str| Err(invalid("endpoint", detail));
        let (plain, rest) = match (endpoint.strip_prefix("http://"), endpoint.strip_prefix("https://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return refuse("the address must begin with https://"),
        };
        let authority = rest.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return refuse("the address must be https://host or https://host:port and nothing more");
        }
        if plain && !self.allow_plain_http_loopback {
            return refuse("plain http:// is refused, use https://");
        }
        if plain && !is_loopback(authority) {
            return refuse("plain http:// is refused for another machine, use https://");
        }
        Ok(Some(endpoint))
    }

    /// The SDK client: rustls with aws-lc (TLS 1.2 or newer), no retries of its own.
    pub(super) fn client(&self, clock: &Arc<ServerClock>) -> Result<aws_sdk_s3::Client, StoreError> {
        let endpoint = self.checked_endpoint()?;
        let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let secret = self.secret_key.expose_secret();
        let credentials = Credentials::new(&self.access_key, secret, token, None, "scelle");
        let http = self.route.client().map_err(|detail| invalid("proxy", &detail))?;
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(credentials)
            .http_client(http)
            .time_source(Arc::clone(clock).time_source())
            .interceptor(SharedInterceptor::new(Arc::clone(clock).interceptor()))
            // The SDK's own correction would be added to ours; ours also covers HEAD, whose refusals
            // carry no code, and tells the offset.
            .disable_clock_skew_correction(true)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(0, None))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(self.path_style);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(aws_sdk_s3::Client::from_conf(config.build()))
    }
}

/// Timeouts of a request that carries `body_bytes`: a large body on a slow line, or at a low limit, gets its time.
pub(super) fn timeouts(body_bytes: usize, rate: Option<&ByteRate>) -> TimeoutConfig {
    let bytes = body_bytes as u64;
    let slow_line = Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
    let body_time = rate.map_or(slow_line, |rate| slow_line + rate.longest(bytes));
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT + body_time)
        .build()
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn invalid(target: &str, detail: &str) -> StoreError {
    StoreError::new(ErrorKind::Invalid, "open", target, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: &str) -> BucketSettings {
        let mut settings =
            BucketSettings::new(Some(endpoint.into()), "gra", "b", "AKIDEXAMPLE", "wordwordword");
        settings.allow_plain_http_loopback = true;
        settings
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "http://127.0.0.1:8333",
            "http://127.9.9.9",
            "http://[::1]:9000/",
            "http://localhost:1",
            "https://s3.gra.io.cloud.ovh.net",
        ] {
            assert!(settings(good).checked_endpoint().is_ok(), "{good}");
        }
        for bad in [
            "http://192.168.1.5:9000",
            "http://127.0.0.1.example.fr",
            "http://localhost.example.fr",
            "http://user:pass@127.0.0.1",
            "http://[::2]",
            "https://host/path",
            "https://",
            "ftp://127.0.0.1",
            "s3.example.fr",
        ] {
            let error = settings(bad).checked_endpoint().unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{bad}");
        }
        let mut not_allowed = settings("http://127.0.0.1:8333");
        not_allowed.allow_plain_http_loopback = false;
        assert!(not_allowed.checked_endpoint().is_err());
    }

    #[test]
    fn no_secret_in_debug_or_address() {
        let settings = settings("https://s3.example.fr");
        assert!(!format!("{settings:?}").contains("wordwordword"));
        assert_eq!(settings.address(), "https://s3.example.fr/b");
    }

    #[test]
    fn prefixes_end_in_one_slash() {
        let with =
            |prefix: &str| BucketSettings { prefix: prefix.into(), ..settings("https://h") }.key_prefix();
        assert_eq!(with("").unwrap(), "");
        assert_eq!(with("a/b").unwrap(), "a/b/");
        assert_eq!(with("/a/").unwrap(), "a/");
        assert!(with("a/../b").is_err());
    }

    #[test]
    fn a_large_body_gets_its_time() {
        let slow = timeouts(16 << 20, None).operation_attempt_timeout().unwrap();
        assert_eq!(slow, ATTEMPT_TIMEOUT + Duration::from_secs(1024));
        let limited = timeouts(16 << 20, Some(&ByteRate::new(1 << 10))).operation_attempt_timeout().unwrap();
        assert!(limited > slow + Duration::from_secs(2 << 14), "{limited:?}");
    }
}
