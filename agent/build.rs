//! Tells the linker of the program that functions of one content are one function.
//!
//! About 2 % of the program's size, which has a limit (`tests/run`). Only where the compiler brings the linker that knows how
//! (`rust-lld`, x86-64 Linux since Rust 1.90). Never: changes what is compiled.

#![forbid(unsafe_code)]

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("TARGET", "x86_64-unknown-linux-gnu") && is("PROFILE", "release") {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}
