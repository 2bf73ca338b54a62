//! The server's place in the house: what it may be built from.

use std::process::Command;

#[test]
fn nothing_that_opens_a_sealed_object_is_built_in() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--offline", "-p", "scelle-server", "--edges", "normal,build", "--prefix", "none"]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("scelle-store v"), "{tree}");
    for opener in ["age v", "age-core v", "ml-kem v", "x25519-dalek v", "hpke v", "aws-sdk-s3 v"] {
        assert!(!tree.lines().any(|line| line.starts_with(opener)), "{opener} is in the tree");
    }
}
