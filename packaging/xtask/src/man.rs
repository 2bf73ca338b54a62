//! Manual pages, made of the command line's own definition when a package is made: the program does not carry them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use clap_mangen::Man;
use scelle_agent::cli::usage::build;
use scelle_view::words::Lang;

/// Where to, and in which language.
#[derive(Args)]
pub struct Pages {
    /// Folder to write to
    #[arg(long)]
    out: PathBuf,
    /// Language: fr or en
    #[arg(long, default_value = "en")]
    lang: String,
}

/// Writes `scelle.1`, `scelle-backup.1` and so on.
pub fn write(pages: &Pages) -> Result<()> {
    let lang = Lang::from_code(&pages.lang).context("--lang is fr or en")?;
    fs::create_dir_all(&pages.out)?;
    let mut program = build(lang);
    program.build();
    write_one(pages, &program, "scelle")
}

fn write_one(pages: &Pages, command: &clap::Command, name: &str) -> Result<()> {
    let mut page = Vec::new();
    Man::new(command.clone().name(name.to_owned())).render(&mut page)?;
    fs::write(pages.out.join(format!("{name}.1")), page)?;
    for sub in command.get_subcommands() {
        write_one(pages, sub, &format!("{name}-{}", sub.get_name()))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a tool for whoever builds: it ends where it cannot go on")]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_page_in_both_languages() {
        for (lang, word) in [("en", "Every version"), ("fr", "Fichier, par son chemin entier")] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().to_owned();
            write(&Pages { out: out.clone(), lang: lang.to_owned() }).unwrap();
            for name in ["scelle", "scelle-versions", "scelle-store-policy", "scelle-bilan-verify"] {
                assert!(out.join(format!("{name}.1")).exists(), "{name}");
            }
            let versions = fs::read_to_string(out.join("scelle-versions.1")).unwrap();
            assert!(versions.to_lowercase().contains(&word.to_lowercase()), "{versions}");
            assert!(versions.contains(r"\-\-phrase\-file"), "{versions}");
        }
    }
}
