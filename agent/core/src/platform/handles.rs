//! How many files and folders this process may hold open at once.
//!
//! For: the program's start, which asks for as many as it may have, and whoever keeps handles, to keep fewer than that.
//! Data comes from the system's limits. Never: fails; who may not have more goes on with what there is.

/// Enough for everything the program keeps open, on any system.
#[cfg(unix)]
const WANTED: u64 = 65_536;
/// macOS gives no more than this, whatever it says the maximum is.
#[cfg(unix)]
const WANTED_AT_LEAST: u64 = 10_240;

/// Raises the limit of this process to what it may have (macOS gives 256 unasked).
#[cfg(unix)]
pub fn raise_handle_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    for wanted in [WANTED, WANTED_AT_LEAST] {
        let current = now.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        if now.current.is_none_or(|soft| soft >= current) {
            return;
        }
        let raised = Rlimit { current: Some(current), maximum: now.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            return;
        }
    }
}

/// How many handles this process may have; `usize::MAX` where nothing limits them.
#[cfg(unix)]
pub fn handle_limit() -> usize {
    let soft = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    soft.and_then(|soft| usize::try_from(soft).ok()).unwrap_or(usize::MAX)
}

/// Windows has no limit that a program could come near.
#[cfg(windows)]
pub fn raise_handle_limit() {}

/// Windows has no limit that a program could come near.
#[cfg(windows)]
pub fn handle_limit() -> usize {
    usize::MAX
}
