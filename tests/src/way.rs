//! What stands between a practice and its bucket: certificates, authorities and proxies, made with openssl and tinyproxy.
//!
//! For: tests of the way to a store. Each server and proxy listens on loopback and ends with its owner. Never: uses the
//! machine's own authorities or proxies.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scelle_store::testing::ports::{self, Port};

use crate::process;

/// A server that does not listen by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A private authority.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// A server's certificate and its key, in files.
#[derive(Debug)]
pub struct Identity {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, named like `folder`, which is made for its files. Valid from 2000 on.
    pub fn new(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let own = Self { folder };
        let extensions = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n";
        let name = own.folder.file_name().unwrap().to_str().unwrap();
        own.request("ca", &format!("Autorite {name}"), extensions);
        own.openssl(
            "2000-01-01",
            "x509 -req -days 36500 -in ca.csr -signkey ca.key -extfile ca.ext -out ca.pem",
        );
        own
    }

    /// Its own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for `host` (`IP:127.0.0.1`, `DNS:name`), valid for 20 years from `day` on.
    pub fn issue(&self, name: &str, host: &str, day: &str) -> Identity {
        self.issue_for(name, host, day, 7300)
    }

    /// A certificate that is valid for so many days.
    pub fn issue_for(&self, name: &str, host: &str, day: &str, days: u32) -> Identity {
        let extensions = format!("subjectAltName = {host}\nbasicConstraints = critical,CA:FALSE\n");
        self.request(name, name, &extensions);
        self.openssl(
            day,
            &format!(
                "x509 -req -days {days} -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile {name}.ext \
                 -out {name}.pem"
            ),
        );
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        Identity { certificate: file("pem"), key: file("key") }
    }

    fn request(&self, name: &str, subject: &str, extensions: &str) {
        fs::write(self.folder.join(format!("{name}.ext")), extensions).unwrap();
        let mut command = Command::new(process::system("openssl"));
        command.args([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
        ]);
        command.arg(format!("/CN={subject}")).args(["-keyout", &format!("{name}.key")]);
        process::run(command.args(["-out", &format!("{name}.csr")]).current_dir(&self.folder));
    }

    /// openssl with these words, on that day.
    fn openssl(&self, day: &str, words: &str) {
        let mut command = Command::new(process::system("faketime"));
        command.arg(day).arg("openssl").args(words.split_whitespace());
        process::run(command.current_dir(&self.folder));
    }
}

/// Something that listens on loopback.
#[derive(Debug)]
struct Listening {
    child: Child,
    port: Port,
}

impl Listening {
    /// Starts what `command` makes for a port, and waits until it takes connections.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        let port = ports::closed();
        let mut command = command(port.number);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut own = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", own.port.number)).is_err() {
            assert!(own.child.try_wait().unwrap().is_none(), "{command:?} ended");
            assert!(started.elapsed() < PATIENCE, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        own
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that shows a certificate, and is no store.
#[derive(Debug)]
pub struct TlsServer(Listening);

impl TlsServer {
    /// With this identity.
    pub fn start(identity: &Identity) -> Self {
        Self(Listening::start(|port| {
            let mut command = Command::new(process::system("openssl"));
            command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
            command.arg("-cert").arg(&identity.certificate).arg("-key").arg(&identity.key);
            command
        }))
    }

    /// `https://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.0.port.number)
    }
}

/// A tinyproxy.
#[derive(Debug)]
pub struct Tinyproxy {
    listening: Listening,
    log: PathBuf,
}

impl Tinyproxy {
    /// Its files are `name` and `name.log` in `folder`; `login`: user and password that it wants.
    pub fn start(folder: &Path, name: &str, login: Option<(&str, &str)>) -> Self {
        let (configuration, log) = (folder.join(name), folder.join(format!("{name}.log")));
        let listening = Listening::start(|port| {
            let login = login.map(|(user, password)| format!("BasicAuth {user} {password}\n"));
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nLogFile \"{}\"\nLogLevel Connect\n{}",
                log.display(),
                login.unwrap_or_default()
            );
            fs::write(&configuration, text).unwrap();
            let mut command = Command::new(process::system("tinyproxy"));
            command.arg("-d").arg("-c").arg(&configuration);
            command
        });
        Self { listening, log }
    }

    /// `http://127.0.0.1:port`, with `login@` (`user:password`) in it where one is given.
    pub fn address(&self, login: Option<&str>) -> String {
        let login = login.map(|login| format!("{login}@")).unwrap_or_default();
        format!("http://{login}127.0.0.1:{}", self.listening.port.number)
    }

    /// How many tunnels it was asked for.
    pub fn tunnels(&self) -> usize {
        let log = String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned();
        log.lines().filter(|line| line.contains(": CONNECT 127.0.0.1:")).count()
    }
}
