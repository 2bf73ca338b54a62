//! What the store lost or spoiled between two runs: the next run names nothing that is not there, stores it again where it
//! can, and says so.

use super::*;

use scelle_core::repo::damage::Damage;
use scelle_core::repo::finding::{FoundBy, SnapshotId};
use scelle_core::verify::CheckReport;
use scelle_format::layout;
use scelle_format::ledger::{Author, Because};
use scelle_format::report::Light;
use scelle_store::testing::Recorder;

pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) home: tempfile::TempDir,
    pub(crate) practice: Practice,
    kit: Kit,
    pub(crate) id: RepositoryId,
    pub(crate) objects: Objects,
}

impl Place {
    /// A repository with `snapshots` snapshots.
    pub(crate) async fn with(snapshots: u64) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemStore::new());
        let home = tempfile::tempdir().unwrap();
        let (kit, id) = make(store.clone(), home.path()).await;
        let objects = Objects::new(store.clone(), id.clone());
        let mut place = Self { store, home, practice: Practice::new(), kit, id, objects };
        for _ in 0..snapshots {
            place.practice.grow(4);
            place.run().await;
        }
        place
    }

    pub(crate) async fn run(&self) -> (Summary, Written) {
        let every = CheckpointEvery::default();
        run_whole(self.store.clone(), self.home.path(), &self.id, &self.practice.source(), every)
            .await
            .unwrap()
    }

    pub(crate) async fn check(&self, read_data: ReadData) -> CheckReport {
        let mut repository = open(self.store.clone(), &self.kit).await;
        let options = CheckOptions { read_data, local_head: None, trees: 100 };
        check(&mut repository, &options, &around()).await.unwrap()
    }

    pub(crate) async fn names(&self, prefix: &str) -> Vec<String> {
        self.objects.list_all(prefix).await.unwrap().into_iter().map(|row| row.name).collect()
    }

    /// Puts other bytes in an object's place, or none.
    pub(crate) async fn spoil(&self, name: &str, how: Spoil) {
        let key = self.objects.key(name).unwrap();
        let mut bytes = self.objects.get_named(name, 1 << 30).await.unwrap().to_vec();
        self.store.delete(&key).await.unwrap();
        match how {
            Spoil::Delete => return,
            Spoil::Shorten => bytes.truncate(bytes.len() / 2),
            Spoil::Flip => {
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
            }
        }
        self.objects.put_new(name, bytes).await.unwrap();
    }

    /// Somebody has read the newest bilan, as `bilan acknowledge` writes it down.
    pub(crate) async fn acknowledge(&self) {
        let seat = Seat::take(self.home.path(), &self.id, self.store.clone(), None, &around()).unwrap();
        let mut pen = seat.pen().await.unwrap();
        let (bilan, snapshot, set) = (pen.head().sequence, pen.head().snapshot, "store".to_owned());
        let (author, reason) = (Author::Provider, Because::Other);
        let kind = NoteKind::Acknowledge { bilan, set, snapshot, author, reason };
        pen.append(kind, Vec::new()).await.unwrap();
        let mut damage = Damage::load(&seat.state).unwrap();
        damage.acknowledge_altered(bilan);
        damage.save(&seat.state).unwrap();
    }

    /// What `check` found, written down as the command does.
    async fn record(&self, report: &CheckReport) {
        let objects = Arc::new(self.objects.clone());
        let seat = Seat::beside(self.home.path(), &objects, None, &around()).unwrap();
        let Seat { state, device, .. } = &seat;
        let descriptors = seat.descriptors().await.unwrap();
        let mut damage = Damage::look(&objects, state, device, &descriptors).await.unwrap();
        let mut pen = seat.pen().await.unwrap();
        let (bad, good) = (damage.news(&report.findings), report.sound_again.clone());
        damage.record(&mut pen, state, FoundBy::Check, bad, good).await.unwrap();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    Delete,
    Shorten,
    Flip,
}

pub(crate) fn codes(written: &Written) -> Vec<&str> {
    written.assessment.reasons.iter().map(|reason| reason.code).collect()
}

/// Whether a check finds nothing wrong with the newest snapshot.
fn newest_is_sound(report: &CheckReport, summary: &Summary) -> bool {
    let number = summary.saved.committed.snapshot;
    let is_newest = |id: &SnapshotId| id.number == number;
    report.sound.iter().any(is_newest) && !report.damaged.iter().any(is_newest)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_small_object_that_is_gone_is_stored_again_and_told() {
    let place = Place::with(3).await;
    let count = place.names("a/").await.len() + place.names("i/").await.len();
    assert!(count > 6);
    for how in [Spoil::Delete, Spoil::Shorten] {
        for prefix in ["a/", "i/"] {
            let total = place.names(prefix).await.len();
            for at in 0..total {
                let place = Place::with(3).await;
                // Workers share packs in another way each time: this one may have fewer objects.
                let Some(name) = place.names(prefix).await.get(at).cloned() else { break };
                place.spoil(&name, how).await;
                // A run without changes would attach what is gone; older snapshots need the rest.
                let (summary, written) = place.run().await;
                let what = format!("{name} {how:?}: {:?}", codes(&written));
                assert_eq!(summary.mended_objects, 1, "{what}");
                assert!(codes(&written).contains(&"damage-healed"), "{what}");
                // Other bytes than were stored are another matter than none.
                assert_eq!(codes(&written).contains(&"objects-altered"), how == Spoil::Shorten, "{what}");
                let report = place.check(ReadData::None).await;
                assert!(newest_is_sound(&report, &summary), "{what}: {:?}", report.findings);
                assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
                let (again, written) = place.run().await;
                assert!(again.mended_objects == 0 && !codes(&written).contains(&"damage-healed"), "{what}");
                assert_eq!(codes(&written).contains(&"objects-altered"), how == Spoil::Shorten, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_refs_come_back_under_their_name_so_that_older_snapshots_are_whole_too() {
    // Differences are written where they are small beside the whole.
    let place = Place::with(9).await;
    let state = State::open(place.home.path(), &place.id).unwrap();
    let chain = state.head().unwrap().refs_chain;
    drop(state);
    assert!(chain.len() >= 3, "a full list and differences: {chain:?}");
    for (sha256, _) in &chain {
        place.spoil(&format!("a/{}/{sha256}", &sha256[..2]), Spoil::Delete).await;
    }
    let (summary, _) = place.run().await;
    assert_eq!(summary.mended_objects, chain.len() as u64);
    let report = place.check(ReadData::None).await;
    assert!(report.damaged.is_empty(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pack_that_is_gone_is_stored_again_in_the_same_run_and_healed() {
    let place = Place::with(2).await;
    for prefix in ["p/", "m/"] {
        for at in 0..place.names(prefix).await.len() {
            for how in [Spoil::Delete, Spoil::Shorten] {
                let place = Place::with(2).await;
                let Some(name) = place.names(prefix).await.get(at).cloned() else { continue };
                place.spoil(&name, how).await;
                let (summary, written) = place.run().await;
                let what = format!("{name} {how:?}: {:?}", codes(&written));
                let report = place.check(ReadData::All).await;
                assert!(newest_is_sound(&report, &summary), "{what}: {:?}", report.findings);
                // A manifest pack is put back as it was, whatever has changed since.
                let (healed, mended) = if prefix == "p/" { (1, 0) } else { (0, 1) };
                assert_eq!((summary.saved.healed_packs, summary.mended_objects), (healed, mended), "{what}");
                assert!(report.damaged.is_empty(), "{what}: {:?}", report.findings);
                assert!(codes(&written).contains(&"damage-healed"), "{what}");
                let (_, written) = place.run().await;
                assert!(!codes(&written).iter().any(|code| code.starts_with("damage")), "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_pack_is_remembered_healed_from_the_source_and_then_green() {
    let mut place = Place::with(2).await;
    let name = place.names("p/").await[0].clone();
    place.spoil(&name, Spoil::Flip).await;
    let report = place.check(ReadData::All).await;
    assert!(report.findings.iter().any(|f| f.object == name && f.kind.is_damage()));
    place.record(&report).await;
    // A note alone is no excuse.
    assert!(place.check(ReadData::All).await.findings.iter().any(|f| f.object == name));
    place.practice.grow(1);
    let (summary, written) = place.run().await;
    assert_eq!(summary.saved.healed_packs, 1, "{:?}", codes(&written));
    assert!(codes(&written).contains(&"damage-healed"));
    let report = place.check(ReadData::All).await;
    assert!(report.findings.iter().all(|f| !f.kind.is_damage()), "{:?}", report.findings);
    assert!(report.damaged.is_empty());
    // What healed it is spoiled in its turn: that is damage again.
    let healed = place.names("c/").await;
    assert!(!healed.is_empty());
    let new = place.names("p/").await;
    for heir in new.iter().filter(|heir| **heir != name) {
        place.spoil(heir, Spoil::Flip).await;
    }
    let report = place.check(ReadData::All).await;
    assert!(report.findings.iter().any(|f| f.object == name), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_has_no_more_stays_red_and_named() {
    let place = Place::with(2).await;
    let name = place.names("p/").await[0].clone();
    place.spoil(&name, Spoil::Flip).await;
    place.record(&place.check(ReadData::All).await).await;
    std::fs::remove_dir_all(place.practice.source()).unwrap();
    std::fs::create_dir_all(place.practice.source()).unwrap();
    std::fs::write(place.practice.source().join("other"), b"nothing of before").unwrap();
    for _ in 0..2 {
        let (summary, written) = place.run().await;
        assert_eq!(summary.saved.healed_packs, 0);
        let told = written.assessment.reasons.iter().find(|reason| reason.code == "damage-known");
        assert_eq!(told.map(|reason| reason.light), Some(Light::Red), "{:?}", codes(&written));
        let report = place.check(ReadData::All).await;
        assert!(newest_is_sound(&report, &summary), "{:?}", report.findings);
        let found = report.findings.iter().find(|f| f.object == name).unwrap();
        assert!(!found.affects.is_empty());
    }
    // Somebody puts the pack back as it was.
    place.spoil(&name, Spoil::Flip).await;
    let report = place.check(ReadData::All).await;
    assert_eq!(report.sound_again, std::slice::from_ref(&name));
    place.record(&report).await;
    let (_, written) = place.run().await;
    assert!(!codes(&written).iter().any(|code| code.starts_with("damage")), "{:?}", codes(&written));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_memory_of_damage_is_read_again_from_the_ledger() {
    let place = Place::with(2).await;
    let name = place.names("p/").await[0].clone();
    place.spoil(&name, Spoil::Flip).await;
    place.record(&place.check(ReadData::All).await).await;
    std::fs::remove_file(place.home.path().join(place.id.as_str()).join("damage.json")).unwrap();
    assert_eq!(place.run().await.0.saved.healed_packs, 1);
    assert!(place.check(ReadData::All).await.damaged.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_copies_what_is_damaged_stays_red_and_named_until_somebody_puts_it_back() {
    let place = Place::with(2).await;
    let is_root = |name: &String, notes: &str| notes.contains(&name[5..]);
    let notes = place.names("c/").await;
    let first = place.objects.get_named(notes.last().unwrap(), 1 << 20).await.unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    let line = first.lines().find(|line| line.starts_with("attach root")).unwrap().to_owned();
    let root = place.names("a/").await.into_iter().find(|name| is_root(name, &line)).unwrap();
    place.spoil(&root, Spoil::Flip).await;
    place.record(&place.check(ReadData::None).await).await;
    std::fs::remove_dir_all(place.home.path().join(place.id.as_str()).join("kept")).unwrap();
    for _ in 0..2 {
        let (summary, written) = place.run().await;
        assert_eq!((summary.mended_objects, summary.damaged.small), (0, 1), "{:?}", codes(&written));
        let told = written.assessment.reasons.iter().find(|reason| reason.code == "damage-small");
        assert_eq!(told.map(|reason| reason.light), Some(Light::Red), "{:?}", codes(&written));
        assert!(newest_is_sound(&place.check(ReadData::None).await, &summary));
    }
    // The host puts its older version back: the next run sees that it hashes to its name.
    place.spoil(&root, Spoil::Flip).await;
    let (summary, written) = place.run().await;
    assert_eq!(summary.damaged.total(), 0);
    assert!(!codes(&written).iter().any(|code| code.starts_with("damage")), "{:?}", codes(&written));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_key_file_is_put_right_unless_refs_know_it_as_it_is() {
    let place = Place::with(1).await;
    let name = layout::epoch_key(0, 1);
    let right = place.objects.get_named(&name, 1 << 20).await.unwrap();
    place.spoil(&name, Spoil::Flip).await;
    let (summary, written) = place.run().await;
    assert!(
        summary.mended_objects == 1 && codes(&written).contains(&"damage-healed"),
        "{:?}",
        codes(&written)
    );
    assert_eq!(place.objects.get_named(&name, 1 << 20).await.unwrap(), right);
    assert!(place.check(ReadData::None).await.findings.iter().all(|f| !f.kind.is_damage()));
    // This PC had seen a wrong one from the first and has none of its own: what signed refs know stays.
    let folder = place.home.path().join(place.id.as_str());
    let copies = folder.join("keys-copy.json");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&copies).unwrap()).unwrap();
    let name = kept["by_name"].as_object().unwrap().keys().next().unwrap().clone();
    let right = place.objects.get_named(&name, 1 << 20).await.unwrap();
    let wrong = serde_json::json!({ "by_name": { name.clone(): "AAAA" } });
    std::fs::write(&copies, wrong.to_string()).unwrap();
    let (summary, _) = place.run().await;
    assert_eq!(summary.damaged.keys, 0, "what it wrote itself counts");
    std::fs::remove_dir_all(folder.join("kept")).unwrap();
    std::fs::write(&copies, wrong.to_string()).unwrap();
    let (summary, _) = place.run().await;
    assert_eq!((summary.damaged.keys, summary.mended_objects), (0, 0), "all refs agree with the store");
    assert_eq!(place.objects.get_named(&name, 1 << 20).await.unwrap(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_file_is_put_back() {
    let place = Place::with(1).await;
    let name = layout::epoch_key(0, 1);
    place.spoil(&name, Spoil::Delete).await;
    let (summary, written) = place.run().await;
    assert!(
        summary.mended_objects == 1 && codes(&written).contains(&"damage-healed"),
        "{:?}",
        codes(&written)
    );
    assert!(place.check(ReadData::None).await.findings.iter().all(|f| !f.kind.is_damage()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_run_asks_once_for_each_thing_that_its_note_names() {
    let place = Place::with(9).await;
    place.run().await;
    let state = State::open(place.home.path(), &place.id).unwrap();
    let head = state.head().unwrap();
    drop(state);
    let recorder = Recorder::new(place.store.clone());
    let every = CheckpointEvery::default();
    let store = Arc::new(recorder.clone());
    run(store, place.home.path(), &place.id, &place.practice.source(), every).await.unwrap();
    let calls = |operation| recorder.keys(operation);
    let small = head.refs_chain.len() + head.segments.len();
    // Root and refs are asked for a second time, right before the note; then what the newest eight notes attach, once each.
    let heads = calls(Operation::Head).len();
    assert!((small + 3..=small + 2 + 12).contains(&heads), "{:?}", calls(Operation::Head));
    // Root and snapshot note, record and bilan note.
    assert_eq!(calls(Operation::Put).len(), 4);
    let packs_listed = |kind: &str| {
        let prefix = format!("{}/{kind}/", place.id);
        calls(Operation::List).iter().filter(|key| **key == prefix).count()
    };
    assert_eq!((packs_listed("p"), packs_listed("m")), (1, 1));
    // All that this PC knows of, compared with one listing of each kind.
    assert_eq!((packs_listed("a"), packs_listed("i")), (1, 1));
    let notes = calls(Operation::Get).into_iter().filter(|key| key.contains("/c/")).count();
    assert!(notes <= 10, "the newest eight, and each of the two that were written: {notes}");
}
