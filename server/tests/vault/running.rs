//! A vault as its operator runs it: figures, certificates, a stop in the middle of work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, NamedGroup, ProtocolVersion, RootCertStore};
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::throttle::ByteRate;
use scelle_store::{Key, Put, Store as _};

use crate::program::{Program, credential, request};

fn client(program: &Program, access: &str, secret: &str) -> BucketSettings {
    let endpoint = format!("http://{}", program.address());
    let mut settings = BucketSettings::new(Some(endpoint), "us-east-1", "bucket", access, secret);
    settings.allow_plain_http_loopback = true;
    settings
}

fn figure(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("scelle_vault_{name} ")));
    line.unwrap_or_else(|| panic!("{name}: {page}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_told_on_this_machine_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "cabinet", "admin");
    let program = Program::start(&data, &["--metrics", "127.0.0.1:0"]);
    let store = S3Store::create_plain_bucket(client(&program, &access, &secret)).await.unwrap();
    let body = Bytes::from(vec![1; 1234]);
    store.put_new(&Key::new("x").unwrap(), body.clone(), sha256(&body)).await.unwrap();
    let wrong = S3Store::new(client(&program, &access, "wrong")).unwrap();
    wrong.get(&Key::new("x").unwrap(), 10).await.unwrap_err();
    let figures = program.ready["metrics"].as_str().unwrap();
    let (status, page) = request(figures, "GET", "/metrics", b"");
    assert_eq!(status, 200);
    assert!(figure(&page, "answers_total{class=\"2xx\"}") >= 2);
    assert_eq!(figure(&page, "refused_signatures_total"), 1);
    assert_eq!(figure(&page, "tenant_bytes{tenant=\"cabinet\"}"), 1234);
    assert_eq!((figure(&page, "damaged_versions"), figure(&page, "unread_too_long")), (0, 0));
    assert!(figure(&page, "free_bytes") > 0);
    assert_eq!(request(figures, "GET", "/bucket/x", b"").0, 404, "figures are no way round a signature");
    let (code, _, _) =
        crate::program::run(&["vault", "--metrics", "0.0.0.0:0"], &folder.path().join("other"));
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_lets_a_running_upload_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "cabinet", "admin");
    let mut program = Program::start(&data, &[]);
    S3Store::create_plain_bucket(client(&program, &access, &secret)).await.unwrap();
    // Two seconds on its way, whatever the machine: long enough to be met, far from what a stop waits for.
    let body = Bytes::from(vec![9; 8_000_000]);
    let name = Key::new("long").unwrap();
    let mut slow = client(&program, &access, &secret);
    slow.upload_rate = Some(Arc::new(ByteRate::new(4_000_000)));
    let (putting, putter, put_body) = (name.clone(), S3Store::new(slow).unwrap(), body.clone());
    let upload =
        tokio::spawn(async move { putter.put_new(&putting, put_body.clone(), sha256(&put_body)).await });
    let is_running = || {
        let mut entries = std::fs::read_dir(data.join("blobs")).unwrap();
        entries.any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(".tmp-"))
    };
    while !is_running() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let stopping = tokio::task::spawn_blocking(move || program.stop());
    assert_eq!(upload.await.unwrap().unwrap(), Put::Created);
    stopping.await.unwrap();
    let program = Program::start(&data, &[]);
    assert_eq!(program.ready["torn_uploads_removed"], 0);
    let store = S3Store::new(client(&program, &access, &secret)).unwrap();
    assert!(store.get(&name, 1 << 30).await.unwrap() == body);
}

/// A self-signed certificate for 127.0.0.1 and its key, at these paths.
fn certificate(chain: &Path, key: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
    ]);
    openssl
        .args([
            "-subj",
            "/CN=vault",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ])
        .arg(key)
        .arg("-out")
        .arg(chain);
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

struct Hand {
    version: ProtocolVersion,
    group: NamedGroup,
}

/// Shakes hands with the vault, trusting one certificate only.
async fn shake(
    address: &str,
    trusted: &Path,
    config: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<Hand> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(config).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let connection = stream.get_ref().1;
    Ok(Hand {
        version: connection.protocol_version().unwrap(),
        group: connection.negotiated_key_exchange_group().unwrap().name(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_prefers_post_quantum_and_takes_a_renewed_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let (chain, key, first) = (path("vault.crt"), path("vault.key"), path("first.crt"));
    certificate(&chain, &key);
    std::fs::copy(&chain, &first).unwrap();
    let (shown, hidden) = (chain.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned());
    let program = Program::start(&path("vault"), &["--tls-cert", &shown, "--tls-key", &hidden]);
    let address = program.address().to_owned();
    let newest = shake(&address, &chain, rustls::ALL_VERSIONS).await.unwrap();
    assert_eq!((newest.version, newest.group), (ProtocolVersion::TLSv1_3, NamedGroup::X25519MLKEM768));
    let older = shake(&address, &chain, &[&rustls::version::TLS12]).await.unwrap();
    assert_eq!(older.version, ProtocolVersion::TLSv1_2);
    for version in ["-tls1", "-tls1_1"] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", &address]);
        assert!(!openssl.output().unwrap().status.success(), "{version}");
    }
    // A new certificate that its key does not fit is not taken; the right pair is.
    let renewed = path("renewed.crt");
    certificate(&renewed, &path("renewed.key"));
    std::fs::copy(&renewed, &chain).unwrap();
    let hang_up = || {
        let id = rustix::process::Pid::from_child(&program.child);
        rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    };
    hang_up();
    for _ in 0..20 {
        shake(&address, &first, rustls::ALL_VERSIONS).await.unwrap();
    }
    std::fs::copy(path("renewed.key"), &key).unwrap();
    while shake(&address, &renewed, rustls::ALL_VERSIONS).await.is_err() {
        hang_up();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(shake(&address, &first, rustls::ALL_VERSIONS).await.is_err());
}
