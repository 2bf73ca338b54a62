//! What lies at hand beside backups: policies for the store, completions, a dry run, and values that come from variables and files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use e2e::bucket::{BucketKind, Engine};
use e2e::{Agent, Site, tools};
use serde_json::{Value, json};

#[test]
fn a_policy_is_one_document_for_its_engine_and_says_what_it_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(folder.path().join("home"), folder.path());
    let on = |more: &[&'static str]| [&["--repo", "s3://cabinet/a/b", "store", "policy"], more].concat();
    let aws = agent.ok(on(&["agent"]));
    let document: Value = serde_json::from_str(&aws.out()).unwrap();
    assert_eq!(document["Statement"][0]["Resource"], json!(["arn:aws:s3:::cabinet/a/b/*"]));
    assert!(aws.err().contains("default retention locks each object"), "{aws}");
    let ceph = agent.ok(on(&["agent", "restorer", "owner", "--engine", "ceph", "--lang", "fr"]));
    let document: Value = serde_json::from_str(&ceph.out()).unwrap();
    assert_eq!(document["Statement"].as_array().unwrap().len(), 8);
    assert!(ceph.err().contains("un objet appartient à qui l'a écrit"), "{ceph}");
    let vault = agent.ok(on(&["agent", "owner", "--engine", "vault"]));
    assert_eq!(vault.out().lines().count(), 2, "{vault}");
    let all = agent.json(on(&["restorer", "--engine", "seaweedfs"]));
    assert_eq!(all["policy"]["identities"][0]["actions"], json!(["Read:cabinet", "List:cabinet"]));
    assert_eq!(all["facts"].as_array().unwrap().len(), 2);

    let several = agent.expect(2, on(&["agent", "owner"]));
    assert!(several.err().contains("one after the other"), "{several}");
    let nobody = agent.expect(2, on(&["gardener"]));
    assert!(nobody.err().contains("agent, restorer, owner"), "{nobody}");
    let nowhere = agent.expect(2, ["store", "policy", "agent", "--repo", "file:///mnt/nas"]);
    assert!(nowhere.err().contains("s3://bucket/prefix"), "{nowhere}");
}

/// The owner makes bucket and repository; with the printed identities the agent backs up and cannot destroy, and who restores
/// reads and cannot write.
#[test]
fn seaweedfs_takes_the_printed_identities_and_init_is_once_the_owners() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(folder.path().join("home"), folder.path());
    let words = [
        "store",
        "policy",
        "agent",
        "restorer",
        "owner",
        "--engine",
        "seaweedfs",
        "--repo",
        "s3://cabinet/a",
    ];
    let printed = agent.json(words);
    let identities: Vec<Value> = printed["policy"]["identities"].as_array().unwrap().clone();
    let key = |role: &str, what: &str| {
        let of = format!("scelle-{role}");
        let found = identities.iter().find(|identity| identity["name"] == of.as_str()).unwrap();
        found["credentials"][0][what].as_str().unwrap().to_owned()
    };
    let bucket = Engine::seaweed_with(folder.path(), &identities).bucket("cabinet", "a");
    let site = Site::not_initialised(|_| bucket.clone().into());
    let with = |role: &str| {
        let agent = site.agent.clone().with("AWS_ACCESS_KEY_ID", key(role, "accessKey"));
        agent.with("AWS_SECRET_ACCESS_KEY", key(role, "secretKey"))
    };
    let kit = site.kit();
    let kit = kit.to_str().unwrap();
    let source = site.source("source");
    source.file("a.txt", "content");
    let backup = ["backup", source.root().to_str().unwrap()];
    with("agent").expect(14, ["init", "--create-bucket", "--yes", "--kit", kit]);
    with("owner").ok(["init", "--create-bucket", "--yes", "--kit", kit]);
    with("agent").ok(backup);
    with("agent").ok(["check"]);
    source.file("b.txt", "more");
    with("restorer").expect(14, backup);
    let to = site.path("to");
    with("restorer").ok(["restore", "1", "--to", to.to_str().unwrap(), "--kit", kit]);
    assert_eq!(fs::read_to_string(site.restored(&to, source.root()).join("a.txt")).unwrap(), "content");
}

#[test]
fn completions_know_the_commands_and_a_shell_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(folder.path().join("home"), folder.path());
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = agent.ok(["completions", shell]).out();
        assert!(script.contains("versions") && script.contains("exclude-file"), "{shell}");
    }
    let script = agent.ok(["completions", "bash"]).out();
    let file = folder.path().join("scelle.bash");
    fs::write(&file, script).unwrap();
    let typed = format!(
        ". {}; COMP_WORDS=(scelle ver); COMP_CWORD=1; _scelle scelle ver scelle; echo \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let completed = String::from_utf8(tools::stdout_of(tools::run("bash", ["-c", &typed]))).unwrap();
    assert_eq!(completed.trim(), "versions");
    agent.expect(2, ["completions", "tcsh"]);
}

#[test]
fn a_dry_run_counts_and_leaves_no_trace() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("a.txt", "12345");
    source.file("b/c.tmp", "x");
    source.file("b/d.log", "yy");
    source.file("Durand.txt", "zzz");
    let rules = site.path("rules");
    fs::write(&rules, "\u{feff}# what nobody needs\r\n*.tmp\r\n\r\n*.log\n").unwrap();
    let (root, rules) = (source.root().to_str().unwrap(), rules.to_str().unwrap());
    let before = (site.objects(""), tools::run("find", [site.agent.home()]).stdout);
    let words = ["backup", root, "--dry-run", "--exclude-file", rules];
    let counted = site.agent.json(words);
    let survey = &counted["dry_run"][0]["survey"];
    assert_eq!([&survey["files"], &survey["source_bytes"], &survey["left_out"]], [2, 8, 2], "{counted}");
    let said = site.agent.ok(words);
    assert!(said.out().contains("2 files, 8 B") && !said.out().contains("Durand"), "{said}");
    let missing = site.agent.expect(3, ["backup", root, "/no/such", "--dry-run"]);
    assert!(missing.err().contains("1 path asked for does not exist"), "{missing}");
    assert_eq!((site.objects(""), tools::run("find", [site.agent.home()]).stdout), before);
    // The run takes the same files.
    let ran = site.agent.json(["backup", root, "--exclude-file", rules]);
    assert_eq!(ran["files"]["new"], 2, "{ran}");
    let lost = site.agent.expect(2, ["backup", root, "--exclude-file", "/no/such"]);
    assert!(lost.err().contains("--exclude-file"), "{lost}");
}

#[test]
fn a_wrong_value_is_said_of_where_it_came_from() {
    let site = Site::on_dir();
    let by_variable = site.agent.clone().with("SCELLE_PROGRESS", "loud");
    let said = by_variable.expect(2, ["snapshots"]).err();
    assert!(said.contains("value of SCELLE_PROGRESS not understood"), "{said}");
    let said = by_variable.expect(2, ["snapshots", "--progress", "soft"]).err();
    assert!(said.contains("value of --progress not understood"), "{said}");
    let said = site.agent.clone().with("SCELLE_JSON", "maybe").expect(2, ["snapshots"]);
    assert!(format!("{said}").contains("SCELLE_JSON"), "{said}");
}

#[test]
fn what_is_no_fingerprint_is_refused_before_anything_is_read() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.file("a.txt", "a");
    site.backup(&source);
    let out = site.path("bilan.json");
    let out = out.to_str().unwrap();
    site.agent.ok(["bilan", "export", "latest", "--out", out]);
    for wrong in ["x", "abandon", "zone common quiz father grit notaword", "00ff"] {
        let refused = site.agent.expect(2, ["bilan", "verify", out, "--owner", wrong]);
        assert!(refused.err().contains("six words of the owner fingerprint"), "{refused}");
    }
    // A fingerprint of somebody else is an answer.
    let other = "abandon abandon abandon abandon abandon abandon";
    site.agent.expect(13, ["bilan", "verify", out, "--owner", other]);
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let site = Site::on_dir();
    let (secret, config) = (site.path("s3.secret"), site.path("open.toml"));
    fs::write(&secret, "hush\n").unwrap();
    fs::write(&config, "[s3]\naccess_key_id = \"ID\"\nsecret_key_file = \"s3.secret\"\n").unwrap();
    let agent = site.agent.clone().with("SCELLE_CONFIG", &config);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = agent.expect(2, ["snapshots"]);
    assert!(refused.err().contains("chmod 600") && !refused.err().contains("hush"), "{refused}");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    agent.ok(["snapshots"]);
}

/// With the printed policy an agent of Ceph RGW lives in a bucket, and its owner reads what it wrote.
pub fn ceph_takes_the_printed_policy(engine: &Engine) {
    let name = "by-policy";
    engine.make(name, BucketKind::Locked);
    let bucket = engine.bucket(name, "p");
    let site = Site::not_initialised(|_| bucket.clone().into());
    let printed = site.agent.json(["store", "policy", "agent", "owner", "--engine", "ceph"]);
    let policy = printed["policy"].to_string();
    // The names of this engine's users.
    let policy = policy.replace("user/scelle-agent", "user/agent").replace("user/scelle-owner", "user/admin");
    engine.set_policy(name, &policy);
    let site = Site::not_initialised(|_| bucket.clone().with_the_agents_key().into());
    site.agent.ok(["init", "--yes", "--kit", site.kit().to_str().unwrap()]);
    let source = site.source("source");
    source.file("a.txt", "content");
    site.backup(&source);
    let names: Vec<String> = bucket.sizes().into_keys().collect();
    let own = names.iter().find(|name| name.contains("/c/")).unwrap();
    assert!(!bucket.read(own).is_empty());
}
