//! The program's log: what a run did, for whoever looks after the computer. In English, off unless asked for.
//!
//! Events come from `scelle-core` and `scelle-store` (`tracing`) and, by way of [`Watched`], from what an operation tells its
//! monitor; lines go to standard error or to a file a day. Never: a name, a path, an address, a user's or a computer's name, a
//! secret, an event of somebody else's crate (what those say is not known), or a run that ends because of its log.

mod daily;
mod watched;

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

use self::daily::DailyFile;
pub use self::watched::{Watched, notice};
use crate::config::{LogFormat, LogLevel, LogSettings};
use scelle_core::clock::Clock;
use scelle_core::error::{AgentError, ExitCode};
use scelle_view::words::Lang;

/// Events of crates whose names begin so are logged, and no other.
const OURS: &str = "scelle";

/// The log of this process.
#[derive(Clone)]
pub struct Log {
    to: To,
    lost_lines: Arc<AtomicU64>,
}

#[derive(Clone)]
enum To {
    StandardError,
    File(Arc<Mutex<DailyFile>>),
    #[cfg(test)]
    Test(Arc<Mutex<dyn Write + Send>>),
}

impl Log {
    /// Opens the log and has all events of this process written to it. With `json` standard error carries JSON lines and
    /// nothing else, so the log's are JSON there too.
    ///
    /// Errors: the file or its folder cannot be made. Nothing is logged then, and nothing else is different.
    pub fn open(settings: &LogSettings, json: bool, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let to = match &settings.file {
            None => To::StandardError,
            Some(path) => {
                let file = DailyFile::open(path, settings.keep_days, clock)?;
                To::File(Arc::new(Mutex::new(file)))
            }
        };
        let log = Self { to, lost_lines: Arc::default() };
        let format = if json && log.is_on_standard_error() { LogFormat::Json } else { settings.format };
        tracing::subscriber::set_global_default(log.subscriber(settings.level, format))
            .map_err(io::Error::other)?;
        Ok(log)
    }

    fn subscriber(&self, level: LogLevel, format: LogFormat) -> impl tracing::Subscriber + use<> {
        // What cannot be written is counted here; the library would print it.
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .log_internal_errors(false)
            .with_writer(self.clone());
        let lines = match format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        };
        registry().with(lines).with(Targets::new().with_target(OURS, filter(level)))
    }

    /// Whether lines go where progress goes.
    pub fn is_on_standard_error(&self) -> bool {
        matches!(self.to, To::StandardError)
    }

    /// Lines that could not be written so far.
    pub fn lost_lines(&self) -> u64 {
        self.lost_lines.load(Ordering::Relaxed)
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => Level::ERROR.into(),
        LogLevel::Warn => Level::WARN.into(),
        LogLevel::Info => Level::INFO.into(),
        LogLevel::Debug => Level::DEBUG.into(),
        LogLevel::Trace => Level::TRACE.into(),
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// Where one line goes; it comes in one piece.
pub struct Line<'a>(&'a Log);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = match &self.0.to {
            To::StandardError => io::stderr().write_all(line),
            To::File(file) => file.lock().write_all(line),
            #[cfg(test)]
            To::Test(to) => to.lock().write_all(line),
        };
        if written.is_err() {
            self.0.lost_lines.fetch_add(1, Ordering::Relaxed);
        }
        // Taken either way: half a line is not sent again.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a command ended, as the last event of the log.
pub fn ended(result: &Result<ExitCode, AgentError>) {
    match result {
        Ok(code) => tracing::info!(code = code.number(), "command ends"),
        Err(error) if error.code == ExitCode::Interrupted => {
            tracing::warn!(code = error.code.number(), "command was interrupted");
        }
        Err(error) => {
            let object = error.place.as_deref().filter(|place| is_object(place)).unwrap_or_default();
            tracing::error!(code = error.code.number(), object, why = why(error), "command failed");
        }
    }
}

/// What happened, in English; only what its code means where the sentence quotes an address.
fn why(error: &AgentError) -> String {
    let what = error.what();
    let what = what.text(Lang::En);
    let quotes = ["file:", "s3:", "://", "/", "\\"].iter().any(|mark| what.contains(mark));
    if quotes { error.code.meaning().text(Lang::En).to_owned() } else { what.to_owned() }
}

/// Whether this names an object of a repository, with the repository's id before it or without.
fn is_object(place: &str) -> bool {
    let below = place.split_once('/').map_or("", |(_, name)| name);
    [place, below].into_iter().any(scelle_format::layout::is_named)
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("lost_lines", &self.lost_lines()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
