//! Named immutable blobs, and nothing else.
//!
//! For: keeping sealed objects on a local disk or NAS ([`dir`]), at an S3-compatible host ([`s3`]) or in
//! memory ([`mem`]). Data comes from the pipeline as finished objects and goes to the store byte for byte.
//! Never: knows what an object means, replaces an object unless told that it is damaged, follows a name out of its root, or puts a
//! credential in an error.

#![forbid(unsafe_code)]

pub mod decorator;
pub mod dir;
mod durable;
pub mod error;
pub mod key;
pub mod mem;
pub mod probe;
pub mod read_back;
pub mod retry;
#[cfg(feature = "s3")]
pub mod s3;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
pub mod traced;
pub mod verdict;

pub use decorator::Decorator;
pub use durable::{BlobFolder, Incoming, sync_folder};
pub use error::{CertificateFault, ErrorKind, ProxyFault, StoreError};
pub use key::Key;
pub use store::{
    DefaultRetention, HiddenPage, ListEntry, ListPage, Lock, LockOps, ObjectMeta, PlainPut, Put, Store,
    Version,
};
