//! Who knows which operating system this is: the few files that may ask, and why each does.
//!
//! Everything else asks a room that has the same names on each system. Never: a line that is no longer needed; one that is is
//! found.

/// How code asks for the system it is built for.
pub const ASKS: [&str; 9] = [
    "cfg(unix)",
    "cfg(windows)",
    "cfg(not(unix))",
    "cfg(not(windows))",
    "cfg(target_os",
    "cfg!(",
    "std::os::",
    "rustix::",
    "libc::",
];

/// Files and folders that may, below the checkout.
pub const MAY: [&str; 9] = [
    // What the agent asks of a system about files.
    "agent/core/src/platform/",
    // How a file of a store is made durable and gets its name, which the store's own room must know without the core.
    "agent/store/src/durable.rs",
    "agent/store/src/durable/",
    // Where a system wants a program's state and configuration.
    "agent/src/config/places.rs",
    // Which service manager a system has, and the rights of its files.
    "agent/src/boot/",
    // A link that the demo makes again.
    "agent/src/demo/compare.rs",
    // Odd names and links of the invented practice, as far as a system has them.
    "agent/practice/src/odd.rs",
    // The vault's own room for this, and how it is asked to stop.
    "server/src/vault/platform.rs",
    "server/src/cli/vault.rs",
];
