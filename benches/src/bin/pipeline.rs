//! The whole program over one corpus: first backup, unchanged, one working day, restore; and the roofline.
//!
//! `pipeline [mixed|tiny|dicom] [MEGABYTES or FILES] [--keep FOLDER]`. A folder that is kept is used again.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use scelle_bench::corpus::{Corpus, Kind};
use scelle_bench::measure::{self, Usage};
use scelle_bench::roofline::{Roofline, STAGES};
use scelle_bench::table::{Table, megabytes};
use scelle_bench::tools::Name;

fn main() -> ExitCode {
    if let Some(code) = measure::child() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "pipeline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_else(|| "mixed".into());
    let (kind, default) = Kind::parse_sized(&kind, scelle_bench::is_smoke())?;
    let size = arguments.next().map_or(Ok(default), |text| text.parse()).context("size")?;
    let kept: Option<PathBuf> = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--keep"), Some(folder)) => Some(folder.into()),
        (None, _) => None,
        _ => anyhow::bail!("pipeline [mixed|tiny|dicom] [MEGABYTES or FILES] [--keep FOLDER]"),
    };
    let scratch = tempfile::tempdir()?;
    let root = kept.unwrap_or_else(|| scratch.path().join("corpus"));
    let mut corpus = if root.exists() { Corpus::count(&root, kind)? } else { kind.build(&root, size)? };
    corpus.warm()?;
    measure_all(&mut corpus, scratch.path())
}

fn measure_all(corpus: &mut Corpus, scratch: &Path) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let mut out = std::io::stdout();
    let tool = Name::Scelle.install()?;
    writeln!(
        out,
        "{}, {} files, {} MB, {cores} cores\n",
        tool.version(),
        corpus.files,
        megabytes(corpus.bytes as f64)
    )?;
    let repository = tool.repository(&scratch.join("scelle"), &corpus.root)?;
    let mut table = Table::new(&["run", "wall s", "CPU s", "MB/s", "RSS MB", "stored MB"]);
    let mut stored = repository.stored_bytes()?;
    let mut row = |name: &str, usage: Usage, corpus_bytes: u64| -> Result<()> {
        let now = repository.stored_bytes()?;
        table.row(&[
            name.into(),
            format!("{:.2}", usage.wall_seconds),
            format!("{:.2}", usage.cpu_seconds),
            format!("{:.0}", corpus_bytes as f64 / 1e6 / usage.wall_seconds),
            megabytes(usage.rss_bytes as f64),
            format!("{:.3}", (now - stored) as f64 / 1e6),
        ]);
        stored = now;
        Ok(())
    };
    let first = repository.backup("first").measured()?;
    row("first backup", first, corpus.bytes)?;
    let roofline = Roofline::measure(&corpus.root, scratch)?;
    row("unchanged", repository.backup("same").measured()?, corpus.bytes)?;
    corpus.live(1)?;
    row("one working day", repository.backup("day").measured()?, corpus.bytes)?;
    let target = scratch.join("restored");
    std::fs::create_dir(&target)?;
    row("restore", repository.restore("day", &target).measured()?, corpus.bytes)?;
    writeln!(out, "{}", table.text())?;

    let mut table = Table::new(&["stage", "CPU s", "share %", "MB/s per core"]);
    for stage in STAGES {
        let (seconds, bytes) = roofline.stage(stage);
        table.row(&[
            format!("{stage:?}"),
            format!("{seconds:.3}"),
            format!("{:.1}", 100.0 * seconds / roofline.cpu_seconds()),
            format!("{:.0}", bytes as f64 / 1e6 / seconds.max(1e-9)),
        ]);
    }
    writeln!(out, "{}", table.text())?;
    writeln!(
        out,
        "Roofline: {:.2} CPU s, {:.2} s on {cores} cores. The first backup reached {:.0} % of it by wall, {:.0} % by CPU.",
        roofline.cpu_seconds(),
        roofline.wall_seconds(cores),
        100.0 * roofline.wall_seconds(cores) / first.wall_seconds,
        100.0 * roofline.cpu_seconds() / first.cpu_seconds,
    )?;
    Ok(())
}
