//! Words: the two languages, sentences in both, figures as people read them, and names as they can be shown.

pub mod codes;
pub mod counted;
pub mod failures;
pub mod figures;
pub mod lang;
pub mod message;
pub mod names;
pub mod problem;
pub mod terms;

pub use counted::counted;
pub use lang::Lang;
pub use message::Message;
pub use problem::Problem;

#[cfg(test)]
mod sentences_tests;
