//! A practice that is set up as recommended gets a green bilan, on each kind of store; and each reason on the way there says
//! what to do.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::bucket::{Bucket, Engine};
use e2e::{Outcome, Place, Site, Tree, tools};
use serde_json::Value;

/// What only the practice, its provider or its host can say.
const HOST: &str =
    "[host]\nname = \"Hébergeur Exemple\"\ncertified_until = \"2099-12-31\"\ncountry = \"FR\"\n";

/// A practice on `place`, with `declared` as its configuration.
fn practice(place: impl FnOnce(&Path) -> Place, declared: &str) -> (Site, Tree) {
    let mut site = Site::not_initialised(place);
    declare(&mut site, declared);
    let words = ["init", "--yes"].map(OsString::from);
    site.agent.ok(words.into_iter().chain(site.with_kit()));
    let source = site.source("cabinet");
    source.file("lettre.txt", "une lettre");
    (site, source)
}

fn declare(site: &mut Site, declared: &str) {
    let path = site.path("config.toml");
    fs::write(&path, declared).unwrap();
    site.agent = site.agent.clone().with("SCELLE_CONFIG", path);
}

/// One run as the system's scheduler starts it: its colour, and the codes of its reasons that are not green.
fn scheduled(site: &Site, source: &Tree) -> (String, BTreeSet<String>) {
    let run = site.agent.json(["backup".into(), OsString::from("--scheduled"), source.root().into()]);
    (run["status"].as_str().unwrap().to_owned(), todo(site))
}

fn todo(site: &Site) -> BTreeSet<String> {
    let shown = site.agent.json(["bilan", "show"]);
    let rows = shown["record"]["status"]["reasons"].as_array().unwrap().clone();
    let todo = rows.iter().filter(|reason| reason["light"] != "green");
    todo.map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

fn codes(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

/// The first backup has nothing older to go back to; the second is green.
fn turns_green(site: &Site, source: &Tree) {
    assert_eq!(scheduled(site, source), ("amber".into(), codes(&["first-backup"])));
    source.file("lendemain.txt", "le lendemain");
    assert_eq!(scheduled(site, source), ("green".into(), codes(&[])));
    let page = site.agent.ok(["bilan", "show"]);
    assert!(page.out().contains("Nothing to do."), "{page}");
}

/// What `init` said of the lock.
fn lock_facts(site: &Site) -> Value {
    serde_json::from_slice(&fs::read(site.state().join("probe.json")).unwrap()).unwrap()
}

#[test]
fn a_folder_gets_green_step_by_step_and_each_step_is_told() {
    let (mut site, source) = practice(Place::dir, "");
    site.backup(&source);
    site.backup(&source);
    let mut left = codes(&["no-off-site-copy", "no-plan", "not-ransomware-proof"]);
    assert_eq!(todo(&site), left);
    // Every line of the page says what to do and who does it.
    let page: Outcome = site.agent.ok(["bilan", "show"]);
    let page = page.out();
    let lines: Vec<&str> =
        page.lines().filter(|line| line.contains('▲')).filter(|l| l.starts_with("  ")).collect();
    assert_eq!(lines.len(), left.len(), "{page}");
    assert!(lines.iter().all(|line| line.contains(" → ") && line.ends_with(']')), "{page}");
    left.remove("no-plan");
    assert_eq!(scheduled(&site, &source), ("amber".into(), left.clone()));
    // A NAS elsewhere, whose snapshots this computer cannot erase: nobody measures that, somebody declares it.
    let nas = "[repository]\noff_site = true\nimmutable_days = 35\n";
    declare(&mut site, nas);
    assert_eq!(scheduled(&site, &source), ("amber".into(), codes(&["host-undeclared"])));
    declare(&mut site, &format!("{nas}{HOST}"));
    assert_eq!(scheduled(&site, &source), ("green".into(), codes(&[])));
    let page = site.agent.ok(["bilan", "show"]).out();
    assert!(page.contains("declared, this PC has not measured it"), "{page}");
    assert!(page.contains("Protection: ● protected · compliance: ● in order\n"), "{page}");
}

/// A bucket with a COMPLIANCE lock, made by an administrator; the practice has a key that puts, gets and lists.
fn locked(bucket: &Bucket) -> Place {
    bucket.make_locked(100);
    bucket.clone().with_the_agents_key().into()
}

#[test]
fn a_bucket_with_a_lock_is_green_with_a_key_that_may_only_write_and_read() {
    let at = |folder: &Path| locked(&Engine::seaweed(folder).bucket("cabinet", "sauvegarde"));
    let (site, source) = practice(at, HOST);
    // The key may not ask for the lock of anything, set or lift one: what it put is shown as locked and cannot be destroyed.
    let facts = lock_facts(&site);
    assert_eq!(facts["lock_accepted"]["answer"], "unknown", "{facts}");
    for fact in ["default_retention", "default_retention_compliance", "locked_delete_refused"] {
        assert_eq!(facts[fact]["answer"], "yes", "{fact}: {facts}");
    }
    assert_eq!(facts["default_retention_days"], 100);
    turns_green(&site, &source);
    // A state that lost what init had found looks again.
    fs::remove_file(site.state().join("probe.json")).unwrap();
    assert_eq!(scheduled(&site, &source), ("green".into(), codes(&[])));
    // What is known to be wrong is not hidden by what is not known.
    let mut facts = facts;
    facts["default_retention"] = serde_json::json!({"answer": "unknown", "reason": "denied"});
    facts["default_retention_compliance"] = serde_json::json!({"answer": "not-applicable"});
    fs::write(site.state().join("probe.json"), facts.to_string()).unwrap();
    assert_eq!(scheduled(&site, &source), ("green".into(), codes(&[])), "it was asked again");
}

#[test]
fn a_bucket_reached_with_tls_is_green_and_its_certificate_was_verified() {
    let mut certificate = PathBuf::new();
    let at = |folder: &Path| {
        let key;
        (certificate, key) = identity(folder);
        locked(
            &Engine::seaweed_with_tls(folder, &certificate, &key).bucket("cabinet", "sauvegarde").with_tls(),
        )
    };
    let mut site = Site::not_initialised(at);
    declare(&mut site, HOST);
    let source = site.source("cabinet");
    source.file("lettre.txt", "une lettre");
    let init: Vec<OsString> =
        ["init", "--yes"].map(OsString::from).into_iter().chain(site.with_kit()).collect();
    // A certificate that nobody vouches for is no store at all.
    site.agent.expect(14, &init);
    site.agent = site.agent.clone().with("SSL_CERT_FILE", &certificate);
    site.agent.ok(&init);
    turns_green(&site, &source);
    let page = site.agent.ok(["bilan", "show"]).out();
    assert!(page.contains("certificate was verified by the connections of this run"), "{page}");
}

/// A certificate for this computer and its key.
fn identity(folder: &Path) -> (PathBuf, PathBuf) {
    let (config, certificate, key) =
        (folder.join("openssl.cnf"), folder.join("cert.pem"), folder.join("key.pem"));
    let text = "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nCN = localhost\n\
                [extensions]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical,CA:FALSE\n";
    fs::write(&config, text).unwrap();
    let words =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    let words = words.map(OsString::from).into_iter().chain([
        "-config".into(),
        config.into(),
        "-keyout".into(),
        key.clone().into(),
        "-out".into(),
        certificate.clone().into(),
    ]);
    tools::stdout_of(tools::run("openssl", words));
    (certificate, key)
}
