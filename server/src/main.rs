//! The key-less server: vault and console. Both come with later issues; until then it says so and exits 2.
//!
//! It is built without the format's `crypto` feature, so that no content key can ever be held here.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let version = scelle_format::limits::VERSION;
    let line = format!(
        "scelle-server : pas dans cette version (format {version}) / not in this version (format {version})\n"
    );
    // Nobody left to read it is no reason to fail differently.
    let _ = std::io::stderr().write_all(line.as_bytes());
    ExitCode::from(2)
}
