//! Seals small secrets with a generated phrase (age scrypt).
//!
//! For: the everyday phrase that opens a person's identity without the paper kit. Data comes as a few bytes
//! and leaves as an age file. Never: takes a phrase a person invented as strong enough, and never tries a
//! work factor that would take minutes of a hostile file's choosing.
//!
//! The phrase is normalized ([`crate::phrase::normalize`]) on both sides. With a stock `age` one therefore
//! types it in that form: lower case, no accents, hyphens between words.

use std::io::Write;
use std::iter;

use age::scrypt;
use secrecy::{ExposeSecret, SecretString};

use super::CryptoError;
use super::open::{open_header_with, open_payload};
use crate::phrase;

/// log2 of scrypt's N when sealing: about a second and 256 MiB.
const LOG_N: u8 = 18;
/// log2 of the largest N that will be tried.
const MAX_LOG_N: u8 = 20;

/// Seals `plain` under `phrase`.
pub fn seal_with_phrase(phrase: &SecretString, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut recipient = scrypt::Recipient::new(phrase::normalize(phrase.expose_secret()));
    recipient.set_work_factor(LOG_N);
    let encryptor = age::Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient))
        .map_err(|_| CryptoError::Age("passphrase recipient refused"))?;
    let written = || -> std::io::Result<Vec<u8>> {
        let mut writer = encryptor.wrap_output(Vec::new())?;
        writer.write_all(plain)?;
        writer.finish()
    };
    written().map_err(|_| CryptoError::Age("writing to memory failed"))
}

/// Opens what [`seal_with_phrase`] made. A wrong phrase is [`CryptoError::NoMatch`].
pub fn open_with_phrase(phrase: &SecretString, bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut identity = scrypt::Identity::new(phrase::normalize(phrase.expose_secret()));
    identity.set_max_work_factor(MAX_LOG_N);
    let opened = open_header_with(bytes, &[&identity])?;
    open_payload(&opened, bytes, bytes.len() as u64)
}
