//! Copies on this computer that a power cut left empty: they prove nothing, neither that the store holds other bytes nor that a
//! descriptor need not be copied, and they are made anew.

use std::fs;

use e2e::{Site, Tree};

fn practice() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "bonjour");
    (site, source)
}

/// Empties the copies whose names begin so; how many there were.
fn empty(site: &Site, prefix: &str) -> usize {
    let mut emptied = 0;
    for file in fs::read_dir(site.state().join("kept")).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
            fs::write(path, "").unwrap();
            emptied += 1;
        }
    }
    emptied
}

#[test]
fn a_descriptor_whose_copy_was_lost_is_in_the_refs_all_the_same() {
    let (site, source) = practice();
    assert_eq!(empty(&site, "desc_"), 1);
    for run in 0..3 {
        source.file("lettre.txt", format!("une lettre, {run}"));
        site.backup(&source);
    }
    site.agent.ok(["check"]);
    fs::remove_file(site.object(&site.objects("desc/")[0])).unwrap();
    let stranger = site.other_computer("stranger");
    let to = site.path("out");
    let mut words = vec!["restore".into(), "latest".into(), "--to".into(), to.clone().into_os_string()];
    words.extend(site.with_kit());
    stranger.ok(words);
    assert_eq!(fs::read(site.restored(&to, &source.path("lettre.txt"))).unwrap(), b"une lettre, 2");
    site.backup(&source);
    site.agent.ok(["check"]);
}

#[test]
fn an_empty_copy_does_not_accuse_the_store() {
    let (site, source) = practice();
    for run in 0..3 {
        source.file("lettre.txt", format!("une lettre, {run}"));
        site.backup(&source);
    }
    for prefix in ["a_", "c_", "i_", "m_", "keys_", "FORMAT.txt"] {
        assert!(empty(&site, prefix) > 0, "{prefix}");
        let run = site.backup(&source);
        assert_ne!(run["status"], "red", "{prefix}: {run}");
        assert_eq!(run["damaged_objects"], 0, "{prefix}: {run}");
    }
    // Read sound, they are copied again: what the store loses is put back from them.
    site.agent.ok(["check"]);
    let root = site.objects("a/").remove(0);
    fs::remove_file(site.object(&root)).unwrap();
    site.agent.expect(13, ["check"]);
    site.backup(&source);
    site.agent.ok(["check"]);
}

/// A copy of the right size with other bytes in it.
#[test]
fn a_copy_that_does_not_prove_itself_tells_no_size() {
    let (site, source) = practice();
    site.backup(&source);
    for file in fs::read_dir(site.state().join("kept")).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, vec![0; bytes.len() / 2 + 40]).unwrap();
    }
    let run = site.backup(&source);
    assert_eq!(run["damaged_objects"], 0, "{run}");
    assert_ne!(run["status"], "red", "{run}");
}
