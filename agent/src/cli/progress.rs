//! The monitors a person or a program watches: bars on a terminal, plain notices, NDJSON.
//!
//! Counts and notices come from [`scelle_core::monitor`] and go to standard error. Never: a name, and never
//! standard output, which belongs to results.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use parking_lot::Mutex;
use serde_json::json;

use super::args::{Global, ProgressFormat};
use scelle_core::monitor::{Monitor, Notice, Phase};
use scelle_view::words::figures::{count, size};
use scelle_view::words::{Lang, counted};

/// Problems shown one by one; beyond, the report has them.
const PROBLEM_LINES: u64 = 20;
/// Shortest time between two progress lines of NDJSON.
const NDJSON_INTERVAL: Duration = Duration::from_millis(250);

/// The monitor that suits the options and the terminal. Bars and the lines of a log do not go together on one.
pub fn choose(global: &Global, lang: Lang, has_log_lines: bool) -> Arc<dyn Monitor> {
    match global.progress {
        Some(ProgressFormat::Json) => Arc::new(Ndjson::new(lang, Box::new(io::stderr()), true)),
        // Standard error of a run with `--json` carries JSON too; progress only where it is asked for.
        _ if global.json => Arc::new(Ndjson::new(lang, Box::new(io::stderr()), false)),
        Some(ProgressFormat::None) => Arc::new(Plain::new(lang, Box::new(io::stderr()))),
        None if global.quiet => Arc::new(Quiet(Plain::new(lang, Box::new(io::stderr())))),
        None if io::stderr().is_terminal() && !has_log_lines => Arc::new(Bars::new(lang)),
        None => Arc::new(Plain::new(lang, Box::new(io::stderr()))),
    }
}

/// Limits the lines about single entries.
#[derive(Default)]
struct ProblemCap(AtomicU64);

impl ProblemCap {
    /// The line to show for a notice, if any.
    fn line(&self, notice: &Notice, lang: Lang) -> Option<String> {
        if matches!(notice, Notice::Problem { .. }) {
            let seen = self.0.fetch_add(1, Ordering::Relaxed);
            if seen == PROBLEM_LINES {
                return Some(
                    lang.pick("… d'autres problèmes : voir le bilan", "… more problems: see the bilan")
                        .to_owned(),
                );
            }
            if seen > PROBLEM_LINES {
                return None;
            }
        }
        let said = notice.said();
        Some(match notice.is_warning() && !notice.is_alarm() {
            true => format!("{} {}", lang.pick("attention :", "warning:"), said.text(lang)),
            false => said.text(lang).to_owned(),
        })
    }
}

/// Warnings, and nothing of the work.
pub struct Quiet(Plain);

impl Monitor for Quiet {
    fn start(&self, _: Phase, _: Option<u64>, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn stored(&self, _: u64) {}
    fn notice(&self, notice: Notice) {
        if notice.is_warning() {
            self.0.notice(notice);
        }
    }
    fn finish(&self) {}
}

/// Notices as lines, nothing else: for pipes and services.
pub struct Plain {
    lang: Lang,
    cap: ProblemCap,
    to: Mutex<Box<dyn Write + Send>>,
}

impl Plain {
    /// Lines to `to`.
    pub fn new(lang: Lang, to: Box<dyn Write + Send>) -> Self {
        Self { lang, cap: ProblemCap::default(), to: Mutex::new(to) }
    }
}

impl Monitor for Plain {
    fn start(&self, _: Phase, _: Option<u64>, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn stored(&self, _: u64) {}
    fn notice(&self, notice: Notice) {
        if let Some(line) = self.cap.line(&notice, self.lang) {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(self.to.lock(), "{line}");
        }
    }
    fn finish(&self) {}
}

/// A bar per phase: files, bytes, rate, time left.
pub struct Bars {
    lang: Lang,
    cap: ProblemCap,
    files: Arc<AtomicU64>,
    stored_bytes: Arc<AtomicU64>,
    bar: Mutex<ProgressBar>,
}

impl Bars {
    /// Bars on standard error.
    pub fn new(lang: Lang) -> Self {
        Self {
            lang,
            cap: ProblemCap::default(),
            files: Arc::default(),
            stored_bytes: Arc::default(),
            bar: Mutex::new(ProgressBar::hidden()),
        }
    }

    fn style(&self, total_files: Option<u64>, bounded: bool) -> ProgressStyle {
        let lang = self.lang;
        let (files, stored) = (self.files.clone(), self.stored_bytes.clone());
        let template = if bounded {
            "{msg:18} [{bar:24}] {done} · {files} · {rate}{stored} · {eta}"
        } else {
            "{msg:18} {spinner} {done} · {files} · {rate}{stored}"
        };
        // The template is a constant: a mistake in it shows as the default style, not as a panic.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        style
            .progress_chars("=> ")
            .with_key("done", move |state: &ProgressState, w: &mut dyn std::fmt::Write| {
                let _ = write!(w, "{}", size(state.pos(), lang));
                if let Some(total) = state.len().filter(|_| bounded) {
                    let _ = write!(w, " / {}", size(total, lang));
                }
            })
            .with_key("files", move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
                let done = files.load(Ordering::Relaxed);
                if total_files.is_some() {
                    let _ = write!(w, "{} / ", count(done, lang));
                }
                let files = counted(total_files.unwrap_or(done), "# fichier[s]", "# file[s]");
                let _ = w.write_str(files.text(lang));
            })
            .with_key("rate", move |state: &ProgressState, w: &mut dyn std::fmt::Write| {
                let _ = write!(w, "{}/s", size(state.per_sec() as u64, lang));
            })
            .with_key("stored", move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
                let bytes = stored.load(Ordering::Relaxed);
                if bytes > 0 {
                    let _ = write!(w, " · {} {}", lang.pick("déposé :", "stored:"), size(bytes, lang));
                }
            })
    }
}

impl Monitor for Bars {
    fn start(&self, phase: Phase, total_files: Option<u64>, total_bytes: Option<u64>) {
        let mut bar = self.bar.lock();
        bar.finish_and_clear();
        self.files.store(0, Ordering::Relaxed);
        *bar = match total_bytes {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_style(self.style(total_files, total_bytes.is_some()));
        bar.set_message(phase.said().text(self.lang).to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bar.lock().inc(bytes);
    }

    fn stored(&self, bytes: u64) {
        self.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn notice(&self, notice: Notice) {
        if let Some(line) = self.cap.line(&notice, self.lang) {
            self.bar.lock().suspend(|| {
                let _ = writeln!(io::stderr(), "{line}");
            });
        }
    }

    fn finish(&self) {
        self.bar.lock().finish_and_clear();
    }
}

/// One JSON object per line: `{"progress":{…}}`, where it is wanted, and `{"notice":{…},"text":"…"}`.
pub struct Ndjson {
    lang: Lang,
    cap: ProblemCap,
    state: Mutex<NdjsonState>,
}

struct NdjsonState {
    to: Box<dyn Write + Send>,
    has_progress: bool,
    phase: Option<Phase>,
    total_files: Option<u64>,
    total_bytes: Option<u64>,
    files: u64,
    bytes: u64,
    stored_bytes: u64,
    written: Instant,
}

impl Ndjson {
    /// Lines to `to`; single problems are capped where nobody asked for everything.
    pub fn new(lang: Lang, to: Box<dyn Write + Send>, has_progress: bool) -> Self {
        let state = NdjsonState {
            to,
            has_progress,
            phase: None,
            total_files: None,
            total_bytes: None,
            files: 0,
            bytes: 0,
            stored_bytes: 0,
            written: Instant::now(),
        };
        Self { lang, cap: ProblemCap::default(), state: Mutex::new(state) }
    }
}

impl NdjsonState {
    fn write_progress(&mut self) {
        let Some(phase) = self.phase.filter(|_| self.has_progress) else { return };
        let line = json!({"progress": {
            "phase": phase,
            "files": self.files,
            "total_files": self.total_files,
            "bytes": self.bytes,
            "total_bytes": self.total_bytes,
            "stored_bytes": self.stored_bytes,
        }});
        self.written = Instant::now();
        let _ = writeln!(self.to, "{line}");
    }

    fn write_if_due(&mut self) {
        if self.written.elapsed() >= NDJSON_INTERVAL {
            self.write_progress();
        }
    }
}

impl Monitor for Ndjson {
    fn start(&self, phase: Phase, total_files: Option<u64>, total_bytes: Option<u64>) {
        let mut state = self.state.lock();
        // The last figures of the phase that ends, then the first of the one that begins.
        state.write_progress();
        (state.phase, state.total_files, state.total_bytes) = (Some(phase), total_files, total_bytes);
        (state.files, state.bytes) = (0, 0);
        state.write_progress();
    }
    fn advance(&self, files: u64, bytes: u64) {
        let mut state = self.state.lock();
        state.files += files;
        state.bytes += bytes;
        state.write_if_due();
    }
    fn stored(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.stored_bytes += bytes;
        state.write_if_due();
    }
    fn notice(&self, notice: Notice) {
        if notice.is_warning() {
            let warning = json!({"warning": notice.said().text(self.lang)});
            let _ = writeln!(self.state.lock().to, "{warning}");
            return;
        }
        let line = self.cap.line(&notice, self.lang);
        let mut state = self.state.lock();
        let text = match (line, state.has_progress) {
            (Some(line), _) => line,
            (None, true) => notice.said().text(self.lang).to_owned(),
            (None, false) => return,
        };
        let _ = writeln!(state.to, "{}", json!({"notice": notice, "text": text}));
    }
    fn finish(&self) {
        let mut state = self.state.lock();
        state.write_progress();
        state.phase = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_core::monitor::Problem;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn lines(&self) -> Vec<String> {
            String::from_utf8(self.0.lock().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    #[test]
    fn ndjson_lines_are_json_and_end_with_the_totals() {
        let sink = Sink::default();
        let monitor = Ndjson::new(Lang::En, Box::new(sink.clone()), true);
        monitor.start(Phase::Backup, Some(3), Some(30));
        (0..3).for_each(|_| monitor.advance(1, 10));
        monitor.stored(7);
        monitor.notice(Notice::Retry {
            operation: "put",
            attempt: 1,
            wait_ms: 500,
            altered: false,
            of_proxy: false,
        });
        monitor.finish();
        let lines: Vec<serde_json::Value> =
            sink.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = &lines.last().unwrap()["progress"];
        assert_eq!(
            (&last["files"], &last["bytes"], &last["stored_bytes"]),
            (&json!(3), &json!(30), &json!(7))
        );
        assert!(lines.iter().any(|line| line["notice"]["kind"] == "retry"));
    }

    #[test]
    fn plain_shows_retries_and_caps_problems() {
        let sink = Sink::default();
        let monitor = Plain::new(Lang::En, Box::new(sink.clone()));
        monitor.notice(Notice::Retry {
            operation: "put",
            attempt: 2,
            wait_ms: 1500,
            altered: false,
            of_proxy: false,
        });
        for i in 0..1000 {
            let token = format!("t{i}");
            monitor.notice(Notice::Problem { root: "Cabinet".into(), token, problem: Problem::Unreadable });
        }
        let lines = sink.lines();
        assert!(lines[0].contains("attempt 2") && lines[0].contains("1.5 s"), "{}", lines[0]);
        assert_eq!(lines.len() as u64, 1 + PROBLEM_LINES + 1);
    }

    #[test]
    fn the_bar_template_is_valid() {
        for bounded in [true, false] {
            let style = Bars::new(Lang::Fr).style(Some(1), bounded);
            let bar = ProgressBar::hidden();
            bar.set_style(style);
            bar.inc(1);
        }
        assert!(
            ProgressStyle::with_template("{msg:18} [{bar:24}] {done} · {files} · {rate}{stored} · {eta}")
                .is_ok()
        );
    }
}
