//! A real repository in memory and the reports of invented runs, for this room's tests.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use scelle_format::id::{RepositoryId, Sha256};
use scelle_format::kit::Kit;
use scelle_format::manifest::Totals;
use scelle_format::refs::PackSet;
use scelle_format::timestamp::Timestamp;
use scelle_store::mem::MemStore;

use super::run::{EndCheck, RunEnd, RunReport, TroubleTold};
use crate::chance::Chance;
use crate::clock::FixedClock;
use crate::error::AgentError;
use crate::monitor::Problem;
use crate::pipeline::closing::commit::Committed;
use crate::pipeline::{Changes, Gathered, Saved};
use crate::repo::create::{Creation, Holders, create};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::ledger::append::start::Start;
use crate::repo::objects::Objects;
use crate::repo::objects::destination::Destination;
use crate::repo::rounds::LedgerEnd;
use crate::repo::state::{Device, State, StorePlace};

/// A name that must appear nowhere.
pub const CANARY: &str = "Élodie-Canari-1961";
/// Seconds since 1970 when the repository is made.
pub const BORN: i64 = 1_795_293_000;

/// A repository, its PC and its kit.
pub struct Repository {
    pub store: Arc<MemStore>,
    pub objects: Objects,
    pub state: State,
    pub device: Device,
    pub kit: Kit,
    pub clock: FixedClock,
    _home: tempfile::TempDir,
}

impl Repository {
    /// A new one; `signed`: by its owner, else by its device alone.
    pub async fn new(signed: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let kit = Kit::generate(&mut Chance::system()).unwrap();
        let public = kit.public().unwrap();
        let store = Arc::new(MemStore::new());
        let id = RepositoryId::parse(&kit.repository).unwrap();
        let objects = Objects::new(store.clone(), id.clone());
        let state = State::open(home.path(), &id).unwrap();
        let clock = FixedClock::at(UNIX_EPOCH + Duration::from_secs(BORN as u64));
        let place =
            StorePlace { url: "file:///backup".into(), endpoint: None, region: None, conditional_put: true };
        let holders = Holders { public: &public, kit: signed.then_some(&kit), phrase: None, escrows: &[] };
        let creation = Creation { holders, place };
        let device = create(&objects, &state, &creation, &clock, &mut Chance::system()).await.unwrap();
        Self { store, objects, state, device, kit, clock, _home: home }
    }

    /// Its state folder.
    pub fn folder(&self) -> std::path::PathBuf {
        self._home.path().join(self.objects.repository().as_str())
    }

    pub async fn descriptors(&self) -> Descriptors {
        Descriptors::load(&self.objects, None).await.unwrap()
    }

    pub async fn pen(&self) -> LedgerWriter<'_> {
        let chance = Chance::system();
        LedgerWriter::open(&self.objects, &self.state, &self.device, &self.clock, None, chance).await.unwrap()
    }

    /// The report of a run in which everything was measured and went well.
    pub fn good<'a>(&'a self, descriptors: &'a Descriptors, end: RunEnd<'a>) -> RunReport<'a> {
        RunReport {
            descriptors: Some(descriptors),
            start: Some(Start::default()),
            check: Some(EndCheck { listed_packs: 4, missing: 0, wrong_size: 0, ledger: LedgerEnd::Sound }),
            probe: Some(folder_probe()),
            key_copies: Some(3),
            ..RunReport::new(&self.device, "3fa9b1c2d4e5", end, Timestamp(BORN), Timestamp(BORN + 60))
        }
    }
}

/// What a run without problems saved.
pub fn outcome() -> Saved {
    Saved {
        committed: Committed {
            at: nowhere(),
            snapshot: 1,
            root: Sha256([7; 32]),
            packs: PackSet::new(),
            stored_bytes: 1_234_567,
        },
        gathered: Gathered {
            totals: Totals { files: 100, bytes: 2_000_001, ..Totals::default() },
            side_files: Default::default(),
            changes: Changes { new: 3, changed: 2, unchanged: 95, removed: 1, same_content: 0 },
            troubles: Vec::new(),
            read_bytes: 2_000_001,
            consistent_copies: 1,
            sources: Default::default(),
            root_files: Default::default(),
            unread: Default::default(),
            databases: Some(crate::pipeline::jobs::verdict::Taken::Consistent),
        },
        resumed_bytes: 0,
        listing: crate::verify::listing::Listing::default(),
        shown: Default::default(),
        healed_packs: 0,
        mended_objects: 0,
    }
}

/// A destination of which nobody asks anything.
fn nowhere() -> Destination {
    let repository = RepositoryId::parse(&"a".repeat(26)).unwrap();
    let objects = Arc::new(Objects::new(Arc::new(MemStore::new()), repository));
    Destination { objects, clock_offset_ms: None }
}

/// A file with a problem whose name must not be seen; `named` comes from [`canary`].
pub fn trouble(named: &str, problem: Problem, is_stored: bool) -> TroubleTold<'_> {
    TroubleTold { path: named.as_bytes(), problem, is_stored }
}

/// A path that must not be seen.
pub fn canary(extension: &str) -> String {
    format!("data/{CANARY}/{CANARY}.{extension}")
}

/// An error.
pub fn failure() -> AgentError {
    AgentError::store_unreachable().at("file:///backup")
}

/// What a folder does.
pub fn folder_probe() -> scelle_store::probe::ProbeReport {
    use scelle_store::probe::Fact;
    scelle_store::probe::ProbeReport {
        conditional_put: Fact::Yes,
        conditional_put_raced: Fact::Yes,
        wrong_checksum_refused: Fact::Yes,
        versioning: Fact::NotApplicable,
        lock_accepted: Fact::NotApplicable,
        locked_delete_refused: Fact::NotApplicable,
        shorten_refused: Fact::NotApplicable,
        default_retention: Fact::NotApplicable,
        default_retention_days: None,
        default_retention_compliance: Fact::NotApplicable,
        may_read: Fact::Yes,
        may_list: Fact::Yes,
        may_delete: Fact::Yes,
        may_delete_versions: Fact::NotApplicable,
        clock_offset_ms: None,
    }
}
