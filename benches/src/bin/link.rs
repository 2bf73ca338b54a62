//! How much of a slow line a backup uses, and how well an upload limit holds. Started by `benches/link`, which makes the
//! namespace and the line.
//!
//! `link NAMESPACE ADDRESS [MEGABYTES]`; data is random, so that what is read is what is sent. The program is in the
//! namespace, so is a relay that adds the round trip; the engine and a relay that counts are outside.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use scelle_bench::measure::{self, Step, Usage};
use scelle_bench::relay::{Passed, relay};
use scelle_bench::table::{Table, megabytes};
use scelle_bench::tools::Name;
use scelle_practice::Seeded;
use scelle_store::Store as _;
use scelle_store::s3::S3Store;
use scelle_store::testing::engines::{ACCESS_KEY, REGION, SECRET_KEY, SeaweedFs};

/// What the line carries, headers of Ethernet, IP and TCP included.
const LINE_BITS_PER_SECOND: f64 = 100e6;
/// One way; the round trip is twice that.
const DELAY: Duration = Duration::from_millis(20);
/// All repositories share it: the engine gives each bucket volumes of its own, of which it has few.
const BUCKET: &str = "line";
const SMALL_BYTES: usize = 100_000;
/// Where the relay inside the namespace listens; nobody else is there.
const INSIDE: &str = "127.0.0.1:8333";

fn main() -> ExitCode {
    if let Some(code) = measure::child() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["--relay", listen, target] => stay(listen, target),
        ["--send", target, bytes] => send(target, bytes),
        [namespace, address] => run(namespace, address, 400),
        [namespace, address, megabytes] => {
            megabytes.parse().context("megabytes").and_then(|megabytes| run(namespace, address, megabytes))
        }
        _ => Err(anyhow::anyhow!("link NAMESPACE ADDRESS [MEGABYTES]")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "link: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The relay inside: until the process is ended.
fn stay(listen: &str, target: &str) -> Result<()> {
    relay(TcpListener::bind(listen)?, target.parse()?, DELAY, Passed::default());
    loop {
        std::thread::park();
    }
}

/// One plain connection that sends as fast as the line takes it, and waits until all has arrived.
fn send(target: &str, bytes: &str) -> Result<()> {
    let mut stream = TcpStream::connect(target)?;
    let mut rest: usize = bytes.parse()?;
    let piece = vec![0; 64 << 10];
    while rest > 0 {
        let now = rest.min(piece.len());
        stream.write_all(&piece[..now])?;
        rest -= now;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Ends its process with itself.
struct Inside(Child);

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both ends of the line.
struct Line {
    namespace: String,
    address: String,
    scratch: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    engine: SeaweedFs,
    passed: Passed,
    program: PathBuf,
    is_bucket_made: Cell<bool>,
    _inside: Inside,
}

fn run(namespace: &str, address: &str, megabytes_wanted: u64) -> Result<()> {
    let line = Line::new(namespace, address)?;
    let mut out = std::io::stdout();
    let capacity = line.capacity_bits_per_second()?;
    writeln!(
        out,
        "Line of {:.0} Mbit/s, round trip {} ms; one plain TCP connection carries {:.1} Mbit/s of content.\n",
        LINE_BITS_PER_SECOND / 1e6,
        2 * DELAY.as_millis(),
        capacity / 1e6
    )?;
    let mut table = Table::new(&[
        "data",
        "stored MB",
        "wall s",
        "before first pack s",
        "after last pack s",
        "CPU s",
        "RSS MB",
        "% of the line",
        "% of plain TCP",
        "the same while packs pass",
    ]);
    let total = megabytes_wanted * 1_000_000;
    let small = total.div_ceil(SMALL_BYTES as u64);
    let cases =
        [("one file".to_owned(), 1, total), (format!("{small} files of 100 KB"), small, SMALL_BYTES as u64)];
    for (at, (name, files, bytes)) in cases.iter().enumerate() {
        let source = line.source(*files, *bytes)?;
        let saved = line.backup(&format!("case-{at}"), &source, None)?;
        let bits_per_second = 8.0 * saved.stored_bytes as f64 / saved.usage.wall_seconds;
        table.row(&[
            name.clone(),
            megabytes(saved.stored_bytes as f64),
            format!("{:.2}", saved.usage.wall_seconds),
            format!("{:.2}", saved.before_seconds),
            format!("{:.2}", saved.after_seconds),
            format!("{:.2}", saved.usage.cpu_seconds),
            megabytes(saved.usage.rss_bytes as f64),
            format!("{:.1}", 100.0 * bits_per_second / LINE_BITS_PER_SECOND),
            format!("{:.1}", 100.0 * bits_per_second / capacity),
            format!("{:.1}", 100.0 * 8.0 * mean(&each_second(&saved.passed)) / capacity),
        ]);
        std::fs::remove_dir_all(&source)?;
    }
    writeln!(out, "{}", table.text())?;
    writeln!(out, "{}", line.limits(total / 10)?.text())?;
    Ok(())
}

/// One backup over the line.
struct Saved {
    usage: Usage,
    stored_bytes: u64,
    /// From the start to the first bytes of a pack.
    before_seconds: f64,
    /// From the moment when all but a hundredth had passed to the end.
    after_seconds: f64,
    /// What arrived, and when.
    passed: Vec<(Instant, usize)>,
}

impl Line {
    fn new(namespace: &str, address: &str) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let engine = runtime.block_on(SeaweedFs::start(scratch.path()));
        let target = engine.endpoint().trim_start_matches("http://").parse::<SocketAddr>()?;
        let outside = TcpListener::bind((address, 0))?;
        let outside_address = outside.local_addr()?.to_string();
        let passed = Passed::default();
        relay(outside, target, Duration::ZERO, passed.clone());
        let inside = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(std::env::current_exe()?)
            .args(["--relay", INSIDE, &outside_address])
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self {
            namespace: namespace.to_owned(),
            address: address.to_owned(),
            scratch,
            runtime,
            engine,
            passed,
            program: Name::Scelle.install()?.program,
            is_bucket_made: Cell::new(false),
            _inside: Inside(inside),
        })
    }

    /// A program inside the namespace.
    fn inside(&self, program: &Path, arguments: impl IntoIterator<Item = OsString>) -> Step {
        let mut all: Vec<OsString> =
            ["netns", "exec", &self.namespace].iter().map(|argument| OsString::from(*argument)).collect();
        all.push(program.into());
        all.extend(arguments);
        Step::new("ip", all)
    }

    /// What one plain connection reaches in four seconds, from its first byte to its last.
    fn capacity_bits_per_second(&self) -> Result<f64> {
        let listener = TcpListener::bind((self.address.as_str(), 0))?;
        let target = listener.local_addr()?.to_string();
        let sink = std::thread::spawn(move || -> Result<f64> {
            let (mut stream, _) = listener.accept()?;
            let (mut piece, mut bytes, began) = (vec![0; 64 << 10], 0, Instant::now());
            loop {
                match stream.read(&mut piece)? {
                    0 => return Ok(8.0 * bytes as f64 / began.elapsed().as_secs_f64()),
                    read => bytes += read,
                }
            }
        });
        let send = ["--send".into(), target.into(), "50000000".into()];
        self.inside(&std::env::current_exe()?, send).measured()?;
        sink.join().map_err(|_| anyhow::anyhow!("the sink panicked"))?
    }

    /// Random files, `files` of `bytes` each, 100 to a folder.
    fn source(&self, files: u64, bytes: u64) -> Result<PathBuf> {
        let root = self.scratch.path().join("source");
        let mut random = Seeded::new(files ^ bytes);
        let mut content = vec![0; usize::try_from(bytes)?];
        for file in 0..files {
            let folder = root.join(format!("{:03}", file / 100));
            std::fs::create_dir_all(&folder)?;
            random.fill(&mut content);
            std::fs::write(folder.join(format!("{file:05}.bin")), &content)?;
        }
        Ok(root)
    }

    /// Saves `source` into a new repository called `name`; only the backup is counted.
    fn backup(&self, name: &str, source: &Path, limit: Option<u64>) -> Result<Saved> {
        let home = self.scratch.path().join(format!("home-{name}"));
        std::fs::create_dir(&home)?;
        let scelle = |arguments: Vec<OsString>| {
            self.inside(&self.program, arguments)
                .with("HOME", home.clone())
                .with("SCELLE_HOME", home.join("state"))
                .with("SCELLE_LANG", "en")
                .with("SCELLE_REPO", format!("s3://{BUCKET}/{name}"))
                .with("SCELLE_S3_ENDPOINT", format!("http://{INSIDE}"))
                .with("SCELLE_S3_REGION", REGION)
                .with("AWS_ACCESS_KEY_ID", ACCESS_KEY)
                .with("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        };
        let kit = home.join("kit.txt").into_os_string();
        let mut init = vec![OsString::from("init"), "--yes".into(), "--kit".into(), kit];
        if !self.is_bucket_made.replace(true) {
            init.push("--create-bucket".into());
        }
        scelle(init).measured()?;
        let before = self.stored_bytes(name)?;
        self.passed.take();
        let mut arguments = vec![OsString::from("backup"), source.into()];
        if let Some(limit) = limit {
            arguments.extend(["--limit-upload".into(), limit.to_string().into()]);
        }
        let began = Instant::now();
        let usage = scelle(arguments).measured()?;
        let (ended, passed) = (Instant::now(), self.passed.take());
        let (first, last) = packs_passed(&passed).unwrap_or((ended, began));
        Ok(Saved {
            usage,
            stored_bytes: self.stored_bytes(name)? - before,
            before_seconds: (first - began).as_secs_f64(),
            after_seconds: (ended - last).as_secs_f64(),
            passed,
        })
    }

    fn stored_bytes(&self, name: &str) -> Result<u64> {
        let mut settings = self.engine.settings(BUCKET);
        settings.prefix = name.into();
        let store = S3Store::new(settings)?;
        let (mut bytes, mut last) = (0, None::<String>);
        loop {
            let page = self.runtime.block_on(store.list("", last.as_deref(), 1000))?;
            bytes += page.entries.iter().map(|entry| entry.bytes).sum::<u64>();
            last = page.entries.last().map(|entry| entry.key.as_str().to_owned());
            if !page.more || last.is_none() {
                return Ok(bytes);
            }
        }
    }

    /// What arrives each second under a limit, the seconds in which it begins and ends left out.
    fn limits(&self, bytes: u64) -> Result<Table> {
        let mut table = Table::new(&["limit MB/s", "arrived ÷ limit", "slowest second", "fastest second"]);
        for limit in [1_000_000u64, 4_000_000, 8_000_000] {
            // As many seconds for each.
            let source = self.source(1, bytes * limit / 4_000_000)?;
            let saved = self.backup(&format!("limit-{limit}"), &source, Some(limit))?;
            std::fs::remove_dir_all(&source)?;
            let seconds = each_second(&saved.passed);
            let share = |bytes: f64| format!("{:.3}", bytes / limit as f64);
            let extreme = |bytes: Option<&u64>| share(bytes.copied().unwrap_or(0) as f64);
            table.row(&[
                format!("{:.1}", limit as f64 / 1e6),
                share(mean(&seconds)),
                extreme(seconds.iter().min()),
                extreme(seconds.iter().max()),
            ]);
        }
        Ok(table)
    }
}

fn mean(values: &[u64]) -> f64 {
    values.iter().sum::<u64>() as f64 / values.len().max(1) as f64
}

/// Bytes of each whole second while packs are sent.
fn each_second(passed: &[(Instant, usize)]) -> Vec<u64> {
    let Some((first, last)) = packs_passed(passed) else { return Vec::new() };
    let mut seconds = vec![0u64; (last - first).as_secs() as usize];
    for (at, bytes) in passed {
        if let Some(second) =
            at.checked_duration_since(first).and_then(|since| seconds.get_mut(since.as_secs() as usize))
        {
            *second += *bytes as u64;
        }
    }
    seconds
}

/// When the first piece of a pack passed (requests alone are smaller), and when all but a hundredth had: what the
/// commit sends at the end is little.
fn packs_passed(passed: &[(Instant, usize)]) -> Option<(Instant, Instant)> {
    let (first, _) = passed.iter().find(|(_, bytes)| *bytes > 4096)?;
    let mut rest = passed.iter().map(|(_, bytes)| *bytes as f64).sum::<f64>() * 0.99;
    let last = passed.iter().find(|(_, bytes)| {
        rest -= *bytes as f64;
        rest <= 0.0
    });
    Some((*first, last.map_or(*first, |(at, _)| *at)))
}
