//! Every kind of note that the program writes meets everything that can become of its put, and the chain stays one.

use super::notes::{FATES, Fate, Life, SPOILING, copy_folder};
use super::*;

use scelle_core::repo::damage::Damage;
use scelle_core::repo::finding::{FindingKind, FoundBy};
use scelle_core::repo::state::Device;
use scelle_format::descriptor::RecipientRole;
use scelle_format::layout;
use scelle_format::ledger::{Author, Because, FoundBad};
use scelle_format::note;
use scelle_format::refs::Refs;
use scelle_format::vkey_text::VKey;

macro_rules! acts {
    ($($name:ident,)*) => {
        /// What makes the program write a note.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Act { $($name,)* }
        const ACTS: &[Act] = &[$(Act::$name,)*];
    };
}

acts! {
    Snapshot, Partial, Bilan, Restore, Heal, Damage, Gap, Proof, Probe, Acknowledge, Loss, Rewound,
    // No kind of its own: the head that the store lost is put again.
    HeadAgain,
}

/// What makes the program write a note of this kind. A new kind does not compile until it is said.
fn act_of(kind: &NoteKind) -> Option<Act> {
    Some(match kind {
        NoteKind::Snapshot { status: SnapshotStatus::Complete, .. } => Act::Snapshot,
        NoteKind::Snapshot { status: SnapshotStatus::Partial, .. } => Act::Partial,
        NoteKind::Bilan { .. } => Act::Bilan,
        NoteKind::Restore => Act::Restore,
        NoteKind::Heal { .. } => Act::Heal,
        NoteKind::Damage { .. } => Act::Damage,
        NoteKind::Gap { .. } => Act::Gap,
        NoteKind::Proof { .. } => Act::Proof,
        NoteKind::Probe => Act::Probe,
        NoteKind::Acknowledge { .. } => Act::Acknowledge,
        NoteKind::Loss { .. } => Act::Loss,
        NoteKind::Rewound { .. } => Act::Rewound,
        // Kinds of later versions: no command writes them.
        NoteKind::Forget { .. } | NoteKind::Config | NoteKind::Keys | NoteKind::Pause => return None,
        NoteKind::Unknown { .. } => return None,
    })
}

/// Lines that only the note of an act holds.
fn text_of(act: Act) -> &'static str {
    match act {
        Act::Snapshot => "\nstatus complete\n",
        Act::Partial => "\nstatus partial\n",
        Act::Bilan => "\nkind bilan\n",
        Act::Restore => "\nkind restore\n",
        Act::Heal => "\nkind heal\n",
        Act::Damage => "\nkind damage\n",
        Act::Gap => "\nkind gap\n",
        Act::Proof => "\nkind proof\n",
        Act::Probe => "\nkind probe\n",
        Act::Acknowledge => "\nkind acknowledge\n",
        Act::Loss => "\nkind loss\n",
        Act::Rewound => "\nkind rewound\n",
        Act::HeadAgain => "\nkind bilan\n",
    }
}

impl Life {
    fn objects(&self, store: Arc<dyn Store>) -> Objects {
        Objects::new(store, self.id.clone())
    }

    async fn names(&self, prefix: &str) -> Vec<String> {
        let rows = self.objects(self.store.clone()).list_all(prefix).await.unwrap();
        rows.into_iter().map(|row| row.name).collect()
    }

    async fn lose(&self, name: &str) {
        let key = self.objects(self.store.clone()).key(name).unwrap();
        self.store.delete(&key).await.unwrap();
    }

    async fn quiet_run(&self) {
        self.run(self.store.clone(), CheckpointEvery::default()).await.unwrap();
    }

    /// What has to have happened before, without a fault.
    async fn prepare(&mut self, act: Act) {
        match act {
            Act::Snapshot | Act::Bilan => self.practice.grow(2),
            Act::Heal => {
                let pack = self.names("p/").await.remove(0);
                self.lose(&pack).await;
            }
            Act::Gap => {
                // The last two, and this PC's copies: the head can be put again, the one before it is lost.
                let kept = self.home.path().join(self.id.as_str()).join("kept");
                std::fs::remove_dir_all(kept).unwrap();
                for name in self.names("c/").await.into_iter().take(2) {
                    self.lose(&name).await;
                }
            }
            Act::HeadAgain => {
                let head = self.names("c/").await.remove(0);
                self.lose(&head).await;
            }
            Act::Rewound => {
                let older = tempfile::tempdir().unwrap();
                copy_folder(self.home.path(), older.path());
                self.practice.grow(1);
                self.quiet_run().await;
                copy_folder(older.path(), self.home.path());
            }
            Act::Partial | Act::Restore | Act::Damage | Act::Proof | Act::Probe => {}
            Act::Acknowledge | Act::Loss => {}
        }
    }

    /// The act, as its command goes about it.
    async fn act(&self, act: Act, store: Arc<dyn Store>) -> Result<()> {
        match act {
            Act::Snapshot | Act::Bilan | Act::Heal | Act::Gap | Act::Rewound | Act::HeadAgain => {
                return self.run(store, CheckpointEvery::default()).await.map(drop);
            }
            _ => {}
        }
        let seat = Seat::beside(self.home.path(), &Arc::new(self.objects(store)), None, &around())?;
        let (objects, Seat { state, device, .. }) = (seat.objects(), &seat);
        let descriptors = seat.descriptors().await?;
        let mut pen = seat.pen_at_the_head(&descriptors).await?;
        let pack = self.names("p/").await.remove(0);
        let (author, reason) = (Author::Provider, Because::Other);
        let (role, kind) = match act {
            Act::Restore => (Some("record"), NoteKind::Restore),
            // A run writes it between two hunks of a long upload (`partial_notes_meet_each_fate_too`).
            Act::Partial => (None, partial(pen.head().snapshot + 1)),
            Act::Probe => (Some("probe"), NoteKind::Probe),
            Act::Proof => (None, proof(device, &self.kit)),
            Act::Acknowledge => {
                (None, NoteKind::Acknowledge { bilan: 2, set: "set".into(), snapshot: 1, author, reason })
            }
            Act::Loss => (None, NoteKind::Loss { bilan: 2, lost: vec![pack], snapshots: 1, author, reason }),
            _ => {
                let mut damage = Damage::look(objects, state, device, &descriptors).await?;
                let bad = vec![FoundBad { name: pack, why: "pack-hash".to_owned() }];
                return damage.record(&mut pen, state, FoundBy::Check, bad, Vec::new()).await;
            }
        };
        let mut attached = Vec::new();
        if act == Act::Partial {
            let text = no_packs(device).to_text().unwrap();
            attached.push(pen.attach("refs", text.into_bytes()).await?);
        }
        if let Some(role) = role {
            attached.push(pen.attach(role, format!("{{\"n\":{}}}", pen.head().sequence).into_bytes()).await?);
        }
        pen.append(kind, attached).await.map(drop)
    }
}

fn no_packs(device: &Device) -> Refs {
    let (repository, device) = (device.repository.clone(), device.id.clone());
    let (added, removed) = (Vec::new(), Vec::new());
    Refs { repository, device, base: None, keys: Vec::new(), added, removed, segments: Vec::new() }
}

fn partial(number: u64) -> NoteKind {
    NoteKind::Snapshot {
        number,
        status: SnapshotStatus::Partial,
        epoch: 0,
        set: "set".into(),
        files: 0,
        source_bytes: 0,
        stored_bytes: 0,
    }
}

fn proof(device: &Device, kit: &Kit) -> NoteKind {
    let signed = note::sign("scelle/proof/1\n", &[&kit.owner]).unwrap();
    let signature = note::parse(signed.as_bytes()).unwrap().signatures.remove(0).bytes;
    let vkey = VKey::of(kit.owner.verifying_key()).unwrap();
    NoteKind::Proof { holder: RecipientRole::Recovery, epoch: device.epoch, opened: 3, vkey, signature }
}

/// One act after another that meets a fate; then what `after` demands.
async fn strike(act: Act, fates: &[Fate]) -> (Life, Vec<String>) {
    let mut life = Life::begin().await;
    life.quiet_run().await;
    life.practice.grow(3);
    life.quiet_run().await;
    let mut spoilt = Vec::new();
    for fate in fates {
        let what = format!("{act:?}, {fate:?}");
        life.prepare(act).await;
        let faulty = life.script(1, text_of(act), *fate);
        let _ = life.act(act, Arc::new(faulty.clone())).await;
        assert!(life.bury(&faulty), "{what}: no such note was put");
        if SPOILING.contains(fate) {
            life.runs_twice(&what).await;
            // A gap that nobody can read tells nobody which notes are missing.
            let is_gap = act == Act::Gap;
            let history = match is_gap {
                true => open(life.store.clone(), &life.kit).await.history,
                false => life.one_chain(&what).await,
            };
            spoilt =
                history.findings.iter().map(|found| format!("{} {}", found.kind, found.object)).collect();
            // Only what is not the note any more is told, and nothing stands on it that cannot.
            let is_told = |kind| kind == FindingKind::NoteHash || is_gap && kind == FindingKind::NoteMissing;
            assert!(history.findings.iter().all(|found| is_told(found.kind)), "{what}: {spoilt:?}");
        } else if act == Act::Gap {
            life.runs_twice(&what).await;
            let history = life.one_chain(&what).await;
            assert!(history.findings.is_empty(), "{what}: {:?}", history.findings);
        } else {
            life.goes_on(&what).await;
        }
    }
    (life, spoilt)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_note_meets_every_fate_and_the_chain_stays_one() {
    for act in ACTS.iter().copied() {
        let (life, _) = strike(act, &FATES).await;
        let history = life.one_chain("at last").await;
        let written = history.devices.iter().flat_map(|device| &device.notes);
        let has_written = written.filter_map(|row| act_of(&row.note.kind)).any(|of| of == act);
        assert!(has_written || act == Act::HeadAgain, "{act:?} wrote no note");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_lands_spoilt_is_named_and_the_chain_goes_on() {
    for act in ACTS.iter().copied() {
        let (life, spoilt) = strike(act, &SPOILING).await;
        let found = sound_but(&life, &spoilt).await;
        assert!(found, "{act:?}: {spoilt:?}");
    }
}

/// Whether a check with all packs read finds nothing but these.
async fn sound_but(life: &Life, spoilt: &[String]) -> bool {
    let mut repository = open(life.store.clone(), &life.kit).await;
    let options = CheckOptions { read_data: ReadData::All, local_head: None, trees: 100 };
    let report = check(&mut repository, &options, &around()).await.unwrap();
    let damage = report.findings.iter().filter(|found| found.kind.is_damage());
    damage.map(|found| format!("{} {}", found.kind, found.object)).all(|told| spoilt.contains(&told))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_computers_that_write_one_number_at_one_moment_are_told_and_both_kept() {
    let mut life = Life::begin().await;
    life.quiet_run().await;
    let other = tempfile::tempdir().unwrap();
    copy_folder(life.home.path(), other.path());
    let objects = Arc::new(life.objects(life.store.clone()));
    {
        let seats = [life.home.path(), other.path()]
            .map(|home| Seat::beside(home, &objects, None, &around()).unwrap());
        let descriptors = seats[0].descriptors().await.unwrap();
        let (mut one, mut two) = tokio::try_join!(seats[0].pen(), seats[1].pen()).unwrap();
        // Both have looked before either writes.
        assert!(!one.start(&descriptors).await.unwrap().forked);
        assert!(!two.start(&descriptors).await.unwrap().forked);
        let written = tokio::try_join!(
            one.append(NoteKind::Config, Vec::new()),
            two.append(NoteKind::Config, Vec::new())
        )
        .unwrap();
        assert_eq!(written.0.sequence, written.1.sequence);
        assert_ne!(written.0.text_sha256, written.1.text_sha256);
        // On one computer the lock lets no second one begin.
        assert_eq!(State::open(life.home.path(), &life.id).err().unwrap().code, ExitCode::Busy);
    }
    life.practice.grow(1);
    let every = CheckpointEvery::default();
    let (summary, _) =
        run_whole(life.store.clone(), life.home.path(), &life.id, &life.practice.source(), every)
            .await
            .unwrap();
    assert!(summary.start.forked, "the alarm is true");
    let history = open(life.store.clone(), &life.kit).await.history;
    let forks = history.findings.iter().filter(|found| found.kind == FindingKind::Fork).count();
    assert_eq!((forks, history.findings.len()), (2, 2), "{:?}", history.findings);
    let numbers: Vec<u64> = history.snapshots().iter().map(|snapshot| snapshot.id.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_is_put_again_after_what_it_attaches_or_not_at_all() {
    for is_kept in [true, false] {
        let life = Life::begin().await;
        life.quiet_run().await;
        let head = life.names("c/").await.remove(0);
        let history = open(life.store.clone(), &life.kit).await.history;
        let bilan = history.devices[0].notes.last().unwrap().note.clone();
        let record = layout::attachment(&bilan.attachment("record").unwrap().sha256);
        life.lose(&head).await;
        life.lose(&record).await;
        if !is_kept {
            // An older version kept the note alone.
            let path = life.home.path().join(life.id.as_str()).join("last.json");
            let mut last: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            last["attachments"] = serde_json::json!([]);
            std::fs::write(&path, serde_json::to_vec(&last).unwrap()).unwrap();
            // And it kept no copies beside.
            std::fs::remove_dir_all(life.home.path().join(life.id.as_str()).join("kept")).unwrap();
        }
        let every = CheckpointEvery::default();
        let (summary, _) =
            run_whole(life.store.clone(), life.home.path(), &life.id, &life.practice.source(), every)
                .await
                .unwrap();
        assert!(summary.start.store_behind);
        assert_eq!(life.names("c/").await.contains(&head), is_kept);
        assert_eq!(life.names("a/").await.contains(&record), is_kept);
        let history = life.one_chain("head put again").await;
        assert!(history.findings.is_empty(), "{:?}", history.findings);
        sound_snapshots(life.store.clone(), &life.kit).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_note_whose_attachments_are_lost_gives_its_number_up_and_says_so() {
    let mut life = Life::begin().await;
    life.quiet_run().await;
    let before = life.names("a/").await;
    let state = life.home.path().join(life.id.as_str());
    life.practice.grow(1);
    let faulty = life.script(1, text_of(Act::Snapshot), Fate::DiedBefore);
    let _ = life.act(Act::Snapshot, Arc::new(faulty.clone())).await;
    assert!(life.bury(&faulty));
    for name in life.names("a/").await.iter().filter(|name| !before.contains(name)) {
        life.lose(name).await;
    }
    let path = state.join("pending.json");
    let mut pending: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    pending["attachments"] = serde_json::json!([]);
    pending.as_object_mut().unwrap().remove("check");
    std::fs::write(&path, serde_json::to_vec(&pending).unwrap()).unwrap();
    life.runs_twice("given up").await;
    let history = life.one_chain("given up").await;
    assert!(history.findings.is_empty(), "{:?}", history.findings);
    let gaps = history.devices[0].notes.iter().filter(|row| matches!(row.note.kind, NoteKind::Gap { .. }));
    assert_eq!(gaps.count(), 1);
    // The number of the snapshot that came to nothing is not given again.
    let numbers: Vec<u64> = history.snapshots().iter().map(|snapshot| snapshot.id.number).collect();
    assert_eq!(numbers, [1, 3, 4]);
    sound_snapshots(life.store.clone(), &life.kit).await;
}
