//! The way to an S3 service: the proxy that it leads through, and whose certificates are trusted beside the system's.
//!
//! Given by whoever knows the configuration; the HTTP client is built from it. Never: reads an environment variable, shows the
//! proxy's user or password, or sends plain HTTP through a proxy (that is this machine's own, and stays in it).

use std::fmt;
use std::sync::Arc;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::{ExposeSecret as _, SecretString};

use super::obstacle::{Through, recognised};
use super::pem::Authorities;

/// The way to an S3 service. The default is straight, with the system's authorities.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The proxy that connections with TLS go through.
    pub proxy: Option<Proxy>,
    /// Hosts that are reached without it, as `NO_PROXY` lists them: names (with all below them), addresses, networks, `*`.
    pub no_proxy: String,
    /// Authorities beside the system's.
    pub authorities: Vec<Authorities>,
}

/// A proxy that opens tunnels (`CONNECT`). `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// `http://host:port`.
    address: String,
    login: Option<Login>,
}

/// User and password of a proxy, both kept percent-encoded as they stand in a URL.
#[derive(Clone, Debug)]
pub struct Login {
    user: SecretString,
    password: SecretString,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`, as variables hold it, or the same without `http://`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return None,
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, authority) = match rest.rsplit_once('@') {
            Some((login, authority)) => (Some(Login::of_url(login)), authority),
            None => (None, rest),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        if host.is_empty() || !authority.chars().all(plain) || !port.is_none_or(is_port) {
            return None;
        }
        let proxy = Self { address: format!("http://{authority}"), login };
        // What the client would not understand it would pass over in silence.
        let is_understood =
            proxy.config("").is_ok() && proxy.matcher("").intercept(&"https://h".parse().ok()?).is_some();
        is_understood.then_some(proxy)
    }

    /// The same proxy with this login instead of its own.
    #[must_use]
    pub fn with_login(self, login: Login) -> Self {
        Self { login: Some(login), ..self }
    }

    /// Whether it has user and password.
    pub fn has_login(&self) -> bool {
        self.login.is_some()
    }

    fn config(&self, no_proxy: &str) -> Result<ProxyConfig, String> {
        let config = ProxyConfig::https(self.address.as_str()).map_err(|_| "not a proxy's address")?;
        let config = config.no_proxy(no_proxy);
        Ok(match &self.login {
            Some(Login { user, password }) => {
                config.with_basic_auth(user.expose_secret(), password.expose_secret())
            }
            None => config,
        })
    }

    /// Which requests go through it; the client decides with the same rules.
    fn matcher(&self, no_proxy: &str) -> Matcher {
        Matcher::builder().https(self.address.clone()).no(no_proxy.to_owned()).build()
    }
}

impl Login {
    /// Reads a line `user:password`. `None` where there is no user.
    pub fn of_line(line: &str) -> Option<Self> {
        let (user, password) = line.split_once(':')?;
        let encoded = |text| SecretString::from(percent_encoded(text, false));
        (!user.is_empty()).then(|| Self { user: encoded(user), password: encoded(password) })
    }

    fn of_url(text: &str) -> Self {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let encoded = |text| SecretString::from(percent_encoded(text, true));
        Self { user: encoded(user), password: encoded(password) }
    }
}

/// Every byte but letters and digits as `%XX`. In a URL those that are so already stay.
fn percent_encoded(text: &str, is_url: bool) -> String {
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        match byte {
            b'%' if is_url => encoded.push('%'),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl Route {
    /// The HTTP client: rustls with aws-lc (TLS 1.2 or newer), whose errors say what stood on the way.
    pub(super) fn client(&self) -> Result<SharedHttpClient, String> {
        let no_proxy = self.rules();
        let proxy = match &self.proxy {
            Some(proxy) => proxy.config(&no_proxy)?,
            None => ProxyConfig::disabled(),
        };
        let mut trusted = TrustStore::default();
        for authorities in &self.authorities {
            trusted = trusted.with_pem_certificate(authorities.pem());
        }
        let tls =
            TlsContext::builder().with_trust_store(trusted).build().map_err(|error| error.to_string())?;
        let inner = Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder();
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            let provider = Provider::Rustls(CryptoMode::AwsLc);
            connector.proxy_config(proxy.clone()).tls_provider(provider).tls_context(tls.clone()).build()
        });
        let proxy = self.proxy.clone().map(|proxy| (proxy.matcher(&no_proxy), proxy));
        Ok(SharedHttpClient::new(Watched { inner, way: Arc::new(Way { proxy }) }))
    }

    /// The rules as the client reads them: it knows `.host`, people also write `*.host`.
    fn rules(&self) -> String {
        let rules = self.no_proxy.split(',').map(|rule| rule.trim());
        rules
            .map(|rule| rule.strip_prefix('*').filter(|r| !r.is_empty()).unwrap_or(rule))
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// Which way a request goes.
struct Way {
    proxy: Option<(Matcher, Proxy)>,
}

impl Way {
    fn through(&self, server: &str) -> Option<Through<'_>> {
        let (matcher, proxy) = self.proxy.as_ref()?;
        matcher.intercept(&server.parse().ok()?)?;
        Some(Through { proxy: &proxy.address, has_login: proxy.has_login() })
    }
}

/// A client, or one of its connectors, whose errors are looked at.
struct Watched<T> {
    inner: T,
    way: Arc<Way>,
}

impl<T> fmt::Debug for Watched<T> {
    /// What is inside may show the proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl HttpClient for Watched<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Watched { inner, way: self.way.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for Watched<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let server = origin(request.uri());
        let (answer, way) = (self.inner.call(request), self.way.clone());
        HttpConnectorFuture::new(async move {
            answer.await.map_err(|error| recognised(error, &server, way.through(&server)))
        })
    }
}

/// Scheme and host of a URL: the rest names an object.
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/").split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_proxies() {
        for good in ["http://proxy:3128", "HTTP://10.0.0.1:8080/", "proxy.cabinet.fr:3128", "http://[::1]:80"]
        {
            assert!(Proxy::parse(good).is_some_and(|proxy| !proxy.has_login()), "{good}");
        }
        for bad in [
            "",
            "http://",
            "https://proxy:3128",
            "socks5://proxy:1",
            "http://proxy:x",
            "http://a b",
            "http://p/x",
        ] {
            assert!(Proxy::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn logins_reach_the_client_whole_and_are_not_shown() {
        let expected = "Basic dXRpbGlzYXRldXI6cEA6LyV3w6k="; // utilisateur:p@:/%wé
        let of_url = Proxy::parse("http://utilisateur:p%40:%2f%25wé@proxy:3128").unwrap();
        let of_line = Proxy::parse("http://proxy:3128").unwrap();
        let of_line = of_line.with_login(Login::of_line("utilisateur:p@:/%wé").unwrap());
        for proxy in [of_url, of_line] {
            let Login { user, password } = proxy.login.as_ref().unwrap();
            let url = format!("http://{}:{}@h", user.expose_secret(), password.expose_secret());
            let intercept = Matcher::builder().https(url).build().intercept(&"https://s".parse().unwrap());
            assert_eq!(intercept.unwrap().basic_auth().unwrap(), expected);
            let shown = format!("{proxy:?} {:?}", Route { proxy: Some(proxy.clone()), ..Route::default() });
            assert!(!shown.contains("utilisateur") && !shown.contains('é'), "{shown}");
        }
        assert!(Login::of_line(":word").is_none() && Login::of_line("nobody").is_none());
    }

    #[test]
    fn what_goes_straight() {
        let proxy = Proxy::parse("http://proxy:3128");
        let route = Route {
            proxy: proxy.clone(),
            no_proxy: "cabinet.fr, *.local,10.0.0.0/8".into(),
            ..Route::default()
        };
        let way = Way { proxy: proxy.map(|proxy| (proxy.matcher(&route.rules()), proxy)) };
        for straight in
            ["https://s3.cabinet.fr", "https://nas.local:9000", "https://10.1.2.3", "http://127.0.0.1:8333"]
        {
            assert!(way.through(straight).is_none(), "{straight}");
        }
        for through in ["https://s3.example.fr", "https://notcabinet.fr", "https://127.0.0.1:8333"] {
            assert!(way.through(through).is_some(), "{through}");
        }
    }

    #[test]
    fn an_origin_names_no_object() {
        assert_eq!(origin("https://h:1/b/k?list"), "https://h:1");
        assert_eq!(origin("https://h?x"), "https://h");
    }
}
