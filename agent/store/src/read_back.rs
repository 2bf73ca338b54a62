//! Reading back what was just written, for stores that check nothing on arrival.
//!
//! For: a bucket whose engine was seen to take a body that does not match its announced SHA-256: what is stored counts
//! once it was read and hashed. What lies there damaged is sent again. Data passes unchanged; each object costs one GET
//! more. Never: writes over an object that another writer may have put there, or believes an answer to a PUT.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

use crate::{ErrorKind, Key, PlainPut, Put, Store, StoreError};

/// Times an object that arrived damaged is sent in one call.
const SENDS: u32 = 3;

/// A store whose writes count once they were read back.
#[derive(Clone, Debug)]
pub struct ReadBack {
    inner: Arc<dyn Store>,
    /// Names that the store says this process has made, until they were seen whole.
    unproven: Arc<Mutex<HashSet<Key>>>,
}

impl ReadBack {
    /// Wraps `inner`, which does not retry.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, unproven: Arc::default() }
    }

    fn unproven(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.unproven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the object is there as it was sent.
    async fn is_whole(&self, key: &Key, bytes: u64, sha256: &[u8; 32]) -> Result<bool, StoreError> {
        match self.inner.get(key, bytes).await {
            Ok(stored) => Ok(digest(&SHA256, &stored).as_ref() == sha256),
            // Larger than what was sent, cut short, or not shown.
            Err(error)
                if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Corrupt | ErrorKind::NotFound) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn prove(&self, key: &Key, body: &Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        for send in 1.. {
            // Twice, so that one wrong answer does not have a sound object written over.
            let bytes = body.len() as u64;
            if self.is_whole(key, bytes, &sha256).await? || self.is_whole(key, bytes, &sha256).await? {
                return Ok(());
            }
            let Some(locks) = self.inner.locks().filter(|_| send < SENDS) else { break };
            locks.put_plain(key, body.clone(), PlainPut::over(sha256)).await?;
        }
        Err(StoreError::new(ErrorKind::Corrupt, "put", key, "what is stored is not what was sent"))
    }
}

/// Whether a name holds the hash of its content: then nobody else can have meant to write something else there.
fn names_its_content(key: &Key, sha256: &[u8; 32]) -> bool {
    let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    key.as_str().contains(&hex)
}

#[async_trait]
impl crate::Decorator for ReadBack {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let put = self.inner.put_new(key, body.clone(), sha256).await?;
        if put == Put::Created {
            self.unproven().insert(key.clone());
        }
        if self.unproven().contains(key) || names_its_content(key, &sha256) {
            self.prove(key, &body, sha256).await?;
            self.unproven().remove(key);
        }
        Ok(put)
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        self.inner.replace(key, body.clone(), sha256).await?;
        self.prove(key, &body, sha256).await
    }

    fn must_be_read_back(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{MemSettings, MemStore, Misbehaviour};

    fn sha256(body: &[u8]) -> [u8; 32] {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, body).as_ref());
        sum
    }

    /// A store that checks nothing behind a line that changes the first `flips` bodies.
    fn careless(flips: u32) -> Arc<MemStore> {
        let misbehaviour =
            Misbehaviour { accepts_wrong_checksum: true, flips_puts: flips, ..Misbehaviour::default() };
        Arc::new(MemStore::with(MemSettings { versions: true, misbehaviour, ..MemSettings::default() }))
    }

    #[tokio::test]
    async fn what_arrived_changed_is_sent_again_and_never_called_whole() {
        let (key, body) = (Key::new("p/e0/one").unwrap(), Bytes::from_static(b"sealed"));
        for flips in 0..SENDS {
            let store = careless(flips);
            let put = ReadBack::new(store.clone()).put_new(&key, body.clone(), sha256(&body)).await;
            assert_eq!(put.unwrap(), Put::Created, "{flips}");
            assert_eq!(store.get(&key, 100).await.unwrap(), body, "{flips}");
        }
        let error = ReadBack::new(careless(99)).put_new(&key, body.clone(), sha256(&body)).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (ErrorKind::Corrupt, "put"));
    }

    #[tokio::test]
    async fn what_a_broken_off_write_left_damaged_is_mended_where_the_name_tells() {
        let body = Bytes::from_static(b"sealed");
        let hex: String = sha256(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let key = Key::new(format!("p/e0/{hex}")).unwrap();
        let store = careless(1);
        assert_eq!(store.put_new(&key, body.clone(), sha256(&body)).await.unwrap(), Put::Created);
        assert_ne!(store.get(&key, 100).await.unwrap(), body, "it died before it looked");
        let put = ReadBack::new(store.clone()).put_new(&key, body.clone(), sha256(&body)).await.unwrap();
        assert_eq!((put, store.get(&key, 100).await.unwrap()), (Put::AlreadyThere, body));
    }

    #[tokio::test]
    async fn what_another_writer_put_there_is_left() {
        let key = Key::new("desc/999999999998").unwrap();
        let (theirs, ours) = (Bytes::from_static(b"theirs"), Bytes::from_static(b"ours"));
        let store = careless(0);
        store.put_new(&key, theirs.clone(), sha256(&theirs)).await.unwrap();
        let put = ReadBack::new(store.clone()).put_new(&key, ours.clone(), sha256(&ours)).await.unwrap();
        assert_eq!((put, store.get(&key, 100).await.unwrap()), (Put::AlreadyThere, theirs));
    }
}
