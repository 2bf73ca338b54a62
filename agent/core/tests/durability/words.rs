//! What devices say of damage is put in order by what they knew, not by what their clocks say.

use super::*;

use std::time::SystemTime;

use scelle_core::clock::FixedClock;
use scelle_core::repo::damage::Damage;
use scelle_core::repo::finding::FoundBy;
use scelle_core::repo::join::{JoinRequest, join};
use scelle_core::repo::ledger::history::History;
use scelle_format::ledger::{Author, Because, FoundBad};

struct Computer {
    home: tempfile::TempDir,
    clock: Arc<FixedClock>,
}

struct Two {
    store: Arc<dyn Store>,
    id: RepositoryId,
    kit: Kit,
    seats: [Computer; 2],
}

impl Two {
    /// Two computers of one repository; the clock of the second is a year ahead.
    async fn meet() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemStore::new());
        let now = SystemTime::now();
        let year = Duration::from_secs(365 * 86_400);
        let seats = [now, now + year].map(|time| Computer {
            home: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::at(time)),
        });
        let (kit, id) = make(store.clone(), seats[0].home.path()).await;
        let text = kit.to_file_text(scelle_format::phrase::Language::English, "");
        let again = Kit::parse(secrecy::ExposeSecret::expose_secret(&text)).unwrap();
        let place = connected(store.clone());
        join(
            &place.store,
            &place.place,
            JoinRequest { unlock: Unlock::Kit(again), disowned: Vec::new() },
            seats[1].home.path(),
            &SystemClock,
            &mut OsRandom,
        )
        .await
        .unwrap();
        Self { store, id, kit, seats }
    }

    /// A computer's place, on objects of which it keeps no copies.
    fn take(&self, computer: &Computer) -> Seat {
        let objects = Arc::new(Objects::new(self.store.clone(), self.id.clone()));
        let around = Around { clock: computer.clock.clone(), ..around() };
        Seat::beside(computer.home.path(), &objects, None, &around).unwrap()
    }

    /// What a computer writes down, as `check` does; what it did not know before is taken in first.
    async fn say(&self, seat: usize, bad: &[&str], good: &[&str]) {
        self.write(seat, |damage| {
            let bad = bad
                .iter()
                .map(|name| FoundBad { name: (*name).to_owned(), why: "pack-hash".to_owned() })
                .collect();
            let good =
                good.iter().map(|name| (*name).to_owned()).filter(|name| damage.is_open(name)).collect();
            (bad, good)
        })
        .await;
    }

    async fn write(&self, seat: usize, what: impl FnOnce(&Damage) -> (Vec<FoundBad>, Vec<String>)) {
        let seat = self.take(&self.seats[seat]);
        let (objects, Seat { state, device, .. }) = (seat.objects(), &seat);
        let descriptors = seat.descriptors().await.unwrap();
        let mut damage = Damage::look(objects, state, device, &descriptors).await.unwrap();
        let mut pen = seat.pen().await.unwrap();
        let (bad, good) = what(&damage);
        damage.record(&mut pen, state, FoundBy::Check, bad, good).await.unwrap();
    }

    /// Accepts everything that is open as lost.
    async fn accept(&self, seat: usize) {
        let seat = self.take(&self.seats[seat]);
        let (objects, Seat { state, device, .. }) = (seat.objects(), &seat);
        let descriptors = seat.descriptors().await.unwrap();
        let mut damage = Damage::look(objects, state, device, &descriptors).await.unwrap();
        let mut pen = seat.pen().await.unwrap();
        // Stands for the bilan.
        pen.append(NoteKind::Config, Vec::new()).await.unwrap();
        let (author, reason) = (Author::Provider, Because::Other);
        let kind = NoteKind::Loss { bilan: 1, lost: damage.unaccepted(), snapshots: 2, author, reason };
        damage.accept(&mut pen, state, kind).await.unwrap();
    }

    /// What each computer knows, and what one that knows nothing reads from the ledger: all the same.
    async fn views(&self) -> [Damage; 3] {
        let objects = Objects::new(self.store.clone(), self.id.clone());
        let mut views = Vec::new();
        for computer in &self.seats {
            let seat = self.take(computer);
            let descriptors = seat.descriptors().await.unwrap();
            views.push(Damage::look(seat.objects(), &seat.state, &seat.device, &descriptors).await.unwrap());
        }
        let history: History = open(self.store.clone(), &self.kit).await.history;
        assert!(history.findings.is_empty(), "{:?}", history.findings);
        views.push(Damage::of(&objects, &history).await.unwrap());
        views.try_into().unwrap()
    }

    async fn open_everywhere(&self, name: &str) -> [bool; 3] {
        self.views().await.map(|damage| damage.is_open(name))
    }
}

fn pack(letter: char) -> String {
    let hash: String = std::iter::repeat_n(letter, 64).collect();
    format!("p/e0/{}/{hash}", &hash[..2])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_year_ahead_has_neither_the_last_word_nor_the_first() {
    let two = Two::meet().await;
    let (a, b) = (pack('a'), pack('b'));
    // Called bad from the future; found whole by the other one today.
    two.say(1, &[&a], &[]).await;
    assert_eq!(two.open_everywhere(&a).await, [true; 3]);
    two.say(0, &[], &[&a]).await;
    assert_eq!(two.open_everywhere(&a).await, [false; 3]);
    // Called good from the future; found bad again today, and that stands.
    two.say(0, &[&b], &[]).await;
    two.say(1, &[], &[&b]).await;
    assert_eq!(two.open_everywhere(&b).await, [false; 3]);
    two.say(0, &[&a, &b], &[]).await;
    assert_eq!(two.open_everywhere(&a).await, [true; 3]);
    assert_eq!(two.open_everywhere(&b).await, [true; 3]);
    // And whoever reads it whole now may say so, on either computer.
    two.say(1, &[], &[&a]).await;
    two.say(0, &[], &[&b]).await;
    assert_eq!(two.open_everywhere(&a).await, [false; 3]);
    assert_eq!(two.open_everywhere(&b).await, [false; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_loss_is_no_excuse_for_the_next_one() {
    let two = Two::meet().await;
    two.say(1, &[&pack('a')], &[]).await;
    two.accept(0).await;
    for damage in two.views().await {
        assert!(damage.is_open(&pack('a')) && damage.is_accepted(&pack('a')));
        assert_eq!(damage.loss().map(|loss| loss.snapshots), Some(2));
    }
    two.say(0, &[&pack('b')], &[]).await;
    for damage in two.views().await {
        assert_eq!(damage.unaccepted(), [pack('b')]);
    }
    // What comes back is no loss any more.
    two.say(1, &[], &[&pack('a')]).await;
    for damage in two.views().await {
        assert!(!damage.is_accepted(&pack('a')) && damage.loss().is_none());
    }
}
