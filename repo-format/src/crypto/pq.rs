//! The post-quantum age recipient `mlkem768x25519` (C2SP `age.md`, age ≥ 1.3).
//!
//! For: every key that can open a repository. Data comes as `age1pq1…` / `AGE-SECRET-KEY-PQ-1…` strings and
//! leaves as age stanzas. Never: prints a secret, or accepts a key pair half that adds nothing.
//!
//! HPKE SealBase (RFC 9180) with KEM MLKEM768-X25519 (X-Wing, id 0x647a), HKDF-SHA-256 and
//! ChaCha20-Poly1305. Written here because age 0.12.1 lacks it; the age crate's own version replaces this
//! file once it exists.

use std::collections::HashSet;
use std::fmt;

use age_core::format::{FILE_KEY_BYTES, FileKey as AgeFileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bech32::Hrp;
use ml_kem::kem::Decapsulate;
use ml_kem::{B32, EncapsulateDeterministic, Encoded, EncodedSizeUser, KemCore, MlKem768};
use secrecy::{ExposeSecret, SecretString};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_256, Shake256};
use x25519_dalek::{PublicKey as X25519Public, SharedSecret, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

use super::hkdf::{self, Key32};
use super::{CryptoError, TAG_BYTES, header};
use crate::random::{OsRandom, Random};

type MlKemPublic = <MlKem768 as KemCore>::EncapsulationKey;
type MlKemSecret = <MlKem768 as KemCore>::DecapsulationKey;

const STANZA_TAG: &str = "mlkem768x25519";
const HPKE_INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// Files with this label cannot also name a recipient that a quantum computer could open.
const LABEL: &str = "postquantum";
const RECIPIENT_HRP: Hrp = Hrp::parse_unchecked("age1pq");
const IDENTITY_HRP: Hrp = Hrp::parse_unchecked("age-secret-key-pq-");

const MLKEM_PUBLIC_BYTES: usize = 1184;
const MLKEM_CIPHERTEXT_BYTES: usize = 1088;
const X25519_BYTES: usize = 32;
const PUBLIC_BYTES: usize = MLKEM_PUBLIC_BYTES + X25519_BYTES;
const ENCAPSULATED_BYTES: usize = MLKEM_CIPHERTEXT_BYTES + X25519_BYTES;
const BODY_BYTES: usize = FILE_KEY_BYTES + TAG_BYTES;

/// HPKE suite: KEM 0x647a, KDF HKDF-SHA256 0x0001, AEAD ChaCha20Poly1305 0x0003.
const SUITE: &[u8] = &[b'H', b'P', b'K', b'E', 0x64, 0x7a, 0x00, 0x01, 0x00, 0x03];
/// draft-connolly-cfrg-xwing-kem, section 5.3.
const XWING_LABEL: &[u8] = br"\.//^\";

/// A public key that packs are sealed to.
#[derive(Clone, PartialEq)]
pub struct PqRecipient {
    mlkem: MlKemPublic,
    x25519: [u8; X25519_BYTES],
}

impl Eq for PqRecipient {}

impl PqRecipient {
    /// Reads `age1pq1…`. Refuses ML-KEM keys with unreduced coefficients (FIPS 203 §7.2).
    pub fn parse(text: &str) -> Result<Self, CryptoError> {
        let bytes = decode_bech32(text.trim(), RECIPIENT_HRP, CryptoError::BadRecipient)?;
        Self::from_bytes(&bytes).ok_or(CryptoError::BadRecipient)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != PUBLIC_BYTES {
            return None;
        }
        let (mlkem, x25519) = bytes.split_at(MLKEM_PUBLIC_BYTES);
        let encoded = Encoded::<MlKemPublic>::try_from(mlkem).ok()?;
        let key = MlKemPublic::from_bytes(&encoded);
        (key.as_bytes() == encoded).then_some(Self { mlkem: key, x25519: x25519.try_into().ok()? })
    }

    /// SHA-256 of the recipient string: how a repository names a recipient without publishing it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, self.to_string().as_bytes()).as_ref());
        out
    }

    /// Wraps a file key for this recipient.
    pub(super) fn wrap(
        &self,
        file_key: &[u8; FILE_KEY_BYTES],
        random: &mut dyn Random,
    ) -> Result<Stanza, CryptoError> {
        let (encapsulated, shared) = self.encapsulate(random)?;
        let (key, nonce) = hpke_key(&shared);
        let mut body = file_key.to_vec();
        let sealed = key.seal_in_place_append_tag(nonce, Aad::empty(), &mut body);
        if sealed.is_err() {
            body.zeroize();
            return Err(CryptoError::BadRecipient);
        }
        let args = vec![BASE64_STANDARD_NO_PAD.encode(&encapsulated)];
        Ok(Stanza { tag: STANZA_TAG.to_owned(), args, body })
    }

    fn encapsulate(&self, random: &mut dyn Random) -> Result<(Vec<u8>, Key32), CryptoError> {
        let mut message = Zeroizing::new([0u8; 32]);
        random.fill(message.as_mut_slice());
        let mut ephemeral = Zeroizing::new([0u8; 32]);
        random.fill(ephemeral.as_mut_slice());

        let mut m = B32::from(*message);
        let (mlkem_ciphertext, mut mlkem_shared) =
            self.mlkem.encapsulate_deterministic(&m).map_err(|()| CryptoError::BadRecipient)?;
        m.as_mut_slice().zeroize();
        let ephemeral = StaticSecret::from(*ephemeral);
        let x25519_ciphertext = X25519Public::from(&ephemeral);
        let x25519_shared = ephemeral.diffie_hellman(&X25519Public::from(self.x25519));
        if !x25519_shared.was_contributory() {
            return Err(CryptoError::BadRecipient);
        }
        let shared =
            combine(mlkem_shared.as_slice(), &x25519_shared, x25519_ciphertext.as_bytes(), &self.x25519);
        mlkem_shared.as_mut_slice().zeroize();
        Ok(([mlkem_ciphertext.as_slice(), x25519_ciphertext.as_bytes()].concat(), shared))
    }
}

impl fmt::Display for PqRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.mlkem.as_bytes().as_slice(), &self.x25519].concat();
        f.write_str(&bech32_encode(RECIPIENT_HRP, &bytes))
    }
}

impl fmt::Debug for PqRecipient {
    /// The string is 1959 characters and better not spread: its hash is enough to tell two apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PqRecipient(sha256 {})", hex::encode(&self.sha256()[..8]))
    }
}

impl age::Recipient for PqRecipient {
    fn wrap_file_key(
        &self,
        file_key: &AgeFileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        let stanza = self
            .wrap(file_key.expose_secret(), &mut OsRandom)
            .map_err(|error| age::EncryptError::Io(std::io::Error::other(error)))?;
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}

/// A secret key: 32 bytes, wiped when dropped, from which both halves are expanded when needed.
pub struct PqIdentity {
    seed: Zeroizing<[u8; 32]>,
    recipient: PqRecipient,
}

impl PqIdentity {
    /// A new identity.
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice());
        Self::from_seed(seed)
    }

    /// Reads `AGE-SECRET-KEY-PQ-1…`.
    pub fn parse(text: &str) -> Result<Self, CryptoError> {
        let bytes = Zeroizing::new(decode_bech32(text.trim(), IDENTITY_HRP, CryptoError::BadIdentity)?);
        if bytes.len() != 32 {
            return Err(CryptoError::BadIdentity);
        }
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&bytes);
        Ok(Self::from_seed(seed))
    }

    fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        let (mlkem_secret, x25519_secret) = expand_seed(&seed);
        let recipient = PqRecipient {
            mlkem: mlkem_secret.encapsulation_key().clone(),
            x25519: X25519Public::from(&x25519_secret).to_bytes(),
        };
        Self { seed, recipient }
    }

    /// The `AGE-SECRET-KEY-PQ-1…` string, upper case as age writes it.
    #[must_use]
    pub fn to_secret_string(&self) -> SecretString {
        let mut lower = bech32_encode(IDENTITY_HRP, self.seed.as_slice());
        let upper = lower.to_uppercase();
        lower.zeroize();
        SecretString::from(upper)
    }

    /// The public half.
    #[must_use]
    pub fn recipient(&self) -> PqRecipient {
        self.recipient.clone()
    }

    fn decapsulate(&self, encapsulated: &[u8]) -> Result<Key32, CryptoError> {
        let malformed = CryptoError::Malformed("key share");
        let (mlkem, x25519) =
            encapsulated.split_at_checked(MLKEM_CIPHERTEXT_BYTES).ok_or(malformed.clone())?;
        let mlkem = mlkem.try_into().map_err(|_| malformed.clone())?;
        let x25519: [u8; X25519_BYTES] = x25519.try_into().map_err(|_| malformed.clone())?;

        let (mlkem_secret, x25519_secret) = expand_seed(&self.seed);
        let mut mlkem_shared = mlkem_secret.decapsulate(mlkem).map_err(|()| malformed.clone())?;
        let x25519_shared = x25519_secret.diffie_hellman(&X25519Public::from(x25519));
        if !x25519_shared.was_contributory() {
            return Err(malformed);
        }
        let shared = combine(mlkem_shared.as_slice(), &x25519_shared, &x25519, &self.recipient.x25519);
        mlkem_shared.as_mut_slice().zeroize();
        Ok(shared)
    }

    /// `Ok(None)` when the stanza is well formed but for someone else.
    fn unwrap_share(&self, stanza: &Stanza) -> Result<Option<AgeFileKey>, CryptoError> {
        let [encapsulated] = stanza.args.as_slice() else {
            return Err(CryptoError::Malformed("stanza arguments"));
        };
        let encapsulated = header::decode(encapsulated.as_bytes())?;
        // The body's exact length is required: a longer one could open under two keys at once.
        if encapsulated.len() != ENCAPSULATED_BYTES || stanza.body.len() != BODY_BYTES {
            return Err(CryptoError::Malformed("stanza length"));
        }
        let (key, nonce) = hpke_key(&self.decapsulate(&encapsulated)?);
        let mut body = Zeroizing::new(stanza.body.clone());
        let Ok(opened) = key.open_in_place(nonce, Aad::empty(), body.as_mut_slice()) else {
            return Ok(None);
        };
        Ok(Some(AgeFileKey::init_with_mut(|file_key| file_key.copy_from_slice(opened))))
    }
}

impl age::Identity for PqIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<AgeFileKey, age::DecryptError>> {
        if stanza.tag != STANZA_TAG {
            return None;
        }
        self.unwrap_share(stanza).map_err(|_| age::DecryptError::InvalidHeader).transpose()
    }
}

fn decode_bech32(text: &str, hrp: Hrp, error: CryptoError) -> Result<Vec<u8>, CryptoError> {
    bech32_decode(
        text,
        |_| error.clone(),
        |found| if found == hrp { Ok(()) } else { Err(error.clone()) },
        |_, bytes| Ok(bytes.collect()),
    )
}

/// X-Wing key expansion: SHAKE-256 of the seed gives ML-KEM's `d`, `z` and the X25519 scalar.
fn expand_seed(seed: &[u8; 32]) -> (MlKemSecret, StaticSecret) {
    let mut shake = Shake256::default();
    shake.update(seed);
    let mut reader = shake.finalize_xof();
    let mut take = || {
        let mut part = Zeroizing::new([0u8; 32]);
        reader.read(part.as_mut_slice());
        part
    };
    let (d, z, scalar) = (take(), take(), take());
    let (mut d, mut z) = (B32::from(*d), B32::from(*z));
    let (mlkem_secret, _) = MlKem768::generate_deterministic(&d, &z);
    d.as_mut_slice().zeroize();
    z.as_mut_slice().zeroize();
    (mlkem_secret, StaticSecret::from(*scalar))
}

/// The X-Wing combiner.
fn combine(mlkem_shared: &[u8], x25519_shared: &SharedSecret, ciphertext: &[u8], public: &[u8]) -> Key32 {
    let mut hash = Sha3_256::new();
    for part in [mlkem_shared, x25519_shared.as_bytes(), ciphertext, public, XWING_LABEL] {
        Digest::update(&mut hash, part);
    }
    Zeroizing::new(hash.finalize().into())
}

/// RFC 9180 §5.1 key schedule, mode base, sequence number 0.
fn hpke_key(shared: &Key32) -> (LessSafeKey, Nonce) {
    let labeled_extract =
        |salt: &[u8], label: &[u8], ikm: &[u8]| hkdf::extract(salt, &[b"HPKE-v1", SUITE, label, ikm]);
    let psk_id_hash = labeled_extract(&[], b"psk_id_hash", &[]);
    let info_hash = labeled_extract(&[], b"info_hash", HPKE_INFO);
    let secret = labeled_extract(shared.as_slice(), b"secret", &[]);
    let labeled_expand = |label: &[u8], length: u8| {
        let context: [&[u8]; 7] =
            [&[0, length], b"HPKE-v1", SUITE, label, &[0], psk_id_hash.as_slice(), info_hash.as_slice()];
        hkdf::expand(&secret, &context)
    };
    let key = labeled_expand(b"key", 32);
    let base_nonce = labeled_expand(b"base_nonce", 12);
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&base_nonce[..12]);
    let Ok(unbound) = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()) else {
        panic!("ChaCha20-Poly1305 keys are 32 bytes, as given");
    };
    (LessSafeKey::new(unbound), Nonce::assume_unique_for_key(nonce))
}
