//! The store's listing against what a snapshot needs, before its note is written. Reads no pack.

use std::collections::HashMap;

use scelle_format::layout::{self, PackName};
use scelle_format::refs::PackSet;

use crate::error::Result;
use crate::repo::objects::Objects;

/// What the listing showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Packs the snapshot needs.
    pub needed_packs: u64,
    /// Needed packs that are not there.
    pub missing: Vec<PackName>,
    /// Needed packs that are there with another size.
    pub wrong_size: Vec<PackName>,
}

impl Listing {
    /// Whether every needed pack is there, whole.
    pub fn is_sound(&self) -> bool {
        self.missing.is_empty() && self.wrong_size.is_empty()
    }
}

/// Lists the packs of the epochs in use and compares names and sizes.
///
/// Also returns what is listed, with sizes.
pub async fn compare(objects: &Objects, needed: &PackSet) -> Result<(Listing, HashMap<PackName, u64>)> {
    let mut present: HashMap<PackName, u64> = HashMap::new();
    let (data, manifests) = tokio::try_join!(objects.list_all("p/"), objects.list_all("m/"))?;
    for row in data.into_iter().chain(manifests) {
        if let Ok((kind, id)) = layout::parse_pack(&row.name) {
            present.insert((kind, id), row.bytes);
        }
    }
    let mut listing = Listing { needed_packs: needed.len() as u64, ..Listing::default() };
    for row in needed.rows() {
        match present.get(&(row.kind, row.pack)) {
            None => listing.missing.push((row.kind, row.pack)),
            Some(bytes) if *bytes != row.object_bytes => listing.wrong_size.push((row.kind, row.pack)),
            Some(_) => {}
        }
    }
    Ok((listing, present))
}
