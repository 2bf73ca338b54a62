//! Unit tests of the command line: both languages are complete, every contract form parses, every mistake
//! is one line and repeats nothing that was typed.

use super::super::args::{Bilan, Keys, OverwriteWhen, ReadDataAsked};
use super::*;
use scelle_core::look::spec::SnapshotSpec;
use scelle_format::ledger::{Author, Because};

fn run(line: &str, lang: Lang) -> Result<Parsed> {
    let argv = std::iter::once("scelle").chain(line.split_whitespace()).map(OsString::from).collect();
    parse(argv, lang)
}

fn cli(line: &str) -> Cli {
    match run(line, Lang::En) {
        Ok(Parsed::Run(cli)) => *cli,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str, lang: Lang) -> AgentError {
    match run(line, lang) {
        Err(error) => error,
        Ok(parsed) => panic!("{line} was accepted: {parsed:?}"),
    }
}

fn walk(command: &clap::Command, path: &str, seen: &mut dyn FnMut(&clap::Command, &str)) {
    seen(command, path);
    for sub in command.get_subcommands() {
        walk(sub, format!("{path} {}", sub.get_name()).trim_start(), seen);
    }
}

#[test]
fn every_command_and_option_has_help_in_both_languages() {
    let mut used = Vec::new();
    walk(&build(Lang::En), "", &mut |command, path| {
        assert!(command.get_about().is_some(), "no English help: {path}");
        assert!(help_fr::command(path).is_some(), "no French help: {path:?}");
        used.push(path.to_owned());
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let id = arg.get_id().as_str();
            assert!(arg.get_help().is_some(), "no English help: {path} {id}");
            if !matches!(id, "help" | "version") {
                assert!(help_fr::argument(path, id).is_some(), "no French help: {path:?} {id}");
                used.push(format!("{path} .{id}"));
            }
        }
    });
    for text in help_fr::keys() {
        assert!(used.iter().any(|key| help_fr::covers(&text, key)), "French help of nothing: {text}");
    }
}

#[test]
fn every_option_has_its_variable() {
    walk(&build(Lang::Fr), "", &mut |command, path| {
        for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
            let long = arg.get_long().unwrap();
            if !matches!(long, "help" | "version") {
                let name = arg.get_env().unwrap_or_else(|| panic!("no variable: {path} --{long}"));
                assert_eq!(name.to_str().unwrap(), variable(long));
            }
        }
    });
    assert_eq!(variable("s3-endpoint"), "SCELLE_S3_ENDPOINT");
}

#[test]
fn the_variable_of_a_switch_says_yes_or_no_or_is_refused() {
    let word = |word| values::yes_or_no(word).ok();
    assert!(["1", "yes", "True", "on"].into_iter().all(|yes| word(yes) == Some(true)));
    assert!(["", "0", "no", "FALSE", "off"].into_iter().all(|no| word(no) == Some(false)));
    assert!(["maybe", "oui", "2", " "].into_iter().all(|other| word(other).is_none()));
}

#[test]
fn clap_accepts_the_definition() {
    build(Lang::Fr).debug_assert();
    build(Lang::En).debug_assert();
}

#[test]
fn help_is_in_one_language_and_states_exit_codes() {
    for (lang, marks, absent) in [
        (Lang::Fr, ["Utilisation :", "130", "mauvaise clé"], "Usage"),
        (Lang::En, ["Usage:", "130", "wrong key"], "Utilisation"),
    ] {
        let Ok(Parsed::Print("help", text)) = run("--help", lang) else { panic!("no help") };
        marks.iter().for_each(|mark| assert!(text.contains(mark), "{mark} not in\n{text}"));
        assert!(!text.contains(absent), "{text}");
    }
    let Ok(Parsed::Print("help", text)) = run("restore --help", Lang::Fr) else { panic!("no help") };
    assert!(text.contains("SCELLE_OVERWRITE") && text.contains("DOSSIER"), "{text}");
}

#[test]
fn contract_forms_parse() {
    let Command::Restore(restore) = cli("restore a1/7 /data --to /out --kit k --overwrite changed").command
    else {
        panic!()
    };
    assert_eq!(restore.snapshot.snapshot, SnapshotSpec::Number { device: Some("a1".into()), number: 7 });
    assert_eq!((restore.overwrite, restore.paths.len()), (OverwriteWhen::Changed, 1));
    let Command::Check(check) = cli("check --read-data 10").command else { panic!() };
    assert_eq!(check.read_data, Some(ReadDataAsked::Percent(10)));
    let cli_yes =
        cli("--repo file:///r init --kit k --yes --phrase-file p --drill-days 0 --create-bucket -vv");
    assert!(cli_yes.global.yes && cli_yes.global.verbose == 2);
    assert_eq!(cli_yes.global.repo.as_deref(), Some("file:///r"));
    for line in [
        "demo",
        "demo --keep d",
        "kit new --out k",
        "init --kit-public p",
        "init --join --phrase-file p",
        "init --join --kit k",
        "backup",
        "backup a b --exclude *.tmp --exclude x --limit-upload 2M --json --progress json",
        "backup --scheduled",
        "snapshots --json",
        "ls latest",
        "ls 2026-11-21 /data --kit k",
        "find zoé --phrase-file -",
        "diff 1 2",
        "restore latest --in-place --phrase-file p --dry-run --include *.dcm",
        "check",
        "bilan list",
        "bilan show",
        "bilan show latest",
        "bilan verify f --owner 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "bilan export latest --format json --out f",
        "bilan whois t --kit k",
        "bilan acknowledge --author secretary --reason moved",
        "bilan acknowledge 01234567-4 --author provider --reason deleted-on-purpose",
        "keys check-kit --kit k --confirm",
        "keys list",
        "backup x -q --lang en --s3-endpoint https://h --s3-region r --config c",
    ] {
        cli(line);
    }
    assert!(matches!(cli("keys list").command, Command::Keys(Keys::List)));
    assert!(matches!(cli("bilan list").command, Command::Bilan(Bilan::List)));
}

#[test]
fn later_commands_answer_not_in_this_version() {
    for line in [
        "prune",
        "prune --dry-run",
        "forget 7",
        "pause 2h",
        "keys add age1x",
        "keys remove x",
        "keys new-epoch",
        "keys enrol x --y",
        "keys revoke 2",
        "bilan export latest --format pdf --out f",
        "bilan export latest --format html --out f",
        "bilan export 3 --format csv --out f",
    ] {
        let error = refused(line, Lang::En);
        assert_eq!(error.code, ExitCode::Usage, "{line}");
        assert!(error.what().text(Lang::En).contains("not in this version"), "{line}: {error}");
        assert!(error.what().text(Lang::Fr).contains("pas dans cette version"), "{line}: {error}");
    }
}

#[test]
fn mistakes_are_one_line_with_exit_2_and_repeat_no_path() {
    for line in [
        "",
        "nonsense",
        "/data/Zoé",
        "snapshots /data/Zoé",
        "backup --bogus=/data/Zoé",
        "restore",
        "restore latest",
        "restore latest --to a --in-place",
        "restore x/Zoé/y --to d",
        "ls latest --kit a --phrase-file b",
        "kit",
        "kit new",
        "init",
        "init --kit a --kit-public b",
        "check --read-data Zoé",
        "backup --limit-upload fast",
        "--lang Zoé backup",
        "init --kit k --recipient age1Zoé",
        "restore latest --to a --overwrite Zoé",
        "keys",
        "bilan export latest",
        "backup --progress Zoé",
        "init --kit k --drill-days -1",
    ] {
        for lang in [Lang::Fr, Lang::En] {
            let error = refused(line, lang);
            let shown = error.shown().line(lang);
            assert_eq!(error.code, ExitCode::Usage, "{line}: {shown}");
            assert_eq!(shown.lines().count(), 1, "{shown}");
            assert!(!shown.contains("Zoé"), "{line}: {shown}");
        }
    }
    assert!(refused("bakcup", Lang::En).shown().line(Lang::En).contains("backup"));
    assert!(refused("backup --exclud x", Lang::En).shown().line(Lang::En).contains("--exclude"));
    assert!(refused("check --read-data 0", Lang::Fr).shown().line(Lang::Fr).contains("1 à 100"));
}

#[test]
fn what_may_stand_there_is_named_where_it_is_wrong_or_missing() {
    let authors = Author::ALL.iter().map(|author| author.word());
    let reasons = Because::ALL.iter().map(|reason| reason.word());
    let cases = [
        ("bilan acknowledge --author x --reason moved", authors.clone().collect::<Vec<_>>()),
        ("bilan acknowledge --reason moved", authors.collect()),
        ("bilan acknowledge --author provider --reason x", reasons.clone().collect()),
        ("bilan acknowledge --author provider", reasons.collect()),
        ("restore --to a", vec!["latest", "2026-11-21"]),
    ];
    for (line, words) in cases {
        for lang in Lang::ALL {
            let shown = refused(line, lang).shown().line(lang);
            assert!(words.iter().all(|word| shown.contains(word)), "{line}: {shown}");
        }
    }
    let french = refused("restore --to a", Lang::Fr).shown().line(Lang::Fr);
    assert!(french.contains("<INSTANTANÉ>") && !french.contains("SNAP"), "{french}");
}

#[test]
fn json_is_known_before_parsing() {
    let argv = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    assert!(wants_json(&argv("scelle nonsense --json")));
    assert!(!wants_json(&argv("scelle backup -- --json")));
}
