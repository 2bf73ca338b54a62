//! How an S3 service is reached: endpoint, region, credential.
//!
//! Given by whoever knows the configuration; goes to the store. Never: shows a secret.

use secrecy::SecretString;

use crate::error::{AgentError, Result};

/// How the S3 service is reached. Nothing here was tried.
#[derive(Clone, Debug, Default)]
pub struct S3Settings {
    /// Address, already checked: https, or http towards this computer.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Credential, where one is defined.
    pub credentials: Option<S3Credentials>,
}

impl S3Settings {
    /// The credential, or the error that says how to give one.
    pub fn required_credentials(&self) -> Result<&S3Credentials> {
        self.credentials.as_ref().ok_or_else(AgentError::no_credential)
    }
}

/// An S3 access key.
#[derive(Clone, Debug)]
pub struct S3Credentials {
    /// Public half.
    pub access_key_id: String,
    /// Secret half.
    pub secret_access_key: SecretString,
    /// Session token of temporary credentials.
    pub session_token: Option<SecretString>,
}
