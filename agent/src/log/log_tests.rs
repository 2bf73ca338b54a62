//! Unit tests of the log: what a line holds, what is not logged, what happens to lines that cannot be written.

use super::*;
use scelle_core::monitor::{Monitor, Notice, Phase, Recorder};

/// Runs `work` with a log at `level` and gives its lines.
fn logged(level: LogLevel, format: LogFormat, work: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::<u8>::new()));
    let log = Log { to: To::Test(lines.clone()), lost_lines: Arc::default() };
    tracing::subscriber::with_default(log.subscriber(level, format), work);
    let text = String::from_utf8(lines.lock().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn a_run() {
    let shown = Arc::new(Recorder::default());
    let monitor = Watched::new(shown.clone());
    let span = tracing::info_span!("run", set = "0123");
    let _entered = span.enter();
    monitor.start(Phase::Backup, None, None);
    monitor.advance(2, 30);
    monitor.stored(7);
    monitor.notice(Notice::Retry {
        operation: "put",
        attempt: 1,
        wait_ms: 5,
        altered: false,
        of_proxy: false,
    });
    monitor.notice(Notice::ForkAlarm);
    monitor.finish();
    tracing::info!(target: "aws_smithy_runtime", "https://host/bucket?X-Amz-Signature=1");
    ended(&Err(AgentError::object_corrupt().at("01234567/FORMAT.txt")));
    let seen = shown.recording();
    assert!(seen.finished && seen.files == 2 && seen.notices.len() == 2, "the screen sees what it saw");
}

#[test]
fn a_json_line_has_level_figures_and_spans() {
    let lines = logged(LogLevel::Info, LogFormat::Json, a_run);
    let lines: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ends = lines.iter().find(|line| line["message"] == "stage ends").unwrap();
    assert_eq!(
        (&ends["level"], &ends["stage"], &ends["files"]),
        (&"INFO".into(), &"backup".into(), &2.into())
    );
    assert_eq!((&ends["bytes"], &ends["stored_bytes"]), (&30.into(), &7.into()));
    assert_eq!(ends["spans"][0]["set"], "0123");
    let failed = lines.last().unwrap();
    assert_eq!((&failed["level"], &failed["code"]), (&"ERROR".into(), &13.into()));
    assert_eq!(failed["object"], "01234567/FORMAT.txt");
}

#[test]
fn each_level_has_its_own_and_other_crates_have_none() {
    let count = |level| logged(level, LogFormat::Text, a_run).len();
    assert_eq!(
        [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info].map(count),
        [0, 1, 2, 4],
        "error: failed; warn: the alarm; info: stage begins and ends"
    );
    assert_eq!([LogLevel::Debug, LogLevel::Trace].map(count), [5, 7]);
    assert!(!logged(LogLevel::Trace, LogFormat::Text, a_run).concat().contains("Signature"));
}

#[test]
fn addresses_and_places_that_are_no_objects_stay_out() {
    let moved =
        AgentError::known_repository_gone(true).last_seen_at("file:///media/durand/disque").at("durand");
    for error in
        [moved, AgentError::io(&io::Error::other("x")).at("/home/durand/x"), AgentError::busy().at("c/d/e")]
    {
        let lines = logged(LogLevel::Trace, LogFormat::Json, || ended(&Err(error))).concat();
        assert!(
            lines.contains("command failed") && !lines.contains("durand") && !lines.contains("c/d/e"),
            "{lines}"
        );
    }
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_stop_nothing() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log { to: To::Test(Arc::new(Mutex::new(Full))), lost_lines: Arc::default() };
    tracing::subscriber::with_default(log.subscriber(LogLevel::Info, LogFormat::Text), a_run);
    assert_eq!(log.lost_lines(), 4);
}
