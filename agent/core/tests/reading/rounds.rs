//! How many round trips a restoration takes.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use scelle_core::error::ExitCode;
use scelle_core::restore::request::RestoreRequest;
use scelle_store::mem::MemStore;
use scelle_store::{Key, ListPage, LockOps, ObjectMeta, Put, Store, StoreError};

use super::support::{Writer, folder, noise};
use super::{request, run};

/// Counts how many requests had to wait for an earlier answer: requests that begin while another one is under way are
/// of the same round.
#[derive(Debug)]
struct Rounds {
    inner: MemStore,
    under_way: Mutex<(usize, usize)>,
    /// What is sent within this time of the first is of one round.
    round_ms: u64,
}

impl Rounds {
    async fn trip<T>(&self, answer: impl Future<Output = T>) -> T {
        {
            let mut state = self.under_way.lock();
            if state.0 == 0 {
                state.1 += 1;
            }
            state.0 += 1;
        }
        tokio::time::sleep(std::time::Duration::from_millis(self.round_ms)).await;
        let answer = answer.await;
        self.under_way.lock().0 -= 1;
        answer
    }
}

#[async_trait]
impl Store for Rounds {
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        self.inner.put_new(key, body, sha256).await
    }
    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.trip(self.inner.get(key, max_bytes)).await
    }
    async fn get_range(&self, key: &Key, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        self.trip(self.inner.get_range(key, range)).await
    }
    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.trip(self.inner.head(key)).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, rows: usize) -> Result<ListPage, StoreError> {
        self.trip(self.inner.list(prefix, after, rows)).await
    }
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
    async fn server_time(&self) -> Result<Option<std::time::SystemTime>, StoreError> {
        Ok(None)
    }
    fn address(&self) -> String {
        "rounds".into()
    }
    fn locks(&self) -> Option<&dyn LockOps> {
        None
    }
}

#[tokio::test]
async fn the_newest_copy_of_one_file_takes_six_rounds() {
    let store = MemStore::new();
    let mut writer = Writer::create(Arc::new(store.clone()), "rounds", false).await;
    let mut entries = vec![("", folder("data"))];
    for number in 0..200 {
        let name = format!("f{number:03}");
        entries.push(("data", writer.file(&name, &[name.as_bytes(), &noise(number, 100_000)]).await));
    }
    writer.snapshot(&entries, 10).await;
    // A busy machine sends what belongs together too late to be of one short round, and so adds rounds. A program that needs
    // seven needs them however long they are.
    let mut taken = usize::MAX;
    for round_ms in [200, 1_000, 5_000] {
        let rounds = Arc::new(Rounds { inner: store.clone(), under_way: Mutex::default(), round_ms });
        writer.objects =
            scelle_core::repo::objects::Objects::new(rounds.clone(), writer.objects.repository().clone());
        let to = tempfile::tempdir().unwrap();
        let one = RestoreRequest { paths: vec![b"data/f123".to_vec()], ..request(to.path()) };
        let summary = run(&writer, one).await;
        assert_eq!((summary.files, summary.code()), (1, ExitCode::Ok));
        // The folder's own entry stands in another hunk than the file's: both are fetched at once.
        taken = taken.min(rounds.under_way.lock().1);
        if taken <= 6 {
            return;
        }
    }
    panic!("{taken} rounds");
}
