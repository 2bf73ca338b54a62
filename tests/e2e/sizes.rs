//! Budgets in bytes: what a run stores, and what it takes in memory. Never about time.

use std::ffi::OsString;

use e2e::agent::program;
use e2e::tree::{small_file, small_file_name};
use e2e::{Site, Tree};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Runs its arguments and prints the greatest resident size, in KiB, of the child on the last line of stderr.
const WATCHER: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)";

/// Runs `scelle` and gives its peak resident size in bytes.
fn peak_bytes(site: &Site, arguments: &[OsString]) -> u64 {
    let mut command = site.agent.command_of("python3".as_ref());
    command.arg("-c").arg(WATCHER).arg(program()).args(arguments);
    let outcome = site.agent.spawn(command).wait();
    assert_eq!(outcome.code(), 0, "{outcome}");
    outcome.err().lines().last().unwrap().parse::<u64>().unwrap() * KIB
}

fn backup(source: &Tree) -> Vec<OsString> {
    vec!["backup".into(), source.root().into()]
}

#[test]
fn an_unchanged_second_run_on_20_000_files_stores_less_than_64_kib() {
    let site = Site::on_dir();
    // The folders that lead to a source are in its snapshots with their times, and /tmp is never at rest.
    let quiet = tempfile::Builder::new().prefix("scelle-e2e-").tempdir_in("/var/tmp").unwrap();
    let source = Tree::new(quiet.path().join("cabinet"));
    source.fill_with_small_files(20_000, 100, 1);
    // A file written in the second before a run may have changed after it was read, and is read again: not today.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    site.backup(&source);
    let before = site.place.stored_bytes();
    let told = site.backup(&source);
    let added = site.place.stored_bytes() - before;
    println!("unchanged second run on 20 000 files: {added} bytes stored");
    assert_eq!(told["files"]["unchanged"], 20_000, "{told}");
    assert_eq!(told["read_bytes"], 0, "{told}");
    assert!(added < 64 * KIB, "{added} bytes");
}

#[test]
fn a_hundred_edits_in_100_000_files_store_less_than_2_mib_and_memory_stays_small() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.fill_with_small_files(100_000, 200, 1);
    // As above: a tiny file that is read again takes its neighbours of one chunk with it.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let first = peak_bytes(&site, &backup(&source));
    let before = site.place.stored_bytes();
    for edit in 0..100 {
        let number = edit * 997 + 13;
        source.edit(small_file_name(number, 200), small_file(2, number));
    }
    let second = peak_bytes(&site, &backup(&source));
    let added = site.place.stored_bytes() - before;
    let mut arguments =
        vec![OsString::from("restore"), "2".into(), "--to".into(), site.path("retour").into()];
    arguments.extend(site.with_kit());
    let restore = peak_bytes(&site, &arguments);
    println!("100 000 files: {before} bytes stored; 100 scattered edits: {added} bytes more");
    println!("peak memory: first run {first}, second run {second}, restore {restore} bytes");
    assert!(added < 2 * MIB, "{added} bytes");
    for (what, peak) in [("first run", first), ("second run", second), ("restore", restore)] {
        assert!(peak <= 256 * MIB, "{what}: {} MiB", peak / MIB);
    }
    e2e::compare::assert_same_content(source.root(), &site.restored(&site.path("retour"), source.root()));
}

/// Blocks of 8 KiB of a file that looks like a database: all different, hardly compressible.
fn write_database(path: &std::path::Path, bytes: u64) {
    use std::io::Write;
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    let mut page = vec![0; 8 << 10];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for number in 0..bytes / page.len() as u64 {
        // xorshift64: every word is another.
        for word in page.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        if number == 0 {
            page[..4].copy_from_slice(&[1, 0x0f, 0, 0]);
        }
        out.write_all(&page).unwrap();
    }
    out.flush().unwrap();
}

#[test]
fn memory_stays_flat_over_a_database_of_a_gigabyte_and_a_changed_page_stores_little() {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let file = source.root().join("cabinet.mdf");
    let mut peaks = Vec::new();
    for bytes in [128 * MIB, 1024 * MIB] {
        write_database(&file, bytes);
        peaks.push((format!("first run over {} MiB", bytes / MIB), peak_bytes(&site, &backup(&source))));
    }
    let mut changed = std::fs::File::options().write(true).open(&file).unwrap();
    changed.seek(SeekFrom::Start(700 * MIB)).unwrap();
    changed.write_all(&[1; 100]).unwrap();
    drop(changed);
    let before = site.place.stored_bytes();
    peaks.push(("run over one changed page".to_owned(), peak_bytes(&site, &backup(&source))));
    let added = site.place.stored_bytes() - before;
    println!("one changed page of 1 GiB: {added} bytes stored; peak memory {peaks:?}");
    assert!(added < MIB, "{added} bytes");
    for (what, peak) in peaks {
        assert!(peak <= 256 * MIB, "{what}: {} MiB", peak / MIB);
    }
}
