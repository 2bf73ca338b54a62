//! Checksums over what the state folder keeps: a disk that turns one bit must not send a later snapshot astray.
//!
//! Eight bytes of BLAKE3 beside each row of the local databases and in each JSON file (member `check`). They tell an
//! accident, no attack: whoever may write the state folder may write them too. What does not fit is as good as not there,
//! and is learnt again from the store or the source. Never: a key, or a word about which bytes were wrong.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{AgentError, Result};

/// Bytes of a checksum: one accident in 2⁶⁴ goes unseen.
const BYTES: usize = 8;

/// Of `bytes` that are kept under `name`: the same bytes under another name do not fit.
pub fn of(name: &[u8], bytes: &[u8]) -> [u8; BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(name.len() as u64).to_le_bytes()).update(name).update(bytes);
    let mut check = [0; BYTES];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..BYTES]);
    check
}

/// `bytes` with their checksum behind them.
pub fn with(name: &[u8], mut bytes: Vec<u8>) -> Vec<u8> {
    let check = of(name, &bytes);
    bytes.extend_from_slice(&check);
    bytes
}

/// The bytes that [`with`] was given; `None` where they are no longer those.
pub fn without(name: &[u8], mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (plain, check) = bytes.split_at_checked(bytes.len().checked_sub(BYTES)?)?;
    let is_same = of(name, plain) == check;
    bytes.truncate(bytes.len() - BYTES);
    is_same.then_some(bytes)
}

#[derive(Serialize)]
struct Checksummed<'a, T> {
    #[serde(flatten)]
    value: &'a T,
    check: String,
}

#[derive(Deserialize)]
struct Check {
    check: Option<String>,
}

/// A JSON object of `value`, which serializes as one without a member `check`.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let check = json_check(value)?;
    serde_json::to_vec_pretty(&Checksummed { value, check }).map_err(AgentError::bug)
}

/// The value that [`to_json`] was given; `None` where it is no longer that. What an earlier version wrote has no checksum
/// and is believed.
pub fn from_json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let Check { check } = serde_json::from_slice(bytes).ok()?;
    check.is_none_or(|check| json_check(&value).is_ok_and(|now| now == check)).then_some(value)
}

fn json_check<T: Serialize>(value: &T) -> Result<String> {
    // Held in memory that is cleared: the device file holds secrets.
    let text = zeroize::Zeroizing::new(serde_json::to_vec(value).map_err(AgentError::bug)?);
    Ok(hex::encode(of(b"json", &text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept {
        number: u64,
        names: std::collections::BTreeMap<String, Vec<u32>>,
        #[serde(default)]
        maybe: Option<String>,
    }

    #[test]
    fn no_single_bit_changes_what_is_read() {
        let names = [("a".to_owned(), vec![1, 2]), ("é".to_owned(), vec![])].into();
        let kept = Kept { number: 1_234, names, maybe: None };
        let json = to_json(&kept).unwrap();
        assert_eq!(from_json::<Kept>(&json), Some(Kept { maybe: None, ..from_json(&json).unwrap() }));
        let row = with(b"7", json.clone());
        assert_eq!(without(b"7", row.clone()).as_ref(), Some(&json));
        assert_eq!(without(b"8", row.clone()), None);
        let (mut wrong_json, mut wrong_row) = (json.clone(), row.clone());
        for at in 0..row.len() * 8 {
            wrong_row[at / 8] ^= 1 << (at % 8);
            assert_eq!(without(b"7", wrong_row.clone()), None);
            wrong_row[at / 8] ^= 1 << (at % 8);
        }
        for at in 0..json.len() * 8 {
            wrong_json[at / 8] ^= 1 << (at % 8);
            if let Some(read) = from_json::<Kept>(&wrong_json) {
                // White space, or the name of the checksum itself.
                assert_eq!(read, kept, "bit {at}");
            }
            wrong_json[at / 8] ^= 1 << (at % 8);
        }
        assert_eq!(without(b"7", vec![1, 2]), None);
        assert_eq!(from_json::<Kept>(br#"{"number":1,"names":{}}"#).unwrap().number, 1);
    }
}
