//! Where time and chance come from: the few files that may ask the system for them, and what each asks for.
//!
//! Everything else is handed a clock and a source of random bytes, so that a test can give it its own. Never: a line that is
//! no longer needed; one that is is found.

/// What a file may name.
pub struct Source {
    /// The file, below the checkout.
    pub file: &'static str,
    /// What it may name of [`NAMES`].
    pub names: &'static [&'static str],
}

/// Ways to ask the system what time it is or for random bytes.
pub const NAMES: [&str; 13] = [
    "SystemClock",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "Utc::now",
    "OsRandom",
    "OsRng",
    "SystemRandom",
    "getrandom",
    "rand::",
    "Chance::system",
    "RandomState",
    "of_files",
];

/// The files that may, and what for.
pub const SOURCES: [Source; 19] = [
    // The sources themselves, and where they are put together.
    Source { file: "repo-format/src/random.rs", names: &["OsRandom", "getrandom"] },
    Source { file: "agent/core/src/clock.rs", names: &["SystemClock", "SystemTime::now", "of_files"] },
    Source { file: "agent/core/src/chance.rs", names: &["OsRandom"] },
    Source { file: "agent/core/src/around.rs", names: &["SystemClock", "Chance::system"] },
    Source { file: "agent/src/bin/scelle.rs", names: &["SystemClock"] },
    Source { file: "server/src/vault/clock.rs", names: &["SystemTime::now"] },
    // The trait of age's crate has no argument for one.
    Source { file: "repo-format/src/crypto/pq.rs", names: &["OsRandom"] },
    // How old a file is: files have the system's time, whatever clock a test has.
    Source { file: "agent/core/src/pipeline/workers/raw.rs", names: &["of_files"] },
    Source { file: "agent/core/src/repo/state/stale.rs", names: &["of_files"] },
    // Hashes that nobody can foresee, who would choose names that collide, and names that are free.
    Source { file: "agent/core/src/restore/twins.rs", names: &["RandomState"] },
    Source { file: "agent/core/src/restore/write/tree.rs", names: &["RandomState"] },
    // How far the server's clock is from this computer's.
    Source { file: "agent/store/src/s3/clock.rs", names: &["SystemTime::now"] },
    Source { file: "agent/store/src/mem.rs", names: &["SystemTime::now"] },
    // Names of temporary files, and how long to wait before the next try.
    Source { file: "agent/store/src/durable.rs", names: &["rand::"] },
    Source { file: "agent/store/src/durable/incoming.rs", names: &["rand::"] },
    Source { file: "agent/store/src/retry.rs", names: &["rand::"] },
    // The vault's own keys and names.
    Source { file: "server/src/vault/keys.rs", names: &["rand::"] },
    Source { file: "server/src/vault/blobs.rs", names: &["rand::"] },
    Source { file: "server/src/vault/metadata/mod.rs", names: &["rand::"] },
];
