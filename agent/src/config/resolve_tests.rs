//! Unit tests of the merging of options, variables and file.

use secrecy::ExposeSecret;

use super::*;
use scelle_core::error::ExitCode;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(config: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(place.folder.path().join("config.toml"), config).unwrap();
        place
    }

    fn env(&self, more: &[(&str, &str)]) -> Env {
        let home = self.folder.path().to_str().unwrap();
        Env::of([("SCELLE_HOME", home)].into_iter().chain(more.iter().copied()))
    }
}

fn settings(given: &Overrides, env: &Env) -> Settings {
    resolve(given, env, Lang::Fr).unwrap()
}

#[test]
fn option_wins_over_file() {
    let place = Place::with(
        "language = \"en\"\n[repository]\nurl = \"s3://file\"\n[s3]\nendpoint = \"https://f\"\nregion = \"r\"\n",
    );
    let from_file = settings(&Overrides::default(), &place.env(&[]));
    assert_eq!(from_file.repo.unwrap().to_string(), "s3://file");
    assert_eq!(
        (from_file.s3.endpoint.as_deref(), from_file.s3.region.as_deref()),
        (Some("https://f"), Some("r"))
    );
    assert_eq!(from_file.lang, Lang::En);
    let given = Overrides {
        repo: Some("s3://option/p".into()),
        s3_endpoint: Some("http://127.0.0.1:1".into()),
        lang: Some(Lang::Fr),
        ..Overrides::default()
    };
    let from_option = settings(&given, &place.env(&[]));
    assert_eq!(from_option.repo.unwrap().to_string(), "s3://option/p");
    assert_eq!(from_option.s3.endpoint.as_deref(), Some("http://127.0.0.1:1"));
    assert_eq!(from_option.lang, Lang::Fr);
}

#[test]
fn no_file_is_fine_unless_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let env = Env::of([("SCELLE_HOME", folder.path().to_str().unwrap())]);
    let plain = settings(&Overrides::default(), &env);
    assert!(!plain.config_exists && plain.repo.is_none() && plain.plans.is_empty());
    assert_eq!(plain.required_repo().unwrap_err().code, ExitCode::Usage);
    let named = Overrides { config: Some(folder.path().join("none.toml")), ..Overrides::default() };
    assert_eq!(resolve(&named, &env, Lang::Fr).unwrap_err().code, ExitCode::Usage);
}

#[test]
fn credentials_come_from_variables_or_a_file_beside_the_configuration() {
    let place = Place::with("[s3]\naccess_key_id = \"ID\"\nsecret_key_file = \"s3.secret\"\n");
    assert_eq!(resolve(&Overrides::default(), &place.env(&[]), Lang::Fr).unwrap_err().code, ExitCode::Usage);
    let secret = place.folder.path().join("s3.secret");
    fs::write(&secret, "hush\r\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
        for open in [0o604, 0o602, 0o666] {
            mode(open);
            let refused = resolve(&Overrides::default(), &place.env(&[]), Lang::Fr).unwrap_err();
            assert_eq!((refused.code, refused.kind), (ExitCode::Usage, AgentError::secret_file_open().kind));
        }
        mode(0o640);
    }
    let found = settings(&Overrides::default(), &place.env(&[]));
    let key = found.s3.required_credentials().unwrap();
    assert_eq!((key.access_key_id.as_str(), key.secret_access_key.expose_secret()), ("ID", "hush"));
    assert!(!format!("{found:?}").contains("hush"));

    let variables =
        [("AWS_ACCESS_KEY_ID", "VAR"), ("AWS_SECRET_ACCESS_KEY", "quiet"), ("AWS_SESSION_TOKEN", "t")];
    let found = settings(&Overrides::default(), &place.env(&variables));
    let key = found.s3.required_credentials().unwrap();
    assert_eq!((key.access_key_id.as_str(), key.secret_access_key.expose_secret()), ("VAR", "quiet"));
    assert!(key.session_token.is_some());
}

#[test]
fn no_credential_is_named_when_needed() {
    let place = Place::with("");
    let found = settings(&Overrides::default(), &place.env(&[("AWS_ACCESS_KEY_ID", "alone")]));
    assert_eq!(found.s3.required_credentials().unwrap_err().code, ExitCode::Usage);
}

#[test]
fn insecure_endpoint_is_refused_from_the_file_too() {
    let place = Place::with("[s3]\nendpoint = \"http://s3.example.org\"\n");
    let error = resolve(&Overrides::default(), &place.env(&[]), Lang::Fr).unwrap_err();
    assert_eq!((error.code, error.kind), (ExitCode::Usage, AgentError::insecure_endpoint().kind));
}
