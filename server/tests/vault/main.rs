//! The vault as its clients meet it: over real HTTP, through the product's own S3 client.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken expectation is a failed test")]

mod contract;
mod house;
mod isolation;
mod locks;
mod served;
