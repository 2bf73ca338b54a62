//! launchd: a property list of a daemon, and `launchctl`.
//!
//! The list is made and read back by a test on every system; `launchctl` has not been called by a test of ours, for want of a
//! Mac. Sources: launchd.plist(5), launchctl(1).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use scelle_core::error::{AgentError, Result};

use super::registrar::{Registered, Registrar, Registration};
use super::tool::{ask, put, remove, tell, text_of};

const LABEL: &str = "fr.scelle.agent";
const TARGET: &str = "system/fr.scelle.agent";
const TOOL: &str = "launchctl";

/// launchd.
#[derive(Debug)]
pub struct Launchd {
    file: PathBuf,
}

impl Launchd {
    /// With its lists in this folder.
    pub fn new(folder: &Path) -> Self {
        Self { file: folder.join(format!("{LABEL}.plist")) }
    }

    fn is_known(&self) -> Result<()> {
        match self.file.exists() {
            true => Ok(()),
            false => Err(AgentError::service_not_installed()),
        }
    }

    fn bootstrap(&self) -> Result<()> {
        tell(TOOL, &["bootstrap", "system", &text_of(&self.file)?])
    }
}

impl Registrar for Launchd {
    fn file(&self) -> &Path {
        &self.file
    }

    fn text(&self, registration: &Registration) -> Result<String> {
        let (program, config) = (text_of(&registration.program)?, text_of(&registration.config)?);
        let typed = [program, "--config".into(), config];
        let mut list = HEAD.to_owned();
        let _ = writeln!(list, "  <key>Label</key><string>{LABEL}</string>");
        list.push_str("  <key>ProgramArguments</key>\n  <array>\n");
        for word in typed.iter().chain(&registration.arguments) {
            let _ = writeln!(list, "    <string>{}</string>", escaped(word));
        }
        list.push_str("  </array>\n  <key>EnvironmentVariables</key>\n  <dict>\n");
        for (name, value) in &registration.variables {
            let _ = writeln!(list, "    <key>{name}</key><string>{}</string>", escaped(value));
        }
        list.push_str(TAIL);
        Ok(list)
    }

    fn install(&self, registration: &Registration) -> Result<()> {
        put(&self.file, &self.text(registration)?)?;
        // What it knows from before goes first; not to have known it is no failure.
        let _ = ask(TOOL, &["bootout", TARGET])?;
        tell(TOOL, &["enable", TARGET])?;
        self.bootstrap()
    }

    fn uninstall(&self) -> Result<bool> {
        if !self.file.exists() {
            return Ok(false);
        }
        let _ = ask(TOOL, &["bootout", TARGET])?;
        remove(&self.file)
    }

    fn start(&self) -> Result<()> {
        self.is_known()?;
        match ask(TOOL, &["print", TARGET])?.is_ok {
            true => tell(TOOL, &["kickstart", TARGET]),
            false => self.bootstrap(),
        }
    }

    fn stop(&self) -> Result<()> {
        self.is_known()?;
        tell(TOOL, &["bootout", TARGET])
    }

    fn registered(&self) -> Result<Registered> {
        let is_installed = self.file.exists();
        let said = ask(TOOL, &["print", TARGET])?;
        let is_running = said.is_ok && said.out.lines().any(|line| line.trim() == "state = running");
        Ok(Registered { is_installed, is_enabled: is_installed, is_running })
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const HEAD: &str = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
<dict>
";

/// Started at boot and again after a crash, not after an end that was asked for; with low priority.
const TAIL: &str = "\
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>60</integer>
  <key>ExitTimeOut</key><integer>15</integer>
  <key>ProcessType</key><string>Background</string>
  <key>LowPriorityIO</key><true/>
  <key>Umask</key><integer>63</integer>
  <key>HardResourceLimits</key><dict><key>Core</key><integer>0</integer></dict>
  <key>SoftResourceLimits</key>
  <dict><key>Core</key><integer>0</integer><key>NumberOfFiles</key><integer>10240</integer></dict>
</dict>
</plist>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_back_as_what_was_meant() {
        let registration = Registration {
            program: "/Applications/Scellé & co/scelle".into(),
            arguments: vec!["agent".into(), "run".into()],
            config: "/Library/<x>.toml".into(),
            variables: vec![("SCELLE_LANG", "fr".into()), ("SCELLE_REPO", "s3://b/a&b".into())],
        };
        let text = Launchd::new(Path::new("/x")).text(&registration).unwrap();
        let list = plist::Value::from_reader_xml(text.as_bytes()).unwrap().into_dictionary().unwrap();
        let words = list["ProgramArguments"].as_array().unwrap();
        let words: Vec<_> = words.iter().map(|word| word.as_string().unwrap()).collect();
        let typed = ["/Applications/Scellé & co/scelle", "--config", "/Library/<x>.toml", "agent", "run"];
        assert_eq!(words, typed);
        let variables = list["EnvironmentVariables"].as_dictionary().unwrap();
        assert_eq!(variables["SCELLE_REPO"].as_string(), Some("s3://b/a&b"));
        assert_eq!(list["Label"].as_string(), Some(LABEL));
        assert_eq!(list["RunAtLoad"].as_boolean(), Some(true));
        assert_eq!(list["Umask"].as_signed_integer(), Some(0o077));
        assert_eq!(list["KeepAlive"].as_dictionary().unwrap()["SuccessfulExit"].as_boolean(), Some(false));
    }
}
