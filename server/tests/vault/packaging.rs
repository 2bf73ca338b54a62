//! What is shipped for the vault is what the program understands.

use std::path::Path;
use std::process::Command;

use crate::program::binary;

fn packaging() -> std::path::PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().join("packaging")
}

#[test]
fn every_variable_of_the_sample_is_one_of_the_program() {
    let help = Command::new(binary()).args(["vault", "--help"]).output().unwrap();
    // Lines are wrapped anywhere.
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let sample = std::fs::read_to_string(packaging().join("vault.env.sample")).unwrap();
    let mut seen = 0;
    for line in sample.lines() {
        let Some((name, value)) = line.trim_start_matches("#: ").split_once('=') else { continue };
        if name.starts_with("SCELLE_") {
            assert!(help.contains(&format!("[env: {name}=")), "{name}");
            assert!(!value.is_empty(), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}

#[test]
fn the_unit_leaves_the_system_little_to_lose() {
    let unit = packaging().join("scelle-vault.service");
    let mut analyze = Command::new("systemd-analyze");
    let output = analyze.args(["security", "--offline=true", "--threshold=20"]).arg(unit).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
