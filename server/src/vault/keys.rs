//! The vault's two own keys: one seals the secrets of credentials, one signs the access trace.
//!
//! Both are files of 32 random bytes below `keys/`, readable by the vault's user only, made at first use. SigV4 needs
//! the clear secret to check a signature, so secrets are sealed (AES-256-GCM, bound to access key, tenant and role)
//! and opened for one request. Never: in the database in clear, in a log, in `Debug`.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use scelle_store::sync_folder;
use zeroize::Zeroizing;

use super::Refusal;
use super::platform::private_file;

/// Seals the secrets of credentials.
pub struct SealKey(RandomizedNonceKey);

/// Signs the access trace.
pub struct TraceKey(Ed25519KeyPair);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl fmt::Debug for TraceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceKey")
    }
}

impl SealKey {
    /// Reads the key below `data`, making it when there is none.
    pub fn open(data: &Path) -> io::Result<Self> {
        let key = key_file(data, "seal.key")?;
        RandomizedNonceKey::new(&AES_256_GCM, &*key).map(Self).map_err(|_| io::Error::other("seal.key"))
    }

    /// Seals a secret for the credential described by `bound_to`.
    pub fn seal(&self, secret: &str, bound_to: &str) -> Result<Vec<u8>, Refusal> {
        let mut bytes = secret.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(bound_to), &mut bytes);
        let nonce = nonce.map_err(|_| Refusal::Internal("a secret could not be sealed".to_owned()))?;
        Ok([&nonce.as_ref()[..], &bytes].concat())
    }

    /// Opens a secret; fails when the credential's row was changed.
    pub fn open_secret(&self, sealed: &[u8], bound_to: &str) -> Result<Zeroizing<String>, Refusal> {
        let broken = || Refusal::Internal("a credential does not match the seal key".to_owned());
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut bytes = Zeroizing::new(rest.to_vec());
        let opened = self.0.open_in_place(nonce, Aad::from(bound_to), &mut bytes).map_err(|_| broken())?;
        String::from_utf8(opened.to_vec()).map(Zeroizing::new).map_err(|_| broken())
    }
}

impl TraceKey {
    /// Reads the key below `data`, making it when there is none.
    pub fn open(data: &Path) -> io::Result<Self> {
        let seed = key_file(data, "trace.key")?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed);
        pair.map(Self).map_err(|_| io::Error::other("trace.key"))
    }

    /// Signs bytes (Ed25519, 64 bytes).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }

    /// The public half, 32 bytes.
    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }
}

/// Random letters and digits from 32 symbols, five bits each.
pub fn random_text(length: usize) -> String {
    const SYMBOLS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..length).map(|_| char::from(SYMBOLS[usize::from(rand::random::<u8>() & 31)])).collect()
}

fn key_file(data: &Path, name: &str) -> io::Result<Zeroizing<[u8; 32]>> {
    let folder = data.join("keys");
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    if !path.try_exists()? {
        if is_in_use(data)? {
            // A new key would open no credential, and begin a chain that nobody can join to the old one.
            return Err(io::Error::new(io::ErrorKind::NotFound, "a key of a vault in use is missing"));
        }
        make_key(&folder, &path)?;
    }
    let mut key = Zeroizing::new([0; 32]);
    File::open(&path)?.read_exact(&mut *key)?;
    Ok(key)
}

/// Whole and durable before it has its name; of two processes that make it at once, the first one's stays.
fn make_key(folder: &Path, path: &Path) -> io::Result<()> {
    let temporary = folder.join(format!(".new-{:032x}", rand::random::<u128>()));
    let mut file = private_file().write(true).create_new(true).open(&temporary)?;
    let written = file.write_all(&*Zeroizing::new(rand::random::<[u8; 32]>())).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    });
    fs::remove_file(&temporary)?;
    placed.and_then(|()| sync_folder(folder))
}

/// Whether anything was stored or traced below `data`.
fn is_in_use(data: &Path) -> io::Result<bool> {
    for folder in ["blobs", "trace"] {
        match fs::read_dir(data.join(folder)).map(|mut entries| entries.next().is_some()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(false) => {}
            Ok(true) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_for_its_own_credential() {
        let data = tempfile::tempdir().unwrap();
        let key = SealKey::open(data.path()).unwrap();
        let sealed = key.seal("secret", "AK/tenant/agent").unwrap();
        let again = SealKey::open(data.path()).unwrap();
        assert_eq!(*again.open_secret(&sealed, "AK/tenant/agent").unwrap(), "secret");
        assert!(again.open_secret(&sealed, "AK/tenant/admin").is_err());
        assert!(again.open_secret(&sealed[..5], "AK/tenant/agent").is_err());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(format!("{again:?}"), "SealKey");
    }

    #[test]
    fn a_vault_in_use_never_gets_a_new_key() {
        let data = tempfile::tempdir().unwrap();
        let key = SealKey::open(data.path()).unwrap();
        let sealed = key.seal("secret", "AK").unwrap();
        fs::create_dir_all(data.path().join("blobs/ab")).unwrap();
        assert!(SealKey::open(data.path()).unwrap().open_secret(&sealed, "AK").is_ok());
        fs::remove_file(data.path().join("keys/seal.key")).unwrap();
        assert_eq!(SealKey::open(data.path()).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!data.path().join("keys/seal.key").exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_key_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        SealKey::open(data.path()).unwrap();
        TraceKey::open(data.path()).unwrap();
        for name in ["seal.key", "trace.key"] {
            let mode = std::fs::metadata(data.path().join("keys").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
