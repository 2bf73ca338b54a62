//! The conformance suite: every sentence of the [`Store`] docs, checked on any implementation.
//!
//! For: each store's tests. Works below `contract/<random>/` and panics at the first broken promise.
//! Never: asserts on time or on what an engine cannot do (see [`Capabilities`]).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

use crate::{ErrorKind, Key, Put, Store};

/// What an engine is known to do; the suite checks only that.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// A second put of one name is refused, also in a race.
    pub conditional_put: bool,
    /// A wrong SHA-256 is refused.
    pub checks_sha256: bool,
    /// Listings come in byte order of full names also where `/` meets smaller bytes, and may start after
    /// a name that no object has.
    pub byte_order: bool,
}

impl Capabilities {
    /// Everything the contract says.
    pub const ALL: Self = Self { conditional_put: true, checks_sha256: true, byte_order: true };
}

struct Suite {
    store: Arc<dyn Store>,
    /// Ends in `/`.
    room: String,
}

/// Runs the whole suite.
pub async fn check(store: Arc<dyn Store>, capabilities: Capabilities) {
    let suite = Suite { store, room: format!("contract/{:016x}/", rand::random::<u64>()) };
    suite.round_trip().await;
    suite.absent().await;
    suite.ranges().await;
    suite.bounds().await;
    suite.mends().await;
    if capabilities.conditional_put {
        suite.never_replaces().await;
        suite.race().await;
    }
    if capabilities.checks_sha256 {
        suite.wrong_sha256().await;
    }
    suite.listing(capabilities.byte_order).await;
    suite.paging().await;
    suite.concurrent().await;
    suite.deletion().await;
    suite.place().await;
}

/// SHA-256 of `body`.
pub fn sha256(body: &[u8]) -> [u8; 32] {
    digest(&SHA256, body).as_ref().try_into().unwrap()
}

impl Suite {
    fn key(&self, name: &str) -> Key {
        Key::new(format!("{}{name}", self.room)).unwrap()
    }

    async fn put(&self, name: &str, body: impl Into<Bytes>) -> Put {
        let body = body.into();
        let sum = sha256(&body);
        self.store.put_new(&self.key(name), body, sum).await.unwrap()
    }

    async fn get(&self, name: &str) -> Bytes {
        self.store.get(&self.key(name), 64 << 20).await.unwrap()
    }

    async fn round_trip(&self) {
        let large: Vec<u8> = (0..20u32 << 20).map(|at| (at ^ (at >> 11)) as u8).collect();
        for (name, body) in [("empty", Vec::new()), ("one", vec![7]), ("deep/er/one.age", vec![1; 1000])] {
            assert_eq!(self.put(name, body.clone()).await, Put::Created, "{name}");
            assert_eq!(self.get(name).await, body, "{name}");
            let meta = self.store.head(&self.key(name)).await.unwrap().unwrap();
            assert_eq!(meta.bytes, body.len() as u64, "{name}");
        }
        assert_eq!(self.put("large", large.clone()).await, Put::Created);
        assert!(self.get("large").await == large, "20 MiB came back changed");
        let tail = self.store.get_range(&self.key("large"), 20_000_000..30_000_000).await.unwrap();
        assert!(tail == large[20_000_000..], "the tail of 20 MiB came back changed");
    }

    async fn absent(&self) {
        let absent = self.key("absent/one");
        let kinds = [
            self.store.get(&absent, 10).await.unwrap_err().kind,
            self.store.get_range(&absent, 0..1).await.unwrap_err().kind,
            self.store.get_range(&absent, 1..1).await.unwrap_err().kind,
        ];
        assert_eq!(kinds, [ErrorKind::NotFound; 3]);
        assert_eq!(self.store.head(&absent).await.unwrap(), None);
        // A name that is only the beginning of others holds no object.
        assert_eq!(self.store.head(&self.key("deep")).await.unwrap(), None);
    }

    async fn ranges(&self) {
        let body: Vec<u8> = (0..100).collect();
        self.put("ranged", body.clone()).await;
        let key = self.key("ranged");
        for (range, expected) in [
            (0..100, &body[..]),
            (0..1, &body[..1]),
            (99..100, &body[99..]),
            (40..60, &body[40..60]),
            (90..1000, &body[90..]),
            (0..u64::MAX, &body[..]),
            (100..200, &[]),
            (5000..6000, &[]),
            (7..7, &[]),
        ] {
            let bytes = self.store.get_range(&key, range.clone()).await.unwrap();
            assert_eq!(bytes, expected, "{range:?}");
        }
        assert_eq!(self.store.get_range(&self.key("empty"), 0..10).await.unwrap(), Bytes::new());
    }

    async fn bounds(&self) {
        self.put("bounded", vec![3; 1000]).await;
        let key = self.key("bounded");
        assert_eq!(self.store.get(&key, 1000).await.unwrap().len(), 1000);
        assert_eq!(self.store.get(&key, 999).await.unwrap_err().kind, ErrorKind::Invalid);
        assert_eq!(self.store.get(&key, 0).await.unwrap_err().kind, ErrorKind::Invalid);
        assert_eq!(self.store.get(&self.key("empty"), 0).await.unwrap().len(), 0);
    }

    async fn never_replaces(&self) {
        assert_eq!(self.put("kept", "first").await, Put::Created);
        assert_eq!(self.put("kept", "second, longer").await, Put::AlreadyThere);
        assert_eq!(self.put("kept", "first").await, Put::AlreadyThere);
        assert_eq!(self.get("kept").await, "first");
    }

    /// What is damaged can be put right under its own name; a name that is free is written.
    async fn mends(&self) {
        assert_eq!(self.put("mended/object", "spoilt").await, Put::Created);
        for (name, body) in [("mended/object", "sound"), ("mended/absent", "new")] {
            let body = Bytes::from_static(body.as_bytes());
            self.store.replace(&self.key(name), body.clone(), sha256(&body)).await.unwrap();
            assert_eq!(self.get(name).await, body);
        }
    }

    async fn race(&self) {
        for round in 0..4 {
            let name = format!("race/{round}");
            let racers = (0..8u8).map(|racer| {
                let (store, key) = (Arc::clone(&self.store), self.key(&name));
                let body = Bytes::from(vec![racer; 10_000]);
                // Tasks, so that on a multi-threaded runtime they run at the same time.
                tokio::spawn(async move {
                    let sum = sha256(&body);
                    // "Try again" (409) is a permitted answer to a race.
                    loop {
                        match store.put_new(&key, body.clone(), sum).await {
                            Err(error) if error.is_retryable() => {}
                            outcome => return outcome.unwrap(),
                        }
                    }
                })
            });
            let outcomes: Vec<Put> =
                futures::future::join_all(racers).await.into_iter().map(Result::unwrap).collect();
            let winners: Vec<usize> = (0..8).filter(|racer| outcomes[*racer] == Put::Created).collect();
            assert_eq!(winners.len(), 1, "round {round}: {outcomes:?}");
            assert_eq!(self.get(&name).await, vec![winners[0] as u8; 10_000], "round {round}");
        }
    }

    async fn wrong_sha256(&self) {
        let key = self.key("wrong-sum");
        let error = self.store.put_new(&key, Bytes::from_static(b"body"), [9; 32]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
        assert_eq!(self.store.head(&key).await.unwrap(), None, "a refused body must not be stored");
        assert_eq!(self.put("wrong-sum", "body").await, Put::Created);
    }

    async fn names(&self, prefix: &str, after: Option<&str>, rows: usize) -> (Vec<String>, bool) {
        let prefix = format!("{}{prefix}", self.room);
        let after = after.map(|after| format!("{}{after}", self.room));
        let page = self.store.list(&prefix, after.as_deref(), rows).await.unwrap();
        let names = page.entries.iter().map(|entry| entry.key.as_str()[self.room.len()..].to_owned());
        (names.collect(), page.more)
    }

    async fn listing(&self, byte_order: bool) {
        // '-' and '.' sort before '/', '0' and letters after it.
        let mixed = ["l/a-b", "l/a.b", "l/a/1", "l/a/b/c", "l/a/b-c", "l/a0", "l/aa", "l/b", "l/b-x/1"];
        let plain = ["l/00/1", "l/00/2", "l/01/1", "l/02/1", "l/02/2", "l/zz"];
        let mut expected: Vec<&str> = if byte_order { mixed.to_vec() } else { plain.to_vec() };
        for (size, name) in expected.iter().enumerate() {
            self.put(name, vec![1; size]).await;
        }
        let sizes: Vec<(String, usize)> =
            expected.iter().enumerate().map(|(size, name)| ((*name).to_owned(), size)).collect();
        expected.sort_unstable();

        assert_eq!(self.names("l/", None, 1000).await, (owned(&expected), false));
        for rows in 1..expected.len() {
            let mut seen = Vec::new();
            loop {
                let after = seen.last().cloned();
                let (names, more) = self.names("l/", after.as_deref(), rows).await;
                assert!(names.len() <= rows);
                seen.extend(names);
                if !more {
                    break;
                }
            }
            assert_eq!(seen, owned(&expected), "pages of {rows}");
        }
        for prefix in ["l/a", "l/a/", "l/a/b", "l/0", "l/02/", "l/02/1", "l/nothing", "l/b-"] {
            let want: Vec<&str> = expected.iter().copied().filter(|name| name.starts_with(prefix)).collect();
            assert_eq!(self.names(prefix, None, 1000).await.0, owned(&want), "prefix {prefix}");
        }
        let mut afters = vec!["l/", "l/00/1", "l/01/1", "l/zzz", "a", "z"];
        if byte_order {
            // Names that no object has: an engine that walks folders takes "l/01" for all below it.
            afters.extend(["l/a", "l/a-b", "l/a/", "l/a/zzz", "l/b-x", "l/01"]);
        }
        for after in afters {
            let want: Vec<&str> = expected.iter().copied().filter(|name| *name > after).collect();
            assert_eq!(self.names("l/", Some(after), 1000).await.0, owned(&want), "after {after}");
        }
        let page = self.store.list(&format!("{}l/", self.room), None, 1000).await.unwrap();
        for (name, size) in sizes {
            let key = self.key(&name);
            let entry = page.entries.iter().find(|entry| entry.key == key).unwrap();
            assert_eq!(entry.bytes, size as u64, "{name}");
            if let Some(modified) = entry.modified {
                let apart = SystemTime::now().duration_since(modified).unwrap_or_default();
                assert!(apart < Duration::from_secs(86_400), "{name} is dated {modified:?}");
            }
        }
    }

    async fn paging(&self) {
        for row in 0..25 {
            self.put(&format!("paged/{row:02}"), "x").await;
        }
        let (first, more) = self.names("paged/", None, 10).await;
        assert_eq!((first.len(), more), (10, true));
        let (second, more) = self.names("paged/", first.last().map(String::as_str), 15).await;
        assert_eq!((second.len(), more), (15, false), "an exact last page has nothing after it");
    }

    async fn concurrent(&self) {
        let writers = (0..32u8).map(|writer| {
            let (store, key) = (Arc::clone(&self.store), self.key(&format!("c/{:02x}/{writer}", writer % 4)));
            tokio::spawn(async move {
                let body = Bytes::from(vec![writer; 5000 + usize::from(writer)]);
                let sum = sha256(&body);
                assert_eq!(store.put_new(&key, body.clone(), sum).await.unwrap(), Put::Created);
                assert_eq!(store.get(&key, 10_000).await.unwrap(), body);
                assert_eq!(store.get_range(&key, 10..20).await.unwrap(), vec![writer; 10]);
            })
        });
        for writer in futures::future::join_all(writers).await {
            writer.unwrap();
        }
        assert_eq!(self.names("c/", None, 1000).await.0.len(), 32);
    }

    async fn deletion(&self) {
        self.put("gone", "x").await;
        self.store.delete(&self.key("gone")).await.unwrap();
        self.store.delete(&self.key("gone")).await.unwrap();
        self.store.delete(&self.key("never/there")).await.unwrap();
        assert_eq!(self.store.head(&self.key("gone")).await.unwrap(), None);
        assert_eq!(self.store.get(&self.key("gone"), 10).await.unwrap_err().kind, ErrorKind::NotFound);
        assert!(self.names("gone", None, 10).await.0.is_empty());
        assert_eq!(self.put("gone", "anew").await, Put::Created, "a deleted name is free again");
        assert_eq!(self.get("gone").await, "anew");
    }

    async fn place(&self) {
        assert!(!self.store.address().is_empty());
        if let Some(server) = self.store.server_time().await.unwrap() {
            let apart = server.duration_since(SystemTime::now()).unwrap_or_else(|before| before.duration());
            assert!(apart < Duration::from_secs(3600), "the server's clock is {apart:?} off");
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
