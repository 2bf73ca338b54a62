//! Without the product: stock tools and an independent decoder bring everything back from the kit and the store.
//!
//! The other half, that what npm `age-encryption` seals opens here and the reverse, is in
//! `repo-format/tests/interop_npm.rs`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::compare::{assert_same_content, differences};
use e2e::{Outcome, Site, noise, tools};

use crate::real_input::a_real_tree;

/// The one secret line of a kit, an epoch or an everyday file.
pub fn identity_in(text: &str) -> String {
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-PQ-1")).expect("no identity").to_owned()
}

/// Opens epoch 0 with nothing but the kit's file and npm.
pub fn epoch_identity(site: &Site) -> String {
    let kit = identity_in(&fs::read_to_string(site.kit()).unwrap());
    let sealed = fs::read(site.object("keys/e0/00000001.age")).unwrap();
    identity_in(&String::from_utf8(tools::npm_age_decrypt(&kit, &sealed).unwrap()).unwrap())
}

/// The program of FORMAT.md that is printed in a block of its own after `mark`.
fn program_in_format(mark: &str) -> String {
    let format = fs::read_to_string(tools::checkout().join("repo-format/FORMAT.md")).unwrap();
    let after = &format[format.find(mark).expect(mark)..];
    let begin = after.find("```python\n").unwrap() + "```python\n".len();
    after[begin..begin + after[begin..].find("```").unwrap()].to_owned()
}

#[test]
fn kit_npm_age_and_zstd_give_the_plain_bytes() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    let content = "Bonjour, ceci est le dossier.\r\n".repeat(100);
    source.file("dossier.txt", &content);
    site.backup(&source);
    let epoch = epoch_identity(&site);
    let [pack] = site.objects("p/").try_into().unwrap();
    let opened = tools::npm_age_decrypt(&epoch, &fs::read(site.object(&pack)).unwrap()).unwrap();
    assert_eq!(tools::zstd_decompress(&opened), content.as_bytes());
    // The kit itself opens no pack, and another kit opens nothing.
    let kit = identity_in(&fs::read_to_string(site.kit()).unwrap());
    assert!(tools::npm_age_decrypt(&kit, &fs::read(site.object(&pack)).unwrap()).is_err());
}

#[test]
fn the_commands_of_format_md_find_every_chunk_of_a_file() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    // 16-bit samples that go up and down slowly, and noise.
    let samples = (0..400_000u32).flat_map(|at| (2_000 + (at / 3 % 512) as u16).to_le_bytes());
    let content: Vec<u8> = samples.chain(noise(1, 3_000_000)).collect();
    source.file("image.raw", &content);
    site.backup(&source);
    let epoch = epoch_identity(&site);
    let (show, unfilter) = (program_in_format("`show.py` prints"), program_in_format("`unfilter.py` undoes"));
    let mut chunks = Vec::new();
    for pack in site.objects("p/") {
        let plain = tools::npm_age_decrypt(&epoch, &fs::read(site.object(&pack)).unwrap()).unwrap();
        let rows = tools::stdout_of(tools::run_with_input("python3", ["-c", &show], &plain));
        for row in String::from_utf8(rows).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let number = |at: usize| usize::try_from(row[at].as_u64().unwrap()).unwrap();
            let mut frame = tools::zstd_decompress(&plain[number(2)..number(2) + number(3)]);
            if number(6) == 1 {
                frame = tools::stdout_of(tools::run_with_input("python3", ["-c", &unfilter], &frame));
            }
            chunks.push(frame[number(4)..number(4) + number(5)].to_vec());
        }
    }
    assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), content.len());
    for (at, chunk) in chunks.iter().enumerate() {
        assert!(content.windows(chunk.len()).any(|part| part == chunk), "chunk {at} is not in the file");
    }
}

/// Runs the independent decoder.
pub fn decoder(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Outcome {
    let mut all = vec![OsString::from(tools::decoder().join("decoder.mjs"))];
    all.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
    let output = tools::run("node", all);
    Outcome { status: output.status, stdout: output.stdout, stderr: output.stderr }
}

/// What the manifest of a site says, as NDJSON, opened with stock tools.
fn manifest(site: &Site) -> String {
    let epoch = epoch_identity(site);
    let mut text = String::new();
    for pack in site.objects("m/") {
        let plain = tools::npm_age_decrypt(&epoch, &fs::read(site.object(&pack)).unwrap()).unwrap();
        text += &String::from_utf8_lossy(&tools::zstd_decompress(&plain));
    }
    text
}

/// Frame filters used in the data packs of a site.
fn filters(site: &Site) -> BTreeSet<u64> {
    let (epoch, show) = (epoch_identity(site), program_in_format("`show.py` prints"));
    let mut filters = BTreeSet::new();
    for pack in site.objects("p/") {
        let plain = tools::npm_age_decrypt(&epoch, &fs::read(site.object(&pack)).unwrap()).unwrap();
        let rows = tools::stdout_of(tools::run_with_input("python3", ["-c", &show], &plain));
        let rows = String::from_utf8(rows).unwrap();
        filters.extend(rows.lines().map(|row| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row[6].as_u64().unwrap()
        }));
    }
    filters
}

#[test]
fn the_independent_decoder_restores_twenty_thousand_files() {
    let site = Site::on_dir_with_phrase();
    let source = a_real_tree(&site);
    site.backup(&source);
    // The case is worth something only if everything is in it.
    let manifest = manifest(&site);
    for feature in ["\"cut\":\"paged:", "\"h\":", "\"gr\":", "\"cut\":\"cdc:"] {
        assert!(manifest.contains(feature), "no {feature} in this snapshot");
    }
    assert!(filters(&site).contains(&1), "no frame with filter 1");

    let (kit, to) = (site.kit(), site.path("par le décodeur"));
    let verified = decoder(&[&"verify", &"--store", &site.place.folder(), &"--kit", &kit]);
    assert_eq!(verified.code(), 0, "{verified}");
    let restored = decoder(&[&"restore", &"--store", &site.place.folder(), &"--kit", &kit, &"--to", &to]);
    assert_eq!(restored.code(), 0, "{restored}");
    let back = site.restored(&to, source.root());
    assert_same_content(source.root(), &back);
    // Node sets times as doubles and no extended attributes; everything else is the same.
    let others: Vec<String> = differences(source.root(), &back)
        .into_iter()
        .filter(|line| !line.contains(": time ") && !line.contains(": attributes "))
        .collect();
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn the_independent_decoder_reads_what_seaweedfs_holds() {
    let site = Site::on_seaweed_with_phrase();
    let source = site.source("cabinet");
    source.fill_with_everything(4 << 20);
    site.backup(&source);
    let (copy, to) = (site.path("copie"), site.path("retour"));
    site.place.copy_to(&copy);
    let restored = decoder(&[&"restore", &"--store", &copy, &"--kit", &site.kit(), &"--to", &to]);
    assert_eq!(restored.code(), 0, "{restored}");
    assert_same_content(source.root(), &site.restored(&to, source.root()));
}

/// What can happen to an object.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip,
    Truncate,
    Delete,
}

impl Damage {
    fn apply(self, object: &Path) {
        let mut content = fs::read(object).unwrap();
        let middle = content.len() / 2;
        match self {
            Self::Delete => return fs::remove_file(object).unwrap(),
            Self::Truncate => content.truncate(middle),
            Self::Flip => content[middle] ^= 1,
        }
        fs::write(object, content).unwrap();
    }
}

#[test]
fn the_independent_decoder_fails_on_each_tamper_case() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    source.file("un.txt", "un");
    source.file("gros.bin", noise(1, 2_000_000));
    site.backup(&source);
    source.edit("un.txt", "deux");
    site.backup(&source);
    let intact = decoder(&[&"verify", &"--store", &site.place.folder(), &"--kit", &site.kit()]);
    assert_eq!(intact.code(), 0, "{intact}");

    let mut objects: Vec<String> = Vec::new();
    for kind in ["p/", "m/", "i/", "a/", "desc/", "keys/e", "keys/d"] {
        let of_kind = site.objects(kind);
        assert!(!of_kind.is_empty(), "{kind}");
        // Every attachment: they are of many kinds. Of the others, two.
        let wanted = if kind == "a/" { of_kind.len() } else { 2 };
        objects.extend(of_kind.into_iter().take(wanted));
    }
    // Not the newest note: that it is gone is seen only by whoever has seen it (FORMAT.md, invariant 4).
    objects.extend(site.objects("c/").into_iter().skip(1).take(2));
    let mut missed = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        for damage in [Damage::Flip, Damage::Truncate, Damage::Delete] {
            let copy = site.path("copie endommagée");
            site.place.copy_to(&copy);
            damage.apply(&copy.join(site.repository()).join(object));
            let outcome = decoder(&[&"verify", &"--store", &copy, &"--kit", &site.kit()]);
            if outcome.code() != 13 {
                missed.push(format!("{damage:?} of {object} (object {number}): {outcome}"));
            }
            fs::remove_dir_all(&copy).unwrap();
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn the_independent_decoder_restores_what_is_still_sound() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    source.file("intact/un.txt", "un");
    site.backup(&source);
    let before: BTreeSet<String> = site.objects("p/").into_iter().collect();
    source.file("perdu/gros.bin", noise(1, 2_000_000));
    site.backup(&source);
    for pack in site.objects("p/").into_iter().filter(|pack| !before.contains(pack)) {
        Damage::Flip.apply(&site.object(&pack));
    }
    let to = site.path("retour");
    let outcome =
        decoder(&[&"restore", &"--store", &site.place.folder(), &"--kit", &site.kit(), &"--to", &to]);
    assert_eq!(outcome.code(), 13, "{outcome}");
    let back: PathBuf = site.restored(&to, source.root());
    assert_eq!(fs::read(back.join("intact/un.txt")).unwrap(), b"un");
    assert!(!back.join("perdu/gros.bin").exists(), "half a file under a whole file's name");
}

#[test]
fn another_kit_opens_nothing() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    source.file("un.txt", "un");
    site.backup(&source);
    let other = Site::on_dir_with_phrase();
    let outcome = decoder(&[&"verify", &"--store", &site.place.folder(), &"--kit", &other.kit()]);
    assert_eq!(outcome.code(), 12, "{outcome}");
}
