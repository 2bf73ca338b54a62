//! Signed notes and the ledger's texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::ledger::{Note, verify_chain};
use scelle_format::note;

fuzz_target!(|data: &[u8]| {
    let signed = note::parse(data);
    let text = signed.as_ref().map(|note| note.text.as_str()).ok().or_else(|| std::str::from_utf8(data).ok());
    if let Some(note) =
        text.and_then(|text| Note::parse(text).ok().filter(|note| note.to_text().as_deref() == Ok(text)))
    {
        let _ = verify_chain(&[note.link()]);
    } else if let Some(text) = text {
        assert!(Note::parse(text).is_err(), "a text has one form only");
    }
});
