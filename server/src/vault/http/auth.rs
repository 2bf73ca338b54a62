//! Secrets for signatures, and the lockout of those who guess.
//!
//! A secret is looked up and opened for each request, so that a revocation counts at once. After [`MAX_FAILURES`]
//! wrong signatures for one access key from one address, that pair is refused for [`LOCKOUT`]; others with the same
//! key are not, so that nobody can lock a practice out from elsewhere.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use super::seen::REQUEST;
use crate::vault::metadata::credentials;
use crate::vault::{Refusal, Vault};

/// Wrong signatures until the lockout.
pub const MAX_FAILURES: u32 = 10;
/// How long it lasts, and how long failures count.
pub const LOCKOUT: Duration = Duration::from_secs(900);
/// Pairs remembered at most; beyond, those that count no more are dropped, then those that are not locked out.
const MAX_PAIRS: usize = 10_000;

/// Wrong signatures (and tokens) by access key and address.
#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<(String, IpAddr), (u32, Instant)>>);

impl Failures {
    /// Notes a wrong signature; whether this one began the lockout.
    pub fn note(&self, access_key: &str, from: IpAddr) -> bool {
        let mut pairs = self.0.lock();
        if pairs.len() >= MAX_PAIRS {
            pairs.retain(|_, (_, last)| last.elapsed() < LOCKOUT);
        }
        if pairs.len() >= MAX_PAIRS {
            // Many names from one place must not lift a lockout that stands.
            pairs.retain(|_, (count, _)| *count >= MAX_FAILURES);
        }
        if pairs.len() >= MAX_PAIRS {
            return false;
        }
        let pair = pairs.entry((access_key.to_owned(), from)).or_insert((0, Instant::now()));
        if pair.1.elapsed() >= LOCKOUT {
            pair.0 = 0;
        }
        *pair = (pair.0 + 1, Instant::now());
        pair.0 == MAX_FAILURES
    }

    /// Whether the pair is locked out.
    pub fn locked_out(&self, access_key: &str, from: IpAddr) -> bool {
        let pairs = self.0.lock();
        let pair = pairs.get(&(access_key.to_owned(), from));
        pair.is_some_and(|(count, last)| *count >= MAX_FAILURES && last.elapsed() < LOCKOUT)
    }

    /// A right signature forgives earlier wrong ones.
    pub fn forgive(&self, access_key: &str, from: IpAddr) {
        self.0.lock().remove(&(access_key.to_owned(), from));
    }
}

/// Gives `s3s` the secret of an access key.
#[derive(Clone, Debug)]
pub struct Secrets {
    pub vault: Arc<Vault>,
}

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let asked = access_key.to_owned();
        let vault = Arc::clone(&self.vault);
        let found = self.vault.metadata.read(move |c| {
            let Some((credential, sealed)) = credentials::find(c, &asked)? else { return Ok(None) };
            let secret = credentials::open_secret(&vault.seal, &credential, &sealed)?;
            Ok::<_, Refusal>(Some((credential, secret)))
        });
        let Some((credential, secret)) = found.await? else {
            return Err(s3_error!(InvalidAccessKeyId));
        };
        let _ = REQUEST.try_with(|seen| seen.facts.lock().credential = Some(credential));
        Ok(SecretKey::from(secret.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_signatures_lock_out_that_pair_and_no_other() {
        let failures = Failures::default();
        let (here, elsewhere) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let began: Vec<bool> = (0..12).map(|_| failures.note("AK", here)).collect();
        assert_eq!(began.iter().position(|began| *began), Some(9));
        assert_eq!(began.iter().filter(|began| **began).count(), 1);
        assert!(failures.locked_out("AK", here));
        assert!(!failures.locked_out("AK", elsewhere) && !failures.locked_out("OTHER", here));
        for name in 0..MAX_PAIRS + 10 {
            failures.note(&name.to_string(), elsewhere);
        }
        assert!(failures.locked_out("AK", here), "a flood of other names does not lift it");
        failures.forgive("AK", here);
        assert!(!failures.locked_out("AK", here));
    }
}
