//! What the operator reads on standard error: one JSON object a line.
//!
//! Never: a bucket, a key, a secret, or an address of a client; those are in the tenant's own trace.

use std::io::Write as _;

use super::clock;

/// Says that something went wrong inside the vault.
pub fn problem(what: &str) {
    line("problem", what);
}

/// Says what the vault is doing.
pub fn notice(what: &str) {
    line("notice", what);
}

fn line(level: &str, what: &str) {
    let line = serde_json::json!({ "time": clock::text(clock::now_ms()), "level": level, "what": what });
    // Nobody left to read it is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
