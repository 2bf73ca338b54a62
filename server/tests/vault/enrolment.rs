//! A token becomes a credential once, over one documented call.

use std::path::Path;

use bytes::Bytes;
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::{ErrorKind, Key, Store as _};
use serde_json::Value;

use crate::program::{Program, credential, request, run};

fn token(data: &Path, file: &Path, endpoint: &str) -> Value {
    let out = file.to_str().unwrap();
    let arguments = ["token", "--tenant", "t", "--bucket", "bucket", "--prefix", "poste-1/"];
    let (code, _, err) = run(&[&arguments[..], &["--endpoint", endpoint, "--out", out]].concat(), data);
    assert_eq!(code, 0, "{err}");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn exchange(program: &Program, token: &str) -> (u16, Value) {
    let body = serde_json::json!({ "token": token }).to_string();
    let (status, body) = request(program.address(), "POST", "/.well-known/scelle-enrolment", body.as_bytes());
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_sets_a_computer_up_and_then_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "t", "admin");
    let mut program = Program::start(&data, &[]);
    let endpoint = format!("http://{}", program.address());
    let settings = |access: &str, secret: &str, prefix: &str| {
        let mut settings = BucketSettings::new(Some(endpoint.clone()), "us-east-1", "bucket", access, secret);
        settings.allow_plain_http_loopback = true;
        settings.prefix = prefix.to_owned();
        settings
    };
    S3Store::create_bucket_with_lock(settings(&access, &secret, ""), 1).await.unwrap();
    let file = folder.path().join("enrolment.json");
    let made = token(&data, &file, &endpoint);
    assert_eq!(made["url"], format!("{endpoint}/.well-known/scelle-enrolment"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let token = made["token"].as_str().unwrap();
    let (status, got) = exchange(&program, token);
    assert_eq!(status, 200);
    let text = |name: &str| got[name].as_str().unwrap().to_owned();
    assert_eq!(
        (text("endpoint"), text("bucket"), text("prefix")),
        (endpoint.clone(), "bucket".into(), "poste-1/".into())
    );
    let names: Vec<&String> = got.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["access_key", "bucket", "endpoint", "prefix", "region", "secret_key"],
        "and never a recipient"
    );
    let agent = S3Store::new(settings(&text("access_key"), &text("secret_key"), "poste-1")).unwrap();
    let key = Key::new("object").unwrap();
    agent.put_new(&key, Bytes::from_static(b"x"), sha256(b"x")).await.unwrap();
    assert_eq!(agent.delete(&key).await.unwrap_err().kind, ErrorKind::Denied);

    // Spent, guessed, or not even a token: nothing, and soon not even an answer to the right one.
    assert_eq!(exchange(&program, token).0, 403);
    let fresh = self::token(&data, &folder.path().join("second.json"), &endpoint);
    for _ in 0..10 {
        assert_eq!(exchange(&program, "guess").0, 403);
    }
    assert_eq!(exchange(&program, fresh["token"].as_str().unwrap()).0, 403, "locked out");
    program.stop();
    let (_, trace, _) = run(&["trace", "export", "--tenant", "t"], &data);
    let line = trace.lines().find(|line| line.contains("\"Enrol\"")).unwrap();
    assert!(line.contains(&text("access_key")) && line.contains("\"status\":200"), "{line}");
    let (_, strangers, _) = run(&["trace", "export", "--tenant", "-"], &data);
    assert!(strangers.contains("\"Enrol\"") && strangers.contains("locked out"));
    // Neither the token nor the secret is anywhere on disk in clear.
    for name in ["vault.sqlite", "vault.sqlite-wal"] {
        let bytes = std::fs::read(data.join(name)).unwrap_or_default();
        for secret in [token, &text("secret_key"), fresh["token"].as_str().unwrap()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name}");
        }
    }
    for secret in [token, &text("secret_key")] {
        assert!(!trace.contains(secret) && !strangers.contains(secret));
    }
}

#[test]
fn no_token_is_made_for_an_administrator_or_for_clear_text() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    credential(&data, "t", "admin");
    for (number, (role, endpoint, expected)) in [
        ("admin", "https://vault.example", 1),
        ("agent", "http://vault.example", 2),
        ("agent", "http://127.0.0.1.example:9000", 2),
        ("agent", "https://vault.example", 0),
        ("agent", "http://127.0.0.1:9000", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let out = folder.path().join(number.to_string());
        let arguments =
            ["token", "--tenant", "t", "--bucket", "bucket", "--role", role, "--endpoint", endpoint];
        let (code, _, err) = run(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat(), &data);
        assert_eq!(code, expected, "{role} {endpoint}: {err}");
        assert_eq!(out.exists(), expected == 0);
    }
}
