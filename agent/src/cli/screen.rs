//! The only place that prints.
//!
//! Lines, tables and JSON documents come from the commands and go to standard output; warnings and errors
//! to standard error. With `--json`, standard output carries exactly one document, which is the error where there is one,
//! standard error one JSON object on each line, and human lines are dropped. Never: colour, a panic when the reader of a
//! pipe has gone, a control character from a name.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;

use super::args::Global;
use super::failure;
use scelle_core::error::AgentError;
use scelle_core::monitor::Notice;
use scelle_view::words::Lang;
use scelle_view::words::Message;
use scelle_view::words::names::shown;

/// Where the program shows things.
pub struct Screen {
    lang: Lang,
    json: bool,
    quiet: bool,
    verbose: u8,
    /// Whether a person looks at standard output: a terminal, no file, pipe or journal.
    is_watched: bool,
    /// Set when the one JSON document was printed.
    has_document: AtomicBool,
    /// Set when a write failed: the reader of the pipe is gone and nobody looks any more.
    gone: AtomicBool,
    /// Set when it failed for another reason than that: a result was lost.
    lost: AtomicBool,
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
}

impl Screen {
    /// The process's own output.
    pub fn new(global: &Global, lang: Lang) -> Self {
        let is_watched = io::stdout().is_terminal();
        Self { is_watched, ..Self::on(global, lang, Box::new(io::stdout()), Box::new(io::stderr())) }
    }

    /// A screen that writes elsewhere, for tests.
    pub fn on(global: &Global, lang: Lang, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            lang,
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            is_watched: false,
            has_document: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            out: Mutex::new(out),
            err: Mutex::new(err),
        }
    }

    /// The language of this screen.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether the caller wants one JSON document.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether names may be shown: a person looks, and what is shown is not kept. Everything else gets tokens.
    pub fn may_show_names(&self) -> bool {
        self.is_watched && !self.json
    }

    /// Whether nobody reads standard output any more.
    pub fn reader_is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Whether a result could not be written for another reason than a reader who left (a full disk).
    pub fn result_is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// A result line. Dropped with `--json`, kept with `-q`.
    pub fn say(&self, message: &Message) {
        self.line(message.text(self.lang));
    }

    /// A result line that needs no translation: a name, a path, an id. Dropped with `--json`.
    pub fn line(&self, text: &str) {
        if !self.json {
            self.print(&format!("{text}\n"));
        }
    }

    /// A line that accompanies the work. Dropped with `--json` and `-q`.
    pub fn note(&self, message: &Message) {
        if !self.quiet {
            self.say(message);
        }
    }

    /// A line beside a document that may be sent to a file: on standard error. Dropped with `--json` and `-q`.
    pub fn aside(&self, message: &Message) {
        if !self.json && !self.quiet {
            self.print_error(&format!("{}\n", message.text(self.lang)));
        }
    }

    /// A line for `-v` only, on standard error.
    pub fn detail(&self, text: &str) {
        match (self.verbose > 0, self.json) {
            (true, true) => self.print_error(&format!("{}\n", json!({"detail": text.trim_start()}))),
            (true, false) => self.print_error(&format!("{text}\n")),
            (false, _) => {}
        }
    }

    /// A warning, on standard error, shown whatever the options.
    pub fn warn(&self, message: &Message) {
        if self.json {
            return self.print_error(&format!("{}\n", json!({"warning": message.text(self.lang)})));
        }
        let head = self.lang.pick("attention :", "warning:");
        self.print_error(&format!("{head} {}\n", message.text(self.lang)));
    }

    /// A notice as a warning; an alarm has its own word for it.
    pub fn notice(&self, notice: &Notice) {
        let message = notice.said();
        match notice.is_alarm() && !self.json {
            true => self.print_error(&format!("{}\n", message.text(self.lang))),
            false => self.warn(&message),
        }
    }

    /// A table; columns that hold numbers are aligned right. Dropped with `--json`.
    pub fn table(&self, table: &Table) {
        if !self.json {
            self.print(&table.render(self.lang));
        }
    }

    /// The one JSON document of a command, on one line. Printed only with `--json`, and only once.
    pub fn json(&self, document: &impl Serialize) {
        if !self.json {
            return;
        }
        match serde_json::to_string(document) {
            Ok(text) => self.document(&text),
            Err(error) => self.error(&AgentError::bug(error)),
        }
    }

    /// An error: one line, or its JSON form with `--json`, which is the document where none was printed; the cause with `-v`.
    pub fn error(&self, error: &AgentError) {
        if self.json {
            self.document(&failure::document(error, self.lang).to_string());
        } else {
            self.print_error(&format!("{}\n", error.shown().line(self.lang)));
        }
        if let Some(detail) = &error.detail {
            self.detail(&format!("  {}", shown(detail.as_bytes())));
        }
    }

    /// Ends the output: a command that had nothing to say in JSON has said so.
    pub fn close(&self, code: u8) {
        if self.json && !self.has_document.load(Ordering::Relaxed) {
            self.document(&json!({"code": code}).to_string());
        }
        self.flush();
    }

    /// What comes after the document is no second one: it goes to standard error.
    fn document(&self, text: &str) {
        match self.has_document.swap(true, Ordering::Relaxed) {
            false => self.print(&format!("{text}\n")),
            true => self.print_error(&format!("{text}\n")),
        }
    }

    /// Text as it is, for help and version.
    pub fn print(&self, text: &str) {
        self.write(&self.out, text.as_bytes());
    }

    /// Sends everything out.
    pub fn flush(&self) {
        let flushed = self.out.lock().flush();
        self.remember(flushed);
    }

    fn print_error(&self, text: &str) {
        // Nothing can be said about a standard error that cannot be written.
        let _ = self.err.lock().write_all(text.as_bytes());
    }

    fn write(&self, to: &Mutex<Box<dyn Write + Send>>, bytes: &[u8]) {
        if !self.reader_is_gone() {
            let written = to.lock().write_all(bytes);
            self.remember(written);
        }
    }

    fn remember(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.gone.store(true, Ordering::Relaxed);
            self.lost.fetch_or(error.kind() != io::ErrorKind::BrokenPipe, Ordering::Relaxed);
        }
    }
}

/// Rows of text under headings.
#[derive(Debug, Default)]
pub struct Table {
    headings: Vec<Message>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new(headings: impl IntoIterator<Item = Message>) -> Self {
        Self { headings: headings.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row, one cell per heading.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text, each line ended.
    pub fn render(&self, lang: Lang) -> String {
        let headings: Vec<String> = self.headings.iter().map(|h| h.text(lang).to_owned()).collect();
        let columns = headings.len();
        let cell = |row: &[String], i: usize| row.get(i).cloned().unwrap_or_default();
        let lines: Vec<&[String]> =
            std::iter::once(&headings[..]).chain(self.rows.iter().map(Vec::as_slice)).collect();
        let widths: Vec<usize> = (0..columns)
            .map(|i| lines.iter().map(|row| width(&cell(row, i))).max().unwrap_or_default())
            .collect();
        let right: Vec<bool> =
            (0..columns).map(|i| self.rows.iter().all(|row| is_figure(&cell(row, i)))).collect();
        let mut text = String::new();
        for row in lines {
            let mut line = String::new();
            for i in 0..columns {
                let value = cell(row, i);
                let pad = " ".repeat(widths[i] - width(&value));
                let (before, after) = if right[i] { (pad, String::new()) } else { (String::new(), pad) };
                line.push_str(&format!("{before}{value}{after}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Whether a cell holds a number, with its unit or without. A date is none, nor is an id of digits.
fn is_figure(cell: &str) -> bool {
    let number = cell.trim_end_matches(char::is_alphabetic);
    let is_unit_apart = number.len() == cell.len() || number.ends_with(char::is_whitespace);
    let is_number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && !text.contains(|c: char| c.is_alphabetic() || "/:-".contains(c))
    };
    cell.is_empty() || cell == "-" || is_unit_apart && is_number(number)
}

/// Columns a text takes; combining accents (names in NFD) take none.
fn width(text: &str) -> usize {
    text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count()
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
