//! A real Ceph RGW on this machine's loopback: one monitor, one object store in memory, one gateway.
//!
//! For: the engine that reads no checksum header, ignores `If-None-Match` on versioned buckets and checks the hash in the
//! signature alone. Each runs in the folder given, on free ports, several at a time, and is killed with its owner.
//! Needs the Debian packages radosgw, ceph-mon, ceph-osd and ceph-common. Never: listens beyond loopback.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::engines::{ACCESS_KEY, Daemon, SECRET_KEY, settings_at, tail};
use super::ports::{self, Port};
use crate::s3::{BucketSettings, S3Store};

/// Access key of a user who may make buckets of its own and nothing else.
pub const AGENT_KEY: &str = "agentkey";
/// Its secret.
pub const AGENT_SECRET: &str = "agentsecret123";
/// How long a daemon or a command may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running gateway and what it stands on; killed on drop, the gateway first.
#[derive(Debug)]
pub struct CephRgw {
    _gateway: Daemon,
    _osd: Daemon,
    _monitor: Daemon,
    endpoint: String,
    /// Kept from other tests while it runs.
    _ports: [Port; 3],
}

struct Cluster {
    folder: PathBuf,
    configuration: PathBuf,
}

impl CephRgw {
    /// Starts one with its data below `dir` and waits until it stores objects.
    pub async fn start(dir: &Path) -> Self {
        let ports: [Port; 3] = ports::free();
        let [v2, v1, port] = ports.each_ref().map(|port| port.number);
        let cluster = Cluster::new(dir, v2, v1, port);
        cluster.make_keys();
        let monitor = cluster.monitor(v2, v1);
        let osd = cluster.osd();
        let gateway = cluster.daemon("radosgw", &["-f", "-n", "client.rgw"]);
        let endpoint = format!("http://127.0.0.1:{port}");
        cluster.make_user("admin", ACCESS_KEY, SECRET_KEY);
        cluster.make_user("agent", AGENT_KEY, AGENT_SECRET);
        let rgw = Self { _gateway: gateway, _osd: osd, _monitor: monitor, endpoint, _ports: ports };
        rgw.wait_until_ready(&cluster).await;
        rgw
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Settings of `bucket`, which need not exist yet, for the administrator.
    pub fn settings(&self, bucket: &str) -> BucketSettings {
        settings_at(&self.endpoint, bucket)
    }

    async fn wait_until_ready(&self, cluster: &Cluster) {
        let started = Instant::now();
        loop {
            match S3Store::create_plain_bucket(self.settings("ready")).await {
                Ok(_) => return,
                Err(error) if started.elapsed() > PATIENCE => {
                    panic!("RGW is not ready: {error}\n{}", tail(&cluster.folder.join("radosgw.log")))
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

impl Cluster {
    fn new(dir: &Path, v2: u16, v1: u16, port: u16) -> Self {
        let folder = dir.join("ceph");
        for name in ["mon", "osd", "run", "rgw"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let configuration = folder.join("ceph.conf");
        let (at, fsid) = (folder.display(), uuid());
        let text = format!(
            "[global]\nfsid = {fsid}\nmon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]\n\
             public addr = 127.0.0.1\ncluster addr = 127.0.0.1\nrun dir = {at}/run\n\
             admin socket = {at}/run/$name.asok\npid file = {at}/run/$name.pid\nlog file = {at}/run/$name.log\n\
             keyring = {at}/keyring\nauth cluster required = cephx\nauth service required = cephx\n\
             auth client required = cephx\nosd pool default size = 1\nosd pool default min size = 1\n\
             osd crush chooseleaf type = 0\nosd pool default pg num = 8\nmon allow pool size one = true\n\
             mon initial members = a\nmon osd full ratio = .99\nmon data avail crit = 1\n\
             mon max pg per osd = 1000\nsetuser match path = /nonexistent\n[mon.a]\nmon data = {at}/mon\n\
             [osd.0]\nosd data = {at}/osd\nosd objectstore = memstore\nmemstore device bytes = 2147483648\n\
             memstore page set = false\nosd class load list = *\nosd class default list = *\n\
             [client.rgw]\nrgw frontends = beast endpoint=127.0.0.1:{port}\nrgw data = {at}/rgw\n\
             rgw enable apis = s3, admin\n"
        );
        fs::write(&configuration, text).unwrap();
        Self { folder, configuration }
    }

    fn make_keys(&self) {
        let keyring = self.folder.join("keyring");
        let mut is_first = true;
        for (name, capabilities) in [
            ("mon.", &[("mon", "allow *")][..]),
            ("client.admin", &[("mon", "allow *"), ("osd", "allow *"), ("mgr", "allow *")]),
            ("osd.0", &[("mon", "allow profile osd"), ("osd", "allow *"), ("mgr", "allow profile osd")]),
            ("client.rgw", &[("mon", "allow rw"), ("osd", "allow rwx"), ("mgr", "allow rw")]),
        ] {
            let mut arguments = vec![keyring.to_str().unwrap(), "--gen-key", "-n", name];
            if is_first {
                arguments.push("--create-keyring");
            }
            for (daemon, rights) in capabilities {
                arguments.extend(["--cap", daemon, rights]);
            }
            self.run("ceph-authtool", &arguments);
            is_first = false;
        }
    }

    fn monitor(&self, v2: u16, v1: u16) -> Daemon {
        let map = self.folder.join("monmap");
        let text = fs::read_to_string(&self.configuration).unwrap();
        let fsid = text.lines().find_map(|line| line.strip_prefix("fsid = ")).unwrap().to_owned();
        let at = format!("[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]");
        let map = map.to_str().unwrap();
        self.run("monmaptool", &["--create", "--addv", "a", &at, "--fsid", &fsid, map]);
        let keyring = self.folder.join("keyring");
        let keyring = keyring.to_str().unwrap();
        self.run("ceph-mon", &["--mkfs", "-i", "a", "--monmap", map, "--keyring", keyring]);
        self.daemon("ceph-mon", &["-f", "-i", "a"])
    }

    fn osd(&self) -> Daemon {
        let id = uuid();
        self.run("ceph", &["osd", "new", &id]);
        let keyring = self.folder.join("keyring");
        let _ = self.command("ceph", &["auth", "import", "-i", keyring.to_str().unwrap()]).status();
        self.run("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", &id]);
        let osd = self.daemon("ceph-osd", &["-f", "-i", "0"]);
        self.run("ceph", &["osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost"]);
        osd
    }

    fn make_user(&self, name: &str, key: &str, secret: &str) {
        let id = ["--uid", name, "--display-name", name, "--access-key", key, "--secret-key", secret];
        self.run("radosgw-admin", &[&["user", "create"], &id[..]].concat());
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{program}.log")))
            .unwrap();
        let mut command = Command::new(program);
        command.args(arguments).env("CEPH_CONF", &self.configuration).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// A daemon in the foreground: it ends with its handle.
    fn daemon(&self, program: &str, arguments: &[&str]) -> Daemon {
        let child = self.command(program, arguments).spawn();
        Daemon(child.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it")))
    }

    /// Runs to the end; panics when it fails or hangs.
    fn run(&self, program: &str, arguments: &[&str]) {
        let child = self.command(program, arguments).spawn();
        let mut child: Child =
            child.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
        let started = Instant::now();
        loop {
            let log = || tail(&self.folder.join(format!("{program}.log")));
            match child.try_wait().unwrap() {
                Some(status) if status.success() => return,
                Some(status) => panic!("{program} {arguments:?}: {status}\n{}", log()),
                None if started.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    panic!("{program} {arguments:?} hangs\n{}", log());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

fn uuid() -> String {
    let hex = format!("{:032x}", rand::random::<u128>());
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
