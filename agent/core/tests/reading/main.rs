//! The reading side on repositories written by the format's own builders: restore, check, look, and what becomes of
//! damage.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
mod support;

mod opening;

mod packs;
#[cfg(unix)]
mod placing;
mod rescue;

mod rounds;

use std::sync::Arc;

use bytes::Bytes;
use scelle_core::around::Around;
use scelle_core::error::ExitCode;
use scelle_core::look;
use scelle_core::look::spec::SnapshotSpec;
use scelle_core::monitor::Silent;
use scelle_core::reading::fetch::Fetcher;
use scelle_core::reading::tree::Tree;
use scelle_core::repo::finding::FindingKind;
use scelle_core::repo::keys::keyring::Unlock;
use scelle_core::repo::ledger::history::Snapshot;
use scelle_core::repo::open::{OpenOptions, Repository};
use scelle_core::restore::plan::plan;
use scelle_core::restore::request::{RestoreRequest, Target};
use scelle_core::restore::run::restore;
use scelle_core::restore::summary::RestoreSummary;
use scelle_core::restore::write::Overwrite;
use scelle_core::scan::PathFilter;
use scelle_core::verify::{CheckOptions, CheckReport, ReadData, check};
use scelle_format::filter::Filter as FrameFilter;
use scelle_format::id::{PackKind, Sha256};
use scelle_format::layout;
use scelle_format::ledger::NoteKind;
use scelle_format::manifest::{Content, Entry, EntryKind, Extent};
use scelle_format::pack::Location;
use scelle_store::Store;
use scelle_store::mem::{MemSettings, MemStore};
use support::{Writer, files_below, folder, noise, paged, with};

async fn open(writer: &Writer) -> Repository {
    let unlock = Some(Unlock::Kit(writer.kit()));
    let options = OpenOptions { unlock, ..OpenOptions::default() };
    Repository::open(writer.objects.store().clone(), options).await.unwrap()
}

fn latest(repository: &Repository) -> Snapshot {
    look::choose::select(&repository.history, &SnapshotSpec::Latest { device: None }, None, None).unwrap()
}

async fn tree(repository: &Repository) -> Arc<Tree> {
    let keyring = repository.keyring().unwrap().clone();
    let fetcher = Fetcher::new(repository.objects.clone(), keyring, Some(repository.descriptors.clone()));
    Arc::new(Tree::open(&fetcher, &latest(repository)).await.unwrap())
}

fn request(to: &std::path::Path) -> RestoreRequest {
    RestoreRequest {
        target: Target::Folder(to.to_path_buf()),
        paths: Vec::new(),
        filter: PathFilter::default(),
        has_includes: false,
        overwrite: Overwrite::Changed,
        aside: "mis de côté 2026-11-21".to_owned(),
    }
}

/// A real clock, and nobody who watches.
fn around() -> Around {
    Around::watched_by(Arc::new(Silent))
}

async fn run(writer: &Writer, request: RestoreRequest) -> RestoreSummary {
    let tree = tree(&open(writer).await).await;
    restore(tree, request, around()).await.unwrap()
}

async fn checked(writer: &Writer, read_data: ReadData, with_key: bool) -> CheckReport {
    let unlock = with_key.then(|| Unlock::Kit(writer.kit()));
    let options = OpenOptions { unlock, ..OpenOptions::default() };
    let mut repository = Repository::open(writer.objects.store().clone(), options).await.unwrap();
    let options = CheckOptions { read_data, local_head: None, trees: 2 };
    check(&mut repository, &options, &around()).await.unwrap()
}

fn kinds(report: &CheckReport) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).filter(|kind| kind.is_damage()).collect()
}

async fn new_writer(seed: &str) -> Writer {
    Writer::create(Arc::new(MemStore::new()), seed, false).await
}

/// Data of a large paged file: (entry, content).
async fn large_paged(writer: &mut Writer, name: &str, pages: usize, level: u8) -> (Entry, Vec<u8>) {
    const PAGE: usize = 16 << 10;
    let content = noise(pages as u64, pages * PAGE);
    let mut chunks: Vec<Location> = Vec::new();
    for part in content.chunks(96 * 8 * PAGE) {
        let frames: Vec<_> = part
            .chunks(8 * PAGE)
            .map(|frame| (FrameFilter::Delta16, frame.chunks(PAGE).map(<[u8]>::to_vec).collect()))
            .collect();
        chunks.extend(writer.pack(PackKind::Data, &frames).await);
    }
    let mut entry = Entry::bare(name.into(), EntryKind::File);
    entry.bytes = content.len() as u64;
    entry.content = writer.nodes(&chunks, 128, level).await;
    (paged(entry, PAGE as u32), content)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_content_comes_back() {
    let mut writer = new_writer("contents").await;
    let (big, big_bytes) = large_paged(&mut writer, "base.db", 1200, 1).await;
    let group = writer.pack(PackKind::Data, &[(FrameFilter::None, vec![b"onetwothree".to_vec()])]).await[0];
    let slice = |name: &str, offset: u32, bytes: u32| {
        with(Entry::bare(name.into(), EntryKind::File), |entry| {
            entry.bytes = u64::from(bytes);
            entry.content = Content::Slice { at: group, offset, bytes };
        })
    };
    let sparse = with(writer.file("sparse", &[b"abcdef"]).await, |entry| {
        entry.bytes = 3_000_000;
        entry.extents = Some([(1_000_000, 4), (2_500_000, 2)].map(Extent::from).to_vec());
    });
    let linked = with(writer.file("first", &[b"linked"]).await, |entry| entry.link_group = Some(1));
    let mut link = Entry::bare(b"link".to_vec(), EntryKind::Symlink);
    link.target = Some(b"first".to_vec());
    let entries = vec![
        ("", folder("data")),
        ("data", folder("sub")),
        ("data", big),
        ("data", slice("s1", 0, 3)),
        ("data", slice("s2", 3, 3)),
        ("data/sub", slice("s3", 6, 5)),
        ("data", Entry::bare(b"empty".to_vec(), EntryKind::File)),
        ("data", sparse),
        ("data", linked.clone()),
        ("data/sub", with(linked, |entry| entry.name = b"second".to_vec())),
        ("data", link),
    ];
    writer.snapshot(&entries, 3).await;
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!(summary.code(), ExitCode::Ok, "{summary:?}");
    let files = files_below(&to.path().join("data"));
    assert!(files["base.db"] == big_bytes);
    assert_eq!(
        (&files["s1"][..], &files["s2"][..], &files["sub/s3"][..]),
        (&b"one"[..], &b"two"[..], &b"three"[..])
    );
    assert_eq!(files["empty"], b"");
    let mut expected = vec![0; 3_000_000];
    expected[1_000_000..1_000_004].copy_from_slice(b"abcd");
    expected[2_500_000..2_500_002].copy_from_slice(b"ef");
    assert!(files["sparse"] == expected);
    assert_eq!((&files["first"][..], &files["sub/second"][..]), (&b"linked"[..], &b"linked"[..]));
    assert_eq!((summary.files, summary.symlinks, summary.hardlinks, summary.directories), (7, 1, 1, 2));

    // Again: everything is compared chunk by chunk and nothing of the large file fetched.
    std::fs::write(to.path().join("data/s1"), b"two").unwrap();
    let again = run(&writer, request(to.path())).await;
    assert_eq!((again.files, again.code()), (1, ExitCode::Ok), "{again:?}");
    assert!(again.fetched_bytes < 1_000_000, "{}", again.fetched_bytes);
    assert_eq!(std::fs::read(to.path().join("data/s1")).unwrap(), b"one");

    let report = checked(&writer, ReadData::All, true).await;
    assert_eq!((kinds(&report), report.orphans), (vec![], 0), "{:?}", report.findings);
    assert_eq!(report.packs_read, report.packs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_path_brings_its_folders_and_nothing_else() {
    let mut writer = new_writer("paths").await;
    let mut entries = vec![("", folder("data")), ("data", folder("a")), ("data", folder("b"))];
    for number in 0..40 {
        let name = format!("f{number:02}");
        let entry = writer.file(&name, &[name.as_bytes()]).await;
        entries.push(("data/a", entry.clone()));
        entries.push(("data/b", entry));
    }
    writer.snapshot(&entries, 5).await;
    let to = tempfile::tempdir().unwrap();
    let one = RestoreRequest { paths: vec![b"data/b/f07".to_vec()], ..request(to.path()) };
    let summary = run(&writer, one.clone()).await;
    assert_eq!((summary.files, summary.directories, summary.code()), (1, 2, ExitCode::Ok));
    assert_eq!(files_below(to.path()).into_keys().collect::<Vec<_>>(), ["data/b/f07"]);

    let tree = tree(&open(&writer).await).await;
    let mut seen = Vec::new();
    let below = RestoreRequest {
        paths: vec![b"data/a".to_vec()],
        target: Target::Folder(to.path().join("no")),
        ..one.clone()
    };
    let planned = plan(&tree, &below, &mut |entry| seen.push(entry.path.clone())).await.unwrap();
    assert_eq!((planned.files, planned.directories, seen.len()), (40, 2, 42));
    assert!(!to.path().join("no").exists(), "a dry run makes nothing");

    let filter = PathFilter::new(&["*7".to_owned()], &["data/a/**".to_owned()], &[]).unwrap();
    let chosen =
        RestoreRequest { paths: vec![], filter, has_includes: true, ..request(&to.path().join("globs")) };
    assert_eq!(run(&writer, chosen).await.files, 4);
    assert!(!to.path().join("globs/data/a").exists());

    let absent = RestoreRequest { paths: vec![b"data/c".to_vec()], ..one };
    let error = restore(tree, absent, around()).await.unwrap_err();
    assert_eq!(error.code, ExitCode::Usage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn existing_files_are_kept_replaced_or_given_a_sibling() {
    let mut writer = new_writer("overwrite").await;
    let entries = vec![("", folder("data")), ("data", writer.file("x.txt", &[b"ours"]).await)];
    writer.snapshot(&entries, 10).await;
    let to = tempfile::tempdir().unwrap();
    std::fs::create_dir(to.path().join("data")).unwrap();
    let file = to.path().join("data/x.txt");
    for (overwrite, there, kept, beside, after) in [
        (Overwrite::Never, "their text", 1, 0, "their text"),
        (Overwrite::Never, "four", 1, 0, "four"),
        (Overwrite::Sibling("restauré 2026-11-21".into()), "four", 0, 1, "four"),
        (Overwrite::Changed, "four", 0, 0, "ours"),
        (Overwrite::Always, "longer", 0, 0, "ours"),
    ] {
        std::fs::write(&file, there).unwrap();
        let summary = run(&writer, RestoreRequest { overwrite, ..request(to.path()) }).await;
        // Other content that was kept, and nothing of ours beside it, is a file that was not restored.
        let code = if kept > 0 { ExitCode::Partial } else { ExitCode::Ok };
        assert_eq!((summary.kept, summary.beside, summary.code()), (kept, beside, code));
        let named = |files: &[scelle_core::restore::tally::FileProblem]| files.len() as u64;
        assert_eq!((named(&summary.kept_files), summary.beside_files.len() as u64), (kept, beside));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
    }
    let sibling = to.path().join("data/x (restauré 2026-11-21).txt");
    assert_eq!(std::fs::read_to_string(sibling).unwrap(), "ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_costs_the_damaged_files_only() {
    let mut writer = new_writer("damage").await;
    let (large, _) = large_paged(&mut writer, "large", 600, 0).await;
    let bad = writer.file("bad", &[&noise(1, 5000), b"tail"]).await;
    let gone = writer.file("gone", &[b"gone"]).await;
    let good = writer.file("good", &[b"good"]).await;
    let pack_of = |entry: &Entry| match &entry.content {
        Content::Chunks(rows) => rows[0].pack,
        _ => panic!("chunks expected"),
    };
    let (bad_pack, gone_pack) = (pack_of(&bad), pack_of(&gone));
    let entries = vec![("", folder("data")), ("data", bad), ("data", gone), ("data", good), ("data", large)];
    writer.snapshot(&entries, 10).await;
    let (bad_name, gone_name) =
        (layout::pack(PackKind::Data, &bad_pack), layout::pack(PackKind::Data, &gone_pack));
    writer.tamper(&bad_name, |bytes| bytes[4000] ^= 1).await;
    writer.lose(&gone_name).await;
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!(summary.code(), ExitCode::Damaged);
    let mut damaged: Vec<_> = summary.damaged.iter().map(|file| file.path.to_screen()).collect();
    damaged.sort();
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    assert!(damaged[0].ends_with("bad") && damaged[1].ends_with("gone"));
    assert!(summary.damaged.iter().all(|file| file.token.len() == 10));
    assert_eq!(files_below(to.path()).into_keys().collect::<Vec<_>>(), ["data/good", "data/large"]);

    let quick = checked(&writer, ReadData::None, false).await;
    assert_eq!(kinds(&quick), [FindingKind::PackMissing]);
    assert_eq!(quick.findings.iter().find(|f| f.kind == FindingKind::PackMissing).unwrap().object, gone_name);
    assert_eq!((quick.damaged.len(), quick.sound.len()), (1, 0));
    let full = checked(&writer, ReadData::All, false).await;
    assert_eq!(kinds(&full), [FindingKind::PackMissing, FindingKind::PackHash]);
    assert!(full.findings.iter().filter(|f| f.kind.is_damage()).all(|finding| finding.affects.len() == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healed_and_overwritten_packs_are_read_from_where_they_are() {
    let store = Arc::new(MemStore::with(MemSettings { versions: true, ..MemSettings::default() }));
    let mut writer = Writer::create(store, "heal", false).await;
    let lost = writer.file("lost", &[b"lost and found"]).await;
    let replaced = writer.file("replaced", &[b"the right text"]).await;
    let pack_of = |entry: &Entry| match &entry.content {
        Content::Chunks(rows) => rows[0].pack,
        _ => panic!("chunks expected"),
    };
    let (lost_pack, replaced_pack) = (pack_of(&lost), pack_of(&replaced));
    writer.snapshot(&[("", folder("data")), ("data", lost), ("data", replaced)], 10).await;
    // A versioned store would give the first version back: lost for good means another store.
    let plain = Arc::new(MemStore::new());
    let frames = [(FrameFilter::None, vec![b"something else".to_vec(), b"lost and found".to_vec()])];
    let (healing, bytes, _) = writer.seal_pack(PackKind::Data, &frames);
    writer.objects.put_new(&layout::pack(PackKind::Data, &healing), bytes.clone()).await.unwrap();
    let kind = NoteKind::Heal {
        replaces: (PackKind::Data, lost_pack),
        by: vec![(PackKind::Data, healing, bytes.len() as u64)],
    };
    writer.note(kind, Vec::new()).await;
    writer.tamper(&layout::pack(PackKind::Data, &replaced_pack), |bytes| bytes[3000] ^= 1).await;
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!((summary.files, summary.code()), (2, ExitCode::Ok), "{summary:?}");
    assert_eq!(summary.damaged_objects, [layout::pack(PackKind::Data, &replaced_pack)]);

    for row in writer.objects.list_all("").await.unwrap() {
        if row.name != layout::pack(PackKind::Data, &lost_pack)
            && row.name != layout::pack(PackKind::Data, &replaced_pack)
        {
            let key = writer.objects.key(&row.name).unwrap();
            let body = writer.objects.get_named(&row.name, 1 << 26).await.unwrap();
            plain.put_new(&key, body.clone(), Sha256::of(&body).0).await.unwrap();
        }
    }
    writer.objects = scelle_core::repo::objects::Objects::new(plain, writer.objects.repository().clone());
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!((summary.files, summary.damaged.len()), (1, 1), "{summary:?}");
    assert_eq!(files_below(to.path())["data/lost"], b"lost and found");
    let report = checked(&writer, ReadData::None, true).await;
    let missing: Vec<_> = report.findings.iter().filter(|f| f.kind == FindingKind::PackMissing).collect();
    assert_eq!(missing.len(), 1, "the healed pack is not damage: {missing:?}");
}
