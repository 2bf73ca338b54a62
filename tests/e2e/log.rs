//! The log: what it says at which level and where, and that nobody's name, path, address or secret is in it at any.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::canary::{self, NAMES};
use e2e::process::Tmpfs;
use e2e::{Agent, Outcome, Site, noise};
use serde_json::Value;

use crate::write_only::{fill_with_canaries, live_and_fail};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The files of a log, in the order of their days.
fn files(log: &Path) -> Vec<PathBuf> {
    let (folder, stem) = (log.parent().unwrap(), log.file_stem().unwrap().to_str().unwrap());
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(stem)).collect();
    paths.sort();
    paths
}

fn text(log: &Path) -> String {
    files(log).iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn lines(text: &str) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(line).collect()
}

fn backup_of(root: &Path) -> [OsString; 2] {
    ["backup".into(), root.into()]
}

/// What else than patients' names must not be in a log: where things are, who this is, what opens them.
fn assert_nobody_is_in(site: &Site, log: &str) {
    canary::assert_absent("the log", log.as_bytes());
    // A short name may stand in the repository's, which is random.
    let log = log.replace(&site.repository(), "");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let kit = fs::read_to_string(site.kit()).unwrap();
    let secret = kit.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    let phrase = fs::read_to_string(site.phrase()).unwrap();
    let place = site.folder().file_name().unwrap().to_str().unwrap();
    for needle in
        [place, host.trim(), secret, phrase.trim(), "cabinet", "file:", "s3:", "127.0.0.1", "mme-durand"]
    {
        assert!(!log.contains(needle), "{needle:?} in the log");
    }
}

#[test]
fn no_name_is_in_the_log_at_any_level_even_in_failures() {
    let mut site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    fill_with_canaries(&source);
    // Strangers' files, where listings pass.
    for place in ["", "c", "desc", "p"] {
        let folder = site.object(place);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Quatremere-ZEPHYRINE.txt"), "not ours").unwrap();
    }
    let log = site.agent.home().join("log/scelle.log");
    let plain = site.agent.clone();
    site.agent = site
        .agent
        .with("SCELLE_LOG_LEVEL", "trace")
        .with("SCELLE_LOG_FILE", &log)
        .with("SCELLE_LOG_FORMAT", "json")
        .with("USER", "mme-durand")
        .with("LOGNAME", "mme-durand");
    live_and_fail(&site, &source);
    for pack in site.objects("p/") {
        let mut content = fs::read(site.object(&pack)).unwrap();
        for at in (1_000..content.len()).step_by(50_000) {
            content[at] ^= 1;
        }
        fs::write(site.object(&pack), content).unwrap();
    }
    site.agent.expect(13, ["check", "--read-data", "all"]);
    let restore = |name: &str| {
        let to = OsString::from(site.path(name));
        ["restore".into(), "1".into(), "--to".into(), to].into_iter().chain(site.with_kit())
    };
    site.agent.expect(13, restore("damaged"));
    site.objects("m/").iter().for_each(|pack| fs::remove_file(site.object(pack)).unwrap());
    site.agent.expect(13, restore("without names"));
    let found = text(&log);
    let levels: Vec<Value> = lines(&found).into_iter().map(|line| line["level"].clone()).collect();
    for level in LEVELS {
        assert!(levels.contains(&level.to_uppercase().into()), "nothing at {level}: this proves little");
    }
    assert!(found.contains("\"failure\":\"NotFound\""), "why a request failed is told");
    println!("{} lines, {} bytes of log", levels.len(), found.len());
    assert_nobody_is_in(&site, &found);
    canary::assert_absent_below(site.agent.home());

    // The lower levels and the other form, on standard error.
    for level in LEVELS {
        let loud = plain.clone().with("SCELLE_LOG_LEVEL", level);
        let missing = source.path(format!("{} n'existe pas", NAMES[0]));
        for format in ["text", "json"] {
            let loud = loud.clone().with("SCELLE_LOG_FORMAT", format);
            let failed = loud.run(backup_of(&missing));
            assert!(failed.err().contains("command failed"), "{failed}");
            canary::assert_absent("standard error", &failed.stderr);
            canary::assert_absent("standard error", &loud.run(backup_of(source.root())).stderr);
        }
    }
}

#[test]
fn what_an_s3_client_knows_is_not_in_the_log() {
    let site = Site::on_seaweed_with_phrase();
    let source = site.source("cabinet");
    fill_with_canaries(&source);
    let log = site.path("log/scelle.log");
    let loud = site.agent.clone().with("SCELLE_LOG_LEVEL", "trace").with("SCELLE_LOG_FILE", &log);
    loud.ok(backup_of(source.root()));
    loud.ok(["check", "--read-data", "all"]);
    let wrong = loud.clone().with("AWS_SECRET_ACCESS_KEY", "notthesecretnotthesecret");
    wrong.expect(14, backup_of(source.root()));
    let found = text(&log).replace(&site.repository(), "");
    let settings = &site.place.bucket().settings();
    let secret = secrecy::ExposeSecret::expose_secret(&settings.secret_key);
    for needle in
        [secret, &settings.access_key, &settings.bucket, "notthesecret", "Signature", "aws", "hyper"]
    {
        assert!(!found.contains(needle), "{needle:?} in the log");
    }
    assert!(found.contains("operation=\"put\" object="), "requests are told: {found}");
    assert!(found.contains("command failed code=14"), "so is a credential that is refused: {found}");
    assert_nobody_is_in(&site, &found);
}

#[test]
fn each_level_says_what_the_readme_says() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("un.txt", "un");
    source.file("deux.bin", noise(1, 2_000_000));
    let run = |level: &str, agent: &Agent, arguments: &[OsString], code: i32| {
        let log = site.path(&format!("log-{level}-{code}/scelle.log"));
        let agent = agent.clone().with("SCELLE_LOG_LEVEL", level).with("SCELLE_LOG_FILE", &log);
        agent.with("SCELLE_LOG_FORMAT", "json").expect(code, arguments);
        lines(&text(&log))
    };
    let said = |lines: &[Value], what: &str| lines.iter().filter(|line| line["message"] == what).count();
    let arguments = backup_of(source.root());

    let info = run("info", &site.agent, &arguments, 0);
    for (what, times) in
        [("command begins", 1), ("snapshot stored", 1), ("bilan written", 1), ("command ends", 1)]
    {
        assert_eq!(said(&info, what), times, "{what}: {info:?}");
    }
    assert_eq!(said(&info, "stage begins"), said(&info, "stage ends"), "{info:?}");
    let stored = info.iter().find(|line| line["message"] == "snapshot stored").unwrap();
    assert_eq!((&stored["snapshot"], &stored["files"], &stored["new"]), (&1.into(), &2.into(), &2.into()));
    let [command, run_of] = [0, 1].map(|at| &stored["spans"][at]);
    assert_eq!((&command["name"], &command["word"]), (&"command".into(), &"backup".into()), "{stored}");
    assert!(run_of["name"] == "run" && run_of["set"].is_string(), "{stored}");
    assert_eq!(said(&info, "request"), 0);

    // A lone backup is not green: the reasons are warnings, and nothing else is said at this level.
    let warn = run("warn", &site.agent, &arguments, 0);
    assert!(!warn.is_empty() && said(&warn, "reason of the bilan") == warn.len(), "{warn:?}");
    assert!(run("error", &site.agent, &arguments, 0).is_empty());

    let debug = run("debug", &site.agent, &arguments, 0);
    assert!(said(&debug, "request") > 3 && said(&debug, "note written") == 2, "{debug:?}");
    let put = debug.iter().find(|line| line["operation"] == "put").unwrap();
    assert!(put["object"].as_str().unwrap().starts_with(&site.repository()), "{put}");
    assert_eq!(said(&debug, "done"), 0);

    let failed = run("error", &site.agent, &backup_of(&site.path("absent")), 1);
    assert_eq!((said(&failed, "command failed"), failed.len()), (1, 1), "{failed:?}");
    assert_eq!(failed[0]["code"], 1);
    assert!(failed[0]["why"].as_str().is_some_and(|why| !why.is_empty()), "{failed:?}");
}

/// What a command says in JSON at debug level, and the stages of its requests.
fn stages_of(site: &Site, agent: &Agent, arguments: &[OsString]) -> (Vec<Value>, BTreeSet<String>) {
    let log = site.path(&format!("{}/scelle.log", arguments[0].to_str().unwrap()));
    let agent = agent.clone().with("SCELLE_LOG_LEVEL", "debug").with("SCELLE_LOG_FILE", &log);
    agent.with("SCELLE_LOG_FORMAT", "json").ok(arguments);
    let said = lines(&text(&log));
    let requests = said.iter().filter(|line| line["message"] == "request");
    let stages = requests.flat_map(|line| line["spans"].as_array().cloned().unwrap_or_default());
    let stages = stages.filter_map(|span| Some(span["phase"].as_str()?.to_owned())).collect();
    (said, stages)
}

#[test]
fn every_stage_is_told_with_its_figures_and_its_requests_bear_its_name() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("un.txt", "un");
    source.file("deux.bin", noise(1, 2_000_000));
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let (kit, to) = (site.kit(), site.path("to"));
    let (kit, to) = (kit.to_str().unwrap(), to.to_str().unwrap());
    let other = site.other_computer("other");
    let commands = [
        (&other, words(&["init", "--join", "--kit", kit]), vec!["probe"]),
        (&site.agent, backup_of(source.root()).to_vec(), vec!["backup", "commit", "open", "verify"]),
        (&site.agent, words(&["check", "--read-data", "all", "--kit", kit]), vec!["read_data", "verify"]),
        (&site.agent, words(&["restore", "1", "--to", to, "--kit", kit]), vec!["restore"]),
    ];
    for (agent, arguments, expected) in commands {
        let (said, stages) = stages_of(&site, agent, &arguments);
        assert_eq!(stages.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{arguments:?}");
        for stage in expected {
            let ends = said.iter().find(|line| line["message"] == "stage ends" && line["stage"] == stage);
            let ends = ends.unwrap_or_else(|| panic!("{stage} does not end: {arguments:?}"));
            let is_told = ["files", "bytes", "ms"].iter().all(|figure| ends[*figure].is_u64());
            assert!(is_told && ends["spans"][0]["word"] == arguments[0].to_str().unwrap(), "{ends}");
        }
    }
}

#[test]
fn nothing_is_logged_unless_asked_for_and_json_stays_json() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("un.txt", "un");
    let quiet = site.agent.ok(backup_of(source.root()));
    assert!(!quiet.err().contains("INFO") && !quiet.err().contains("stage"), "{quiet}");
    // Text was asked for: standard error of a run with --json carries JSON all the same.
    let loud = |more: &[&str]| -> Outcome {
        let words = ["--log-level", "debug", "--log-format", "text"];
        let arguments = words.iter().chain(more).map(OsString::from);
        site.agent.ok(backup_of(source.root()).into_iter().chain(arguments))
    };
    let json = loud(&["--json", "--progress", "json"]);
    assert!(json.json()["snapshot"].is_u64());
    assert!(lines(&json.err()).iter().any(|line| line["message"] == "command ends"), "{json}");
    assert!(loud(&[]).err().contains(" INFO command{word=\"backup\"}"));
    assert!(site.agent.run(["snapshots", "--log-level", "loud"]).code() == 2);
}

#[test]
fn the_configuration_asks_for_a_log_and_bounds_its_files() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("un.txt", "un");
    let folder = site.agent.home().join("journal");
    fs::create_dir_all(&folder).unwrap();
    for day in 10..30 {
        fs::write(folder.join(format!("s.2020-01-{day}.log")), "old\n").unwrap();
    }
    let table = "[log]\nfile = \"journal/s.log\"\nkeep_days = 5\n";
    fs::write(site.agent.home().join("config.toml"), table).unwrap();
    let outcome = site.agent.ok(backup_of(source.root()));
    assert!(!outcome.err().contains("INFO"), "{outcome}");
    let kept = files(&folder.join("s.log"));
    assert_eq!(kept.len(), 5, "{kept:?}");
    assert!(
        fs::read_to_string(&kept[4]).unwrap().contains("command ends code=0"),
        "info where no level is given"
    );
    assert_eq!(fs::read_to_string(&kept[3]).unwrap(), "old\n");
    // What is typed wins.
    let elsewhere = site.path("elsewhere.log");
    let arguments = ["snapshots".into(), "--log-file".into(), OsString::from(&elsewhere)];
    site.agent.ok(arguments);
    assert!(text(&elsewhere).contains("command{word=\"snapshots\"}"));
}

#[test]
fn a_log_that_cannot_be_written_is_said_and_stops_no_backup() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("un.txt", "un");
    // Not even its folder: a file is in the way.
    fs::write(site.path("in-the-way"), "").unwrap();
    let loud = site.agent.clone().with("SCELLE_LOG_FILE", site.path("in-the-way/log/scelle.log"));
    let outcome = loud.ok(backup_of(source.root()));
    assert!(outcome.err().contains("the log cannot be written"), "{outcome}");
    // The disk is full from its first byte on.
    let full = Tmpfs::mount(&site.path("full"), 64 << 10);
    let mut filler = fs::File::create(site.path("full/filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
    let loud = site.agent.clone().with("SCELLE_LOG_FILE", site.path("full/scelle.log"));
    let outcome = loud.ok(backup_of(source.root()));
    assert!(outcome.err().contains("lines of the log could not be written"), "{outcome}");
    assert!(loud.ok(["snapshots", "--json"]).json().is_array());
    drop(full);
}
