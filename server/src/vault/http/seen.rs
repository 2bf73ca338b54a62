//! What is known about the request being served, for the trace.
//!
//! One value a request, reached through a task-local: the protocol layer asks for a secret without saying for which
//! connection.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::vault::metadata::credentials::Credential;

tokio::task_local! {
    /// The request this task serves.
    pub static REQUEST: Arc<Seen>;
}

/// Facts of one request.
#[derive(Debug)]
pub struct Seen {
    /// Where it came from.
    pub from: IpAddr,
    /// What became known on the way.
    pub facts: Mutex<Facts>,
}

/// What became known on the way.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The live credential its access key names.
    pub credential: Option<Credential>,
    /// Whether its signature was right.
    pub authenticated: bool,
    /// Whether it came from where too many wrong signatures came.
    pub locked_out: bool,
    /// The operation, as in the table of roles.
    pub operation: String,
    /// Bucket and key it names.
    pub bucket: String,
    pub key: String,
}
