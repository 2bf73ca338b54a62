//! Rivals and Scellé in alternation: medians and ratios as a Markdown table for each corpus.
//!
//! `rivals [TOOL,TOOL…] [ROUNDS] [CORPUS[:SIZE]…]`; tools are installed first. In each round every tool makes a new
//! repository, saves, saves again unchanged, saves a working day, and restores; who begins changes with the round.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use scelle_bench::corpus::{Corpus, Kind};
use scelle_bench::measure::{self, Usage};
use scelle_bench::table::{Table, median, megabytes};
use scelle_bench::tools::{Name, Repository, Tool};

const ACTS: [&str; 4] = ["first backup", "unchanged", "one working day", "restore"];

fn main() -> ExitCode {
    if let Some(code) = measure::child() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "rivals: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |at: usize, default: &str| arguments.get(at).cloned().unwrap_or_else(|| default.to_owned());
    let smoke = scelle_bench::is_smoke();
    let names = argument(0, if smoke { "restic" } else { "restic,borg,bupstash,rustic" });
    let rounds: u32 = argument(1, if smoke { "1" } else { "3" }).parse().context("rounds")?;
    let corpora = match arguments.get(2..) {
        Some(corpora) if !corpora.is_empty() => corpora.to_vec(),
        _ => vec!["mixed".to_owned()],
    };
    let corpora: Vec<(Kind, u32)> =
        corpora.iter().map(|text| Kind::parse_sized(text, smoke)).collect::<Result<_>>()?;

    let mut tools = vec![Name::Scelle.install()?];
    for name in names.split(',') {
        tools.push(Name::parse(name)?.install()?);
    }
    let mut out = std::io::stdout();
    for tool in &tools {
        writeln!(out, "- {}: {}", tool.name.text(), tool.version())?;
    }
    let cores = std::thread::available_parallelism()?;
    writeln!(out, "- {cores} cores, medians of {rounds} rounds")?;
    for (kind, size) in corpora {
        let scratch = tempfile::tempdir()?;
        let mut corpus = kind.build(&scratch.path().join("corpus"), size)?;
        let bytes = megabytes(corpus.bytes as f64);
        writeln!(out, "\n### {}: {} files, {bytes} MB\n", kind.text(), corpus.files)?;
        let mut runs = Vec::new();
        for round in 0..rounds {
            runs.extend(one_round(&tools, &mut corpus, scratch.path(), round, rounds)?);
            writeln!(std::io::stderr(), "{}: round {} of {rounds} done", kind.text(), round + 1)?;
        }
        write!(out, "{}", report(&tools, &runs))?;
    }
    Ok(())
}

/// One act of one tool.
struct Run {
    tool: Name,
    act: usize,
    usage: Usage,
    stored_bytes: u64,
}

fn one_round(
    tools: &[Tool],
    corpus: &mut Corpus,
    scratch: &Path,
    round: u32,
    rounds: u32,
) -> Result<Vec<Run>> {
    // The corpus is in memory for everybody, and whoever begins gains nothing by it.
    corpus.warm()?;
    let mut order: Vec<&Tool> = tools.iter().collect();
    order.rotate_left(round as usize % tools.len());
    let folder = scratch.join(format!("round-{round}"));
    let mut repositories: Vec<(Name, Repository)> = Vec::new();
    for tool in order {
        repositories.push((tool.name, tool.repository(&folder.join(tool.name.text()), &corpus.root)?));
    }
    let mut runs = Vec::new();
    for (act, label) in [(0, "first"), (1, "same"), (2, "day")] {
        if act == 2 {
            // One database and one corpus: days go on from round to round, the same for all.
            corpus.live(round + 1)?;
        }
        for (tool, repository) in &repositories {
            let before = repository.stored_bytes()?;
            let usage = repository.backup(label).measured()?;
            runs.push(Run { tool: *tool, act, usage, stored_bytes: repository.stored_bytes()? - before });
        }
    }
    for (tool, repository) in &repositories {
        let target = folder.join("restored");
        std::fs::create_dir(&target)?;
        let usage = repository.restore("day", &target).measured()?;
        runs.push(Run { tool: *tool, act: 3, usage, stored_bytes: 0 });
        if round + 1 == rounds {
            check_restored(&target, corpus)?;
        }
        std::fs::remove_dir_all(&target)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(runs)
}

/// Every tool must have given everything back: names and contents.
fn check_restored(target: &Path, corpus: &Corpus) -> Result<()> {
    anyhow::ensure!(
        Corpus::fingerprint(target)? == Corpus::fingerprint(&corpus.root)?,
        "what was restored is not what was saved"
    );
    Ok(())
}

/// What is compared, in the order of the columns.
const VALUES: [fn(&Run) -> f64; 3] =
    [|run| run.usage.wall_seconds, |run| run.usage.cpu_seconds, |run| run.stored_bytes as f64];

fn report(tools: &[Tool], runs: &[Run]) -> String {
    let columns = [
        "act",
        "tool",
        "wall s",
        "CPU s",
        "RSS MB",
        "stored MB",
        "wall ÷ scelle",
        "CPU ÷ scelle",
        "stored ÷ scelle",
        "wall ÷ best rival",
        "CPU ÷ best rival",
        "stored ÷ best rival",
    ];
    let mut table = Table::new(&columns);
    for (act, name) in ACTS.iter().enumerate() {
        let of = |tool: Name, value: fn(&Run) -> f64| {
            median(runs.iter().filter(|run| run.tool == tool && run.act == act).map(value))
        };
        let own = VALUES.map(|value| of(Name::Scelle, value));
        // The best at each figure, which may be three programs.
        let best = VALUES.map(|value| {
            let rivals = tools.iter().filter(|tool| tool.name != Name::Scelle);
            rivals.map(|tool| of(tool.name, value)).fold(f64::INFINITY, f64::min)
        });
        for tool in tools {
            let values = VALUES.map(|value| of(tool.name, value));
            let [wall, cpu, stored] = values;
            let rss = of(tool.name, |run| run.usage.rss_bytes as f64);
            let mut cells = vec![
                (*name).into(),
                tool.name.text().into(),
                format!("{wall:.2}"),
                format!("{cpu:.2}"),
                megabytes(rss),
                format!("{:.3}", stored / 1e6),
            ];
            for others in [own, best] {
                cells.extend(values.iter().zip(others).map(|(value, other)| ratio(*value, other)));
            }
            table.row(&cells);
        }
    }
    table.text().to_owned()
}

fn ratio(value: f64, other: f64) -> String {
    if other > 0.0 && other.is_finite() { format!("{:.2}", value / other) } else { "–".into() }
}
