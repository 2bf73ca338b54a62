//! One constructor of [`AgentError`] per situation: its exit code, what happened and what to do, in both
//! languages.
//!
//! Callers add the place with [`AgentError::at`] and the technical cause with [`AgentError::because`].
//! Never: a name or a path in a sentence.
//!
//! [`AgentError`]: crate::error::AgentError
//! [`AgentError::at`]: crate::error::AgentError::at
//! [`AgentError::because`]: crate::error::AgentError::because

mod local;
mod repository;
mod run;
mod store;
mod usage;
mod whereabouts;
