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
    let agent = site.agent.clone().with("NOTIFY_SOCKET", &socket).with("WATCHDOG_USEC", "2000000");
    let mut service = agent.start(["agent", "run"]);
    let mut told = Vec::new();
    service.wait_until("it is ready", || {
        told.extend(heard(&listener));
        told.contains(&"READY=1".to_owned())
    });
    let twin = site.agent.expect(11, ["agent", "run"]);
    assert!(twin.err().contains("autre") || twin.err().contains("another"), "{twin}");

    let bilans = || site.agent.json(["bilan", "list"]).as_array().unwrap().len();
    // Every second, whatever else it waits for.
    let beats = |told: &[String]| told.iter().filter(|word| *word == "WATCHDOG=1").count();
    service.wait_until("it said five times that it is alive", || {
        told.extend(heard(&listener));
        beats(&told) >= 5
    });
    assert!(bilans() <= 1, "its slots are a minute apart");
    // Heard all the time: a socket holds ten words, and drops what comes after.
    service.wait_until("a minute is over", || {
        told.extend(heard(&listener));
        bilans() > 0
    });
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

/// All that is declared of a store outside the practice: what is left then is what runs and what does not.
const OUTSIDE: &str = "[repository]\noff_site = true\nimmutable_days = 60\n[host]\nname = \"Hebergeur\"\n\
                       certified_until = \"2099-12-31\"\ncountry = \"FR\"\n";

/// The exit code of `status`, and its document.
fn status(agent: &e2e::Agent) -> (i32, Value) {
    let outcome = agent.run(["status", "--json"]);
    (outcome.code(), outcome.json())
}

#[test]
fn status_says_how_the_practice_stands_without_asking_the_store() {
    let (site, source) = practice();
    configure(&site, &source, OUTSIDE);
    let stranger = site.other_computer("stranger");
    assert_eq!(status(&stranger).0, 3, "nothing is known");
    let (code, never) = status(&site.agent);
    assert_eq!((code, &never["plans"][0]["last_good"]), (2, &Value::Null), "{never}");

    for expected in [1, 0] {
        site.agent.ok(["backup", "--scheduled"]);
        let (code, document) = status(&site.agent);
        assert_eq!(code, expected, "{document}: {}", site.agent.ok(["bilan", "show"]));
    }
    // Without its store, and said to people in French.
    fs::rename(site.place.folder(), site.path("unplugged")).unwrap();
    let french = site.agent.clone().with("SCELLE_LANG", "fr").ok(["status"]);
    assert!(french.out().contains("protégé") && french.out().contains("cabinet"), "{french}");
    // A run that fails is the newest bilan.
    site.agent.expect(14, ["backup", "--scheduled"]);
    let (code, failed) = status(&site.agent);
    assert_eq!((code, &failed["newest"]["status"]), (2, &"red".into()), "{failed}");
}

#[test]
fn status_sees_that_nothing_runs_by_itself() {
    let (site, source) = practice();
    configure(&site, &source, &format!("schedule = \"0 20 * * *\"\n{OUTSIDE}"));
    site.agent.ok(["backup", "--scheduled"]);
    // The system's scheduler does it: nothing is amiss.
    site.agent.ok(["backup", "--scheduled"]);
    assert_eq!(status(&site.agent).0, 0);
    site.agent.ok(["backup"]);
    let idle = site.agent.clone().with("SCELLE_LANG", "en").expect(1, ["status"]);
    assert!(idle.out().contains("the service does not run"), "{idle}");
    let mut service = site.agent.start(["agent", "run"]);
    service.wait_until("it has its place", || status(&site.agent).1["service"] == true);
    site.agent.ok(["backup", "--scheduled"]);
    assert_eq!(status(&site.agent).0, 0);
    service.signal("TERM");
    assert_eq!(service.wait().code(), 0);
}
