//! The sentences of what the agent tells while it works ([`notices`]) and of what it finds wrong ([`findings`]). Never: a name.

pub mod findings;
pub mod notices;
