//! Commands around the vault: credentials, trace, and what they refuse.

use bytes::Bytes;
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::{ErrorKind, Key, Store as _};

use crate::program::{Program, credential, run};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_signatures_are_traced_and_lock_out_and_an_edited_trace_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "cabinet", "admin");
    let mut program = Program::start(&data, &[]);
    let settings = |secret: &str| {
        let endpoint = format!("http://{}", program.address());
        let mut settings = BucketSettings::new(Some(endpoint), "us-east-1", "bucket", &access, secret);
        settings.allow_plain_http_loopback = true;
        settings
    };
    let store = S3Store::create_plain_bucket(settings(&secret)).await.unwrap();
    let key = Key::new("seen").unwrap();
    store.put_new(&key, Bytes::from_static(b"x"), sha256(b"x")).await.unwrap();
    let wrong = S3Store::new(settings("not-the-secret")).unwrap();
    for _ in 0..12 {
        assert_eq!(wrong.get(&key, 10).await.unwrap_err().kind, ErrorKind::Denied);
    }
    assert_eq!(store.get(&key, 10).await.unwrap_err().kind, ErrorKind::Denied, "this address is locked out");
    // Lines about reads follow their answers within moments; a stop in order waits for them.
    program.stop();

    let (code, out, err) = run(&["trace", "export", "--tenant", "cabinet"], &data);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("\"operation\":\"PutObject\"")
            && out.contains("not authenticated")
            && out.contains("locked out")
    );
    assert!(!out.contains(&secret) && !out.contains("not-the-secret"));
    let (code, out, _) = run(&["trace", "verify", "--tenant", "cabinet"], &data);
    assert_eq!(code, 0, "{out}");
    let chain = data.join("trace/cabinet/00000000000000000001.jsonl");
    let edited = std::fs::read_to_string(&chain).unwrap().replacen("PutObject", "GetObject", 1);
    std::fs::write(&chain, edited).unwrap();
    let (code, out, err) = run(&["trace", "verify", "--tenant", "cabinet"], &data);
    assert_eq!(code, 13, "{out}{err}");
    // The secret is nowhere on disk in clear.
    for name in ["vault.sqlite", "vault.sqlite-wal"] {
        let bytes = std::fs::read(data.join(name)).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name}");
    }
}

#[test]
fn clear_text_beyond_this_machine_and_a_second_process_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (code, _, err) = run(&["vault", "--listen", "0.0.0.0:0"], &data);
    assert_eq!(code, 2, "{err}");
    let _program = Program::start(&data, &[]);
    let (code, _, err) = run(&["vault", "--listen", "127.0.0.1:0"], &data);
    assert_eq!(code, 11, "{err}");
    let (code, _, _) = run(&["trace", "verify", "--tenant", "../keys"], &data);
    assert_eq!(code, 1);
}
