//! `scelle agent run`, `config check` and `config show`: what runs by itself does it when its time comes, and what is configured is
//! explained. Months of the same loop, with a clock that is turned: `scelle-agent service::month_tests`.

use std::fs;
use std::os::unix::net::UnixDatagram;

use e2e::{Site, Tree};
use serde_json::Value;

fn configure(site: &Site, source: &Tree, rest: &str) {
    let plan = format!("[[plan]]\nname = \"cabinet\"\npaths = ['{}']\n{rest}", source.root().display());
    fs::write(site.agent.home().join("config.toml"), plan).unwrap();
}

fn practice() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "bonjour");
    (site, source)
}

/// What `sd_notify` brought so far.
fn heard(listener: &UnixDatagram) -> Vec<String> {
    let mut words = vec![0; 256];
    let next =
        || listener.recv(&mut words).ok().map(|bytes| String::from_utf8(words[..bytes].to_vec()).unwrap());
    std::iter::from_fn(next).collect()
}

#[test]
fn a_service_is_alone_backs_up_when_its_time_comes_and_stops_when_asked() {
    let (site, source) = practice();
    configure(&site, &source, "schedule = \"* * * * *\"\n[agent]\njitter_minutes = 0\n");
    let socket = site.path("notify");
    let listener = UnixDatagram::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let agent = site.agent.clone().with("NOTIFY_SOCKET", &socket).with("WATCHDOG_USEC", "20000000");
    let mut service = agent.start(["agent", "run"]);
    let mut told = Vec::new();
    service.wait_until("it is ready", || {
        told.extend(heard(&listener));
        told.contains(&"READY=1".to_owned())
    });
    let twin = site.agent.expect(11, ["agent", "run"]);
    assert!(twin.err().contains("autre") || twin.err().contains("another"), "{twin}");

    let bilans = || site.agent.json(["bilan", "list"]).as_array().unwrap().len();
    service.wait_until("a minute is over", || bilans() > 0);
    service.signal("TERM");
    let ended = service.wait();
    assert_eq!(ended.code(), 0, "{ended}");
    assert!(ended.out().contains("(Europe/Paris)"), "{ended}");
    told.extend(heard(&listener));
    assert!(told.contains(&"WATCHDOG=1".to_owned()) && told.contains(&"STOPPING=1".to_owned()), "{told:?}");

    // Its record says that the plan wanted it, and when.
    let export = site.path("bilan.json");
    site.agent.ok(["bilan", "export", "latest", "--out", export.to_str().unwrap()]);
    let bilan: Value = serde_json::from_slice(&fs::read(&export).unwrap()).unwrap();
    let run = &bilan["record"]["run"];
    assert_eq!(run["trigger"], "scheduled", "{run}");
    assert!(run["expected"].to_string().contains(":00Z"), "{run}");
    assert_eq!(run["result"], "complete", "{run}");
}

#[test]
fn a_service_without_anything_to_do_says_so() {
    let (site, source) = practice();
    configure(&site, &source, "");
    let refused = site.agent.expect(2, ["agent", "run"]);
    assert!(refused.err().contains("schedule"), "{refused}");
    let checked = site.agent.ok(["config", "check"]);
    assert!(checked.err().contains("schedule") && checked.out().contains('1'), "{checked}");
}

#[test]
fn a_configuration_is_checked_all_at_once() {
    let (site, source) = practice();
    configure(&site, &source, "schedul = \"* * * * *\"\n[agent]\ntime_zone = \"Mars\"\n");
    let english = site.agent.clone().with("SCELLE_LANG", "en");
    let checked = english.expect(2, ["config", "check"]);
    for said in ["did you mean \"schedule\"?", "config.toml:4", "time_zone", "config.toml:6"] {
        assert!(checked.err().contains(said), "{said}: {checked}");
    }
    let document = english.run(["config", "check", "--json"]).json();
    assert_eq!(document["faults"].as_array().unwrap().len(), 2, "{document}");
    fs::remove_file(site.agent.home().join("config.toml")).unwrap();
    let none = english.ok(["config", "check"]);
    assert!(none.out().contains("no configuration file"), "{none}");
}

#[test]
fn what_is_in_effect_is_shown_with_its_origin_and_without_paths() {
    let (site, source) = practice();
    configure(&site, &source, "schedule = \"30 12 * * Mon-Sat\"\n[log]\nkeep_days = 3\n");
    let english = site.agent.clone().with("SCELLE_LANG", "en");
    let shown = english.ok(["config", "show"]);
    let folder = source.root().display().to_string();
    for said in ["plan.1.schedule", "config.toml:4", "1 path", "Europe/Paris", "default"] {
        assert!(shown.out().contains(said), "{said}: {shown}");
    }
    assert!(!shown.out().contains(&folder), "{shown}");
    let document = english.json(["config", "show"]);
    let row = |key: &str| document.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(row("log.keep_days")["from"], "config.toml:6", "{document}");
    assert_eq!(
        (row("plan.1.paths")["paths"].as_u64(), &row("language")["from"]),
        (Some(1), &"SCELLE_LANG".into())
    );
    assert!(!document.to_string().contains(&folder), "{document}");
}
