//! How secrets and consents come in: a file, standard input or a prompt; never `argv`.
//!
//! Phrases go out as [`SecretString`] and kits as [`Kit`], which are wiped and have no readable `Debug`. Never: echoes a
//! secret, keeps it, or guesses an answer nobody gave.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use scelle_format::kit::{Kit, KitError};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::args::Global;
use scelle_core::error::{AgentError, Result};
use scelle_view::words::Lang;
use scelle_view::words::Message;

/// Longest phrase accepted, in bytes. Generated ones are far shorter.
const PHRASE_BYTES_MAX: u64 = 4 * 1024;
/// Largest kit file accepted, in bytes.
const KIT_BYTES_MAX: u64 = 64 * 1024;

/// The everyday phrase: first line of `file` (`-` is standard input), or typed without echo.
pub fn read_phrase(file: Option<&Path>, lang: Lang) -> Result<SecretString> {
    let text = match file {
        Some(path) if path == Path::new("-") => read_bounded(io::stdin().lock(), PHRASE_BYTES_MAX),
        Some(path) => File::open(path).and_then(|file| read_bounded(file, PHRASE_BYTES_MAX)),
        None => return prompt_phrase(lang),
    };
    let text = text.map_err(|error| AgentError::phrase_missing().because(error))?;
    phrase_of(&text)
}

/// Reads and checks a kit file (`-` is standard input). Missing is exit 2.
pub fn read_kit(file: &Path) -> Result<Kit> {
    Kit::parse(kit_text(file)?.expose_secret()).map_err(|error| match error {
        KitError::Mistyped { group, .. } => AgentError::kit_mistyped(group as usize).because(error),
        _ => AgentError::kit_unreadable().because(error),
    })
}

/// The whole text of a kit file.
fn kit_text(file: &Path) -> Result<SecretString> {
    let text = if file == Path::new("-") {
        read_bounded(io::stdin().lock(), KIT_BYTES_MAX)
    } else {
        File::open(file).and_then(|file| read_bounded(file, KIT_BYTES_MAX))
    };
    let text = text.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AgentError::kit_missing().because(error),
        io::ErrorKind::InvalidData => AgentError::kit_unreadable().because(error),
        _ => AgentError::kit_missing().because(error),
    })?;
    Ok(SecretString::from(text.as_str()))
}

/// Asks a yes-or-no question. `--yes` answers yes; where nobody can answer and without `--yes` it is exit 2.
pub fn confirm(question: &Message, global: &Global, lang: Lang) -> Result<bool> {
    if global.yes {
        return Ok(true);
    }
    expect_somebody(global)?;
    let answer = ask(&format!("{} {} ", question.text(lang), lang.pick("[o/N]", "[y/N]")))?;
    Ok(is_yes(&answer))
}

/// Whether a question would find someone to answer it: not where `--json` keeps standard error to a program.
pub fn may_ask(global: &Global) -> bool {
    !global.json && somebody_is_there()
}

/// Refuses what ends in a question that nobody could answer: before anything is written, not after.
pub fn expect_somebody(global: &Global) -> Result<()> {
    if global.yes || may_ask(global) { Ok(()) } else { Err(AgentError::nobody_to_ask()) }
}

/// Asks for one line, echoed: a group of the kit to be read back, a fingerprint. Without a terminal: exit 2.
pub fn ask_line(question: &Message, lang: Lang) -> Result<String> {
    if !somebody_is_there() {
        return Err(AgentError::nobody_to_ask());
    }
    ask(&format!("{} ", question.text(lang)))
}

/// Whether a question can be answered: both input and standard error are terminals.
pub fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn prompt_phrase(lang: Lang) -> Result<SecretString> {
    if !somebody_is_there() {
        return Err(AgentError::nobody_to_type());
    }
    let typed =
        rpassword::prompt_password(lang.pick("Phrase : ", "Phrase: ")).map_err(|e| AgentError::io(&e))?;
    phrase_of(&Zeroizing::new(typed))
}

fn phrase_of(text: &str) -> Result<SecretString> {
    // Windows editors put a byte-order mark in front and CR LF behind.
    let line = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(AgentError::phrase_missing());
    }
    Ok(SecretString::from(line))
}

fn ask(question: &str) -> Result<String> {
    let mut screen = io::stderr().lock();
    screen.write_all(question.as_bytes()).and_then(|()| screen.flush()).map_err(|e| AgentError::io(&e))?;
    let mut answer = String::new();
    io::stdin().lock().take(PHRASE_BYTES_MAX).read_line(&mut answer).map_err(|e| AgentError::io(&e))?;
    Ok(answer.trim().to_owned())
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.to_lowercase().as_str(), "o" | "oui" | "y" | "yes")
}

fn read_bounded(from: impl Read, bytes_max: u64) -> io::Result<Zeroizing<String>> {
    // Room for everything at once: a growing buffer would leave copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes_max as usize + 1));
    from.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_core::error::ExitCode;

    #[test]
    fn phrase_is_the_first_line_without_windows_marks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("phrase.txt");
        std::fs::write(&file, "\u{feff}sept mots bien choisis\r\nautre\r\n").unwrap();
        let phrase = read_phrase(Some(&file), Lang::Fr).unwrap();
        assert_eq!(phrase.expose_secret(), "sept mots bien choisis");
        assert!(!format!("{phrase:?}").contains("mots"));
    }

    #[test]
    fn missing_empty_or_huge_secrets_are_usage_errors() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        let huge = folder.path().join("huge");
        std::fs::write(&huge, vec![b'a'; KIT_BYTES_MAX as usize + 1]).unwrap();
        assert_eq!(read_phrase(Some(&empty), Lang::Fr).unwrap_err().code, ExitCode::Usage);
        assert_eq!(read_phrase(Some(&huge), Lang::Fr).unwrap_err().code, ExitCode::Usage);
        assert_eq!(kit_text(&huge).unwrap_err().kind, AgentError::kit_unreadable().kind);
        let missing = kit_text(&folder.path().join("none")).unwrap_err();
        assert_eq!((missing.code, missing.kind), (ExitCode::Usage, AgentError::kit_missing().kind));
    }

    #[test]
    fn yes_answers_and_only_clear_answers_count() {
        let question = Message::new("Continuer ?", "Continue?");
        let global = Global { yes: true, ..Global::default() };
        assert!(confirm(&question, &global, Lang::Fr).unwrap());
        assert!(is_yes("Oui") && is_yes("y") && !is_yes("") && !is_yes("non") && !is_yes("ouais"));
    }
}
