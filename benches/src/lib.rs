//! Benches: how fast and how small, measured beside what others do with the same bytes.
//!
//! [`corpus`] makes the data, [`measure`] runs a program and counts, [`tools`] knows each program's commands,
//! [`roofline`] adds up what the stages of a first backup must cost, [`table`] prints. Nothing here is asserted:
//! figures are ratios of one run on one machine. Never: part of the product.

#![forbid(unsafe_code)]

pub mod corpus;
pub mod dicom;
pub mod install;
pub mod measure;
pub mod relay;
pub mod roofline;
pub mod samples;
pub mod table;
pub mod tools;

/// Whether only to show that the benches still run: `SCELLE_BENCH_SMOKE=1`.
pub fn is_smoke() -> bool {
    std::env::var_os("SCELLE_BENCH_SMOKE").is_some_and(|value| value == "1")
}
