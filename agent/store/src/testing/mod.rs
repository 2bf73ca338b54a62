//! What tests and benches of this and other rooms share: a conformance suite, faults, a recorder, and
//! real S3 engines. Never: compiled into the product.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a broken expectation is a failure")]

#[cfg(feature = "s3")]
pub mod ceph;
pub mod contract;
#[cfg(feature = "s3")]
pub mod engines;
pub mod faulty;
#[cfg(feature = "s3")]
pub mod flip;
#[cfg(feature = "s3")]
pub mod ports;
#[cfg(feature = "s3")]
pub mod proxy;
pub mod record;
pub mod volatile;

pub use faulty::{Fault, Faulty, Operation};
pub use record::{Call, Recorder};
pub use volatile::Volatile;
