//! A store that fails as scripted.
//!
//! For: tests of what the agent does when a call fails, is damaged, or is slow. Never: fails by chance.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

use crate::{ErrorKind, Key, ListPage, ObjectMeta, Put, Store, StoreError};

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `put_new`.
    Put,
    /// `get`.
    Get,
    /// `get_range`.
    GetRange,
    /// `head`.
    Head,
    /// `list`.
    List,
    /// `delete`.
    Delete,
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get | Self::GetRange => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and does nothing.
    Fail(ErrorKind),
    /// The call does its work and its answer is lost (the caller sees this kind).
    LoseAnswer(ErrorKind),
    /// One bit of what is read, or put, is flipped, at this byte (modulo the length).
    Corrupt(u64),
    /// What is read, or put, ends after this many bytes.
    Truncate(u64),
    /// The call waits first.
    Delay(Duration),
    /// The call never ends.
    Hang,
    /// `head` does not show an object that is there.
    Hide,
    /// `put_new` answers that the object was written, and nothing was.
    Pretend,
}

/// The end of the caller's process at a put.
struct Death {
    nth: u64,
    key_prefix: String,
    holding: String,
    is_put: bool,
    image: Box<dyn Fn() + Send + Sync>,
    seen: u64,
}

#[derive(Clone, Debug)]
struct Rule {
    operation: Operation,
    /// 1 for the first call that matches; `None` for every one.
    nth: Option<u64>,
    key_prefix: String,
    /// What the bytes of a put must hold; empty for any.
    holding: String,
    fault: Fault,
    seen: u64,
}

/// Fails scripted calls and passes the rest.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn Store>,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    rules: Vec<Rule>,
    death: Option<Death>,
    is_dead: bool,
    counts: HashMap<Operation, u64>,
    /// Names put so far.
    puts: Vec<String>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Faulty {
    /// Wraps `inner`; nothing fails yet.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, script: Arc::default() }
    }

    /// Applies `fault` to the `nth` (1 = first) call of `operation` on names that begin with `key_prefix`,
    /// counted from now.
    pub fn nth(&self, operation: Operation, nth: u64, key_prefix: &str, fault: Fault) -> &Self {
        self.add(operation, Some(nth), key_prefix, "", fault)
    }

    /// Applies `fault` to every call of `operation` on names that begin with `key_prefix`.
    pub fn always(&self, operation: Operation, key_prefix: &str, fault: Fault) -> &Self {
        self.add(operation, None, key_prefix, "", fault)
    }

    /// [`Self::nth`] for puts whose bytes hold `text`.
    pub fn nth_put_of(&self, nth: u64, key_prefix: &str, text: &str, fault: Fault) -> &Self {
        self.add(Operation::Put, Some(nth), key_prefix, text, fault)
    }

    /// Whether a scripted fault has been met, or the caller is dead.
    pub fn has_struck(&self) -> bool {
        let script = self.script();
        script.is_dead
            || script.rules.iter().any(|rule| rule.nth.is_none_or(|nth| rule.seen >= nth) && rule.seen > 0)
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut script = self.script();
        script.rules.clear();
        (script.death, script.is_dead) = (None, false);
    }

    /// The caller dies at the `nth` put of a name that begins with `key_prefix`, before it is done or, with `is_put`, right
    /// after: `image` is called to take what would be found of it, and from then on no call does anything.
    pub fn die(&self, nth: u64, key_prefix: &str, is_put: bool, image: impl Fn() + Send + Sync + 'static) {
        self.die_at_put_of(nth, key_prefix, "", is_put, image);
    }

    /// [`Self::die`] at a put whose bytes hold `text`.
    pub fn die_at_put_of(
        &self,
        nth: u64,
        key_prefix: &str,
        text: &str,
        is_put: bool,
        image: impl Fn() + Send + Sync + 'static,
    ) {
        let (key_prefix, holding) = (key_prefix.to_owned(), text.to_owned());
        self.script().death =
            Some(Death { nth, key_prefix, holding, is_put, image: Box::new(image), seen: 0 });
    }

    /// Puts of names that begin with `key_prefix` so far, failed ones included.
    pub fn count_put_below(&self, key_prefix: &str) -> u64 {
        self.script().puts.iter().filter(|key| key.starts_with(key_prefix)).count() as u64
    }

    /// Whether the caller died.
    pub fn is_dead(&self) -> bool {
        self.script().is_dead
    }

    /// Whether the caller dies at this put, and whether it is done before.
    fn dies(&self, key: &str, body: &[u8]) -> Option<bool> {
        let mut script = self.script();
        let death = script.death.as_mut().filter(|death| key.starts_with(&death.key_prefix))?;
        if !holds(body, &death.holding) {
            return None;
        }
        death.seen += 1;
        (death.seen == death.nth).then_some(death.is_put)
    }

    /// Calls of `operation` so far, failed ones included.
    pub fn count(&self, operation: Operation) -> u64 {
        self.script().counts.get(&operation).copied().unwrap_or(0)
    }

    fn add(
        &self,
        operation: Operation,
        nth: Option<u64>,
        key_prefix: &str,
        holding: &str,
        fault: Fault,
    ) -> &Self {
        let (key_prefix, holding) = (key_prefix.to_owned(), holding.to_owned());
        self.script().rules.push(Rule { operation, nth, key_prefix, holding, fault, seen: 0 });
        self
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call and gives the faults that apply to it.
    fn faults(&self, operation: Operation, key: &str, body: &[u8]) -> Vec<Fault> {
        let mut script = self.script();
        *script.counts.entry(operation).or_default() += 1;
        if operation == Operation::Put {
            script.puts.push(key.to_owned());
        }
        let matching = script
            .rules
            .iter_mut()
            .filter(|rule| rule.operation == operation && key.starts_with(&rule.key_prefix))
            .filter(|rule| holds(body, &rule.holding));
        matching
            .filter_map(|rule| {
                rule.seen += 1;
                rule.nth.is_none_or(|nth| nth == rule.seen).then_some(rule.fault)
            })
            .collect()
    }

    async fn run<T>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>>,
        damage: impl Fn(T, Fault) -> T,
    ) -> Result<T, StoreError> {
        let faults = self.faults(operation, key, &[]);
        self.run_with(faults, operation, key, call, damage).await
    }

    async fn run_with<T>(
        &self,
        faults: Vec<Fault>,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>>,
        damage: impl Fn(T, Fault) -> T,
    ) -> Result<T, StoreError> {
        if self.is_dead() {
            return Err(StoreError::new(ErrorKind::Other, operation.word(), key, "the caller is dead"));
        }
        let error = |kind| StoreError::new(kind, operation.word(), key, "scripted fault");
        for fault in &faults {
            match fault {
                Fault::Fail(kind) => return Err(error(*kind)),
                Fault::Delay(wait) => tokio::time::sleep(*wait).await,
                Fault::Hang => std::future::pending().await,
                _ => {}
            }
        }
        let mut outcome = call.await?;
        for fault in faults {
            match fault {
                Fault::LoseAnswer(kind) => return Err(error(kind)),
                fault => outcome = damage(outcome, fault),
            }
        }
        Ok(outcome)
    }
}

fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

fn holds(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text.as_bytes())
}

fn damaged(bytes: Bytes, fault: Fault) -> Bytes {
    match fault {
        Fault::Corrupt(at) if !bytes.is_empty() => {
            let mut bytes = bytes.to_vec();
            let at = usize::try_from(at % bytes.len() as u64).unwrap_or(0);
            bytes[at] ^= 1;
            bytes.into()
        }
        Fault::Truncate(length) => {
            bytes.slice(..bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX)))
        }
        _ => bytes,
    }
}

#[async_trait]
impl crate::Decorator for Faulty {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        if let Some(is_put) = self.dies(key.as_str(), &body) {
            if is_put {
                self.inner.put_new(key, body, sha256).await?;
            }
            let mut script = self.script();
            script.is_dead = true;
            if let Some(death) = &script.death {
                (death.image)();
            }
            return Err(StoreError::new(ErrorKind::Other, "put", key, "the caller is dead"));
        }
        let faults = self.faults(Operation::Put, key.as_str(), &body);
        if faults.contains(&Fault::Pretend) && !self.is_dead() {
            return Ok(Put::Created);
        }
        // A store that checks the hash it is told would refuse: this one is told that of what arrives.
        let arrived = faults.iter().fold(body.clone(), |bytes, fault| damaged(bytes, *fault));
        let sha256 = if arrived == body { sha256 } else { sha256_of(&arrived) };
        let call = self.inner.put_new(key, arrived, sha256);
        self.run_with(faults, Operation::Put, key.as_str(), call, |put, _| put).await
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        let faults = self.faults(Operation::Put, key.as_str(), &body);
        if faults.contains(&Fault::Pretend) && !self.is_dead() {
            return Ok(());
        }
        let call = self.inner.replace(key, body, sha256);
        self.run_with(faults, Operation::Put, key.as_str(), call, |(), _| ()).await
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.run(Operation::Get, key.as_str(), self.inner.get(key, max_bytes), damaged).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.run(Operation::GetRange, key.as_str(), self.inner.get_range(key, range), damaged).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.run(Operation::Head, key.as_str(), self.inner.head(key), |meta, fault| {
            meta.filter(|_| fault != Fault::Hide)
        })
        .await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        let call = self.inner.list(prefix, start_after, max_rows);
        self.run(Operation::List, prefix, call, |page, _| page).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.run(Operation::Delete, key.as_str(), self.inner.delete(key), |(), _| ()).await
    }
}
