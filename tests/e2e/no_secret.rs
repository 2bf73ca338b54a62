//! No secret in the state of a computer opens what is stored, in whatever form it lies there.
//!
//! Every 32 bytes of every file are tried as the seed of an identity, as they are and decoded. The state keeps copies of
//! stored objects: bytes that whoever sees the store has anyway. Of those each is compared with the object, and only what it
//! adds is tried, and one of each kind as if it were unknown. That a secret would be found is tried with one that is put
//! into files of every kind. Never: takes a file for a copy because of its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use e2e::listing::files_at_rest;
use e2e::{Site, noise, tools};
use scelle_format::crypto::{PqIdentity, open_header};

use crate::escape_hatch::epoch_identity;

/// Of a sealed object that is tried as if it were unknown: header, and the beginning of its payload.
const TRIED_BYTES: usize = 16_384;

/// Every 32 bytes of `bytes` that could be the seed of an age identity: as they are, in hex, in base64, in base32.
fn seeds(bytes: &[u8]) -> BTreeSet<[u8; 32]> {
    // What is all text is no seed as it is: what it encodes is tried below.
    let is_text = |seed: &&[u8; 32]| seed.iter().all(|byte| matches!(byte, b'\t'..=b'\r' | b' '..=b'~'));
    let mut seeds: BTreeSet<[u8; 32]> =
        bytes.array_windows::<32>().filter(|seed| !is_text(seed)).copied().collect();
    for word in bytes.split(|byte| !byte.is_ascii_alphanumeric() && !b"+/-_".contains(byte)) {
        for decoded in [hex::decode(word).ok(), digits(word, 6), digits(word, 5)].into_iter().flatten() {
            seeds.extend(decoded.array_windows::<32>().copied());
        }
    }
    // What repeats a byte much is text or zeros, not a secret.
    seeds.retain(|seed| (0..=255u8).all(|byte| seed.iter().filter(|other| **other == byte).count() < 8));
    seeds
}

/// Identities in their own text.
fn in_text(bytes: &[u8]) -> Vec<PqIdentity> {
    let words = bytes.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
    words.filter_map(|word| PqIdentity::parse(std::str::from_utf8(word).ok()?).ok()).collect()
}

/// All of them.
fn candidates(bytes: &[u8]) -> Vec<PqIdentity> {
    in_text(bytes).into_iter().chain(seeds(bytes).iter().map(identity_of)).collect()
}

/// base64 (6 bits) or base32 (5 bits) without padding; `None` for other letters.
fn digits(word: &[u8], bits: u32) -> Option<Vec<u8>> {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let alphabet = if bits == 6 { BASE64 } else { BASE32 };
    let (mut decoded, mut pending, mut held) = (Vec::new(), 0u32, 0);
    for letter in word {
        let letter = match letter {
            b'-' if bits == 6 => b'+',
            b'_' if bits == 6 => b'/',
            letter => *letter,
        };
        let value = alphabet.iter().position(|other| *other == letter)?;
        pending = pending << bits | u32::try_from(value).unwrap();
        held += bits;
        if held >= 8 {
            held -= 8;
            decoded.push((pending >> held & 0xff) as u8);
            pending &= (1 << held) - 1;
        }
    }
    Some(decoded)
}

/// The identity of a seed, by way of its text.
fn identity_of(seed: &[u8; 32]) -> PqIdentity {
    let hrp = bech32::Hrp::parse("AGE-SECRET-KEY-PQ-").unwrap();
    PqIdentity::parse(&bech32::encode_upper::<bech32::Bech32>(hrp, seed).unwrap()).unwrap()
}

/// The 32 bytes behind the text of an identity.
pub fn seed_of(identity: &str) -> Vec<u8> {
    bech32::decode(identity).unwrap().1
}

/// Whether one of these identities opens an object.
pub fn opens(identities: &[PqIdentity], object: &[u8]) -> bool {
    identities.iter().any(|identity| open_header(object, &[identity]).is_ok())
}

#[test]
fn the_search_for_secrets_finds_them_in_every_form() {
    let seed: [u8; 32] = noise(5, 32).try_into().unwrap();
    let identity = identity_of(&seed);
    let sealed = scelle_format::crypto::seal_bytes(
        &[identity.recipient()],
        b"paquet",
        &mut scelle_format::random::OsRandom,
    )
    .unwrap();
    let text = secrecy::ExposeSecret::expose_secret(&identity.to_secret_string()).to_owned();
    let base64 = tools::stdout_of(tools::run_with_input("base64", ["-w0"], &seed));
    let raw = [noise(6, 50), seed.to_vec(), noise(7, 50)].concat();
    for hidden in [text.into_bytes(), hex::encode(seed).into_bytes(), base64, raw] {
        let state = [b"{\"x\":\"".as_slice(), &hidden, b"\"}\n"].concat();
        assert!(opens(&candidates(&state), &sealed), "{}", String::from_utf8_lossy(&state));
    }
    assert!(!opens(&candidates(&noise(8, 500)), &sealed));
}

/// The objects of a store, by the name that a copy has.
fn stored(site: &Site) -> BTreeMap<String, Vec<u8>> {
    let repository = format!("{}/", site.repository());
    let names = site.place.sizes().into_keys();
    let own = names.filter_map(|name| Some(name.strip_prefix(&repository)?.to_owned()));
    own.map(|name| (name.replace('/', "_"), site.place.read(&format!("{repository}{name}")))).collect()
}

/// The parts of a state in which a secret might lie that the store does not show to everybody.
struct Search<'a> {
    stored: &'a BTreeMap<String, Vec<u8>>,
    /// Kinds of objects of which a copy was tried.
    kinds: BTreeSet<String>,
    /// Objects, sealed to different recipients, that no secret may open.
    targets: &'a [Vec<u8>],
    tried: usize,
    in_full: usize,
}

impl<'a> Search<'a> {
    fn new(stored: &'a BTreeMap<String, Vec<u8>>, targets: &'a [Vec<u8>]) -> Self {
        Self { stored, kinds: BTreeSet::new(), targets, tried: 0, in_full: 0 }
    }

    /// The files in which something opens a target.
    fn through(&mut self, files: &[PathBuf]) -> Vec<PathBuf> {
        let unknown: Vec<(&PathBuf, Vec<u8>)> =
            files.iter().map(|file| (file, self.unknown_of(file))).collect();
        let next = Mutex::new(unknown.iter());
        let (found, seen) = (Mutex::new((0, Vec::new())), Mutex::new(BTreeSet::new()));
        std::thread::scope(|scope| {
            let work = || {
                loop {
                    let Some((file, bytes)) = next.lock().unwrap().next() else { return };
                    let mut identities = in_text(bytes);
                    // What lies in several files is tried once.
                    let new = { &seeds(bytes) - &*seen.lock().unwrap() };
                    identities.extend(new.iter().map(identity_of));
                    let is_open = self.targets.iter().any(|target| opens(&identities, target));
                    let mut found = found.lock().unwrap();
                    found.0 += identities.len();
                    found.1.extend(is_open.then(|| (*file).clone()));
                    seen.lock().unwrap().extend(new);
                }
            };
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            (0..threads).for_each(|_| drop(scope.spawn(work)));
        });
        let (tried, mut opened) = found.into_inner().unwrap();
        self.tried += tried;
        opened.sort();
        opened
    }

    /// What of a file is to be tried.
    fn unknown_of(&mut self, file: &Path) -> Vec<u8> {
        let bytes = fs::read(file).unwrap();
        let object = self.stored.get(file.file_name().unwrap().to_str().unwrap());
        // A copy, and whatever it adds before or after.
        let Some((object, at)) = object.and_then(|object| Some((object, position(&bytes, object)?))) else {
            self.in_full += 1;
            return bytes;
        };
        let kind = file.file_name().unwrap().to_str().unwrap().split('_').next().unwrap().to_owned();
        if self.kinds.insert(kind) {
            return [&bytes[..bytes.len().min(at + TRIED_BYTES)], &bytes[at + object.len()..]].concat();
        }
        // With the bytes beside it, so that none of the 32 at the edge is left out.
        let (before, after) = (at + object.len().min(31), at + object.len().saturating_sub(31));
        [&bytes[..before], &bytes[after..]].concat()
    }
}

/// Where an object stands in a copy that adds at most a checksum.
fn position(copy: &[u8], object: &[u8]) -> Option<usize> {
    const ADDED_BYTES: usize = 64;
    let added = copy.len().checked_sub(object.len()).filter(|added| *added <= ADDED_BYTES)?;
    (0..=added).find(|at| copy[*at..].starts_with(object))
}

#[test]
fn no_secret_in_the_state_opens_what_is_stored() {
    let site = Site::on_dir_with_phrase();
    let source = site.source("cabinet");
    source.file("un.txt", "un");
    site.backup(&source);
    source.file("deux.txt", "deux");
    site.backup(&source);
    let epoch = PqIdentity::parse(&epoch_identity(&site)).unwrap();
    let read = |name: &String| fs::read(site.object(name)).unwrap();
    let sealed = |name: &&String| read(name).starts_with(b"age-encryption.org/v1");
    let pack = read(&site.objects("p/")[0]);
    // Control: what is sealed to the epoch, and to nobody else, is opened by its identity; so one of it stands for all.
    let of_epoch = ["p/", "m/", "a/"].map(|kind| site.objects(kind)).concat();
    let of_epoch: Vec<&String> = of_epoch.iter().filter(sealed).collect();
    assert!(of_epoch.len() > 6, "{of_epoch:?}");
    // In the header only: what follows is random.
    let recipients = |object: &[u8]| {
        let end = object.windows(4).position(|window| window == b"\n---").unwrap();
        object[..end].windows(3).filter(|window| window == b"-> ").count()
    };
    for name in of_epoch {
        assert!(opens(std::slice::from_ref(&epoch), &read(name)), "{name}");
        assert_eq!(recipients(&read(name)), 1, "{name}: somebody else opens it too");
    }
    let mut targets = vec![pack];
    targets.extend(site.objects("keys/e0").iter().map(read));

    let stored = stored(&site);
    let files = files_at_rest(site.agent.home());
    let mut search = Search::new(&stored, &targets);
    let opened = search.through(&files);
    println!(
        "{} possible secrets tried on {} objects; {} of {} files in full, copies of {:?}",
        search.tried,
        targets.len(),
        search.in_full,
        files.len(),
        search.kinds
    );
    assert!(opened.is_empty(), "{opened:?}");
    assert!(search.tried > 10_000 && search.in_full > 10 && search.kinds.len() > 5);
    a_planted_secret_is_found(&site, &stored, &targets, &files, &seed_of(&epoch_identity(&site)));
}

/// In a database, in text, after a copy and in the midst of one.
fn a_planted_secret_is_found(
    site: &Site,
    stored: &BTreeMap<String, Vec<u8>>,
    targets: &[Vec<u8>],
    files: &[PathBuf],
    seed: &[u8],
) {
    let named = |ending: &str| files.iter().find(|file| file.to_str().unwrap().ends_with(ending)).unwrap();
    let copy = files.iter().rfind(|file| file.to_str().unwrap().ends_with(".note")).unwrap();
    let inside = |file: &Path, seed: &[u8]| {
        let bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        [&bytes[..middle], seed, &bytes[middle..]].concat()
    };
    let after = |file: &Path| [fs::read(file).unwrap(), seed.to_vec()].concat();
    let planted = [
        ("lists.sqlite", inside(named("lists.sqlite"), seed)),
        ("head.json", inside(named("head.json"), format!("\"{}\"", hex::encode(seed)).as_bytes())),
        ("after", after(copy)),
        ("inside", inside(copy, seed)),
    ];
    for (name, bytes) in planted {
        let file = site.path(name).join(copy.file_name().unwrap());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, bytes).unwrap();
        let mut search = Search::new(stored, targets);
        // Of its kind one has been tried already.
        search.kinds.insert("c".to_owned());
        assert_eq!(search.through(std::slice::from_ref(&file)), [file], "{name}");
    }
}
