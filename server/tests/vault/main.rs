//! The vault as its clients meet it: over real HTTP, through the product's own S3 client.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken expectation is a failed test")]

mod care;
mod clients;
mod commands;
mod conformance;
mod contract;
mod crash;
mod damage;
mod durability;
mod enrolment;
mod hostile;
mod house;
mod isolation;
mod locks;
mod packaging;
mod program;
mod running;
mod served;
