//! Where the objects of a repository go: a list, of one entry as long as a plan has one destination.
//!
//! Made with the seat, handed to the stages that send and ask. Never: a credential; the store has it.

use std::sync::Arc;

use super::objects::Objects;

/// A place where objects go.
#[derive(Clone)]
pub struct Destination {
    /// The repository's objects there.
    pub objects: Arc<Objects>,
    /// Server time minus ours, where the server has a clock.
    pub clock_offset_ms: Option<i64>,
}

/// All destinations: at least one. The first is read from, and its ledger is the one that runs are compared with.
#[derive(Clone)]
pub struct Destinations {
    first: Destination,
    others: Vec<Destination>,
}

impl Destinations {
    /// The only one.
    pub fn one(first: Destination) -> Self {
        Self { first, others: Vec::new() }
    }

    /// The first.
    pub fn first(&self) -> &Destination {
        &self.first
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Destination> {
        std::iter::once(&self.first).chain(&self.others)
    }
}
