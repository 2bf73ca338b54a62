//! How an S3 service is reached: endpoint, region, credential, and the way there.
//!
//! Given by whoever knows the configuration; goes to the store. Never: shows a secret.

use scelle_store::s3::Route;
use secrecy::SecretString;

use crate::error::{AgentError, Result};

/// How the S3 service is reached. Nothing here was tried.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Address, already checked: https, or http towards this computer.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Credential, where one is defined.
    pub credentials: Option<S3Credentials>,
    /// Proxy and authorities, or why what is given cannot be used: said only where an S3 service is to be reached.
    pub route: Result<Route>,
}

impl Default for S3Settings {
    fn default() -> Self {
        Self { endpoint: None, region: None, credentials: None, route: Ok(Route::default()) }
    }
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
