//! How packs are read: a pack of which much is needed comes once, damage costs one frame, and more than the budget
//! comes through.

use scelle_core::error::ExitCode;
use scelle_format::filter::Filter as FrameFilter;
use scelle_format::id::PackKind;
use scelle_format::layout;
use scelle_format::manifest::{Content, Entry, EntryKind};
use scelle_format::pack::Location;

use super::support::{files_below, folder, noise, with};
use super::{new_writer, request, run};

/// Content of `packs` packs with 1 MiB frames of incompressible pages, and where the pages lie.
async fn pages(
    writer: &mut super::support::Writer,
    packs: u64,
    frames: usize,
    page_bytes: usize,
) -> Vec<(Location, Vec<u8>)> {
    let mut out = Vec::new();
    for seed in 0..packs {
        let content = noise(seed + 1, frames << 20);
        let rows: Vec<_> = content
            .chunks(1 << 20)
            .map(|frame| (FrameFilter::None, frame.chunks(page_bytes).map(<[u8]>::to_vec).collect()))
            .collect();
        let places = writer.pack(PackKind::Data, &rows).await;
        out.extend(places.into_iter().zip(content.chunks(page_bytes).map(<[u8]>::to_vec)));
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_scattered_over_more_packs_than_fit_are_fetched_once() {
    let mut writer = new_writer("scattered").await;
    // 112 MiB, more than is kept; each page of the file lies in another pack than the page before.
    let lying = pages(&mut writer, 14, 8, 64 << 10).await;
    let rows: Vec<&(Location, Vec<u8>)> =
        (0..128).flat_map(|page| (0..14).map(move |pack| pack * 128 + page)).map(|at| &lying[at]).collect();
    let content_bytes: u64 = 14 * (8 << 20);
    let mut entry = Entry::bare(b"base.db".to_vec(), EntryKind::File);
    entry.bytes = content_bytes;
    let chunks: Vec<Location> = rows.iter().map(|row| row.0).collect();
    entry.content = writer.nodes(&chunks, 512, 1).await;
    writer.snapshot(&[("", folder("data")), ("data", entry)], 10).await;
    let objects = writer.objects.list_all("").await.unwrap();
    let stored: u64 = objects.iter().map(|object| object.bytes).sum();
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!(summary.code(), ExitCode::Ok, "{summary:?}");
    let expected: Vec<u8> = rows.iter().flat_map(|row| row.1.iter().copied()).collect();
    assert!(files_below(to.path())["data/base.db"] == expected);
    assert!(summary.fetched_bytes <= stored, "{} of {stored}", summary.fetched_bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_files_scattered_over_more_packs_than_fit_come_back() {
    let mut writer = new_writer("scattered files").await;
    let lying = pages(&mut writer, 14, 8, 512 << 10).await;
    let file = |number: usize, at: Location| {
        with(Entry::bare(format!("f{number:03}").into_bytes(), EntryKind::File), |entry| {
            entry.bytes = u64::from(at.bytes);
            entry.content = Content::Chunks(vec![at]);
        })
    };
    // In the order of names, each file lies in another pack than the one before: a window needs all of them.
    let order: Vec<usize> = (0..16).flat_map(|page| (0..14).map(move |pack| pack * 16 + page)).collect();
    let mut entries = vec![("", folder("data"))];
    entries.extend(order.iter().enumerate().map(|(number, at)| ("data", file(number, lying[*at].0))));
    writer.snapshot(&entries, 50).await;
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!((summary.files, summary.code()), (order.len() as u64, ExitCode::Ok), "{summary:?}");
    let files = files_below(to.path());
    for (number, at) in order.iter().enumerate() {
        assert!(files[&format!("data/f{number:03}")] == lying[*at].1, "file {number}");
    }
    let stored: u64 = 14 * (8 << 20);
    assert!(summary.fetched_bytes < stored * 2, "{} of {stored}", summary.fetched_bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_a_pack_costs_the_frames_it_hits() {
    let mut writer = new_writer("frames").await;
    let lying = pages(&mut writer, 1, 8, 1 << 20).await;
    let name = layout::pack(PackKind::Data, &lying[0].0.pack);
    let mut entries = vec![("", folder("data"))];
    for (number, (at, _)) in lying.iter().enumerate() {
        let entry = with(Entry::bare(format!("f{number}").into_bytes(), EntryKind::File), |entry| {
            entry.bytes = u64::from(at.bytes);
            entry.content = Content::Chunks(vec![*at]);
        });
        entries.push(("data", entry));
    }
    writer.snapshot(&entries, 10).await;
    // In the middle of the fourth frame: all others must come back.
    writer.tamper(&name, |bytes| bytes[(3 << 20) + (1 << 19)] ^= 1).await;
    let to = tempfile::tempdir().unwrap();
    let summary = run(&writer, request(to.path())).await;
    assert_eq!((summary.files, summary.code()), (7, ExitCode::Damaged), "{summary:?}");
    assert_eq!(summary.damaged_objects, [name]);
    let files = files_below(to.path());
    assert!(!files.contains_key("data/f3"));
    for (number, (_, content)) in lying.iter().enumerate().filter(|(number, _)| *number != 3) {
        assert!(files[&format!("data/f{number}")] == *content, "file {number}");
    }
}
