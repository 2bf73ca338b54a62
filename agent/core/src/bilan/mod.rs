//! Bilans: what a run can prove, written down, signed, and shown to people.
//!
//! [`RunReport`] (what one run knows) → [`facts()`] → lights → [`record()`] → [`write()`] (a `bilan` note, FORMAT.md §11);
//! back again by [`list`], [`show`], [`export`], [`verify()`] and [`whois()`]. Never: a name or a path in a record or an
//! export, a light that somebody typed, a sentence in anything that is signed.

pub mod accepted;
mod chain;
pub mod export;
pub mod facts;
mod foreseen;
mod held;
pub mod list;
pub mod memory;
mod named;
pub mod probed;
pub mod recall;
pub mod record;
pub mod remember;
pub mod run;
mod unread;
pub mod verify;
pub mod whois;
pub mod write;

pub use export::export;
pub use facts::facts;
pub use foreseen::foresee;
pub use list::{Loaded, Row, Shelf};
pub use memory::Memory;
pub use recall::recall;
pub use record::{NotePosition, record};
pub use run::{Declared, EndCheck, HostDeclared, KitCheck, Proofs, RunEnd, RunReport, TlsEnd, TroubleTold};
pub use verify::{Anchor, Signer, Verdict, verify};
pub use whois::whois;
pub use write::{Written, keep, write};

#[cfg(test)]
mod facts_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod round_trip_tests;
