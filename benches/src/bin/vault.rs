//! The vault beside SeaweedFS, through the same client: small objects, large objects, many agents at once.
//!
//! `vault [SERVER] [FOLDER]`: the `scelle-server` program (by default the one beside this one) and where both keep their
//! data (by default the system's temporary folder). Both engines take turns in one run, the median of the turns counts;
//! SeaweedFS answers a put before it is on disk, the vault after.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use scelle_bench::is_smoke;
use scelle_bench::table::{Table, median};
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::contract::sha256;
use scelle_store::testing::engines::SeaweedFs;
use scelle_store::{Key, Store as _};

/// What is put and got: bytes, objects, at once.
struct Load {
    name: &'static str,
    bytes: usize,
    objects: usize,
    at_once: usize,
}

const AGENTS: usize = 200;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new();
    let outcome = runtime.context("runtime").and_then(|runtime| runtime.block_on(run()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "vault: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let server = match arguments.next() {
        Some(server) => server,
        None => std::env::current_exe()?.with_file_name("scelle-server"),
    };
    let folder = tempfile::tempdir_in(arguments.next().unwrap_or_else(std::env::temp_dir))?;
    let vault = Vault::start(&server, &folder.path().join("vault"))?;
    let weed = SeaweedFs::start(folder.path()).await;
    let ours = S3Store::create_plain_bucket(vault.settings("bench")).await?;
    let theirs = S3Store::create_plain_bucket(weed.settings("bench")).await?;
    let (small, large, turns) = if is_smoke() { (100, 2, 1) } else { (2000, 24, 3) };
    let loads = [
        Load { name: "4 KiB", bytes: 4 << 10, objects: small, at_once: 32 },
        Load { name: "16 MiB", bytes: 16 << 20, objects: large, at_once: 4 },
    ];
    let mut table = Table::new(&["", "vault MB/s", "SeaweedFS MB/s", "vault objects/s", "ratio"]);
    for load in loads {
        let mut seconds = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for turn in 0..turns {
            for (at, store) in [&ours, &theirs].into_iter().enumerate() {
                seconds[at].push(put(store, &load, turn).await?);
                seconds[2 + at].push(get(store, &load, turn).await?);
            }
        }
        let [put_ours, put_theirs, get_ours, get_theirs] = seconds.map(median);
        row(&mut table, &load, "put", put_ours, put_theirs);
        row(&mut table, &load, "get", get_ours, get_theirs);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", table.text())?;
    let idle = vault.peak_kib()?;
    let seconds = agents(&vault, if is_smoke() { 1 } else { 20 }).await?;
    let peak = vault.peak_kib()?;
    writeln!(out, "{AGENTS} agents at once, each with a client of its own: {seconds:.1} s")?;
    writeln!(out, "most memory the vault had: {} MiB, before the agents {} MiB", peak >> 10, idle >> 10)?;
    Ok(())
}

fn row(table: &mut Table, load: &Load, what: &str, ours: f64, theirs: f64) {
    let megabytes = (load.bytes * load.objects) as f64 / 1e6;
    table.row(&[
        format!("{what} {} × {}, {} at once", load.objects, load.name, load.at_once),
        format!("{:.1}", megabytes / ours),
        format!("{:.1}", megabytes / theirs),
        format!("{:.0}", load.objects as f64 / ours),
        format!("{:.2}", theirs / ours),
    ]);
}

fn key(load: &Load, turn: usize, number: usize) -> Result<Key> {
    Key::new(format!("{}/{turn}/{number}", load.bytes)).context("key")
}

/// Seconds that all puts took.
async fn put(store: &S3Store, load: &Load, turn: usize) -> Result<f64> {
    let body = bytes::Bytes::from((0..load.bytes).map(|at| ((at * 31) >> 3) as u8).collect::<Vec<_>>());
    let hash = sha256(&body);
    let began = Instant::now();
    let puts = (0..load.objects).map(|number| {
        let body = body.clone();
        async move { Ok(store.put_new(&key(load, turn, number)?, body, hash).await.map(|_| ())?) }
    });
    all(puts, load.at_once).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds that all gets took.
async fn get(store: &S3Store, load: &Load, turn: usize) -> Result<f64> {
    let began = Instant::now();
    let gets = (0..load.objects).map(|number| async move {
        let body = store.get(&key(load, turn, number)?, load.bytes as u64).await?;
        ensure!(body.len() == load.bytes, "an object came back short");
        Ok(())
    });
    all(gets, load.at_once).await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn all(work: impl Iterator<Item = impl Future<Output = Result<()>>>, at_once: usize) -> Result<()> {
    let mut work = futures::stream::iter(work).buffer_unordered(at_once);
    while let Some(done) = work.next().await {
        done?;
    }
    Ok(())
}

/// Many agents, each with its own connections; every one puts, lists and gets.
async fn agents(vault: &Vault, rounds: usize) -> Result<f64> {
    let body = bytes::Bytes::from(vec![7u8; 64 << 10]);
    let hash = sha256(&body);
    let began = Instant::now();
    let work = (0..AGENTS).map(|agent| {
        let (settings, body) = (vault.settings("bench"), body.clone());
        async move {
            let store = S3Store::new(settings)?;
            for round in 0..rounds {
                let key = Key::new(format!("agents/{agent}/{round}")).context("key")?;
                store.put_new(&key, body.clone(), hash).await?;
                store.list(&format!("agents/{agent}/"), None, 1000).await?;
                store.get(&key, 1 << 20).await?;
            }
            Ok(())
        }
    });
    all(work, AGENTS).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// A running vault, ended with its owner.
struct Vault {
    child: Child,
    endpoint: String,
    access_key: String,
    secret_key: String,
}

impl Vault {
    fn start(program: &Path, data: &Path) -> Result<Self> {
        let mut add = Command::new(program);
        add.args(["credential", "add", "--json", "--tenant", "bench", "--role", "admin", "--data"]).arg(data);
        let made = add.output().with_context(|| format!("cannot start {}", program.display()))?;
        ensure!(made.status.success(), "no credential: {}", String::from_utf8_lossy(&made.stderr));
        let made: serde_json::Value = serde_json::from_slice(&made.stdout)?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).context("credential");
        let mut serve = Command::new(program);
        serve.args(["vault", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let mut child = serve.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("output")?).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let endpoint = format!("http://{}", ready["listening"].as_str().context("address")?);
        Ok(Self { child, endpoint, access_key: text("access_key")?, secret_key: text("secret_key")? })
    }

    fn settings(&self, bucket: &str) -> BucketSettings {
        let endpoint = Some(self.endpoint.clone());
        let mut settings =
            BucketSettings::new(endpoint, "us-east-1", bucket, &self.access_key, self.secret_key.as_str());
        settings.allow_plain_http_loopback = true;
        settings
    }

    /// The most memory it ever had, in KiB.
    fn peak_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
