//! The agent on our own vault: written with a credential that can neither delete nor lock, read back with another.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use e2e::compare::assert_same_content;
use e2e::{Agent, Tree, noise};
use scelle_store::s3::{BucketSettings, S3Store};
use serde_json::Value;

const TENANT: &str = "cabinet";

/// `scelle-server`, built beside this test's own binary.
fn server() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(Path::parent).unwrap().join("scelle-server");
    assert!(program.is_file(), "no program at {}: cargo build -p scelle-server", program.display());
    program
}

/// A running vault, killed with its owner.
struct Vault {
    data: PathBuf,
    child: Child,
    endpoint: String,
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Vault {
    fn start(data: PathBuf) -> Self {
        let mut child = Command::new(server())
            .args(["vault", "--reserve-mib", "0", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let endpoint = format!("http://{}", ready["listening"].as_str().unwrap());
        Self { data, child, endpoint }
    }

    fn run(&self, arguments: &[&str]) -> Value {
        let output = Command::new(server()).args(arguments).arg("--data").arg(&self.data).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn credential(&self, role: &str) -> (String, String) {
        let made = self.run(&["credential", "add", "--json", "--tenant", TENANT, "--role", role]);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("access_key"), text("secret_key"))
    }

    /// The tenant's bucket, which keeps versions for 35 days.
    fn make_bucket(&self) {
        let (access, secret) = self.credential("admin");
        let mut settings =
            BucketSettings::new(Some(self.endpoint.clone()), "us-east-1", "cabinet", &access, secret);
        settings.allow_plain_http_loopback = true;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(S3Store::create_bucket_with_lock(settings, 35)).unwrap();
    }

    fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .args([format!("-{name}"), self.child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    /// A computer that has a credential of this role.
    fn computer(&self, folder: &Path, name: &str, role: &str) -> Agent {
        let (access, secret) = self.credential(role);
        Agent::new(folder.join(name), folder)
            .with("SCELLE_REPO", "s3://cabinet/sauvegarde")
            .with("SCELLE_S3_ENDPOINT", &self.endpoint)
            .with("SCELLE_S3_REGION", "us-east-1")
            .with("AWS_ACCESS_KEY_ID", access)
            .with("AWS_SECRET_ACCESS_KEY", secret)
    }
}

#[test]
fn a_practice_backs_up_to_the_vault_and_gets_everything_back() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path();
    let vault = Vault::start(folder.join("vault"));
    vault.make_bucket();

    let source = Tree::new(folder.join("source"));
    source.file("courrier/lettre.txt", "Cher confrère,");
    source.file("imagerie/radio.raw", noise(1, 20_000_000));
    source.fill_with_small_files(200, 50, 7);
    let kit = OsString::from(folder.join("kit.txt"));
    let agent = vault.computer(folder, "poste", "agent");
    let arguments = ["init", "--yes", "--drill-days", "0", "--kit"].map(OsString::from);
    agent.ok(arguments.into_iter().chain([kit.clone()]));
    let backup = || agent.json([OsString::from("backup"), source.root().into()]);
    assert_eq!(backup()["problems"], 0);
    source.edit("courrier/lettre.txt", "Cher confrère, chère consœur,");
    assert_eq!(backup()["files"]["changed"], 1);
    agent.ok(["check", "--read-data", "all"]);

    // Another computer, with a credential that reads only.
    let restorer = vault.computer(folder, "retour", "restorer");
    let to = folder.join("rendu");
    let arguments =
        ["restore".into(), "latest".into(), "--to".into(), OsString::from(&to), "--kit".into(), kit];
    restorer.ok(arguments);
    let below = to.join(source.root().strip_prefix("/").unwrap());
    assert_same_content(source.root(), &below);
    // The auditor's credential opens the trace and no object.
    vault.computer(folder, "audit", "auditor").expect(14, ["snapshots"]);
    assert_eq!(vault.run(&["trace", "verify", "--tenant", TENANT])["whole"], true);
}

/// The server stands still in the middle of a body (a machine that swaps, a router that forgot the connection): that is said
/// while the run waits, and the run goes on when the server does.
#[test]
fn a_server_that_stands_still_is_told_of_and_the_run_goes_on_with_it() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path();
    let vault = Vault::start(folder.join("vault"));
    vault.make_bucket();
    let source = Tree::new(folder.join("source"));
    source.file("radio.raw", noise(1, 60_000_000));
    let kit = OsString::from(folder.join("kit.txt"));
    let agent = vault.computer(folder, "poste", "agent");
    let arguments = ["init", "--yes", "--drill-days", "0", "--kit"].map(OsString::from);
    agent.ok(arguments.into_iter().chain([kit]));
    let mut run =
        agent.start([OsString::from("backup"), source.root().into(), "--limit-upload".into(), "16M".into()]);
    let blobs = folder.join("vault");
    let stored_bytes = || -> u64 {
        e2e::listing::while_written(&blobs).iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum()
    };
    run.wait_until("a pack was stored", || stored_bytes() > 10_000_000);
    vault.signal("STOP");
    let said = run.stderr_so_far();
    assert!(!said.contains("no sign of the store"), "{said}");
    let mut waited = String::new();
    while !waited.contains("no sign of the store") && !run.has_ended() {
        std::thread::sleep(std::time::Duration::from_millis(100));
        waited = run.stderr_so_far();
    }
    vault.signal("CONT");
    let outcome = run.wait();
    assert!(outcome.code() == 0 && outcome.err().contains("no sign of the store for 15 s"), "{outcome}");
    agent.ok(["check", "--read-data", "all"]);
}
