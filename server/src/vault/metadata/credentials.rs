//! Tenants and their credentials.
//!
//! From the command line to [`crate::vault::http`], which looks a key up at each request: a revocation counts at
//! once, also one made by another process. Never: a secret in clear.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use crate::vault::keys::{SealKey, random_text};
use crate::vault::refusal::Refusal;
use crate::vault::roles::Role;

/// A credential, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Public half.
    pub access_key: String,
    /// Whose it is.
    pub tenant: String,
    /// What it may do.
    pub role: Role,
    /// When set, only this bucket.
    pub bucket: Option<String>,
    /// Only keys that begin with this.
    pub prefix: String,
}

impl Credential {
    /// What its sealed secret is bound to: a changed row opens nothing.
    fn bound_to(&self) -> String {
        let Self { access_key, tenant, role, bucket, prefix } = self;
        format!("{access_key}\n{tenant}\n{role}\n{}\n{prefix}", bucket.as_deref().unwrap_or("*"))
    }

    /// Whether it may act on this bucket and key (`key` empty: the bucket itself).
    pub fn reaches(&self, bucket: &str, key: &str) -> bool {
        self.bucket.as_deref().is_none_or(|only| only == bucket) && key.starts_with(&self.prefix)
    }
}

/// Whether a tenant's name is sound: it stands in folder names and logs.
pub fn is_tenant_name(name: &str) -> bool {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(sound)
}

/// Makes a tenant where there is none.
pub fn ensure_tenant(c: &Connection, name: &str) -> Result<(), Refusal> {
    if !is_tenant_name(name) {
        return Err(Refusal::Invalid("a tenant's name has 1 to 63 of a-z, 0-9 and -"));
    }
    c.execute("INSERT INTO tenants (name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    Ok(())
}

/// Sets how many bytes a tenant may store; `None` lifts the limit.
pub fn set_quota(c: &Connection, tenant: &str, quota_bytes: Option<u64>) -> Result<(), Refusal> {
    ensure_tenant(c, tenant)?;
    let quota = quota_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    c.execute("UPDATE tenants SET quota_bytes = ?2 WHERE name = ?1", params![tenant, quota])?;
    Ok(())
}

/// Quota and bytes in use of a tenant.
pub fn usage(c: &Connection, tenant: &str) -> Result<(Option<i64>, i64), Refusal> {
    let row = c.query_row("SELECT quota_bytes, used_bytes FROM tenants WHERE name = ?1", [tenant], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    Ok(row.optional()?.unwrap_or((None, 0)))
}

/// Counts `bytes` more (or fewer) for a tenant; more are refused above its quota.
pub fn count_bytes(c: &Connection, tenant: &str, bytes: i64) -> Result<(), Refusal> {
    let (quota, used) = usage(c, tenant)?;
    if bytes > 0 && quota.is_some_and(|quota| used.saturating_add(bytes) > quota) {
        return Err(Refusal::QuotaExceeded);
    }
    c.prepare_cached("UPDATE tenants SET used_bytes = max(0, used_bytes + ?2) WHERE name = ?1")?
        .execute(params![tenant, bytes])?;
    Ok(())
}

/// Makes a credential and returns it with its secret, which is shown this once.
pub fn add(
    c: &Connection,
    key: &SealKey,
    tenant: &str,
    role: Role,
    bucket: Option<String>,
    prefix: String,
    now_ms: i64,
) -> Result<(Credential, Zeroizing<String>), Refusal> {
    ensure_tenant(c, tenant)?;
    let access_key = format!("SV{}", random_text(18));
    let credential = Credential { access_key, tenant: tenant.to_owned(), role, bucket, prefix };
    let secret = Zeroizing::new(random_text(40));
    let sealed = key.seal(&secret, &credential.bound_to())?;
    c.execute(
        "INSERT INTO credentials (access_key, tenant, role, bucket, prefix, sealed, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            credential.access_key,
            credential.tenant,
            role.name(),
            credential.bucket,
            credential.prefix,
            sealed,
            now_ms
        ],
    )?;
    Ok((credential, secret))
}

/// A live credential and its sealed secret.
pub fn find(c: &Connection, access_key: &str) -> Result<Option<(Credential, Vec<u8>)>, Refusal> {
    let mut query = c.prepare_cached(
        "SELECT access_key, tenant, role, bucket, prefix, sealed FROM credentials
         WHERE access_key = ?1 AND revoked_ms IS NULL",
    )?;
    Ok(query.query_row([access_key], |row| Ok((credential(row)?, row.get(5)?))).optional()?)
}

/// Opens the secret of a credential just found.
pub fn open_secret(
    key: &SealKey,
    credential: &Credential,
    sealed: &[u8],
) -> Result<Zeroizing<String>, Refusal> {
    key.open_secret(sealed, &credential.bound_to())
}

/// Revokes a credential; whether there was a live one.
pub fn revoke(c: &Connection, access_key: &str, now_ms: i64) -> Result<bool, Refusal> {
    let changed = c.execute(
        "UPDATE credentials SET revoked_ms = ?2, sealed = x'' WHERE access_key = ?1 AND revoked_ms IS NULL",
        params![access_key, now_ms],
    )?;
    Ok(changed == 1)
}

/// All credentials of a tenant with creation and revocation, oldest first.
pub fn list(c: &Connection, tenant: &str) -> Result<Vec<(Credential, i64, Option<i64>)>, Refusal> {
    let mut query = c.prepare_cached(
        "SELECT access_key, tenant, role, bucket, prefix, created_ms, revoked_ms FROM credentials
         WHERE tenant = ?1 ORDER BY created_ms, access_key",
    )?;
    let rows = query.query_map([tenant], |row| Ok((credential(row)?, row.get(5)?, row.get(6)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    let role: String = row.get(2)?;
    Ok(Credential {
        access_key: row.get(0)?,
        tenant: row.get(1)?,
        role: role.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
        bucket: row.get(3)?,
        prefix: row.get(4)?,
    })
}
