//! Tokens that are exchanged once for a credential.
//!
//! From `scelle-server token` to [`crate::vault::http`]. Only a token's hash is kept. Never: exchanged twice, after its
//! time, or for the role of an administrator.

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::credentials::{self, Credential};
use crate::vault::keys::{SealKey, random_text};
use crate::vault::refusal::Refusal;
use crate::vault::roles::Role;

/// Letters of a token: 160 bits.
const TOKEN_LETTERS: usize = 32;

/// What a token is exchanged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whose the credential will be.
    pub tenant: String,
    /// What it may do.
    pub role: Role,
    /// Its only bucket.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// Where the computer finds the store.
    pub endpoint: String,
    /// The region it signs for.
    pub region: String,
}

fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// Makes a token that holds until `expires_ms`. It is shown this once.
pub fn add(c: &Connection, offer: &Offer, expires_ms: i64) -> Result<Zeroizing<String>, Refusal> {
    if offer.role == Role::Admin {
        return Err(Refusal::Invalid("an administrator's credential is never sent"));
    }
    credentials::ensure_tenant(c, &offer.tenant)?;
    let token = Zeroizing::new(random_text(TOKEN_LETTERS));
    c.execute(
        "INSERT INTO enrolments (token_sha256, tenant, role, bucket, prefix, endpoint, region, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            hash(&token),
            offer.tenant,
            offer.role.name(),
            offer.bucket,
            offer.prefix,
            offer.endpoint,
            offer.region,
            expires_ms
        ],
    )?;
    Ok(token)
}

/// Exchanges a token: a credential is made and the token is gone, in one transaction. What is unknown, spent or too old
/// is refused alike.
pub fn exchange(
    c: &Connection,
    key: &SealKey,
    token: &str,
    now_ms: i64,
) -> Result<(Offer, Credential, Zeroizing<String>), Refusal> {
    c.execute("DELETE FROM enrolments WHERE expires_ms <= ?1", [now_ms])?;
    let sql = "SELECT tenant, role, bucket, prefix, endpoint, region FROM enrolments WHERE token_sha256 = ?1";
    let found = c.query_row(sql, [hash(token)], |row| {
        let role: String = row.get(1)?;
        Ok(Offer {
            tenant: row.get(0)?,
            role: role.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
            bucket: row.get(2)?,
            prefix: row.get(3)?,
            endpoint: row.get(4)?,
            region: row.get(5)?,
        })
    });
    let offer = found.optional()?.ok_or(Refusal::Denied)?;
    c.execute("DELETE FROM enrolments WHERE token_sha256 = ?1", [hash(token)])?;
    let (bucket, prefix) = (Some(offer.bucket.clone()), offer.prefix.clone());
    let (credential, secret) = credentials::add(c, key, &offer.tenant, offer.role, bucket, prefix, now_ms)?;
    Ok((offer, credential, secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::metadata::Metadata;

    #[test]
    fn a_token_is_exchanged_once_and_in_time() {
        let data = tempfile::tempdir().unwrap();
        let metadata = Metadata::open(data.path()).unwrap();
        let key = SealKey::open(data.path()).unwrap();
        let offer = |role| Offer {
            tenant: "t".into(),
            role,
            bucket: "bucket".into(),
            prefix: String::new(),
            endpoint: "https://vault.example".into(),
            region: "us-east-1".into(),
        };
        let tried = metadata.write_blocking(move |c| {
            assert!(matches!(add(c, &offer(Role::Admin), 100), Err(Refusal::Invalid(_))));
            let (token, late) = (add(c, &offer(Role::Agent), 100)?, add(c, &offer(Role::Agent), 100)?);
            let (got, credential, secret) = exchange(c, &key, &token, 99)?;
            assert_eq!((got, credential.role), (offer(Role::Agent), Role::Agent));
            let (found, sealed) = credentials::find(c, &credential.access_key)?.unwrap();
            assert_eq!(credentials::open_secret(&key, &found, &sealed)?, secret);
            for (token, at) in [(token.as_str(), 99), (late.as_str(), 100), ("", 0), (late.as_str(), 0)] {
                assert!(matches!(exchange(c, &key, token, at), Err(Refusal::Denied)), "{at}");
            }
            Ok(())
        });
        tried.unwrap();
    }
}
