//! Where the content of damaged packs went, as `heal` notes say: what took their place may be lost as well.
//!
//! Data comes from the notes of all devices, goes to [`crate::repo::damage`]. Of each device only the newest word about a pack counts,
//! so the order in which notes are read does not matter. Never: a clock.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::repo::damage::words::Words;

/// A replacement of a replacement, and so on, is followed so far.
const DEPTH_MAX: u32 = 16;

/// By the name of a damaged pack and the device that healed it: the number of its note, and the packs that hold the content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::repo) struct Replaced(BTreeMap<String, BTreeMap<String, (u64, BTreeSet<String>)>>);

impl Replaced {
    /// What a `heal` note says.
    pub(in crate::repo) fn take_in(
        &mut self,
        name: String,
        device: &str,
        sequence: u64,
        by: BTreeSet<String>,
    ) {
        let row = self.0.entry(name).or_default().entry(device.to_owned()).or_default();
        if row.0 <= sequence {
            *row = (sequence, by);
        }
    }

    /// Packs in the place of `name` that are lost in their turn, where no device has another place that is whole.
    pub(in crate::repo) fn lost_of<'a>(
        &'a self,
        name: &str,
        words: &'a BTreeMap<String, Words>,
    ) -> BTreeSet<&'a str> {
        self.lost_at(name, words, DEPTH_MAX)
    }

    fn lost_at<'a>(
        &'a self,
        name: &str,
        words: &'a BTreeMap<String, Words>,
        depth: u32,
    ) -> BTreeSet<&'a str> {
        let mut lost = BTreeSet::new();
        for (_, by) in self.0.get(name).filter(|_| depth > 0).into_iter().flat_map(BTreeMap::values) {
            let lost_here: BTreeSet<&str> = by
                .iter()
                .filter_map(|pack| Some((pack.as_str(), words.get(pack)?)))
                .flat_map(|(pack, said)| match (said.is_open(), said.is_bad()) {
                    (true, _) => BTreeSet::from([pack]),
                    (false, true) => self.lost_at(pack, words, depth - 1),
                    (false, false) => BTreeSet::new(),
                })
                .collect();
            if lost_here.is_empty() {
                return BTreeSet::new();
            }
            lost.extend(lost_here);
        }
        lost
    }
}
