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
use crate::repo::state::State;
use crate::repo::state::checksum;

/// What was found at one address; what was found at another one before is forgotten.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FoundElsewhere {
    /// The address.
    url: String,
    /// By the name of an object: what is wrong with it.
    bad: BTreeMap<String, String>,
}

impl FoundElsewhere {
    /// What is known of an address.
    fn at(state: &State, url: &str) -> Self {
        let kept = state.get(files::ELSEWHERE).ok().flatten();
        let kept = kept.and_then(|bytes| checksum::from_json::<Self>(&bytes)).filter(|kept| kept.url == url);
        kept.unwrap_or_else(|| Self { url: url.to_owned(), bad: BTreeMap::new() })
    }

    /// Keeps what was found at an address. `false` where it was known already.
    ///
    /// Errors: exit 1 the state folder takes nothing.
    pub fn keep(state: &State, url: &str, findings: &[Finding]) -> Result<bool> {
        let mut kept = Self::at(state, url);
        let before = kept.bad.len();
        let found = Damage::default().news(findings).into_iter().map(|bad| (bad.name, bad.why));
        kept.bad.extend(found);
        if kept.bad.len() == before {
            return Ok(false);
        }
        state.put(files::ELSEWHERE, &checksum::to_json(&kept)?)?;
        Ok(true)
    }

    /// What was found at the address at which a backup begins.
    pub fn found_at(state: &State, url: &str) -> Vec<FoundBad> {
        let row = |(name, why)| FoundBad { name, why };
        Self::at(state, url).bad.into_iter().map(row).collect()
    }

    /// Forgets it, once the ledger says so.
    pub fn forget(state: &State) {
        state.remove(files::ELSEWHERE);
    }
}
