//! What a note promises is on the disk before the note is.
//!
//! The agent is traced by `strace`: each object's file is synced before it gets its name, and each folder that got a
//! name is synced before the note gets its own.

use std::collections::BTreeMap;
use std::fs;

use e2e::process::{below, run};
use e2e::{Site, noise};

/// What the trace shows, in order.
#[derive(Debug)]
enum Event {
    /// A file or folder was put on disk.
    Synced(String),
    /// A file got a name without replacing: from, to.
    Named(String, String),
}

#[test]
fn each_object_is_on_disk_before_the_note_that_names_it() {
    let site = Site::on_dir();
    let source = site.source("source");
    for number in 0..12 {
        source.file(format!("{number}.raw"), noise(number, 4_000_000));
    }
    source.fill_with_small_files(300, 30, 1);
    let known: Vec<String> = site.place.sizes().into_keys().collect();

    let log = site.path("trace");
    let calls = "trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2";
    let log_text = log.to_str().unwrap();
    let before = ["strace", "-f", "-y", "-qq", "-s", "4096", "-o", log_text, "-e", calls];
    run(&mut below(&site.agent, &before, ["backup".as_ref(), source.root().as_os_str()]));

    let store = fs::canonicalize(site.place.folder()).unwrap();
    let store = store.to_str().unwrap();
    let events = events(&fs::read_to_string(&log).unwrap(), store);
    let written: Vec<String> = site.place.sizes().into_keys().filter(|name| !known.contains(name)).collect();
    let is_note = |name: &str| name.ends_with(".note");
    assert!(written.iter().filter(|name| name.contains("/p/")).count() >= 3, "{written:?}");
    assert!(written.iter().any(|name| is_note(name)), "{written:?}");

    let mut named_at: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        let Event::Named(from, to) = event else { continue };
        let is_synced =
            events[..at].iter().any(|before| matches!(before, Event::Synced(path) if path == from));
        assert!(is_synced, "{to} got its name before its bytes were on disk");
        if let Some(name) = to.strip_prefix(&format!("{store}/")) {
            named_at.insert(name, at);
        }
    }
    for name in &written {
        assert!(named_at.contains_key(name.as_str()), "{name} was not written by linking a synced file");
    }
    let first_note =
        written.iter().filter(|name| is_note(name)).map(|name| named_at[name.as_str()]).min().unwrap();
    for name in written.iter().filter(|name| is_of_snapshot(name)) {
        let at = named_at[name.as_str()];
        let folder = format!("{store}/{}", name.rsplit_once('/').unwrap().0);
        let is_synced = |range: &[Event]| {
            range.iter().any(|event| matches!(event, Event::Synced(path) if *path == folder))
        };
        assert!(at < first_note, "{name} came after the note");
        assert!(is_synced(&events[at..first_note]), "the folder of {name} was not synced before the note");
        // Folders that the run made are entries themselves: of the one above.
        let above = folder.rsplit_once('/').unwrap().0.to_owned();
        let is_above_synced =
            events[..first_note].iter().any(|event| matches!(event, Event::Synced(path) if *path == above));
        let was_known = known.iter().any(|old| format!("{store}/{old}").starts_with(&format!("{folder}/")));
        assert!(was_known || is_above_synced, "the folder {folder} itself is not on disk");
    }
    // The notes are durable too: the last word of the run.
    for name in written.iter().filter(|name| is_note(name)) {
        let folder = format!("{store}/{}", name.rsplit_once('/').unwrap().0);
        let after = &events[named_at[name.as_str()]..];
        assert!(after.iter().any(|event| matches!(event, Event::Synced(path) if *path == folder)), "{name}");
    }
}

/// What the snapshot's note names; the bilan's record comes after it, so attachments are left out.
fn is_of_snapshot(name: &str) -> bool {
    ["/p/", "/m/", "/i/"].iter().any(|kind| name.contains(kind))
}

/// The calls of a trace that succeeded, in the order of their ends: those of several threads may be cut in two
/// (`<unfinished ...>`).
fn events(trace: &str, store: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(char::is_whitespace).unwrap();
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            open.insert(thread, begun);
            continue;
        }
        let call = match call.strip_prefix("<... ") {
            Some(rest) => {
                let begun = open.remove(thread).unwrap_or_default();
                format!("{begun}{}", rest.split_once("resumed>").unwrap().1)
            }
            None => call.to_owned(),
        };
        if !call.trim_end().ends_with("= 0") {
            continue;
        }
        let name = call.split('(').next().unwrap();
        match name {
            "fsync" | "fdatasync" => {
                let path =
                    call.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path);
                events.extend(path.map(|path| Event::Synced(path.to_owned())));
            }
            _ => {
                let paths: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
                // The state is the agent's own matter.
                if let [from, to] = paths[..]
                    && to.starts_with(store)
                {
                    events.push(Event::Named(from.to_owned(), to.to_owned()));
                }
            }
        }
    }
    events
}
