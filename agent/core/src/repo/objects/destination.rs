//! Where the objects of a repository go: a list, of one entry as long as a plan has one destination.
//!
//! Made with the seat, handed to the stages that send and ask. Never: a credential; the store has it.

use std::sync::Arc;

use crate::repo::objects::Objects;

/// A place where objects go.
#[derive(Clone)]
pub struct Destination {
    /// The repository's objects there.
    pub objects: Arc<Objects>,
    /// Server time minus ours, where the server has a clock.
    pub clock_offset_ms: Option<i64>,
}

/// All destinations: at least one, and for the time being one.
#[derive(Clone)]
pub struct Destinations {
    only: Destination,
    others: Vec<Destination>,
}

impl Destinations {
    /// The only one.
    pub fn one(only: Destination) -> Self {
        Self { only, others: Vec::new() }
    }

    /// The one there is, as long as nothing makes several.
    pub(in crate::repo) fn only(&self) -> &Destination {
        &self.only
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Destination> {
        std::iter::once(&self.only).chain(&self.others)
    }
}
