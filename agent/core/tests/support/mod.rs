//! A small writer of repositories, made of the format's own builders, for tests of the reading side.
//!
//! It writes what a test asks for, sound or not, and shares no code with the agent's pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use scelle_core::repo::objects::Objects;
use scelle_format::chunk_list::{ListNode, ListRow};
use scelle_format::chunker::Cut;
use scelle_format::compress::{Compressor, Frame, push_padding};
use scelle_format::crypto::passphrase::seal_with_phrase;
use scelle_format::crypto::{DedupSecret, PqIdentity, seal_bytes};
use scelle_format::descriptor::SeenRevision;
use scelle_format::descriptor::{
    Descriptor, DeviceLine, DeviceState, EpochLine, EpochState, RecipientLine, RecipientRole,
    RetentionPolicy, Succession,
};
use scelle_format::filter::Filter;
use scelle_format::format_txt::FormatTxt;
use scelle_format::id::{ChunkId, DeviceId, PackId, PackKind, RepositoryId, Sha256};
use scelle_format::kit::Kit;
use scelle_format::ledger::{Attachment, Note, NoteKind, SnapshotStatus};
use scelle_format::limits::SMALL_FLOOR_BYTES;
use scelle_format::manifest::{
    Content, Entry, EntryKind, Level2, NodeRef, Root, SourceRoot, Totals, encode_hunk,
};
use scelle_format::note::{SigningKey, sign};
use scelle_format::pack::{Location, PackBuilder};
use scelle_format::padme::{padding_for, padme};
use scelle_format::random::SeededRandom;
use scelle_format::refs::{PackSet, Refs};
use scelle_format::timestamp::Timestamp;
use scelle_format::vkey_text::VKey;
use scelle_format::{layout, path};
use scelle_store::Store;
use secrecy::{ExposeSecret, SecretString};

pub const PHRASE: &str = "abaisser abandon abdiquer abeille abolir aborder aboutir aboyer abrasif";

/// A repository being written.
pub struct Writer {
    pub objects: Objects,
    pub random: SeededRandom,
    pub device: DeviceId,
    pub secret: DedupSecret,
    pub epoch: PqIdentity,
    kit: Kit,
    device_key: SigningKey,
    descriptor: Descriptor,
    sequence: u64,
    prev: Option<Sha256>,
    snapshots: u64,
    packs: PackSet,
    keys: Vec<(String, Vec<u8>)>,
}

fn vkey(key: &SigningKey) -> VKey {
    VKey::parse(&key.verifying_key().to_string()).unwrap()
}

impl Writer {
    /// Creates a repository with one device, one epoch and, if asked, an everyday phrase.
    pub async fn create(store: Arc<dyn Store>, seed: &str, with_phrase: bool) -> Self {
        let mut random = SeededRandom::new(seed.as_bytes());
        let kit = Kit::generate(&mut random).unwrap();
        let repository = RepositoryId::parse(&kit.repository).unwrap();
        let objects = Objects::new(store, repository.clone());
        let device = DeviceId::generate(&mut random);
        let device_key = SigningKey::generate(&format!("scelle/{repository}/{device}"), &mut random).unwrap();
        let epoch = PqIdentity::generate(&mut random);
        let secret = DedupSecret::generate(&mut random, 0);
        let everyday = PqIdentity::generate(&mut random);
        let recovery = kit.recovery.recipient();
        let mut recipients = vec![RecipientLine {
            name: "kit".into(),
            role: RecipientRole::Recovery,
            sha256: Sha256(recovery.sha256()),
        }];
        let mut wrap_to = vec![recovery];
        if with_phrase {
            wrap_to.push(everyday.recipient());
            recipients.push(RecipientLine {
                name: "phrase".into(),
                role: RecipientRole::Everyday,
                sha256: Sha256(everyday.recipient().sha256()),
            });
        }
        let descriptor = Descriptor {
            repository: repository.clone(),
            revision: 1,
            time: Timestamp(1_790_000_000),
            prev: None,
            required: Vec::new(),
            optional: Vec::new(),
            owners: vec![vkey(&kit.owner)],
            threshold: 1,
            succession: Succession { days: 30, words: vec!["none".into()] },
            admin: None,
            recipients,
            epochs: vec![EpochLine {
                number: 0,
                recipient_sha256: Sha256(epoch.recipient().sha256()),
                state: EpochState::Confirmed,
            }],
            devices: vec![DeviceLine {
                id: device.clone(),
                vkey: vkey(&device_key),
                state: DeviceState::Enrolled,
                generation: 0,
                k_check: secret.check(),
            }],
            policy: RetentionPolicy { keep_daily: 7, keep_weekly: 4, keep_monthly: 12, keep_yearly: 2 },
            extensions: Vec::new(),
        };
        let format = FormatTxt::new(repository.clone()).to_text().unwrap();
        objects.put_new(layout::FORMAT_TXT, format.into_bytes()).await.unwrap();
        let text = descriptor.to_text().unwrap();
        let signed = sign(&text, &[&kit.owner]).unwrap();
        objects.put_new(&layout::descriptor(1), signed.clone().into_bytes()).await.unwrap();
        let identity = epoch.to_secret_string();
        let plain =
            format!("# scelle epoch 1\n# repository {repository}\n# epoch 0\n{}\n", identity.expose_secret());
        let sealed = seal_bytes(&wrap_to, plain.as_bytes(), &mut random).unwrap();
        let name = layout::epoch_key(0, 1);
        objects.put_new(&name, sealed.clone()).await.unwrap();
        let file = serde_json::json!({
            "scelle": "device/1", "repository": repository.as_str(), "device": device.as_str(), "generation": 0,
            "dedup_secret": hex::encode(secret.expose()),
        });
        let file = seal_bytes(&[epoch.recipient()], file.to_string().as_bytes(), &mut random).unwrap();
        objects.put_new(&layout::device_key(&device), file).await.unwrap();
        if with_phrase {
            let identity = everyday.to_secret_string();
            let plain = format!(
                "# scelle everyday 1\n# repository {repository}\n# admin {}\n{}\n",
                hex::encode([7; 32]),
                identity.expose_secret()
            );
            let sealed = seal_with_phrase(&SecretString::from(PHRASE), plain.as_bytes()).unwrap();
            objects.put_new(&layout::everyday_key(1), sealed).await.unwrap();
        }
        let keys = vec![(name, sealed), (layout::descriptor(1), signed.into_bytes())];
        Self {
            objects,
            random,
            device,
            secret,
            epoch,
            kit,
            device_key,
            descriptor,
            sequence: 0,
            prev: None,
            snapshots: 0,
            packs: PackSet::new(),
            keys,
        }
    }

    /// What the next refs hold a copy of.
    pub fn copy_into_refs(&mut self, name: String, bytes: &[u8]) {
        self.keys.push((name, bytes.to_vec()));
        self.keys.sort();
    }

    /// The kit, typed again.
    pub fn kit(&self) -> Kit {
        let text = self.kit.to_file_text(scelle_format::phrase::Language::French, "2026-11-21");
        Kit::parse(text.expose_secret()).unwrap()
    }

    pub fn id(&self, plain: &[u8]) -> ChunkId {
        ChunkId::of(&self.secret.chunk_id_key(), plain)
    }

    /// One pack of these frames (each: filter and chunks), stored; the places of all chunks in order.
    pub async fn pack(&mut self, kind: PackKind, frames: &[(Filter, Vec<Vec<u8>>)]) -> Vec<Location> {
        let (pack, bytes, locations) = self.seal_pack(kind, frames);
        self.objects.put_new(&layout::pack(kind, &pack), bytes.clone()).await.unwrap();
        self.packs.insert(kind, pack, bytes.len() as u64);
        locations
    }

    /// The same, not stored.
    pub fn seal_pack(
        &mut self,
        kind: PackKind,
        frames: &[(Filter, Vec<Vec<u8>>)],
    ) -> (PackId, Bytes, Vec<Location>) {
        let mut builder =
            PackBuilder::new(kind, 0, &self.epoch.recipient(), 16 << 20, &mut self.random).unwrap();
        let mut compressor = Compressor::new(3);
        let nowhere = PackId { epoch: 0, sha256: Sha256([0; 32]) };
        let mut locations = Vec::new();
        for (filter, chunks) in frames {
            let content = chunks.concat();
            let frame = compressor.frame(&content, 3, *filter).unwrap().to_vec();
            let rows: Vec<(ChunkId, u32)> =
                chunks.iter().map(|chunk| (self.id(chunk), chunk.len() as u32)).collect();
            let place = builder.add_frame(Frame::Zstd(&frame), *filter, &rows);
            let mut offset = 0;
            for (id, bytes) in rows {
                locations.push(Location {
                    id,
                    pack: nowhere,
                    frame_offset: place.offset,
                    frame_bytes: place.bytes,
                    offset,
                    bytes,
                    filter: *filter,
                });
                offset += bytes;
            }
        }
        let sealed = builder.finish().sealed.bytes;
        let pack = PackId { epoch: 0, sha256: Sha256::of(&sealed) };
        locations.iter_mut().for_each(|location| location.pack = pack);
        (pack, Bytes::from(sealed), locations)
    }

    /// A file of these chunks, one frame each.
    pub async fn file(&mut self, name: &str, chunks: &[&[u8]]) -> Entry {
        let frames: Vec<_> = chunks.iter().map(|chunk| (Filter::None, vec![chunk.to_vec()])).collect();
        let locations = self.pack(PackKind::Data, &frames).await;
        let mut entry = Entry::bare(name.into(), EntryKind::File);
        entry.bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        entry.content = Content::Chunks(locations);
        entry
    }

    /// A content of chunk-list nodes over `chunks`, `rows` rows a node, `level` levels above the chunks.
    pub async fn nodes(&mut self, chunks: &[Location], rows: usize, level: u8) -> Content {
        let mut below: Vec<ListRow> =
            chunks.iter().map(|at| ListRow { at: *at, covered: u64::from(at.bytes) }).collect();
        for level in 0..=level {
            let parts: Vec<Vec<ListRow>> = below.chunks(rows).map(<[ListRow]>::to_vec).collect();
            let frames: Vec<_> =
                parts.iter().map(|part| (Filter::None, vec![ListNode::encode(level, part)])).collect();
            let places = self.pack(PackKind::Manifest, &frames).await;
            let covered = |part: &[ListRow]| part.iter().map(|row| row.covered).sum();
            below = places
                .iter()
                .zip(&parts)
                .map(|(at, part)| ListRow { at: *at, covered: covered(part) })
                .collect();
        }
        Content::Nodes { level, nodes: below.iter().map(|row| row.at).collect() }
    }

    /// A snapshot of these entries (directory, entry), `per_hunk` entries a hunk and four hunks a level-2 node.
    pub async fn snapshot(&mut self, entries: &[(&str, Entry)], per_hunk: usize) -> u64 {
        let mut entries: Vec<(Vec<u8>, Entry)> =
            entries.iter().map(|(dir, entry)| (dir.as_bytes().to_vec(), entry.clone())).collect();
        entries.sort_by(|a, b| path::compare(&path::join(&a.0, &a.1.name), &path::join(&b.0, &b.1.name)));
        let files =
            |part: &[(Vec<u8>, Entry)]| part.iter().filter(|(_, e)| e.kind == EntryKind::File).count() as u64;
        let bytes = |part: &[(Vec<u8>, Entry)]| part.iter().map(|(_, e)| e.bytes).sum::<u64>();
        let parts: Vec<_> = entries.chunks(per_hunk).collect();
        let frames: Vec<_> = parts
            .iter()
            .map(|part| (Filter::None, vec![encode_hunk(part.iter().map(|(dir, e)| (dir.as_slice(), e)))]))
            .collect();
        let places = self.pack(PackKind::Manifest, &frames).await;
        let node = |part: &[(Vec<u8>, Entry)], at: Location| NodeRef {
            first: path::join(&part[0].0, &part[0].1.name),
            at,
            entries: part.len() as u64,
            files: files(part),
            bytes: bytes(part),
        };
        let hunks: Vec<NodeRef> = parts.iter().zip(&places).map(|(part, at)| node(part, *at)).collect();
        let groups: Vec<Level2> = hunks.chunks(4).map(|part| Level2 { hunks: part.to_vec() }).collect();
        let frames: Vec<_> = groups.iter().map(|group| (Filter::None, vec![group.encode()])).collect();
        let places = self.pack(PackKind::Manifest, &frames).await;
        let level2 = groups.iter().zip(&places).map(|(group, at)| NodeRef {
            first: group.hunks[0].first.clone(),
            at: *at,
            entries: group.hunks.iter().map(|h| h.entries).sum(),
            files: group.hunks.iter().map(|h| h.files).sum(),
            bytes: group.hunks.iter().map(|h| h.bytes).sum(),
        });
        self.snapshots += 1;
        let root = Root {
            repository: self.objects.repository().clone(),
            device: self.device.clone(),
            snapshot: self.snapshots,
            set: "all".into(),
            time: "2026-11-21T20:44:07Z".into(),
            os: if cfg!(windows) { "windows" } else { "unix" }.into(),
            roots: vec![SourceRoot { path: b"data".to_vec(), label: "racine 1".into() }],
            generation: 0,
            dedup_secret: *self.secret.expose(),
            older_secrets: Vec::new(),
            level2: level2.collect(),
            totals: Totals { files: files(&entries), bytes: bytes(&entries), ..Totals::default() },
            problems: Vec::new(),
        };
        let mut padded = Compressor::new(3).frame(&root.encode(), 3, Filter::None).unwrap().to_vec();
        let padding = padding_for(padded.len() as u64, SMALL_FLOOR_BYTES);
        push_padding(&mut padded, padding);
        let sealed = seal_bytes(&[self.epoch.recipient()], &padded, &mut self.random).unwrap();
        let root = self.attach("root", sealed).await;
        let refs = Refs {
            repository: self.objects.repository().clone(),
            device: self.device.clone(),
            base: None,
            keys: self.keys.clone(),
            added: self.packs.rows().collect(),
            removed: Vec::new(),
            segments: Vec::new(),
        };
        let refs = self.attach("refs", refs.to_text().unwrap().into_bytes()).await;
        let kind = NoteKind::Snapshot {
            number: self.snapshots,
            status: SnapshotStatus::Complete,
            epoch: 0,
            set: "all".into(),
            files: files(&entries),
            source_bytes: padme(bytes(&entries)),
            stored_bytes: 0,
        };
        self.note(kind, vec![root, refs]).await;
        self.snapshots
    }

    pub async fn attach(&mut self, role: &str, bytes: Vec<u8>) -> Attachment {
        let sha256 = Sha256::of(&bytes);
        let stored_bytes = bytes.len() as u64;
        self.objects.put_new(&layout::attachment(&sha256), bytes).await.unwrap();
        Attachment { role: role.into(), sha256, stored_bytes }
    }

    /// A note on top of the chain; its name.
    pub async fn note(&mut self, kind: NoteKind, attachments: Vec<Attachment>) -> String {
        self.sequence += 1;
        let note = Note {
            repository: self.objects.repository().clone(),
            device: self.device.clone(),
            sequence: self.sequence,
            kind,
            time: Timestamp(1_790_000_000 + self.sequence as i64 * 3600),
            clock_offset_ms: None,
            instance: [1; 8],
            prev: self.prev,
            descriptor: SeenRevision { revision: 1, text_sha256: self.descriptor.text_sha256() },
            generation: 0,
            attachments,
        };
        let text = note.to_text().unwrap();
        self.prev = Some(Sha256::of(text.as_bytes()));
        self.write_note(&text, self.sequence).await
    }

    /// Signs and stores a text as the note of a sequence number.
    pub async fn write_note(&self, text: &str, sequence: u64) -> String {
        let signed = sign(text, &[&self.device_key]).unwrap();
        let name = layout::note(&self.device, sequence, &Sha256::of(signed.as_bytes()));
        self.objects.put_new(&name, signed.into_bytes()).await.unwrap();
        name
    }

    /// Changes a stored object behind everybody's back.
    pub async fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let key = self.objects.key(name).unwrap();
        let mut bytes = self.objects.get_named(name, u64::MAX >> 1).await.unwrap().to_vec();
        change(&mut bytes);
        self.objects.store().delete(&key).await.unwrap();
        self.objects.put_new(name, bytes).await.unwrap();
    }

    /// Removes a stored object.
    pub async fn lose(&self, name: &str) {
        let key = self.objects.key(name).unwrap();
        self.objects.store().delete(&key).await.unwrap();
    }
}

/// A folder's entry.
pub fn folder(name: &str) -> Entry {
    Entry { mode: Some(0o755), ..Entry::bare(name.into(), EntryKind::Directory) }
}

/// Bytes that do not compress.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    use scelle_format::random::Random;
    let mut out = vec![0; bytes];
    SeededRandom::new(&seed.to_le_bytes()).fill(&mut out);
    out
}

/// Every file below a folder: relative path and content.
pub fn files_below(root: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                out.insert(name, std::fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    out
}

/// An entry with these fields.
pub fn with(mut entry: Entry, change: impl FnOnce(&mut Entry)) -> Entry {
    change(&mut entry);
    entry
}

/// A paged cut.
pub fn paged(entry: Entry, size: u32) -> Entry {
    with(entry, |entry| entry.cut = Cut::Paged { size })
}
