//! Unit tests of the configuration file.

use super::*;
use scelle_core::error::ExitCode;
use scelle_view::words::Lang;

fn refused(text: &str) -> AgentError {
    parse(text, "config.toml").unwrap_err()
}

#[test]
fn the_sample_is_valid_and_sets_every_key() {
    let sample = include_str!("../../../packaging/config.sample.toml");
    parse(sample, "sample").unwrap();
    // Keys that are commented out are examples: they must be valid too, and none may be missing.
    let all: String =
        sample.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
    let file = parse(&all, "sample").unwrap();
    assert_eq!(file.language.as_deref(), Some("fr"));
    assert!(file.repository.url.is_some() && file.host.is_some());
    let s3 = &file.s3;
    assert!(
        s3.endpoint.is_some()
            && s3.region.is_some()
            && s3.access_key_id.is_some()
            && s3.secret_key_file.is_some()
            && s3.proxy.is_some()
            && s3.proxy_credentials_file.is_some()
            && s3.no_proxy.is_some()
            && s3.ca_file.is_some()
    );
    let limits = &file.limits;
    assert!(
        limits.upload_bytes_per_second.is_some() && limits.memory_bytes.is_some() && limits.threads.is_some()
    );
    let log = &file.log;
    assert!(log.level.is_some() && log.format.is_some() && log.file.is_some() && log.keep_days.is_some());
    let keep = &file.retention;
    assert!(keep.keep_last.is_some() && keep.keep_daily.is_some() && keep.keep_weekly.is_some());
    assert!(keep.keep_monthly.is_some() && keep.keep_yearly.is_some() && file.drill.days.is_some());
    assert!(file.agent.time_zone.is_some() && file.agent.jitter_minutes.is_some());
    assert!(!file.agent.closures.is_empty());
    assert!(
        file.plan[0].schedule.is_some() && file.plan[0].label.is_some() && !file.plan[0].exclude.is_empty()
    );
}

#[test]
fn mistakes_name_line_and_key_in_both_languages_and_no_value() {
    let cases = [
        ("[repository]\nurl = 5\n", "config.toml:2", "url"),
        ("[repository]\nurlx = \"Zoé\"\n", "config.toml:2", "urlx"),
        ("[s3]\n\nregion = [\"Zoé\"]\n", "config.toml:3", "region"),
        ("[[plan]]\nname = \"a\"\n", "config.toml:1", "paths"),
        ("[[plan]]\nname = \"Zoé\"\npaths = [\"/x\"]\n", "config.toml:2", "name"),
        ("[[plan]]\nname = \"a\"\npaths = [\"Zoé\"]\n", "config.toml:3", "paths"),
        ("[limits]\nthreads = \"Zoé\"\n", "config.toml:2", "threads"),
        ("[limits]\nupload_bytes_per_second = -1\n", "config.toml:2", "upload_bytes_per_second"),
        ("[host]\nname = \"h\"\ncertified_until = \"Zoé\"\n", "config.toml:3", "certified_until"),
        ("[host]\nname = \"h\"\ncountry = \"France\"\n", "config.toml:3", "country"),
        ("language = \"Zoé\"\n", "config.toml:1", "language"),
        ("[nothing]\n", "config.toml:1", "nothing"),
        ("[s3]\nsecret = \"Zoé\"\n", "config.toml:2", "secret"),
        ("[agent]\ntime_zone = \"Zoé\"\n", "config.toml:2", "time_zone"),
        ("[agent]\njitter_minutes = 241\n", "config.toml:2", "jitter_minutes"),
        ("[agent]\nclosures = [\"2027-08-21/2027-08-01\"]\n", "config.toml:2", "closures"),
        (
            "[[plan]]\nname = \"a\"\npaths = [\"/x\"]\nschedule = \"0 12 * * 1\"\n",
            "config.toml:4",
            "schedule",
        ),
    ];
    for (text, place, key) in cases {
        let error = refused(&text.replace("\"/x\"", if cfg!(windows) { "'C:\\x'" } else { "\"/x\"" }));
        assert_eq!(error.code, ExitCode::Usage, "{text}");
        assert_eq!(error.place.as_deref(), Some(place), "{text}");
        for lang in [Lang::Fr, Lang::En] {
            let line = error.shown().line(lang);
            assert!(line.contains(key), "{key} not in: {line}");
            assert!(!line.contains("Zoé"), "{line}");
        }
    }
    assert_eq!(refused("[s3]\nthis is not toml Zoé\n").code, ExitCode::Usage);
    assert!(!refused("a = 'Zoé\n").shown().line(Lang::Fr).contains("Zoé"));
}

#[test]
fn byte_order_mark_is_no_mistake() {
    assert!(parse("\u{feff}language = \"en\"\n", "c").is_ok());
}

#[test]
fn two_plans_with_the_same_folders_are_refused() {
    let plan = |name: &str, paths: &str| format!("[[plan]]\nname = \"{name}\"\npaths = [{paths}]\n");
    let (one, two) = ("\"/data/a\", \"/data/b\"", "\"/data/b\", \"/data/a\"");
    let error = refused(&(plan("all", one) + &plan("images", two)));
    assert_eq!(error.code, ExitCode::Usage);
    parse(&(plan("all", one) + &plan("images", "\"/data/b\"")), "config.toml").unwrap();
}

#[test]
fn every_fault_is_named_at_once_at_its_own_line() {
    let text = "[repository]\nurlx = 'a'\noff_site = 3\n[nothing]\na = 1\n[[plan]]\nname = 'a'\npaths = ['/a']\n\
                schedule = '0 12 * * *'\n[[plan]]\nname = 'b'\npaths = ['/b']\nschedule = 'soon'\nlabel = '/b'\n\
                [[plan]]\nname = 'c'\n[agent]\njiter_minutes = 5\ntime_zone = 'Mars/Olympus'\n";
    let text = if cfg!(windows) { text.replace("'/", "'C:\\") } else { text.to_owned() };
    let whole = read(&text, "c");
    let lines: Vec<_> = whole.faults.iter().map(|fault| fault.place.clone().unwrap()).collect();
    assert_eq!(lines, ["c:2", "c:3", "c:4", "c:13", "c:14", "c:15", "c:18", "c:19"]);
    let said = |at: usize| whole.faults[at].what().text(Lang::En).to_owned();
    assert!(said(0).contains("did you mean \"url\"?"), "{}", said(0));
    assert!(said(6).contains("did you mean \"jitter_minutes\"?"), "{}", said(6));
    assert!(said(5).contains("\"paths\" is missing"), "{}", said(5));
    assert!(!said(2).contains("did you mean"), "{}", said(2));
    assert_eq!(whole.file.unwrap().plan.len(), 2, "what is right is read");
}
