//! Unit tests of the screen.

use std::sync::Arc;

use super::*;
use scelle_view::bilingual;

/// Collects what is written, or breaks like a pipe whose reader has gone.
#[derive(Clone, Default)]
struct Sink {
    bytes: Arc<Mutex<Vec<u8>>>,
    broken: bool,
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.bytes.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen(global: &Global, lang: Lang) -> (Screen, Sink, Sink) {
    let (out, err) = (Sink::default(), Sink::default());
    (Screen::on(global, lang, Box::new(out.clone()), Box::new(err.clone())), out, err)
}

#[test]
fn json_mode_prints_one_document_and_nothing_else() {
    let (screen, out, err) = screen(&Global { json: true, ..Global::default() }, Lang::En);
    screen.say(&bilingual!("bonjour", "hello"));
    screen.line("name");
    screen.table(&Table::new([bilingual!("a", "a")]));
    screen.json(&json!({"snapshot": 7}));
    screen.error(&AgentError::busy());
    assert_eq!(out.text(), "{\"snapshot\":7}\n");
    // An error after the document is no second document.
    assert_eq!(serde_json::from_str::<serde_json::Value>(&err.text()).unwrap()["error"]["code"], 11);
}

#[test]
fn an_error_is_the_document_where_there_is_no_other_and_silence_is_none() {
    let json = Global { json: true, verbose: 1, ..Global::default() };
    let (failed, out, err) = screen(&json, Lang::En);
    failed.error(&AgentError::busy().because("held"));
    failed.close(11);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out.text()).unwrap()["error"]["code"], 11);
    assert_eq!(err.text(), "{\"detail\":\"held\"}\n");
    let (silent, out, err) = screen(&json, Lang::En);
    silent.say(&bilingual!("fini", "done"));
    silent.close(3);
    assert_eq!((out.text().as_str(), err.text().as_str()), ("{\"code\":3}\n", ""));
    assert!(!silent.may_show_names(), "nobody looks at a pipe");
}

#[test]
fn quiet_drops_notes_and_keeps_results() {
    let (screen, out, _) = screen(&Global { quiet: true, ..Global::default() }, Lang::Fr);
    screen.note(&bilingual!("un instant", "a moment"));
    screen.say(&bilingual!("fini", "done"));
    screen.json(&json!({}));
    assert_eq!(out.text(), "fini\n");
}

#[test]
fn the_cause_is_shown_with_verbose_only() {
    let error = AgentError::busy().because("flock");
    let (plain, _, err) = screen(&Global::default(), Lang::Fr);
    plain.error(&error);
    assert_eq!(err.text().lines().count(), 1);
    let (verbose, _, err) = screen(&Global { verbose: 1, ..Global::default() }, Lang::Fr);
    verbose.error(&error);
    assert!(err.text().ends_with("  flock\n"));
}

#[test]
fn a_broken_pipe_is_remembered_and_harmless() {
    let out = Sink { broken: true, ..Sink::default() };
    let screen = Screen::on(&Global::default(), Lang::Fr, Box::new(out), Box::new(Sink::default()));
    screen.line("one");
    assert!(screen.reader_is_gone() && !screen.result_is_lost());
    screen.line("two");
}

#[test]
fn tables_align_accents_in_both_forms() {
    let mut table = Table::new([bilingual!("nom", "name"), bilingual!("octets", "bytes")]);
    table.row(["\u{e9}t\u{e9}".into(), "5".into()]);
    table.row(["e\u{301}te\u{301}".into(), "1234".into()]);
    let text = table.render(Lang::Fr);
    assert_eq!(text, "nom  octets\n\u{e9}t\u{e9}       5\ne\u{301}te\u{301}    1234\n");
}

#[test]
fn numbers_are_aligned_right_and_ids_that_begin_with_a_digit_are_none() {
    for figure in ["", "-", "7", "1,507", "1\u{202f}507", "303.1 KB", "8 o"] {
        assert!(is_figure(figure), "{figure}");
    }
    for text in ["1a2b3c4d5e", "12ab", "2026-11-28 10:42", "28/11/2026", "12345678-7", "yes", "sent-17"] {
        assert!(!is_figure(text), "{text}");
    }
}

#[test]
fn nobody_is_warned_twice_in_one_line() {
    for lang in Lang::ALL {
        let (screen, _, err) = screen(&Global::default(), lang);
        screen.notice(&Notice::SnapshotVanished { snapshot: 3 });
        screen.notice(&Notice::Rewound { notes: 1 });
        let (text, warning) = (err.text(), lang.pick("attention :", "warning:"));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with(lang.pick("ALERTE :", "ALARM:")), "{text}");
        assert!(
            lines[1].starts_with(warning)
                && lines[1].contains(lang.pick("1 note rattrapée", "1 note caught up")),
            "{text}"
        );
    }
}
