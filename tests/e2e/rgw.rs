//! The program on a real Ceph RGW: an engine that reads no checksum header, ignores `If-None-Match` where versions are kept,
//! and locks as Amazon does.
//!
//! One cluster for all of it. Each kind of bucket holds a practice that lives through two runs, with and without an upload
//! limit; what `init` said of the bucket is then compared with what the agent's own key can do to what was stored. Bytes
//! that change on their way are in `flips`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use e2e::bucket::{Bucket, BucketKind, Engine};
use e2e::tamper::Kind;
use e2e::{Outcome, Site, Tree, compare, noise};

use crate::{at_hand, fates, flips, unseen};

/// What `init` says to a person of each code that a bucket here may earn.
const SENTENCES: [(&str, &str); 5] = [
    ("no-lock", "this bucket locks nothing: a credential that may delete can delete the backups"),
    ("no-default-retention", "this bucket locks nothing by itself"),
    ("no-conditional-put", "lets an object be replaced in silence"),
    ("lock-not-proven", "it could not be tried whether the lock holds"),
    ("agent-may-hide", "can hide the backups (what is locked stays readable below)"),
];

const LIMIT: &str = "[limits]\nupload_bytes_per_second = 3000000\n";

#[test]
fn every_kind_of_bucket_does_what_init_said_and_nothing_flipped_is_called_whole() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::rgw(folder.path());
    let is_long = e2e::rounds(0, 1) == 1;
    for kind in BucketKind::ALL {
        let name = format!("{kind:?}").to_lowercase();
        engine.make(&name, kind);
        let said: &[&str] = match kind {
            BucketKind::Plain => &["no-lock"],
            BucketKind::Versioned => &["no-conditional-put", "no-lock", "agent-may-hide"],
            BucketKind::Locked => &["no-conditional-put", "agent-may-hide"],
            BucketKind::LockedOnRequest => &["no-conditional-put", "no-default-retention", "agent-may-hide"],
        };
        // For every change each once, two of them with the limit.
        let with_limit = matches!(kind, BucketKind::Plain | BucketKind::Locked);
        for is_limited in [false, true].into_iter().filter(|limited| is_long || *limited == with_limit) {
            lives_there(&engine.bucket(&name, &format!("limit-{is_limited}")), is_limited, said);
        }
    }
    at_hand::ceph_takes_the_printed_policy(&engine);
    // As it should be set up: who may not delete learns no more of the lock than that it is there.
    engine.let_the_agent_in("locked");
    let bucket = engine.bucket("locked", "put-get-list").with_the_agents_key();
    lives_there(&bucket, false, &["no-conditional-put", "lock-not-proven"]);
    flips::campaign(&engine, "locked", e2e::rounds(4, 240));
}

#[test]
fn both_tables_of_damages_and_the_fates_of_notes_are_as_on_other_engines() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::rgw(folder.path());
    let is_long = e2e::rounds(0, 1) == 1;
    // For every change a pack, of which an engine knows most, and what a chain stands on.
    let kinds: &[Kind] = if is_long { &Kind::ALL } else { &[Kind::DataPack, Kind::SnapshotNote] };
    let rows = (unseen::rows_hold(&engine, kinds), unseen::first_table_holds(&engine, kinds));
    println!("{} rows of what is not shown and {} of the first table hold", rows.0, rows.1);
    let mut fates = 0;
    for kind in if is_long { &BucketKind::ALL[..] } else { &[BucketKind::Plain] } {
        let name = format!("fates-{kind:?}").to_lowercase();
        engine.make(&name, *kind);
        fates += fates::campaign(&engine, &name, e2e::rounds(1, 2) as usize);
    }
    println!("{fates} notes had their fates, and each chain went on");
}

/// Two runs, a check of every byte, and a restoration; then what was said of the bucket is tried.
fn lives_there(bucket: &Bucket, is_limited: bool, expected: &[&str]) {
    let mut site = Site::not_initialised(|_| bucket.clone().into());
    if is_limited {
        fs::write(site.path("limit.toml"), LIMIT).unwrap();
        site.agent = site.agent.clone().with("SCELLE_CONFIG", site.path("limit.toml"));
    }
    let words = ["init", "--yes", "--json"].map(OsString::from);
    let told = site.agent.ok(words.into_iter().chain(site.with_kit()));
    let source = site.source("cabinet");
    fill(&source);
    site.backup(&source);
    source.file("dossier/lendemain.txt", "le lendemain");
    let second = site.backup(&source);
    assert_eq!(second["files"]["new"], 1, "{second}");
    let check = site.agent.ok(["check", "--read-data", "all"]);
    assert!(!check.out().contains("HIDDEN"), "{check}");
    site.restore("latest", &site.path("retour"));
    compare::assert_same(source.root(), &site.restored(&site.path("retour"), source.root()));
    let said = codes(&told);
    assert_eq!(said, expected.iter().map(|&code| code.to_owned()).collect(), "{}", bucket.url());
    holds(&site, bucket, &said);
}

fn fill(source: &Tree) {
    for (seed, name) in [(1, "a.bin"), (2, "dossier/b.bin"), (3, "dossier/c.bin")] {
        source.file(name, noise(seed, 700_000));
    }
    source.file("lettre.txt", "une lettre\n".repeat(300));
}

/// The codes of what `init` found, each with its sentence and no sentence without its code.
fn codes(told: &Outcome) -> BTreeSet<String> {
    let document = told.json();
    let codes = document["findings"].as_array().unwrap().iter();
    let codes: BTreeSet<String> = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
    for (code, sentence) in SENTENCES {
        assert_eq!(told.err().contains(sentence), codes.contains(code), "{code}: {told}");
    }
    codes
}

/// Compares what was said with what the agent's key can do to objects of the repository.
fn holds(site: &Site, bucket: &Bucket, said: &BTreeSet<String>) {
    let says = |code: &str| said.contains(code);
    let at = bucket.url();
    // Of each kind one; each is tried to the end, so each gets a name of its own.
    let repository = site.repository();
    let names: Vec<String> = ["p/", "m/", "a/", "c/"]
        .iter()
        .map(|kind| format!("{repository}/{}", site.objects(kind).remove(0)))
        .collect();
    let is_unlocked = says("no-lock") || says("no-default-retention");
    for name in &names {
        let is_shortened = bucket.can_be_shortened(name);
        assert_eq!(is_shortened.is_none(), is_unlocked, "{at}: {name} has a lock");
        assert_eq!(is_shortened == Some(true), says("lock-may-be-shortened"), "{at}: {name} shortened");
    }
    for name in &names[..2] {
        assert_eq!(bucket.can_be_hidden(name), says("agent-may-hide"), "{at}: {name} hidden");
    }
    for name in &names[2..] {
        assert_eq!(bucket.can_be_destroyed(name), is_unlocked, "{at}: {name} destroyed");
    }
}
