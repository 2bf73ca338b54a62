//! systemd: a hardened unit, and `systemctl`.
//!
//! The agent has an account of its own and four capabilities, since it reads what each account of the computer wrote:
//! CAP_DAC_READ_SEARCH reads others' files; CAP_DAC_OVERRIDE writes where it must: a state folder that root made, a store that is
//! a folder, and the `-shm` of a database in WAL mode, where whoever reads marks what he reads; CAP_FOWNER reads without
//! changing when a file was last read; CAP_SYS_PTRACE sees in `/proc/*/fd` whether a program holds a file open. The unit takes
//! from it the system's own folders to write in, devices, the kernel, other address families. Sources and store are not named in
//! it: they may change while it runs, and are nobody's business in a file that all may read. Sources: systemd.unit(5),
//! systemd.exec(5), systemd.syntax(7), systemd-sysusers(8).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use scelle_core::error::{AgentError, Result};

use super::registrar::{Registered, Registrar, Registration};
use super::tool::{ask, put, remove, tell, text_of};

const UNIT: &str = "scelle.service";
const TOOL: &str = "systemctl";
/// Makes accounts of services, and leaves alone those that are there.
const ACCOUNTS: &str = "systemd-sysusers";
/// The agent's account, as that tool reads it.
const ACCOUNT: &str = "u scelle - \"Scelle backup agent\"";
/// systemd made it, and it is there as long as systemd runs (sd_booted(3)).
const RUNS_HERE: &str = "/run/systemd/system";

/// systemd.
#[derive(Debug)]
pub struct Systemd {
    file: PathBuf,
}

impl Systemd {
    /// With its units in this folder.
    pub fn new(folder: &Path) -> Self {
        Self { file: folder.join(UNIT) }
    }

    fn is_here(&self) -> Result<()> {
        match Path::new(RUNS_HERE).is_dir() {
            true => Ok(()),
            false => Err(AgentError::no_service_manager()),
        }
    }

    fn command(&self, words: &[&str]) -> Result<()> {
        self.is_here()?;
        if !self.file.exists() {
            return Err(AgentError::service_not_installed());
        }
        tell(TOOL, words)
    }
}

impl Registrar for Systemd {
    fn file(&self) -> &Path {
        &self.file
    }

    fn text(&self, registration: &Registration) -> Result<String> {
        // It starts no program with one of these in its path, however they are escaped.
        if text_of(&registration.program)?.contains(['"', '\'', '\\']) {
            return Err(AgentError::path_not_for_service());
        }
        // Variables are put into its arguments, not into its own name.
        let mut words = vec![quoted(&registration.program, "")?];
        let typed = ["--config".into(), text_of(&registration.config)?];
        for word in typed.iter().chain(&registration.arguments) {
            words.push(quoted(Path::new(word), "$")?);
        }
        let mut unit = HEAD.to_owned();
        let _ = writeln!(unit, "ExecStart={}", words.join(" "));
        for (name, value) in &registration.variables {
            let _ = writeln!(unit, "Environment={}", quoted(Path::new(&format!("{name}={value}")), "")?);
        }
        unit.push_str(TAIL);
        Ok(unit)
    }

    fn install(&self, registration: &Registration) -> Result<()> {
        self.is_here()?;
        tell(ACCOUNTS, &["--inline", ACCOUNT])?;
        put(&self.file, &self.text(registration)?)?;
        tell(TOOL, &["daemon-reload"])?;
        tell(TOOL, &["enable", UNIT])?;
        tell(TOOL, &["restart", UNIT])
    }

    fn uninstall(&self) -> Result<bool> {
        self.is_here()?;
        if !self.file.exists() {
            return Ok(false);
        }
        tell(TOOL, &["disable", "--now", UNIT])?;
        let was_there = remove(&self.file)?;
        tell(TOOL, &["daemon-reload"])?;
        Ok(was_there)
    }

    fn start(&self) -> Result<()> {
        self.command(&["start", UNIT])
    }

    fn stop(&self) -> Result<()> {
        self.command(&["stop", UNIT])
    }

    fn registered(&self) -> Result<Registered> {
        self.is_here()?;
        let said = ask(TOOL, &["show", UNIT, "--property=LoadState,ActiveState,UnitFileState"])?;
        if !said.is_ok {
            return Err(AgentError::service_refused().because(said.complaint));
        }
        let has = |line: &str| said.out.lines().any(|other| other == line);
        Ok(Registered {
            is_installed: has("LoadState=loaded"),
            is_enabled: has("UnitFileState=enabled"),
            is_running: has("ActiveState=active"),
        })
    }
}

/// A word as unit files want it: in quotes, with quotes, backslashes, `%` and, where variables are put in, `$` escaped.
fn quoted(word: &Path, doubled: &str) -> Result<String> {
    let mut out = String::from('"');
    for c in text_of(word)?.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '%' => out.push_str("%%"),
            c if doubled.contains(c) => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(out)
}

/// What stands before the lines that differ from computer to computer.
const HEAD: &str = "\
# Written by \"scelle service install\", which writes it anew; put changes of your own into scelle.service.d/*.conf.
[Unit]
Description=Scellé backup agent
After=network-online.target local-fs.target remote-fs.target time-sync.target
Wants=network-online.target
# It never gives up: a backup that nobody starts again is the failure that nobody sees.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
WatchdogSec=10min
Restart=on-failure
RestartSec=60s
TimeoutStopSec=15s
KillMode=mixed
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
CPUWeight=20
UMask=0077
LimitCORE=0
LimitNOFILE=65536
";

/// What stands behind them. Others' processes are seen by the capability, in spite of `ProtectProc`.
const TAIL: &str = "\
User=scelle
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER CAP_SYS_PTRACE
AmbientCapabilities=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectSystem=full
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
";
