//! How the cost of a run grows: the real program over sources and indexes of several sizes.
//!
//! For each size a first run, an unchanged one and one after one change, in a new repository in a folder. The growth is the
//! exponent between two sizes: 0 is flat, 1 is in proportion. Never: asserts; wall times are of one machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use scelle_bench::measure::{Step, Usage};
use scelle_bench::table::{Table, megabytes};

use crate::practice;

/// A file changed in the second before a run is read again by the next one: not what is measured here.
const SETTLE: Duration = Duration::from_millis(1_500);
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/SCALE.md");

/// Which sizes.
#[derive(clap::Args)]
pub struct Sizes {
    /// Trees of so many tiny files.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    files: Vec<u64>,
    /// One file like a database, of so many GB (10⁹).
    #[arg(long, value_delimiter = ',', default_value = "1,10")]
    gigabytes: Vec<u64>,
    /// An index of so many chunks, and 100 MB of new pages.
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000")]
    chunks: Vec<u64>,
    /// Where scratch files go: as much disk as the largest size, once more.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// The program; default: beside this one.
    #[arg(long, env = "SCELLE_BIN")]
    program: Option<PathBuf>,
}

#[derive(Clone, Copy)]
struct Cost {
    size: u64,
    usage: Usage,
    stored_bytes: u64,
    state_bytes: u64,
}

/// One repository in a folder of its own.
struct Site {
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// Measures everything, prints the tables and writes them to `benches/SCALE.md`.
pub fn run(sizes: &Sizes) -> Result<()> {
    let own = std::env::current_exe()?;
    let program = sizes.program.clone().unwrap_or_else(|| own.with_file_name("scelle"));
    anyhow::ensure!(program.is_file(), "no program at {}: cargo build --release", program.display());
    let scratch = sizes.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let site = || Site::new(&program, &scratch);
    let mut report = String::from(HEADING);
    let files = |files: &u64| {
        let make = |source: &Path| practice::tree(source, *files);
        let edit = |source: &Path| practice::edit_tree(source, *files);
        site()?.three_runs(*files, make, edit)
    };
    let rows = sizes.files.iter().map(files).collect::<Result<Vec<_>>>()?;
    section(&mut report, "Tiny files", "files", &RUNS, &rows)?;
    let gigabytes = |gigabytes: &u64| {
        let bytes = gigabytes * 1_000_000_000;
        let file = |source: &Path| source.join("cabinet.mdf");
        let make = |source: &Path| practice::database(&file(source), bytes);
        let edit = |source: &Path| practice::edit_database(&file(source), bytes);
        site()?.three_runs(*gigabytes, make, edit)
    };
    let rows = sizes.gigabytes.iter().map(gigabytes).collect::<Result<Vec<_>>>()?;
    section(&mut report, "One file of pages", "GB", &RUNS, &rows)?;
    let rows = sizes.chunks.iter().map(|chunks| site()?.index_runs(*chunks)).collect::<Result<Vec<_>>>()?;
    section(&mut report, "Chunks in the index", "chunks", &INDEX_RUNS, &rows)?;
    std::fs::write(REPORT, report)?;
    Ok(())
}

const HEADING: &str = "# How a run grows

Made by `cargo xtask scale`. Wall times are of one machine and its disk; memory (most resident), processor seconds and
bytes say more. *Growth* is the exponent to the size before: 0 is flat, 1 is in proportion.
";
const RUNS: [&str; 3] = ["first", "unchanged", "one change"];
const INDEX_RUNS: [&str; 2] = ["unchanged", "100 MB new"];

fn section(report: &mut String, title: &str, unit: &str, runs: &[&str], rows: &[Vec<Cost>]) -> Result<()> {
    let columns = [unit, "run", "wall s", "CPU s", "growth", "RSS MB", "growth", "stored MB", "state MB"];
    let mut table = Table::new(&columns);
    for (at, run) in runs.iter().enumerate() {
        let mut before: Option<Cost> = None;
        for cost in rows.iter().filter_map(|costs| costs.get(at)) {
            let growth = |of: fn(&Cost) -> f64| match &before {
                Some(before) => {
                    let exponent =
                        (of(cost) / of(before)).ln() / (cost.size as f64 / before.size as f64).ln();
                    format!("{exponent:.2}")
                }
                None => "–".to_owned(),
            };
            table.row(&[
                cost.size.to_string(),
                (*run).to_owned(),
                format!("{:.1}", cost.usage.wall_seconds),
                format!("{:.2}", cost.usage.cpu_seconds),
                growth(|cost| cost.usage.cpu_seconds.max(0.01)),
                megabytes(cost.usage.rss_bytes as f64),
                growth(|cost| cost.usage.rss_bytes.max(1) as f64),
                format!("{:.2}", cost.stored_bytes as f64 / 1e6),
                megabytes(cost.state_bytes as f64),
            ]);
            before = Some(*cost);
        }
    }
    let text = format!("\n## {title}\n\n{}", table.text());
    std::io::stdout().write_all(text.as_bytes())?;
    report.push_str(&text);
    Ok(())
}

impl Site {
    fn new(program: &Path, scratch: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("scelle-scale-").tempdir_in(scratch)?;
        let site = Self { program: program.to_owned(), folder };
        std::fs::create_dir(site.source())?;
        let kit = site.path("kit.txt");
        site.step(["init".into(), "--yes".into(), "--kit".into(), kit.into_os_string()]).measured()?;
        Ok(site)
    }

    fn three_runs(
        &self,
        size: u64,
        make: impl Fn(&Path) -> Result<()>,
        edit: impl Fn(&Path) -> Result<()>,
    ) -> Result<Vec<Cost>> {
        make(&self.source()).context("source")?;
        let mut costs = vec![self.backup(size)?, self.backup(size)?];
        edit(&self.source()).context("change")?;
        costs.push(self.backup(size)?);
        Ok(costs)
    }

    fn index_runs(&self, chunks: u64) -> Result<Vec<Cost>> {
        practice::database(&self.source().join("petit.mdf"), 1_000_000)?;
        self.backup(chunks)?;
        practice::index(&self.path("home"), chunks)?;
        let unchanged = self.backup(chunks)?;
        practice::database(&self.source().join("cabinet.mdf"), 100_000_000)?;
        Ok(vec![unchanged, self.backup(chunks)?])
    }

    fn backup(&self, size: u64) -> Result<Cost> {
        std::thread::sleep(SETTLE);
        let before = bytes_below(&self.path("store"))?;
        let usage = self.step(["backup".into(), self.source().into_os_string()]).measured()?;
        let stored_bytes = bytes_below(&self.path("store"))? - before;
        Ok(Cost { size, usage, stored_bytes, state_bytes: bytes_below(&self.path("home"))? })
    }

    fn step<const N: usize>(&self, arguments: [std::ffi::OsString; N]) -> Step {
        let mut store = std::ffi::OsString::from("file://");
        store.push(self.path("store"));
        Step::new(&self.program, arguments)
            .with("SCELLE_HOME", self.path("home"))
            .with("SCELLE_REPO", store)
            .with("SCELLE_LANG", "en")
    }

    fn source(&self) -> PathBuf {
        self.path("cabinet")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    if folder.is_dir() {
        scelle_bench::corpus::walk(folder, &mut |_, metadata| {
            bytes += metadata.len();
            Ok(())
        })?;
    }
    Ok(bytes)
}
