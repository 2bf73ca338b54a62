//! Objects that somebody writes over in a bucket that keeps and locks versions: what was there first stays below, is read,
//! and no lock keeps a repository red that has mended itself.

use std::fs;

use e2e::{Site, Tree, compare, noise};
use serde_json::Value;

/// Two snapshots in a bucket with a lock; the first has nothing but a file that the source has no more.
fn practice() -> (Site, Tree) {
    let site = Site::on_seaweed();
    let source = site.source("cabinet");
    source.file("gone.bin", noise(1, 800_000));
    site.backup(&source);
    fs::remove_file(source.path("gone.bin")).unwrap();
    source.file("lettre.txt", "une lettre\n".repeat(300));
    source.file("image.bin", noise(2, 800_000));
    site.backup(&source);
    (site, source)
}

/// Writes over data packs: with one bit turned, or with something of another size. Returns how many.
fn write_over(site: &Site, is_flip: bool) -> usize {
    let repository = site.repository();
    let packs = site.objects("p/");
    for pack in &packs {
        let name = format!("{repository}/{pack}");
        let mut bytes = site.place.read(&name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        site.place.bucket().overwrite(&name, if is_flip { bytes } else { b"something else".to_vec() });
        assert!(site.place.refuses_to_delete(&name), "what lies over it is locked as well");
    }
    packs.len()
}

#[test]
fn packs_that_are_written_over_under_a_lock_affect_no_snapshot_and_do_not_stay_red() {
    for is_flip in [true, false] {
        let (site, source) = practice();
        let packs = write_over(&site, is_flip);
        let found = site.agent.expect(13, ["check", "--read-data", "all", "--json"]).json();
        assert_eq!(found["overwritten"], packs, "{found}");
        let count = |list: &Value| list.as_array().unwrap().len();
        assert_eq!((count(&found["sound"]), count(&found["damaged"])), (2, 0), "{found}");
        let kinds = found["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].clone());
        assert!(kinds.clone().all(|kind| kind == "object-overwritten"), "{found}");
        // What only the first snapshot needs is promised to nobody.
        assert_eq!(found["next_backup"]["uncertain"], 1, "{found}");
        assert_eq!(found["next_backup"]["stored_again"], packs - 1, "{found}");
        for snapshot in ["1", "2"] {
            let restored = site.agent.run(
                ["restore", snapshot, "--to", site.path(snapshot).to_str().unwrap(), "--kit"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([site.kit().to_str().unwrap().to_owned()]),
            );
            assert_eq!(restored.code(), 0, "{restored}");
            assert!(restored.err().contains("wrote over"), "{restored}");
        }
        compare::assert_same(source.root(), &site.restored(&site.path("2"), source.root()));
        let gone = site.restored(&site.path("1"), source.root()).join("gone.bin");
        assert!(fs::read(gone).unwrap() == noise(1, 800_000));

        site.backup(&source);
        // Its content is nowhere else: it stays what it is, and its snapshot can still be read.
        let after = site.agent.expect(13, ["check", "--read-data", "all", "--json"]).json();
        assert_eq!((&after["overwritten"], count(&after["damaged"])), (&1.into(), 0), "{after}");
        source.file("gone.bin", noise(1, 800_000));
        site.backup(&source);
        let told = site.agent.ok(["check", "--read-data", "all"]);
        assert!(!told.out().contains("No damage"), "some was found: {told}");
        assert!(told.out().contains("replaced by others"), "{told}");
        assert!(told.out().contains("Nothing is missing from the 4 snapshots"), "{told}");
    }
}
