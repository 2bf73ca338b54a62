//! One constructor of [`AgentError`] per situation: its exit code and its kind, of which the view makes sentences.
//!
//! Callers add the place with [`AgentError::at`] and the technical cause with [`AgentError::because`].
//! Never: a sentence, a name or a path.
//!
//! [`AgentError`]: crate::error::AgentError
//! [`AgentError::at`]: crate::error::AgentError::at
//! [`AgentError::because`]: crate::error::AgentError::because

mod answers;
mod local;
mod repository;
mod run;
mod selection;
mod store;
mod usage;
mod way;
mod whereabouts;
