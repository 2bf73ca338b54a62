//! Words: the two languages, sentences in both, figures as people read them, and names as they can be shown.

pub mod codes;
pub mod counted;
pub mod failures;
pub mod figures;
pub mod finding;
pub mod lang;
pub mod message;
pub mod names;
pub mod notice;
pub mod phase;
pub mod problem;
pub mod terms;
pub mod weakness;

pub use counted::counted;
pub use finding::FindingKind;
pub use lang::Lang;
pub use message::Message;
pub use notice::Notice;
pub use phase::Phase;
pub use problem::Problem;
pub use weakness::Weakness;

#[cfg(test)]
mod sentences_tests;
