//! Small files share chunks with their neighbours. Where later snapshots group them in another way, a lost chunk of an older
//! one is made again from the files that it held.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use e2e::process::copy;
use e2e::{Site, Tree, compare, noise};

/// What was changed longer ago than this cannot have changed since without another time.
const FRESH: Duration = Duration::from_millis(1_100);

const FOLDERS: [&str; 3] = ["anne", "benoit", "chloe"];

/// Three snapshots; each file is so small that neighbours share one chunk, and is read again while it is fresh.
fn three_snapshots() -> (Site, Tree) {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let mut seed = 0;
    let mut write = |name: String| {
        seed += 1;
        source.file(name, noise(seed, 3_000));
    };
    for folder in FOLDERS {
        (0..8).for_each(|n| write(format!("{folder}/{n}.txt")));
    }
    site.backup(&source);
    copy(source.root(), &site.path("remembered 1"));
    FOLDERS.iter().for_each(|folder| write(format!("{folder}/3 bis.txt")));
    site.backup(&source);
    copy(source.root(), &site.path("remembered 2"));
    write("first.txt".into());
    site.backup(&source);
    copy(source.root(), &site.path("remembered 3"));
    (site, source)
}

#[test]
fn small_files_of_older_snapshots_are_stored_again_whatever_their_neighbours_became() {
    let (packs, images) = {
        let (site, _source) = three_snapshots();
        (site.objects("p/").len(), site.objects("c/").len())
    };
    assert!(packs >= 3 && images >= 6, "{packs} {images}");
    // One pack after the other, and all at once: then what later snapshots read again stands together in other groups.
    for lost in (0..packs).map(|at| at..at + 1).chain(std::iter::once(0..packs)) {
        let (site, source) = three_snapshots();
        site.objects("p/")[lost.clone()].iter().for_each(|pack| fs::remove_file(site.object(pack)).unwrap());
        site.agent.expect(13, ["check"]);
        let backup = site.backup(&source);
        assert_eq!(backup["healed_packs"], lost.len(), "{lost:?}: {backup}");
        site.agent.ok(["check", "--read-data", "all"]);
        for snapshot in ["1", "2", "3"] {
            let to = site.path(&format!("restored {snapshot}"));
            site.restore(snapshot, &to);
            let restored = site.restored(&to, source.root());
            compare::assert_same(&site.path(&format!("remembered {snapshot}")), &restored);
        }
        // Whole is whole: the next run stores nothing of it again.
        let packs = site.objects("p/");
        assert_eq!(site.backup(&source)["healed_packs"], 0);
        assert_eq!(site.objects("p/"), packs);
    }
}

#[test]
fn what_a_changed_member_takes_with_it_is_not_promised_and_not_stored_in_vain() {
    let (site, source) = three_snapshots();
    let packs = site.objects("p/");
    // One file of the first snapshot's chunks is no longer what it was.
    source.edit("anne/0.txt", noise(99, 3_000));
    site.backup(&source);
    packs.iter().for_each(|pack| fs::remove_file(site.object(pack)).unwrap());
    site.agent.expect(13, ["check"]);
    site.backup(&source);
    site.agent.expect(13, ["check"]);
    let stored = site.objects("p/");
    site.backup(&source);
    assert_eq!(site.objects("p/"), stored, "nothing is stored again and again");
    let to = site.path("restored");
    site.restore("latest", &to);
    compare::assert_same(source.root(), &site.restored(&to, source.root()));
}

/// Which of several neighbours are read again differs from run to run: those that were touched, or were just written when
/// the last run looked at them.
#[test]
fn a_small_file_that_is_read_again_alone_and_is_what_it_was_stays_where_it_lies() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    (0..8).for_each(|n| {
        source.file(format!("{n}.txt"), noise(n, 3_000));
    });
    site.backup(&source);
    // From now on nothing is read again for being fresh.
    sleep(FRESH);
    site.backup(&source);
    let packs = site.objects("p/");
    for name in ["2.txt", "5.txt"] {
        let file = fs::File::options().write(true).open(source.path(name)).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap()).unwrap();
    }
    site.backup(&source);
    assert_eq!(site.objects("p/"), packs, "the same content stored twice");
    // And all of them again, of which one is no longer what it was.
    source.edit("5.txt", noise(99, 3_000));
    site.backup(&source);
    let to = site.path("restored");
    site.restore("latest", &to);
    compare::assert_same(source.root(), &site.restored(&to, source.root()));
}

#[test]
fn a_hard_link_with_an_earlier_name_takes_no_group_away() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    (10..30).for_each(|n| {
        source.file(format!("f{n}"), noise(n, 900));
    });
    site.backup(&source);
    copy(source.root(), &site.path("remembered"));
    source.hardlink("a17", "f17");
    site.backup(&source);
    site.objects("p/").iter().for_each(|pack| fs::remove_file(site.object(pack)).unwrap());
    site.agent.expect(13, ["check"]);
    site.backup(&source);
    site.agent.ok(["check", "--read-data", "all"]);
    let to = site.path("restored");
    site.restore("1", &to);
    compare::assert_same(&site.path("remembered"), &site.restored(&to, source.root()));
}
