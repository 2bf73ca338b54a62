//! boto3, a stock client, against the vault and against SeaweedFS: the same checks, the same verdicts.

use std::process::Command;

use scelle_store::testing::engines::{ACCESS_KEY, SECRET_KEY, SeaweedFs};

use crate::program::{Program, credential, python};

fn verdicts(endpoint: &str, access: &str, secret: &str) -> Vec<String> {
    let script = format!("{}/tests/conformance/s3.py", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let output = Command::new(python()).args([&script, endpoint, access, secret]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.len() > 50, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    lines
}

/// Checks that SeaweedFS 4.48 itself does not pass; a verdict that changes must be looked at.
const SEAWEEDFS_DIFFERS: &[&str] = &[
    // A put into a bucket that is not there makes it.
    "absent_bucket_is_not_found",
    // A bucket goes with what is in it.
    "full_bucket_is_not_deleted",
    // The body is not compared with the hash that was signed.
    "payload_other_than_signed_is_refused",
    // Keys are paths of files: `//` is one slash, and no part is longer than 255 bytes.
    "names_with_odd_characters_come_back",
    "name_of_1024_bytes_works_and_1025_does_not",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_vault_and_seaweedfs_give_the_same_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("vault");
    let (access, secret) = credential(&data, "cabinet", "admin");
    let vault = Program::start(&data, &[]);
    let lines = verdicts(&format!("http://{}", vault.address()), &access, &secret);
    let wrong: Vec<&String> = lines.iter().filter(|line| line.starts_with("WRONG")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");

    let engine = SeaweedFs::start(folder.path()).await;
    let lines = verdicts(engine.endpoint(), ACCESS_KEY, SECRET_KEY);
    let name = |line: &String| line.split([' ', ':']).nth(1).unwrap_or_default().to_owned();
    let wrong: Vec<String> = lines.iter().filter(|line| line.starts_with("WRONG")).map(name).collect();
    assert_eq!(wrong, SEAWEEDFS_DIFFERS, "{lines:#?}");
}
