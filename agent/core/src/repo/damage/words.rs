//! What devices have said of one object, and which of their words is the last one.
//!
//! Words are `bad` and `good` of `damage` notes, `heal` and `loss` notes. One comes after another where that is known: a later note
//! of the same chain, or a note whose writer says that it had read the other one (its attachment `seen`, FORMAT.md §10).
//! What is not known to be answered stands: to store something once more costs bytes, to build on a damaged pack costs data.
//! Taking notes in is a maximum, so their order does not matter. Never: a clock.

use std::collections::BTreeMap;

use scelle_format::id::DeviceId;
use scelle_format::ledger::Note;
use serde::{Deserialize, Serialize};

use crate::error::{ExitCode, Result};
use crate::repo::ledger::history::read_attachment;
use crate::repo::objects::Objects;

/// Role of the attachment that says how far the writer of a note had read other chains.
pub(in crate::repo) const ROLE: &str = "seen";
/// Longest such attachment: 4 096 devices.
const SEEN_MAX_BYTES: u64 = 256 * 1024;

/// By device: the highest number of its notes that was read.
pub type Seen = BTreeMap<String, u64>;

/// What is said of an object. Of each device only its newest word of each kind counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::repo) struct Words {
    /// What is wrong, as some note says.
    why: String,
    /// By device: its newest note that calls the object bad.
    bad: Seen,
    /// By device: its newest note that says where the content is now.
    healed: Seen,
    /// By device: up to which of its notes somebody knew when calling the object good.
    answered: Seen,
    /// By device: up to which of its notes somebody knew when accepting the loss.
    #[serde(default)]
    accepted: Seen,
}

impl Words {
    pub(in crate::repo) fn call_bad(&mut self, device: &str, sequence: u64, why: &str) {
        if self.why.is_empty() {
            why.clone_into(&mut self.why);
        }
        raise(&mut self.bad, device, sequence);
    }

    pub(in crate::repo) fn why(&self) -> &str {
        &self.why
    }

    pub(in crate::repo) fn heal(&mut self, device: &str, sequence: u64) {
        raise(&mut self.healed, device, sequence);
    }

    pub(in crate::repo) fn call_good(&mut self, device: &str, sequence: u64, known: &Seen) {
        known.iter().for_each(|(other, seen)| raise(&mut self.answered, other, *seen));
        raise(&mut self.answered, device, sequence);
    }

    pub(in crate::repo) fn accept(&mut self, device: &str, sequence: u64, known: &Seen) {
        known.iter().for_each(|(other, seen)| raise(&mut self.accepted, other, *seen));
        raise(&mut self.accepted, device, sequence);
    }

    /// Whether somebody has accepted that it is lost who knew everything bad that is said of it.
    pub(in crate::repo) fn is_accepted(&self) -> bool {
        let is_known =
            |(device, at): (&String, &u64)| self.accepted.get(device).is_some_and(|known| at <= known);
        let mut standing = self.bad.iter().filter(|(device, at)| self.stands(device, **at)).peekable();
        standing.peek().is_some() && standing.all(is_known)
    }

    /// Whether `device` has called it bad after its note number `sequence`.
    pub(in crate::repo) fn is_news_of(&self, device: &str, sequence: u64) -> bool {
        self.bad.get(device).is_some_and(|at| *at > sequence)
    }

    /// Whether nothing may be built on it: called bad or healed, and not called good since.
    pub(in crate::repo) fn is_bad(&self) -> bool {
        self.has_standing(&self.bad) || self.is_healed()
    }

    /// Whether it is bad and its content is not known to be elsewhere.
    pub(in crate::repo) fn is_open(&self) -> bool {
        self.has_standing(&self.bad) && !self.is_healed()
    }

    fn is_healed(&self) -> bool {
        self.has_standing(&self.healed)
    }

    fn has_standing(&self, said: &Seen) -> bool {
        said.iter().any(|(device, at)| self.stands(device, *at))
    }

    fn stands(&self, device: &str, at: u64) -> bool {
        self.answered.get(device).is_none_or(|answered| at > *answered)
    }
}

fn raise(rows: &mut Seen, device: &str, sequence: u64) {
    let row = rows.entry(device.to_owned()).or_default();
    *row = (*row).max(sequence);
}

/// The text of the attachment: `<device> <sequence>` on each line.
pub(in crate::repo) fn to_text(seen: &Seen) -> String {
    seen.iter().map(|(device, sequence)| format!("{device} {sequence}\n")).collect()
}

/// How far the writer of a note had read other chains. One that does not say so, or whose attachment is lost, is taken to
/// have read nothing.
///
/// Errors: the store does not answer.
pub(in crate::repo) async fn seen_by(objects: &Objects, note: &Note) -> Result<Seen> {
    let Some(attachment) = note.attachment(ROLE) else { return Ok(Seen::new()) };
    match read_attachment(objects, attachment, SEEN_MAX_BYTES).await {
        Ok(bytes) => Ok(parse(&bytes).unwrap_or_default()),
        Err(error) if error.code == ExitCode::Damaged => Ok(Seen::new()),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> Option<Seen> {
    let rows = std::str::from_utf8(bytes).ok()?.lines().map(|line| {
        let (device, sequence) = line.split_once(' ')?;
        Some((DeviceId::parse(device).ok()?.to_string(), sequence.parse().ok()?))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_until_someone_who_knew_it_answers() {
        let mut words = Words::default();
        words.call_bad("a", 3, "pack-hash");
        words.call_good("b", 9, &Seen::from([("a".to_owned(), 2)]));
        assert!(words.is_open(), "b had not read it");
        words.call_good("b", 10, &Seen::from([("a".to_owned(), 3)]));
        assert!(!words.is_bad());
        words.call_bad("a", 4, "pack-hash");
        words.heal("c", 1);
        assert!(words.is_bad() && !words.is_open());
        // A note of an earlier day that arrives late changes nothing.
        words.call_good("b", 8, &Seen::from([("a".to_owned(), 1)]));
        assert!(words.is_bad());
    }

    #[test]
    fn a_loss_is_accepted_only_by_someone_who_knew_all_of_it() {
        let mut words = Words::default();
        words.call_bad("a", 3, "pack-hash");
        words.call_bad("c", 8, "pack-missing");
        words.accept("b", 5, &Seen::from([("a".to_owned(), 3)]));
        assert!(!words.is_accepted(), "what c said was not known");
        words.accept("c", 9, &Seen::from([("a".to_owned(), 3)]));
        assert!(words.is_accepted() && words.is_open());
        words.call_bad("a", 4, "pack-hash");
        assert!(!words.is_accepted(), "found once more");
    }

    #[test]
    fn what_is_written_is_read_back_and_anything_else_is_nothing() {
        let seen = Seen::from([("0123456789abcdef".to_owned(), 7), ("fedcba9876543210".to_owned(), 1)]);
        assert_eq!(parse(to_text(&seen).as_bytes()), Some(seen));
        assert!(
            parse(b"0123456789abcdef x\n").is_none()
                && parse(b"dev 1\n").is_none()
                && parse(&[0xff]).is_none()
        );
    }
}
