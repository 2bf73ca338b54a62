//! What no real race makes surely: a folder swapped between the listing that named it and its opening.

use super::*;
use crate::scan::Folders;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Walks `root`; `before_open` happens before each folder is opened.
fn walk(root: &Path, before_open: impl FnMut(&EntryPath) + 'static) -> Vec<Walked> {
    let (sender, batches) = bounded(64);
    let mut tree = Steps::default();
    tree.add_root(&EntryPath::from_os(root).unwrap());
    let mut reading = FolderReader {
        filter: PathFilter::default(),
        sender,
        batch: Vec::new(),
        left_out: Arc::default(),
        before_open: Some(Box::new(before_open)),
    };
    assert!(reading.walk(tree).and_then(|()| reading.send_end()).is_ok());
    batches.try_iter().flatten().collect()
}

struct Trees {
    _guard: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
}

/// `root/a/b/file`, and beside it `outside/b/file` with the same names.
fn trees() -> Trees {
    let guard = tempfile::tempdir().unwrap();
    let base = guard.path().canonicalize().unwrap();
    let (root, outside) = (base.join("root"), base.join("outside"));
    for (folder, content) in [(root.join("a/b"), "inside"), (outside.join("b"), "OUTSIDE")] {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("file"), content).unwrap();
    }
    std::fs::write(outside.join("b/only-outside"), "OUTSIDE").unwrap();
    Trees { _guard: guard, root, outside }
}

#[test]
fn a_folder_swapped_for_a_link_after_its_listing_is_vanished_at_every_depth() {
    for swapped in ["a", "a/b"] {
        for opened in ["a", "a/b"].into_iter().filter(|opened| opened.len() >= swapped.len()) {
            let trees = trees();
            let (place, target) =
                (trees.root.join(swapped), trees.outside.join(swapped[1..].trim_start_matches('/')));
            let when = EntryPath::from_os(&trees.root.join(opened)).unwrap();
            let found = walk(&trees.root, move |path| {
                if *path == when {
                    std::fs::rename(&place, place.with_extension("aside")).unwrap();
                    symlink(&target, &place).unwrap();
                }
            });
            let gone = EntryPath::from_os(&trees.root.join(opened)).unwrap();
            let vanished = found.iter().filter(
                |walked| matches!(walked, Walked::Problem(p) if p.code == ProblemCode::Vanished && p.path == gone),
            );
            assert_eq!(vanished.count(), 1, "{swapped} when {opened} is opened");
            let below = |walked: &&Walked| matches!(walked, Walked::Entry(item) if item.path.is_within(&gone) && item.path != gone);
            assert_eq!(found.iter().filter(below).count(), 0, "{swapped} when {opened} is opened");
        }
    }
}

#[test]
fn a_folder_swapped_for_a_link_after_the_walk_gives_no_content() {
    let trees = trees();
    let files = |found: Vec<Walked>| {
        let entries = found.into_iter().filter_map(|walked| match walked {
            Walked::Entry(item) if item.stat.kind == Kind::File => Some(item.path),
            _ => None,
        });
        entries.collect::<Vec<_>>()
    };
    let found = files(walk(&trees.root, |_| {}));
    assert_eq!(found.len(), 1);
    std::fs::rename(trees.root.join("a"), trees.root.join("aside")).unwrap();
    symlink(&trees.outside, trees.root.join("a")).unwrap();
    let refused = Folders::default().open_file(&found[0]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
}
