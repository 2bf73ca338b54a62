//! The program itself: `scelle-server` run as its operator runs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running `scelle-server vault`, killed with its owner.
pub struct Program {
    pub child: Child,
    /// The line it printed once it served.
    pub ready: serde_json::Value,
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_scelle-server")
}

impl Program {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["vault", "--reserve-mib", "0", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, ready }
    }

    pub fn address(&self) -> &str {
        self.ready["listening"].as_str().unwrap()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has: whatever was noted is on disk.
    pub fn stop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end: exit code, standard output, standard error.
pub fn run(arguments: &[&str], data: &Path) -> (i32, String, String) {
    let output = Command::new(binary()).args(arguments).arg("--data").arg(data).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// How often a campaign goes round: for every change, and under `tests/run long` (`SCELLE_LONG=1`).
pub fn rounds(ci: u32, long: u32) -> u32 {
    if std::env::var("SCELLE_LONG").is_ok_and(|value| value == "1") { long } else { ci }
}

/// One plain HTTP request; status and body of the answer.
pub fn request(address: &str, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A new credential: access key and secret.
pub fn credential(data: &Path, tenant: &str, role: &str) -> (String, String) {
    let (code, out, err) = run(&["credential", "add", "--json", "--tenant", tenant, "--role", role], data);
    assert_eq!(code, 0, "{err}");
    let made: serde_json::Value = serde_json::from_str(&out).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("access_key"), text("secret_key"))
}

/// Python of the tools that `tests/run` installs.
pub fn python() -> PathBuf {
    tool("python")
}

/// One of these tools.
pub fn tool(name: &str) -> PathBuf {
    let tools = std::env::var_os("SCELLE_TOOLS").map(PathBuf::from);
    let tools =
        tools.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/scelle-tools"));
    tools.join("venv/bin").join(name)
}
