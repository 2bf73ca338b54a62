//! The SHA-256 of a body in the signature of its request.
//!
//! The SDK signs a body that streams as `UNSIGNED-PAYLOAD`, and hashes any other once more. The hash is known here: it is
//! signed as it is (`x-amz-content-sha256`), paced or not, so that an engine that knows no checksum header (Ceph RGW 16)
//! refuses a body that was changed on its way all the same. Never: computes a hash.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// Signs one request with the hash of its body.
#[derive(Debug)]
pub(super) struct SignedPayload {
    sha256: String,
}

impl SignedPayload {
    /// For a body with this SHA-256.
    pub(super) fn new(sha256: [u8; 32]) -> Self {
        let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { sha256 }
    }
}

impl Intercept for SignedPayload {
    fn name(&self) -> &'static str {
        "SignedPayload"
    }

    fn modify_before_signing(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(self.sha256.clone()));
        Ok(())
    }
}
