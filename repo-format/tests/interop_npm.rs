//! Both directions with another age: the npm package `age-encryption` (typage), which shares no code with us.
//!
//! Needs node and npm. The package goes to `$SCELLE_TOOLS/npm` (default `~/.cache/scelle-tools/npm`); when it
//! cannot be installed the test fails: an interop test that did not run proves nothing.
#![cfg(feature = "crypto")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use scelle_format::crypto::{PqIdentity, open_bytes, passphrase, seal_bytes};
use scelle_format::phrase::{Language, generate_phrase, normalize};
use scelle_format::random::{OsRandom, Random};
use secrecy::ExposeSecret;
use serde_json::json;

const PACKAGE_VERSION: &str = "0.3.1";

struct Typage {
    folder: PathBuf,
    /// The folder is shared by all checkouts of this machine; nobody else installs or runs there meanwhile.
    _alone: std::fs::File,
}

impl Typage {
    fn install() -> Self {
        let tools = std::env::var_os("SCELLE_TOOLS").map_or_else(
            || {
                let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).unwrap();
                Path::new(&home).join(".cache").join("scelle-tools")
            },
            PathBuf::from,
        );
        let folder = tools.join("npm").join("age-interop");
        std::fs::create_dir_all(&folder).unwrap();
        let alone = std::fs::File::create(folder.join(".lock")).unwrap();
        alone.lock().unwrap();
        let scripts =
            Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests").join("interop");
        for name in ["package.json", "age.mjs"] {
            std::fs::copy(scripts.join(name), folder.join(name)).unwrap();
        }
        let typage = Self { folder, _alone: alone };
        if typage.installed_version().as_deref() != Some(PACKAGE_VERSION) {
            let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let installed = Command::new(npm)
                .args(["install", "--no-package-lock", "--no-audit", "--no-fund"])
                .current_dir(&typage.folder)
                .output()
                .expect("npm is needed for this test");
            assert!(
                installed.status.success(),
                "npm install: {}",
                String::from_utf8_lossy(&installed.stderr)
            );
        }
        assert_eq!(typage.installed_version().as_deref(), Some(PACKAGE_VERSION));
        typage
    }

    fn installed_version(&self) -> Option<String> {
        let package = self.folder.join("node_modules").join("age-encryption").join("package.json");
        let text = std::fs::read_to_string(package).ok()?;
        let package: serde_json::Value = serde_json::from_str(&text).ok()?;
        package["version"].as_str().map(str::to_owned)
    }

    fn run(&self, action: &str, key: &str, file: &[u8]) -> Result<String, String> {
        let job = json!({ "do": action, "key": key, "file": BASE64_STANDARD.encode(file) });
        let mut node = Command::new("node")
            .arg(self.folder.join("age.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node is needed for this test");
        node.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
        let output = node.wait_with_output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn bytes(&self, action: &str, key: &str, file: &[u8]) -> Vec<u8> {
        BASE64_STANDARD.decode(self.run(action, key, file).unwrap()).unwrap()
    }
}

#[test]
fn age_encryption_npm_both_ways() {
    let typage = Typage::install();
    let (identity, other) = (PqIdentity::generate(&mut OsRandom), PqIdentity::generate(&mut OsRandom));
    let secret = identity.to_secret_string();
    let secret = secret.expose_secret();
    let recipient = identity.recipient();

    // The same seed means the same recipient in both.
    assert_eq!(typage.run("recipient", secret, &[]).unwrap(), recipient.to_string());

    for plain_bytes in [0, 1, 65_536, 65_537, 200_000] {
        let mut plain = vec![0; plain_bytes];
        OsRandom.fill(&mut plain);

        let ours = seal_bytes(&[other.recipient(), recipient.clone()], &plain, &mut OsRandom).unwrap();
        assert_eq!(typage.bytes("decrypt", secret, &ours), plain, "{plain_bytes} bytes sealed by us");

        let theirs = typage.bytes("encrypt", &recipient.to_string(), &plain);
        assert_eq!(
            open_bytes(&theirs, &[&identity], u64::MAX).unwrap(),
            plain,
            "{plain_bytes} bytes sealed by npm"
        );
        assert!(open_bytes(&theirs, &[&other], u64::MAX).is_err());
    }

    // What we damage, they refuse as well.
    let mut damaged = seal_bytes(&[recipient], b"dossier", &mut OsRandom).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(typage.run("decrypt", secret, &damaged).is_err());

    let phrase = generate_phrase(&mut OsRandom, Language::French);
    let sealed = passphrase::seal_with_phrase(&phrase, b"identite").unwrap();
    let typed = normalize(phrase.expose_secret());
    assert_eq!(typage.bytes("decryptPhrase", typed.expose_secret(), &sealed), b"identite");
}
