//! What people read: words in two languages, the sentences of reasons, and pages made of signed records.
//!
//! Holds no key and opens nothing: it stands on the format without its cryptography, so that whoever keeps a store can
//! show the same pages as the practice. Never: prints, decides a colour, or looks for a name: what is shown of one is handed to it.

#![forbid(unsafe_code)]

pub mod pages;
pub mod reasons;
pub mod words;
