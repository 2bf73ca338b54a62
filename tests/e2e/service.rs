//! `scelle service`: what is handed to the system's service manager, and what is said where there is none. The unit is judged by
//! systemd's own programs; that it starts and stops under systemd is `tests/run service`, in a system of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use e2e::agent::program;
use e2e::{Site, Tree};
use serde_json::Value;

const SCHEDULED: &str = "schedule = \"30 12 * * *\"\n";

fn configured(rest: &str) -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "bonjour");
    let plan = format!("[[plan]]\nname = \"cabinet\"\npaths = ['{}']\n{rest}", source.root().display());
    fs::write(site.agent.home().join("config.toml"), plan).unwrap();
    (site, source)
}

fn analyze(words: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze").args(words).arg(unit).output().unwrap()
}

#[test]
fn the_unit_is_one_that_systemd_takes_and_leaves_the_system_little_to_lose() {
    let (site, source) = configured(SCHEDULED);
    // Names that mean something else to systemd unless they are escaped.
    let folder = site.path("a b%n$d");
    fs::create_dir(&folder).unwrap();
    let odd = folder.join("scelle");
    fs::hard_link(program(), &odd).or_else(|_| fs::copy(program(), &odd).map(drop)).unwrap();
    let mut shown = site.agent.command_of(&odd);
    let shown = shown.args(["service", "install", "--dry-run"]).output().unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let unit = site.path("scelle.service");
    fs::write(&unit, &shown.stdout).unwrap();
    let verified = analyze(&["verify", "--man=no"], &unit);
    let complaints = String::from_utf8_lossy(&verified.stderr);
    // It looks for the program: a word that was put in wrongly would name another.
    assert!(verified.status.success() && !complaints.contains("scelle.service"), "{complaints}");
    let judged = analyze(&["security", "--offline=true", "--threshold=20"], &unit);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));

    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(!text.contains(source.root().to_str().unwrap()), "all may read the unit: {text}");
    let shown = site.agent.json(["service", "install", "--dry-run"]);
    assert!(shown["text"].as_str().unwrap().contains("Type=notify"));
    assert!(!Path::new(shown["file"].as_str().unwrap()).exists());
}

#[test]
fn a_secret_of_the_environment_goes_into_no_unit() {
    let (site, _source) = configured(SCHEDULED);
    let agent = site.agent.clone().with("AWS_SECRET_ACCESS_KEY", "a-secret-of-this-session");
    let shown = agent.with("AWS_ACCESS_KEY_ID", "an-id").ok(["service", "install", "--dry-run"]);
    assert!(!shown.out().contains("a-secret-of-this-session"));
}

#[test]
fn what_would_fail_at_each_run_is_not_installed() {
    let (site, _source) = configured("");
    let told = site.agent.expect(2, ["service", "install"]).err();
    assert!(told.contains("no plan says when to back up"), "{told}");
    let (site, _source) = configured(SCHEDULED);
    let nowhere = site.other_computer("nowhere");
    let config = site.agent.home().join("config.toml");
    let words = ["--config", config.to_str().unwrap(), "service", "install"];
    let told = nowhere.clone().with("SCELLE_REPO", "").expect(2, words).err();
    assert!(told.contains("no repository is given"), "{told}");
    let config = site.path("a\nb.toml");
    fs::copy(site.agent.home().join("config.toml"), &config).unwrap();
    let words = ["--config", config.to_str().unwrap(), "service", "install", "--dry-run"];
    let told = site.agent.expect(2, words).err();
    assert!(told.contains("a path holds what the service's file cannot hold"), "{told}");
    let told = site.agent.clone().with("SCELLE_LANG", "fr").expect(2, words).err();
    assert!(told.contains("un chemin contient ce que le fichier du service ne peut pas contenir"), "{told}");
}

/// In a mount namespace of its own: whatever manages this machine is out of sight.
#[test]
fn without_a_service_manager_it_says_what_starts_the_agent_then() {
    let (site, _source) = configured(SCHEDULED);
    for verb in ["install", "uninstall", "start", "stop", "status"] {
        for (lang, said) in [
            ("en", "no service manager that this version knows runs on this system"),
            ("fr", "aucun gestionnaire de services que cette version connaisse ne tourne sur ce système"),
        ] {
            let mut alone = site.agent.clone().with("SCELLE_LANG", lang).command_of(Path::new("unshare"));
            let hidden = format!("mount -t tmpfs tmpfs /run && exec \"$0\" service {verb}");
            let ended = alone.args(["-m", "sh", "-c", &hidden]).arg(program()).output().unwrap();
            let told = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{verb}: {told}");
            assert!(told.contains(said) && told.contains("scelle agent run"), "{verb}: {told}");
            let mut alone = site.agent.clone().with("SCELLE_LANG", lang).command_of(Path::new("unshare"));
            let ended = alone.args(["-m", "sh", "-c", &format!("{hidden} --json")]).arg(program());
            let document: Value = serde_json::from_slice(&ended.output().unwrap().stdout).unwrap();
            assert!(document["error"]["what"].as_str().unwrap().contains(said), "{verb}: {document}");
        }
    }
}
