//! The way to the S3 service, from the configuration's `[s3]` and the usual variables; the configuration wins.
//!
//! From `proxy`, `proxy_credentials_file`, `no_proxy` and `ca_file`, else `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and
//! `AWS_CA_BUNDLE`, to a route; errors name the line and key, or the variable. (`SSL_CERT_FILE` says where the system's own
//! authorities are, and TLS itself heeds it.) Never: a value in an error, or the proxy's password in a plain string.

use std::fs;
use std::path::Path;

use scelle_core::error::{AgentError, Result};
use scelle_store::s3::{Authorities, Login, Proxy, Route};
use scelle_view::words::failures::{ConfigFault, ConfigRule};
use zeroize::Zeroizing;

use super::env::Env;
use super::file::S3Table;

/// Largest file of authorities accepted, in bytes: several times what systems have.
const AUTHORITIES_BYTES_MAX: u64 = 8 << 20;
/// Largest file of the proxy's user and password accepted, in bytes.
const LOGIN_BYTES_MAX: u64 = 4 * 1024;
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];
const AUTHORITIES_VARIABLE: &str = "AWS_CA_BUNDLE";

/// The route. Files of the configuration are relative to its `folder`.
pub(super) fn route(env: &Env, table: &S3Table, folder: &Path) -> Result<Route> {
    let mut proxy = proxy(env, table)?;
    if let (Some(known), Some(file)) = (proxy.clone(), &table.proxy_credentials_file) {
        let wrong = |cause: &str| {
            let fault = ConfigFault::Breaks(ConfigRule::ProxyCredentialsFile);
            AgentError::config_invalid(fault).at(&table.places.proxy_credentials_file).because(cause)
        };
        let meta = std::fs::metadata(folder.join(file)).map_err(|error| wrong(&error.to_string()))?;
        if scelle_core::platform::is_open_to_others(&meta) {
            return Err(AgentError::secret_file_open().at(&table.places.proxy_credentials_file));
        }
        let text = Zeroizing::new(content(&folder.join(file), LOGIN_BYTES_MAX).map_err(|e| wrong(&e))?);
        let line = std::str::from_utf8(&text).map_err(|_| wrong("no UTF-8"))?;
        let login = Login::of_line(line.trim_end_matches(['\r', '\n']));
        proxy = Some(known.with_login(login.ok_or_else(|| wrong("no user and password"))?));
    }
    let no_proxy =
        table.no_proxy.clone().or_else(|| NO_PROXY_VARIABLES.iter().find_map(|name| env.text(name)));
    let authorities = authorities(env, table, folder)?;
    Ok(Route { proxy, no_proxy: no_proxy.unwrap_or_default(), authorities })
}

fn proxy(env: &Env, table: &S3Table) -> Result<Option<Proxy>> {
    // Its value was checked when the file was read.
    if let Some(given) = &table.proxy {
        return Ok(Proxy::parse(given));
    }
    let given = PROXY_VARIABLES.iter().find_map(|name| Some((name, env.text(name)?)));
    let Some((name, given)) = given.map(|(name, given)| (name, Zeroizing::new(given))) else {
        return Ok(None);
    };
    match Proxy::parse(&given) {
        Some(proxy) => Ok(Some(proxy)),
        None => Err(AgentError::proxy_variable_unclear().at(*name)),
    }
}

/// The file of the configuration, else that of the variable.
fn authorities(env: &Env, table: &S3Table, folder: &Path) -> Result<Vec<Authorities>> {
    let (file, wrong) = match (&table.ca_file, env.path(AUTHORITIES_VARIABLE)) {
        (Some(file), _) => {
            let fault = ConfigFault::Breaks(ConfigRule::AuthoritiesFile);
            (folder.join(file), AgentError::config_invalid(fault).at(&table.places.ca_file))
        }
        (None, Some(file)) => (file, AgentError::authorities_variable_unclear().at(AUTHORITIES_VARIABLE)),
        (None, None) => return Ok(Vec::new()),
    };
    let pem = match content(&file, AUTHORITIES_BYTES_MAX) {
        Ok(pem) => pem,
        Err(cause) => return Err(wrong.because(cause)),
    };
    let read = Authorities::from_pem(&pem)
        .ok_or_else(|| wrong.because("no certificate in PEM, or an unreadable one"))?;
    Ok(vec![read])
}

fn content(path: &Path, bytes_max: u64) -> std::result::Result<Vec<u8>, String> {
    let meta = fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.len() > bytes_max {
        return Err("file too large".to_owned());
    }
    fs::read(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use scelle_core::error::ExitCode;
    use scelle_view::words::Lang;

    use std::io::Write as _;

    use super::*;
    use crate::config::read::parse;

    type Variables<'a> = &'a [(&'a str, &'a str)];

    const PROXY: &str = "[s3]\nproxy = \"http://file:1\"\n";

    fn routed(config: &str, variables: Variables<'_>, folder: &Path) -> Result<Route> {
        route(&Env::of(variables.iter().copied()), &parse(config, "config.toml").unwrap().s3, folder)
    }

    fn shown(config: &str, variables: Variables<'_>) -> String {
        format!("{:?}", routed(config, variables, Path::new("/")).unwrap())
    }

    #[test]
    fn the_configuration_wins_over_variables() {
        let all =
            [("ALL_PROXY", "http://all:1"), ("https_proxy", "http://small:1"), ("NO_PROXY", "variable.fr")];
        assert!(shown("", &all).contains("http://small:1"));
        assert!(shown("", &all[..1]).contains("http://all:1"));
        let both = shown(&format!("{PROXY}no_proxy = \"file.fr\"\n"), &all);
        assert!(both.contains("http://file:1") && both.contains("file.fr"), "{both}");
        assert!(!both.contains("small") && !both.contains("variable.fr"), "{both}");
        assert!(
            routed("", &[("HTTPS_PROXY", ""), ("NO_PROXY", "")], Path::new("/")).unwrap().proxy.is_none()
        );
    }

    #[test]
    fn impossible_values_name_line_and_key_or_the_variable_and_show_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("empty.pem", ""), ("login", "motdepasse\n")] {
            let mut options = fs::OpenOptions::new();
            scelle_core::platform::private_file(options.write(true).create_new(true));
            options.open(folder.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let login = format!("{PROXY}proxy_credentials_file = \"login\"\n");
        let missing = format!("{PROXY}\nproxy_credentials_file = \"none\"\n");
        let cases: [(&str, Variables<'_>, &str, &str); 7] = [
            ("[s3]\nca_file = \"none.pem\"\n", &[], "config.toml:2", "ca_file"),
            ("[s3]\n\nca_file = \"empty.pem\"\n", &[], "config.toml:3", "ca_file"),
            (&login, &[], "config.toml:3", "proxy_credentials_file"),
            (&missing, &[], "config.toml:4", "proxy_credentials_file"),
            ("", &[("HTTPS_PROXY", "socks5://u:motdepasse@h:1")], "HTTPS_PROXY", "http://"),
            ("", &[("all_proxy", "http://u:motdepasse@h:port")], "all_proxy", "http://"),
            ("", &[("AWS_CA_BUNDLE", "/none/bundle.pem")], "AWS_CA_BUNDLE", "PEM"),
        ];
        for (config, variables, place, word) in cases {
            let error = routed(config, variables, folder.path()).unwrap_err();
            assert_eq!((error.code, error.place.as_deref()), (ExitCode::Usage, Some(place)), "{config}");
            for lang in [Lang::Fr, Lang::En] {
                let line = format!("{} {:?}", error.shown().line(lang), error.detail);
                assert!(line.contains(word) && !line.contains("motdepasse"), "{line}");
            }
        }
    }

    #[test]
    fn a_proxy_in_the_configuration_is_an_address_without_a_password() {
        for wrong in ["", "proxy:3128", "https://p:1", "http://u:motdepasse@p:1", "http://p:1/x"] {
            let error = parse(&format!("[s3]\nproxy = \"{wrong}\"\n"), "config.toml").unwrap_err();
            assert_eq!(
                (error.code, error.place.as_deref()),
                (ExitCode::Usage, Some("config.toml:2")),
                "{wrong}"
            );
            assert!(!error.shown().line(Lang::Fr).contains("motdepasse"));
        }
    }
}
