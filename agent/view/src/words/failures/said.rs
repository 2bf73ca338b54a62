//! The two sentences of a failure.

use crate::words::Message;

/// What is said of a failure.
pub(super) struct Said {
    /// What happened.
    pub(super) what: Message,
    /// What the person can do about it.
    pub(super) todo: Message,
}
