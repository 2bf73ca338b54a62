//! Damages and forges stored objects, as whoever can write the store could.
//!
//! For: the tamper tests. Data comes from a repository in a folder and the kit that opens it; what is put back is
//! damaged, of another time, or forged and sealed to the right recipient. Never: shares code with the agent;
//! only the format's own builders are used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scelle_format::compress::{Compressor, Frame, push_padding};
use scelle_format::crypto::open::open_bytes;
use scelle_format::crypto::passphrase::seal_with_phrase;
use scelle_format::crypto::{DedupSecret, PqIdentity, PqRecipient, seal_bytes};
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackKind, Sha256};
use scelle_format::index::Segment;
use scelle_format::kit::Kit;
use scelle_format::layout;
use scelle_format::ledger::{Note, NoteKind};
use scelle_format::limits::SMALL_FLOOR_BYTES;
use scelle_format::note::{self, SigningKey};
use scelle_format::pack::{Location, PackBuilder};
use scelle_format::padme::padding_for;
use scelle_format::random::OsRandom;
use scelle_format::refs::{PackSet, Refs, resolve};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::listing::files_at_rest;

/// Bytes of plaintext nothing here comes near to.
const PLAIN_MAX_BYTES: u64 = 64 << 20;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    FormatTxt,
    Descriptor,
    EpochKey,
    DeviceKey,
    EverydayKey,
    DataPack,
    ManifestPack,
    IndexSegment,
    Root,
    Refs,
    Record,
    SnapshotNote,
    BilanNote,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::FormatTxt,
        Self::Descriptor,
        Self::EpochKey,
        Self::DeviceKey,
        Self::EverydayKey,
        Self::DataPack,
        Self::ManifestPack,
        Self::IndexSegment,
        Self::Root,
        Self::Refs,
        Self::Record,
        Self::SnapshotNote,
        Self::BilanNote,
    ];
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// It is gone.
    Delete,
    /// Its last third is gone.
    Truncate,
    /// One bit in its middle is the other way round.
    Flip,
    /// Another object of the same kind lies in its place: of an earlier time, or of another repository.
    Older,
    /// A forgery of the right form, sealed to the right recipient, lies in its place.
    Forge,
}

impl Damage {
    /// Everything that can be done.
    pub const ALL: [Self; 5] = [Self::Delete, Self::Truncate, Self::Flip, Self::Older, Self::Forge];
}

/// A note with the name of its object.
struct Named {
    name: String,
    note: Note,
}

/// One repository in a folder, seen by someone who holds its kit.
pub struct Vault {
    /// The folder `<store>/<repo-id>`.
    pub folder: PathBuf,
    kit: Kit,
    phrase: SecretString,
    epoch: PqIdentity,
    notes: Vec<Named>,
}

impl Vault {
    /// Opens the only repository below `store`.
    pub fn open(store: &Path, kit: &Path, phrase: &Path) -> Self {
        let kit = Kit::parse(&fs::read_to_string(kit).unwrap()).unwrap();
        let folder = store.join(&kit.repository);
        let phrase = scelle_format::phrase::normalize(&fs::read_to_string(phrase).unwrap());
        let sealed = fs::read(folder.join(layout::epoch_key(0, 1))).unwrap();
        let plain = open_bytes(&sealed, &[&kit.recovery], PLAIN_MAX_BYTES).unwrap();
        let text = String::from_utf8(plain).unwrap();
        let line = text.lines().find(|line| !line.starts_with('#')).unwrap();
        let epoch = PqIdentity::parse(line).unwrap();
        let notes =
            files_at_rest(&folder.join("c")).into_iter().map(|path| Named::read(&folder, &path)).collect();
        Self { folder, kit, phrase, epoch, notes }
    }

    /// The name of the object of this kind that snapshot `number` needs; for packs and attachments one that no
    /// other snapshot names.
    pub fn target(&self, kind: Kind, number: u64) -> String {
        match kind {
            Kind::FormatTxt => layout::FORMAT_TXT.to_owned(),
            Kind::Descriptor => newest(&self.folder, "desc"),
            Kind::EpochKey => layout::epoch_key(0, 1),
            Kind::DeviceKey => layout::device_key(&self.snapshot(number).note.device),
            Kind::EverydayKey => layout::everyday_key(1),
            Kind::DataPack => self.own_pack(PackKind::Data, number),
            Kind::ManifestPack => self.own_pack(PackKind::Manifest, number),
            Kind::IndexSegment => self.own_segment(number),
            Kind::Root => layout::attachment(&self.attached(number, "root")),
            Kind::Refs => layout::attachment(&self.attached(number, "refs")),
            Kind::Record => layout::attachment(&self.bilan(number).note.attachment("record").unwrap().sha256),
            Kind::SnapshotNote => self.snapshot(number).name.clone(),
            Kind::BilanNote => self.bilan(number).name.clone(),
        }
    }

    /// Does `damage` to the object. `twin` is another repository of the same shape, `earlier` the number of an
    /// older snapshot.
    pub fn damage(&self, kind: Kind, damage: Damage, number: u64, earlier: u64, twin: &Self) {
        let name = self.target(kind, number);
        let path = self.folder.join(&name);
        let bytes = fs::read(&path).unwrap();
        let instead = match damage {
            Damage::Delete => None,
            // FORMAT.txt ends in words for people, which nobody checks: its head is what is damaged.
            Damage::Truncate if kind == Kind::FormatTxt => Some(bytes[..30].to_vec()),
            Damage::Truncate => Some(bytes[..bytes.len() - bytes.len() / 3].to_vec()),
            Damage::Flip if kind == Kind::FormatTxt => Some(flipped(&bytes, 25)),
            Damage::Flip => Some(flipped(&bytes, bytes.len() / 2)),
            Damage::Older => Some(self.other(kind, earlier, twin)),
            Damage::Forge => Some(self.forged(kind, &bytes, number, earlier, twin)),
        };
        // Copies of a repository share files: never written in place.
        fs::remove_file(&path).unwrap();
        let Some(instead) = instead else { return };
        assert_ne!(instead, bytes, "{kind:?} {damage:?} changes nothing");
        let is_note = matches!(kind, Kind::SnapshotNote | Kind::BilanNote);
        // A forger gives a note the name that its bytes ask for.
        let path = match damage {
            Damage::Forge if is_note => {
                let (device, sequence, _) = layout::parse_note(&name).unwrap();
                self.folder.join(layout::note(&device, sequence, &Sha256::of(&instead)))
            }
            _ => path,
        };
        fs::write(path, instead).unwrap();
    }

    /// Another object of the same kind, sound in its own place.
    fn other(&self, kind: Kind, earlier: u64, twin: &Self) -> Vec<u8> {
        match kind {
            Kind::FormatTxt | Kind::Descriptor | Kind::EpochKey | Kind::DeviceKey | Kind::EverydayKey => {
                let number = 1;
                fs::read(twin.folder.join(twin.target(kind, number))).unwrap()
            }
            Kind::DataPack => self.read_largest(PackKind::Data, self.packs(earlier)),
            Kind::ManifestPack => self.read_largest(PackKind::Manifest, self.packs(earlier)),
            _ => fs::read(self.folder.join(self.target(kind, earlier))).unwrap(),
        }
    }

    /// A forgery, sealed to the recipient that the real one is sealed to.
    fn forged(&self, kind: Kind, real: &[u8], number: u64, earlier: u64, twin: &Self) -> Vec<u8> {
        let text = || String::from_utf8(real.to_vec()).unwrap();
        match kind {
            Kind::FormatTxt => text().replace("optional -", "optional forged").into_bytes(),
            Kind::Descriptor => self.resigned(&text().replace("keep-daily 30", "keep-daily 1"), "owner"),
            Kind::EpochKey => {
                let identity = twin.epoch.to_secret_string();
                let id = &self.kit.repository;
                let plain =
                    format!("# scelle epoch 1\n# repository {id}\n# epoch 0\n{}\n", identity.expose_secret());
                self.sealed_to(&[self.kit.recovery.recipient()], plain.as_bytes())
            }
            Kind::DeviceKey => {
                let mut device: Value = serde_json::from_slice(&self.unsealed(real)).unwrap();
                device["dedup_secret"] = Value::String("00".repeat(32));
                self.sealed(device.to_string().as_bytes())
            }
            Kind::EverydayKey => {
                let identity = PqIdentity::generate(&mut OsRandom).to_secret_string();
                let plain = format!(
                    "# scelle everyday 1\n# repository {}\n# admin {}\n{}\n",
                    self.kit.repository,
                    "11".repeat(32),
                    identity.expose_secret()
                );
                seal_with_phrase(&self.phrase, plain.as_bytes()).unwrap()
            }
            Kind::DataPack => self.forged_pack(PackKind::Data, real),
            Kind::ManifestPack => self.forged_pack(PackKind::Manifest, real),
            Kind::IndexSegment => self.sealed(&Segment::build(0, Vec::<Location>::new(), |_| 0).encode()),
            Kind::Root => self.forged_root(number, earlier),
            Kind::Refs => {
                let mut refs = Refs::parse(real).unwrap();
                refs.added.pop();
                refs.to_text().unwrap().into_bytes()
            }
            Kind::Record => {
                let mut record: Value = serde_json::from_slice(real).unwrap();
                record["status"] = Value::String("green".into());
                record["forged"] = Value::Bool(true);
                record.to_string().into_bytes()
            }
            Kind::SnapshotNote => self.resigned(&text().replace("\nfiles ", "\nfiles 1"), "device"),
            Kind::BilanNote => {
                let lights = ["amber", "red", "grey"].map(|light| format!("\nstatus {light}\n"));
                let green = lights.iter().fold(text(), |text, light| text.replace(light, "\nstatus green\n"));
                self.resigned(&green.replace("\nclock-offset-ms -\n", "\nclock-offset-ms 7\n"), "device")
            }
        }
    }

    /// Earlier content under this snapshot's number, sealed to its epoch: a rollback in disguise.
    fn forged_root(&self, number: u64, earlier: u64) -> Vec<u8> {
        let name = self.target(Kind::Root, earlier);
        let plain = self.unsealed(&fs::read(self.folder.join(name)).unwrap());
        let line = zstd::decode_all(&plain[..]).unwrap();
        let text = String::from_utf8(line).unwrap();
        let text = text.replace(&format!("\"snapshot\":{earlier},"), &format!("\"snapshot\":{number},"));
        let mut out = Compressor::new(3).frame(text.as_bytes(), 3, Filter::None).unwrap().to_vec();
        let gap = padding_for(out.len() as u64, SMALL_FLOOR_BYTES);
        push_padding(&mut out, gap);
        self.sealed(&out)
    }

    /// A sound pack of the same size class, made by someone who does not know the dedup secret.
    fn forged_pack(&self, kind: PackKind, real: &[u8]) -> Vec<u8> {
        let secret = DedupSecret::new([7; 32], 0);
        let recipient = self.epoch.recipient();
        let mut builder = PackBuilder::new(kind, 0, &recipient, 16 << 20, &mut OsRandom).unwrap();
        let plain: Vec<u8> = (0..real.len() / 2).map(|at| (at * 31 % 251) as u8).collect();

        let id = ChunkId::of(&secret.chunk_id_key(), &plain);
        builder.add_frame(Frame::raw(&plain).unwrap(), Filter::None, &[(id, plain.len() as u32)]);
        builder.finish().sealed.bytes
    }

    /// The text of a signed note under a signature of a key of the right name that nobody enrolled.
    fn resigned(&self, signed: &str, whose: &str) -> Vec<u8> {
        let parsed = note::parse(signed.as_bytes()).unwrap();
        let name = match whose {
            "owner" => self.kit.owner.verifying_key().name().to_owned(),
            _ => format!("scelle/{}/{}", self.kit.repository, self.notes[0].note.device),
        };
        let key = SigningKey::generate(&name, &mut OsRandom).unwrap();
        note::sign(&parsed.text, &[&key]).unwrap().into_bytes()
    }

    fn sealed(&self, plain: &[u8]) -> Vec<u8> {
        self.sealed_to(&[self.epoch.recipient()], plain)
    }

    fn sealed_to(&self, recipients: &[PqRecipient], plain: &[u8]) -> Vec<u8> {
        seal_bytes(recipients, plain, &mut OsRandom).unwrap()
    }

    fn unsealed(&self, bytes: &[u8]) -> Vec<u8> {
        open_bytes(bytes, &[&self.epoch], PLAIN_MAX_BYTES).unwrap()
    }

    fn snapshot(&self, wanted: u64) -> &Named {
        let is_wanted =
            |named: &&Named| matches!(named.note.kind, NoteKind::Snapshot { number, .. } if number == wanted);
        self.notes.iter().find(is_wanted).unwrap_or_else(|| panic!("no note of snapshot {wanted}"))
    }

    fn bilan(&self, wanted: u64) -> &Named {
        let is_wanted = |named: &&Named| matches!(named.note.kind, NoteKind::Bilan { snapshot: Some(number), .. } if number == wanted);
        self.notes.iter().find(is_wanted).unwrap_or_else(|| panic!("no bilan of snapshot {wanted}"))
    }

    fn attached(&self, number: u64, role: &str) -> Sha256 {
        self.snapshot(number).note.attachment(role).unwrap().sha256
    }

    fn refs(&self, number: u64) -> Refs {
        self.refs_named(self.attached(number, "refs"))
    }

    fn refs_named(&self, sha256: Sha256) -> Refs {
        Refs::parse(&fs::read(self.folder.join(layout::attachment(&sha256))).unwrap()).unwrap()
    }

    /// All packs that a snapshot needs.
    pub fn packs(&self, number: u64) -> BTreeSet<String> {
        let mut chain = vec![self.refs(number)];
        while let Some((base, _)) = chain[0].base {
            chain.insert(0, self.refs_named(base));
        }
        let set: PackSet = resolve(&chain).unwrap();
        set.rows().map(|row| layout::pack(row.kind, &row.pack)).collect()
    }

    /// Numbers of all snapshots.
    pub fn numbers(&self) -> BTreeSet<u64> {
        let number = |named: &Named| match named.note.kind {
            NoteKind::Snapshot { number, .. } => Some(number),
            _ => None,
        };
        self.notes.iter().filter_map(number).collect()
    }

    /// The largest pack of a kind that only this snapshot needs.
    fn own_pack(&self, kind: PackKind, number: u64) -> String {
        let mut own = self.packs(number);
        for other in self.numbers().into_iter().filter(|&other| other != number) {
            own = &own - &self.packs(other);
        }
        self.largest(kind, own).unwrap_or_else(|| panic!("no {kind:?} pack of {number} alone"))
    }

    fn largest(&self, kind: PackKind, packs: BTreeSet<String>) -> Option<String> {
        let is_kind = |name: &String| layout::parse_pack(name).is_ok_and(|(found, _)| found == kind);
        let bytes = |name: &String| fs::metadata(self.folder.join(name)).unwrap().len();
        packs.into_iter().filter(is_kind).max_by_key(bytes)
    }

    fn read_largest(&self, kind: PackKind, packs: BTreeSet<String>) -> Vec<u8> {
        fs::read(self.folder.join(self.largest(kind, packs).unwrap())).unwrap()
    }

    /// An index segment that came with this snapshot.
    fn own_segment(&self, number: u64) -> String {
        let now: BTreeSet<Sha256> =
            self.refs(number).segments.into_iter().map(|(sha256, _)| sha256).collect();
        let earlier = self.numbers().into_iter().filter(|&other| other < number);
        let before = earlier.flat_map(|other| self.refs(other).segments).map(|(sha256, _)| sha256).collect();
        let sha256 = now.difference(&before).next().or(now.first()).copied().unwrap();
        layout::index_segment(&self.snapshot(number).note.device, &sha256)
    }
}

impl Named {
    fn read(folder: &Path, path: &Path) -> Self {
        let parsed = note::parse(&fs::read(path).unwrap()).unwrap();
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        Self { name, note: Note::parse(&parsed.text).unwrap() }
    }
}

/// The first name of a folder: numbers count down, so it is the newest.
fn newest(folder: &Path, below: &str) -> String {
    let first = files_at_rest(&folder.join(below)).into_iter().next().unwrap();
    first.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
