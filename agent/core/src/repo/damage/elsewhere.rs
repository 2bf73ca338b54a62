//! What was found wrong with the repository at another address than the one this computer backs up to.
//!
//! There it may be a copy that is only looked at, or the repository itself, whose disk has another place today: nobody knows before
//! a backup is made there. So it is written into no ledger, and is not mixed with what is known of the repository at its own address.
//! From checks and restores to `elsewhere.json` in the state folder, and from there to the first backup at that address, which
//! calls it bad in the ledger and mends it. Never: reaches a bilan of another address.

use std::collections::BTreeMap;

use scelle_format::ledger::FoundBad;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::files;
use crate::repo::finding::Finding;
use crate::repo::state::checksum;
use crate::repo::state::{State, StorePlace};

/// Addresses of which something is remembered: of more, the one first in their order is forgotten.
const ADDRESSES_MAX: usize = 16;

/// What was found elsewhere.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FoundElsewhere {
    /// By address: by the name of an object, what is wrong with it there.
    addresses: BTreeMap<String, BTreeMap<String, String>>,
}

impl FoundElsewhere {
    fn load(state: &State) -> Self {
        let kept = state.get(files::ELSEWHERE).ok().flatten();
        kept.and_then(|bytes| checksum::from_json(&bytes)).unwrap_or_default()
    }

    fn save(&self, state: &State) -> Result<()> {
        state.put(files::ELSEWHERE, &checksum::to_json(self)?)
    }

    /// Keeps what was found at an address. `false` where it was known already.
    ///
    /// Errors: exit 1 the state folder takes nothing.
    pub fn keep(state: &State, place: &StorePlace, findings: &[Finding]) -> Result<bool> {
        let found = Damage::default().news(findings).into_iter().map(|bad| (bad.name, bad.why));
        let mut kept = Self::load(state);
        let address = place.identity();
        let there = kept.addresses.entry(address.clone()).or_default();
        let before = there.len();
        there.extend(found);
        if there.len() == before {
            return Ok(false);
        }
        while kept.addresses.len() > ADDRESSES_MAX {
            let other = kept.addresses.keys().find(|known| **known != address).cloned();
            kept.addresses.remove(&other.unwrap_or_default());
        }
        kept.save(state)?;
        Ok(true)
    }

    /// What was found at the address at which a backup begins.
    pub fn found_at(state: &State, place: &StorePlace) -> Vec<FoundBad> {
        let found = Self::load(state).addresses.remove(&place.identity()).unwrap_or_default();
        found.into_iter().map(|(name, why)| FoundBad { name, why }).collect()
    }

    /// Forgets what was found at an address, once the ledger says so.
    ///
    /// Errors: exit 1 the state folder takes nothing.
    pub fn forget(state: &State, place: &StorePlace) -> Result<()> {
        let mut kept = Self::load(state);
        kept.addresses.remove(&place.identity());
        kept.save(state)
    }
}
