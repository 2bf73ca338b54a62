//! The sentences of what the agent tells while it works: [`notices`]. Never: a name.

pub mod notices;
