//! A store in memory, with the versions and locks of an S3 bucket when asked.
//!
//! For: tests of everything above the store, and for simulating engines that lie ([`Misbehaviour`]). Data
//! comes from the caller and dies with the store. Never: used for a real repository.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

use crate::dir::too_large;
use crate::{
    DefaultRetention, ErrorKind, HiddenPage, Key, ListEntry, ListPage, Lock, LockOps, ObjectMeta, PlainPut,
    Put, Store, StoreError, Version,
};

/// How the simulated bucket is set up.
#[derive(Clone, Debug, Default)]
pub struct MemSettings {
    /// Keep versions and delete markers.
    pub versions: bool,
    /// Honour locks (needs `versions`).
    pub locks: bool,
    /// Default COMPLIANCE retention of new objects, in days.
    pub default_retention_days: Option<u32>,
    /// How far the store's clock is ahead of ours; `None` for a store without a clock.
    pub clock_ahead_ms: Option<i64>,
    /// What the simulated engine does wrong.
    pub misbehaviour: Misbehaviour,
}

/// What engines in the field were seen to do wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Misbehaviour {
    /// `If-None-Match` is ignored (rclone serve s3, Garage; Ceph RGW 16 on versioned buckets).
    pub ignores_if_none_match: bool,
    /// The existence check and the write are two steps (s3s-fs): serial tests pass, races do not.
    pub checks_then_writes: bool,
    /// A lock is accepted and not kept (Garage).
    pub forgets_locks: bool,
    /// A lock may be shortened (moto).
    pub shortens_locks: bool,
    /// A wrong checksum is accepted.
    pub accepts_wrong_checksum: bool,
    /// A byte of every body is changed on its way in, so many times.
    pub flips_puts: u32,
    /// The credential may not see versions.
    pub hides_versions: bool,
    /// The credential may write and nothing else.
    pub put_only: bool,
}

/// Objects in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemStore {
    settings: MemSettings,
    objects: Arc<Mutex<Objects>>,
    /// Bodies that are still to be changed on their way in.
    flipped: Arc<AtomicU32>,
}

#[derive(Debug, Default)]
struct Objects {
    /// Oldest first; a store without versions keeps one.
    by_name: BTreeMap<String, Vec<Stored>>,
    next_version: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    id: String,
    /// `None` for a delete marker.
    body: Option<Bytes>,
    modified: SystemTime,
    lock: Option<Lock>,
}

impl MemStore {
    /// An empty store without versions or locks.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store set up as told.
    pub fn with(settings: MemSettings) -> Self {
        let flipped = Arc::new(AtomicU32::new(settings.misbehaviour.flips_puts));
        Self { settings, objects: Arc::default(), flipped }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> SystemTime {
        let ahead = self.settings.clock_ahead_ms.unwrap_or(0);
        let shift = Duration::from_millis(ahead.unsigned_abs());
        if ahead < 0 { SystemTime::now() - shift } else { SystemTime::now() + shift }
    }

    fn may_only_put(&self, operation: &'static str, target: &dyn ToString) -> Result<(), StoreError> {
        allowed(!self.settings.misbehaviour.put_only, operation, target)
    }

    fn may_see_versions(&self, target: &dyn ToString) -> Result<(), StoreError> {
        let Misbehaviour { put_only, hides_versions, .. } = self.settings.misbehaviour;
        allowed(!put_only && !hides_versions, "versions", target)
    }

    /// What a body is once it has arrived; refused where it is not what was announced and the store looks.
    fn received(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Bytes, StoreError> {
        let is_flipped = self.flipped.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        let body = if is_flipped { body.iter().map(|byte| byte ^ 1).collect() } else { body };
        let matches = digest(&SHA256, &body).as_ref() == sha256;
        match matches || self.settings.misbehaviour.accepts_wrong_checksum {
            true => Ok(body),
            false => Err(StoreError::new(ErrorKind::Corrupt, "put", key, "wrong SHA-256")),
        }
    }

    fn default_lock(&self) -> Option<Lock> {
        let days = self.settings.default_retention_days.filter(|_| self.settings.locks)?;
        Some(Lock { compliance: true, until: self.now() + Duration::from_secs(u64::from(days) * 86_400) })
    }

    /// Adds a version, or replaces the only one.
    fn store(&self, objects: &mut Objects, key: &Key, body: Option<Bytes>, lock: Option<Lock>) -> String {
        // Copied: the caller's memory serves another object once it is let go.
        let body = body.map(|body| Bytes::copy_from_slice(&body));
        objects.next_version += 1;
        let id = format!("v{:08}", objects.next_version);
        let versions = objects.by_name.entry(key.to_string()).or_default();
        if !self.settings.versions {
            versions.clear();
        }
        versions.push(Stored { id: id.clone(), body, modified: self.now(), lock });
        id
    }

    fn current(&self, operation: &'static str, key: &Key) -> Result<Bytes, StoreError> {
        self.objects()
            .current(key)
            .and_then(|stored| stored.body.clone())
            .ok_or_else(|| absent(operation, key))
    }

    async fn put_conditionally(&self, key: &Key, body: Bytes, lock: Option<Lock>) -> Option<String> {
        if self.settings.misbehaviour.checks_then_writes {
            if self.objects().is_there(key) {
                return None;
            }
            tokio::task::yield_now().await;
        } else if !self.settings.misbehaviour.ignores_if_none_match {
            let mut objects = self.objects();
            if objects.is_there(key) {
                return None;
            }
            return Some(self.store(&mut objects, key, Some(body), lock));
        }
        Some(self.store(&mut self.objects(), key, Some(body), lock))
    }
}

impl Objects {
    fn current(&self, key: &Key) -> Option<&Stored> {
        self.by_name.get(key.as_str())?.last()
    }

    fn is_there(&self, key: &Key) -> bool {
        self.current(key).is_some_and(|stored| stored.body.is_some())
    }

    /// The version of that id; an empty id or `None` is the current one.
    fn version_mut(&mut self, key: &Key, version: Option<&str>) -> Option<&mut Stored> {
        let versions = self.by_name.get_mut(key.as_str())?;
        match version.filter(|id| !id.is_empty()) {
            Some(id) => versions.iter_mut().find(|stored| stored.id == id),
            None => versions.last_mut(),
        }
    }
}

fn allowed(yes: bool, operation: &'static str, target: &dyn ToString) -> Result<(), StoreError> {
    let denied = || StoreError::new(ErrorKind::Denied, operation, target.to_string(), "not allowed");
    yes.then_some(()).ok_or_else(denied)
}

fn absent(operation: &'static str, key: &Key) -> StoreError {
    StoreError::new(ErrorKind::NotFound, operation, key, "not there")
}

fn bounded(body: Bytes, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
    match body.len() as u64 {
        length if length > max_bytes => Err(too_large("get", key, length, max_bytes)),
        _ => Ok(body),
    }
}

#[async_trait]
impl Store for MemStore {
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let body = self.received(key, body, sha256)?;
        let written = self.put_conditionally(key, body, self.default_lock()).await;
        Ok(if written.is_some() { Put::Created } else { Put::AlreadyThere })
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        self.put_plain(key, body, PlainPut::over(sha256)).await.map(drop)
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.may_only_put("get", key)?;
        bounded(self.current("get", key)?, key, max_bytes)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.may_only_put("get", key)?;
        let body = self.current("get", key)?;
        let end = range.end.min(body.len() as u64);
        if range.start >= end {
            return Ok(Bytes::new());
        }
        // Both fit: they are at most the length of a buffer in memory.
        Ok(body.slice(range.start as usize..end as usize))
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.may_only_put("head", key)?;
        let objects = self.objects();
        let current =
            objects.current(key).and_then(|stored| Some((stored.body.as_ref()?.len(), stored.modified)));
        Ok(current.map(|(bytes, modified)| ObjectMeta { bytes: bytes as u64, modified: Some(modified) }))
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        self.may_only_put("list", &prefix)?;
        let max_rows = max_rows.clamp(1, 1000);
        let after = start_after.filter(|after| *after >= prefix);
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let objects = self.objects();
        let mut rows = objects
            .by_name
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter_map(|(name, versions)| {
                let stored = versions.last()?;
                let bytes = stored.body.as_ref()?.len() as u64;
                Some(ListEntry { key: Key::new(name.clone())?, bytes, modified: Some(stored.modified) })
            });
        let entries: Vec<ListEntry> = rows.by_ref().take(max_rows).collect();
        Ok(ListPage { entries, more: rows.next().is_some(), foreign: 0 })
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.may_only_put("delete", key)?;
        let mut objects = self.objects();
        if self.settings.versions {
            self.store(&mut objects, key, None, None);
        } else {
            objects.by_name.remove(key.as_str());
        }
        Ok(())
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        Ok(self.settings.clock_ahead_ms.map(|_| self.now()))
    }

    fn address(&self) -> String {
        "mem://".to_owned()
    }

    fn locks(&self) -> Option<&dyn LockOps> {
        (self.settings.versions || self.settings.locks || self.settings.clock_ahead_ms.is_some())
            .then_some(self as &dyn LockOps)
    }
}

#[async_trait]
impl LockOps for MemStore {
    async fn versions(&self, key: &Key, max_rows: usize) -> Result<Vec<Version>, StoreError> {
        self.may_see_versions(key)?;
        let objects = self.objects();
        let versions = objects.by_name.get(key.as_str()).into_iter().flatten().rev().take(max_rows);
        Ok(versions
            .map(|stored| Version {
                id: stored.id.clone(),
                delete_marker: stored.body.is_none(),
                bytes: stored.body.as_ref().map_or(0, |body| body.len() as u64),
                modified: Some(stored.modified),
            })
            .collect())
    }

    async fn hidden(&self, prefix: &str, start_after: Option<&str>) -> Result<HiddenPage, StoreError> {
        self.may_see_versions(&prefix)?;
        let objects = self.objects();
        let is_wanted = |name: &str| name.starts_with(prefix) && start_after.is_none_or(|after| name > after);
        let hidden = objects.by_name.iter().filter(|(name, versions)| {
            is_wanted(name) && versions.last().is_some_and(|stored| stored.body.is_none())
        });
        let entries = hidden.filter_map(|(name, versions)| {
            let (body, stored) =
                versions.iter().rev().find_map(|stored| Some((stored.body.as_ref()?, stored)))?;
            let key = Key::new(name.clone())?;
            Some(ListEntry { key, bytes: body.len() as u64, modified: Some(stored.modified) })
        });
        Ok(HiddenPage { entries: entries.collect(), next: None })
    }

    async fn get_version(&self, key: &Key, version: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.may_only_put("get", key)?;
        let body = self.objects().version_mut(key, Some(version)).and_then(|stored| stored.body.clone());
        bounded(body.ok_or_else(|| absent("get", key))?, key, max_bytes)
    }

    async fn delete_version(&self, key: &Key, version: &str) -> Result<(), StoreError> {
        self.may_only_put("delete", key)?;
        let now = self.now();
        let mut objects = self.objects();
        let Some(stored) = objects.version_mut(key, Some(version)) else { return Ok(()) };
        if stored.lock.is_some_and(|lock| lock.until > now) {
            return Err(StoreError::new(ErrorKind::Locked, "delete", key, "under retention"));
        }
        let id = stored.id.clone();
        if let Some(versions) = objects.by_name.get_mut(key.as_str()) {
            versions.retain(|stored| stored.id != id);
        }
        Ok(())
    }

    async fn lock(&self, key: &Key, version: Option<&str>) -> Result<Option<Lock>, StoreError> {
        self.may_only_put("lock", key)?;
        let mut objects = self.objects();
        objects.version_mut(key, version).map(|stored| stored.lock).ok_or_else(|| absent("lock", key))
    }

    async fn set_lock(&self, key: &Key, version: Option<&str>, lock: Lock) -> Result<(), StoreError> {
        self.may_only_put("lock", key)?;
        if !self.settings.versions || self.settings.misbehaviour.forgets_locks {
            return Err(StoreError::new(ErrorKind::Unsupported, "lock", key, "no locks here"));
        }
        let mut objects = self.objects();
        let stored = objects.version_mut(key, version).ok_or_else(|| absent("lock", key))?;
        let weaker =
            stored.lock.is_some_and(|held| held.compliance && (lock.until < held.until || !lock.compliance));
        if weaker && !self.settings.misbehaviour.shortens_locks {
            return Err(StoreError::new(ErrorKind::Locked, "lock", key, "under retention"));
        }
        stored.lock = Some(lock);
        Ok(())
    }

    async fn default_retention(&self) -> Result<Option<DefaultRetention>, StoreError> {
        self.may_only_put("lock", &"bucket")?;
        let days = self.settings.default_retention_days.filter(|_| self.settings.locks);
        Ok(days.map(|days| DefaultRetention { days, compliance: true }))
    }

    async fn versioning(&self) -> Result<bool, StoreError> {
        self.may_only_put("versions", &"bucket")?;
        Ok(self.settings.versions)
    }

    async fn put_plain(&self, key: &Key, body: Bytes, how: PlainPut) -> Result<Option<String>, StoreError> {
        let body = self.received(key, body, how.sha256)?;
        let lock = match how.locked_until {
            None => self.default_lock(),
            Some(_) if self.settings.misbehaviour.forgets_locks => None,
            Some(until) if self.settings.locks => Some(Lock { compliance: true, until }),
            Some(_) => return Err(StoreError::new(ErrorKind::Unsupported, "put", key, "no locks here")),
        };
        match how.is_only_new {
            true => Ok(self.put_conditionally(key, body, lock).await),
            false => Ok(Some(self.store(&mut self.objects(), key, Some(body), lock))),
        }
    }
}
