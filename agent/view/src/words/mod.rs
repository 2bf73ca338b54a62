//! Words: the two languages, sentences in both, and figures as people read them.

pub mod figures;
pub mod lang;
pub mod message;

pub use lang::Lang;
pub use message::Message;
