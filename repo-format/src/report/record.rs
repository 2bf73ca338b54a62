//! The bilan record: one line of canonical JSON (FORMAT.md §11).
//!
//! For: the `record` attachment of a `bilan` note, the truth that HTML, PDF and CSV are views of. Data comes from
//! the agent as blocks. Never: holds a name, a path, an operating-system message, an exact byte count, a float.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::blocks::{
    Availability, Confidentiality, Consistency, Hosting, Identity, Integrity, PlanBlock, Purge, RunBlock,
    SetVolumes, Traceability,
};
use super::reason::{Half, Who};
use super::status::Assessment;
use super::values::Code;
use crate::error::{FormatError, Result, malformed};
use crate::id::Sha256;
use crate::light::Light;
use crate::limits::ATTACHMENT_MAX_BYTES;
use crate::timestamp::Timestamp;

const WHAT: &str = "bilan record";
/// Version of the record's layout.
pub const RECORD_VERSION: u64 = 1;
/// Largest whole number that every JSON reader keeps exactly (RFC 7493).
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// An open anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// What it is.
    pub code: Code,
    /// Since when.
    pub since: Timestamp,
    /// What was done about it.
    pub action: Option<Code>,
    /// Who did it: a keyed token, or one of the words of an acknowledgment.
    pub author: Option<Code>,
    /// Snapshots it concerns, where that was counted. Added later: absent in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<u64>,
}

/// One bilan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `RECORD_VERSION`, 1.
    pub version: u64,
    /// Who speaks.
    pub identity: Identity,
    /// What was to be done.
    pub plan: PlanBlock,
    /// What was done, when.
    pub run: RunBlock,
    /// Counts, per set.
    pub volumes: Vec<SetVolumes>,
    /// How the content of each set was taken.
    pub consistency: Vec<Consistency>,
    /// How it is sealed, and for whom.
    pub confidentiality: Confidentiality,
    /// What was read back.
    pub integrity: Integrity,
    /// What could be restored, from where.
    pub availability: Availability,
    /// What the ledger shows.
    pub traceability: Traceability,
    /// Where it is kept.
    pub hosting: Hosting,
    /// Open anomalies.
    pub alerts: Vec<Alert>,
    /// What was removed.
    pub purge: Purge,
    /// The lights.
    pub status: RecordedStatus,
}

/// The lights as a record keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedStatus {
    /// See [`Assessment::overall`].
    pub overall: Light,
    /// See [`Assessment::protection`].
    pub protection: Light,
    /// See [`Assessment::compliance`].
    pub compliance: Light,
    /// See [`Assessment::declared`].
    pub declared: Light,
    /// See [`Assessment::confirmed`].
    pub confirmed: Light,
    /// See [`Assessment::reasons`].
    pub reasons: Vec<RecordedReason>,
}

/// A reason as a record keeps it: a later version may know other codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedReason {
    /// Stable code (`REASONS.md`).
    pub code: Code,
    /// Its light.
    pub light: Light,
    /// The light it counts for.
    pub half: Half,
    /// Who acts.
    pub who: Who,
}

impl RecordedStatus {
    /// What an assessment says.
    pub fn of(assessment: &Assessment) -> Result<Self> {
        let reasons = assessment.reasons.iter().map(|reason| {
            let code = Code::parse(reason.code)?;
            Ok(RecordedReason { code, light: reason.light, half: reason.half, who: reason.who })
        });
        Ok(Self {
            overall: assessment.overall(),
            protection: assessment.protection,
            compliance: assessment.compliance,
            declared: assessment.declared,
            confirmed: assessment.confirmed,
            reasons: reasons.collect::<Result<_>>()?,
        })
    }
}

impl Record {
    /// The bytes to store: keys sorted, no space, whole numbers only, no newline. Fails on a number that JSON
    /// readers would round.
    pub fn to_canonical_json(&self) -> Result<String> {
        let value = serde_json::to_value(self).map_err(|_| malformed(WHAT, "cannot be written"))?;
        let mut out = String::new();
        write_canonical(&value, &mut out)?;
        if out.len() > ATTACHMENT_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        Ok(out)
    }

    /// SHA-256 of the canonical JSON: the attachment's name.
    pub fn sha256(&self) -> Result<Sha256> {
        Ok(Sha256::of(self.to_canonical_json()?.as_bytes()))
    }

    /// Reads stored bytes; anything but the canonical form is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > ATTACHMENT_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|_| malformed(WHAT, "not JSON"))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(RECORD_VERSION) => {}
            Some(other) => {
                return Err(FormatError::Unsupported { what: WHAT, found: format!("version {other}") });
            }
            None => return Err(FormatError::BadMagic { what: WHAT }),
        }
        let record: Self = serde_json::from_value(value).map_err(|_| malformed(WHAT, "an unknown layout"))?;
        if record.to_canonical_json()?.as_bytes() == bytes {
            Ok(record)
        } else {
            Err(malformed(WHAT, "not in canonical form"))
        }
    }
}

/// Writes as RFC 8785 does, for values without floats. Keys are ASCII, so byte order is its UTF-16 order.
fn write_canonical(value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let safe = number.as_u64().is_some_and(|n| n <= SAFE_INTEGER_MAX)
                || number.as_i64().is_some_and(|n| n < 0 && n.unsigned_abs() <= SAFE_INTEGER_MAX);
            if !safe {
                return Err(malformed(WHAT, "a number that is not whole or too large"));
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => out.push_str(&Value::from(text.as_str()).to_string()),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(item, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, item)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}
