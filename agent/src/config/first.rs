//! The first configuration file: the repository that was made or joined, where no file is yet.
//!
//! From where the repository is to a file that says so. Never: changes one that is there, or writes a secret.

use std::fs;
use std::io::{ErrorKind, Write as _};

use scelle_core::error::Result;
use scelle_core::repo::state::StorePlace;

use super::Settings;

impl Settings {
    /// Writes the configuration that leads to this place, where there is none.
    pub fn write_first(&self, place: &StorePlace) -> Result<()> {
        if self.config_exists {
            return Ok(());
        }
        if let Some(folder) = self.config_path.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::OpenOptions::new().write(true).create_new(true).open(&self.config_path) {
            Ok(mut file) => Ok(file.write_all(text_of(place).as_bytes())?),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn text_of(place: &StorePlace) -> String {
    // A JSON text is a TOML basic string as well; Rust's own quoting is not.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = format!("[repository]\nurl = {}\n", quoted(&place.url));
    if let Some(endpoint) = &place.endpoint {
        let region = place.region.as_deref().unwrap_or("us-east-1");
        let (endpoint, region) = (quoted(endpoint), quoted(region));
        text.push_str(&format!("\n[s3]\nendpoint = {endpoint}\nregion = {region}\n"));
    }
    text
}
