//! The `scelle` program, run with a state folder of its own.
//!
//! From arguments to what a user sees: exit code, standard output, standard error. Every output is also kept
//! ([`Agent::said`]) so that a test can look through all of it for names; where `SCELLE_SAID` names a folder it is written
//! there as well, a file for each test: what is printed anywhere, and by which test. Never: calls the agent as a library.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process;

/// A run that takes longer hangs. Far above anything measured: no test is about time.
const HANG: Duration = Duration::from_secs(900);

/// Variables of the tests' own environment that a run gets as well.
const KEPT: [&str; 4] = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];

/// The program under test: `SCELLE_BIN`, else `release/scelle` beside this test's own binary.
pub fn program() -> PathBuf {
    let program = std::env::var_os("SCELLE_BIN").map_or_else(
        || {
            let own = std::env::current_exe().unwrap();
            own.parent().and_then(Path::parent).unwrap().join("scelle")
        },
        PathBuf::from,
    );
    assert!(program.is_file(), "no program at {}: cargo build --release", program.display());
    program
}

/// One computer: the program with its own `SCELLE_HOME` and environment.
#[derive(Clone, Debug)]
pub struct Agent {
    home: PathBuf,
    folder: PathBuf,
    variables: Vec<(OsString, OsString)>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Agent {
    /// A computer whose state is in `home` (made by the program) and whose working folder is `folder`.
    pub fn new(home: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), folder: folder.into(), variables: Vec::new(), said: Arc::default() }
    }

    /// The same computer with another environment variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Another computer with the same environment and no state.
    #[must_use]
    pub fn elsewhere(&self, home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), ..self.clone() }
    }

    /// State folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Everything this agent, its clones and those made by [`Agent::elsewhere`] have printed.
    pub fn said(&self) -> Vec<u8> {
        self.said.lock().unwrap().clone()
    }

    /// The program with its environment and no arguments, to be run by the test itself.
    pub fn command(&self) -> Command {
        self.command_of(&program())
    }

    /// Another program (strace, faketime…) with this agent's environment; it gets `scelle` as an argument.
    pub fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Nothing of whoever runs the tests: no language, zone, proxy, log level or credential.
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command
            .env("SCELLE_HOME", &self.home)
            .env("SCELLE_LANG", "en")
            .env("TZ", "UTC")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end, whatever the end is.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        self.start(arguments).wait()
    }

    /// Runs with `input` on standard input.
    pub fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Outcome {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped());
        let mut running = self.spawn(command);
        running.child.stdin.take().unwrap().write_all(input).unwrap();
        running.wait()
    }

    /// Runs and expects exit code 0.
    pub fn ok<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        self.expect(0, arguments)
    }

    /// Runs and expects this exit code.
    pub fn expect<A: AsRef<OsStr>>(&self, code: i32, arguments: impl IntoIterator<Item = A>) -> Outcome {
        let arguments: Vec<OsString> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        let outcome = self.run(&arguments);
        assert_eq!(outcome.code(), code, "scelle {arguments:?}\n{outcome}");
        outcome
    }

    /// Runs with `--json`, expects 0 and exactly one document.
    pub fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned());
        self.ok(arguments.chain([OsString::from("--json")])).json()
    }

    /// Starts a run that the test watches, stops or kills.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let mut command = self.command();
        command.args(arguments);
        self.spawn(command)
    }

    /// Starts a command made by [`Agent::command`] or [`Agent::command_of`].
    pub fn spawn(&self, mut command: Command) -> Running {
        // Files, not pipes: a child that prints much never waits for us.
        let outputs = TempDir::with_prefix("scelle-said-").unwrap();
        command.stdout(File::create(outputs.path().join("out")).unwrap());
        command.stderr(File::create(outputs.path().join("err")).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Running {
            line: command.get_args().map(OsStr::to_owned).collect(),
            child,
            outputs,
            said: Arc::clone(&self.said),
        }
    }
}

/// A run that has not ended; killed when dropped.
#[derive(Debug)]
pub struct Running {
    line: Vec<OsString>,
    child: Child,
    outputs: TempDir,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal (`KILL`, `INT`, `STOP`, `CONT`…); a run that has ended gets none.
    pub fn signal(&self, name: &str) {
        let _ = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it has printed on standard error so far.
    pub fn stderr_so_far(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.outputs.path().join("err")).unwrap()).into_owned()
    }

    /// Waits until something is so while the run goes on; panics when the run ends before, or hangs.
    pub fn wait_until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(!self.has_ended(), "it ended before {what}: {}", self.stderr_so_far());
            assert!(started.elapsed() < HANG, "not until the end of time {what}: {}", self.stderr_so_far());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops it where it stands, until [`Running::go_on`]: when this returns, no thread of it runs.
    pub fn pause(&self) {
        self.signal("STOP");
        let started = Instant::now();
        while !process::stands_still(self.pid()) {
            assert!(started.elapsed() < HANG, "it does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it run again.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    /// Waits for the end; panics when it hangs.
    pub fn wait(mut self) -> Outcome {
        let status = self.end(HANG);
        let read = |name| fs::read(self.outputs.path().join(name)).unwrap();
        let outcome = Outcome { status, stdout: read("out"), stderr: read("err") };
        let mut said = self.said.lock().unwrap();
        said.extend_from_slice(&outcome.stdout);
        said.extend_from_slice(&outcome.stderr);
        drop(said);
        outcome
    }
}

impl Running {
    /// Waits for the end; panics when it takes longer than `most`.
    pub fn end(&mut self, most: Duration) -> ExitStatus {
        let started = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            let seconds = most.as_secs();
            assert!(started.elapsed() < most, "still runs after {seconds} s: {}", self.stderr_so_far());
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Running {
    /// Appends what was printed to the file of this test.
    fn kept_in(&self, folder: &Path) -> std::io::Result<()> {
        let mut text = format!("$ {:?}\n", self.line).into_bytes();
        for name in ["out", "err"] {
            text.extend(fs::read(self.outputs.path().join(name))?);
        }
        // nextest runs each test in a process of its own and names it.
        let test = std::env::var("NEXTEST_TEST_NAME").unwrap_or_else(|_| "unknown".to_owned());
        let mut file =
            File::options().append(true).create(true).open(folder.join(test.replace("::", ".")))?;
        file.write_all(&text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = std::env::var_os("SCELLE_SAID") {
            let _ = self.kept_in(Path::new(&folder));
        }
    }
}

/// What a run ended with.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Outcome {
    /// Exit code; 128 + signal when a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The one JSON document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// The `{"error":{…}}` document on standard output of a run with `--json` that failed.
    pub fn json_error(&self) -> Value {
        self.json()["error"].clone()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code(), self.out(), self.err())
    }
}
