//! Reads a chain from end to end and says whether it is whole.
//!
//! For: `scelle-server trace verify` and `trace export`. Removal, edit or reorder of any line is found; a missing
//! beginning must be covered by a purge entry, a missing end by the `head` file or the head given by hand.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use super::entry::{Line, NO_HASH};
use super::files::{HEAD, files};
use crate::vault::fault::Fault;

/// What a whole chain looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Number of the first entry that is still there.
    pub first: u64,
    /// Number of the newest entry.
    pub last: u64,
    /// Hash of the newest entry: keep it elsewhere, and give it to the next verification.
    pub head: String,
}

/// What is wrong with a chain, and at which entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence} {what}")]
pub struct Broken {
    /// Where, counted from 1.
    pub sequence: u64,
    /// What.
    pub what: &'static str,
}

/// Verifies the chain in `folder` against the public trace key; `known` is a head seen earlier (number, hash).
pub fn verify(folder: &Path, public_key: &[u8], known: Option<(u64, &str)>) -> Result<Whole, Fault<Broken>> {
    let broken = |sequence, what| Fault::Here(Broken { sequence, what });
    let mut heads: Vec<(u64, String)> = known.map(|(at, hash)| (at, hash.to_owned())).into_iter().collect();
    heads.extend(head_file(folder)?);
    let (mut first, mut last, mut hash) = (0, 0, NO_HASH.to_owned());
    let mut before = None;
    let mut purged = Vec::new();
    for (_, path) in files(folder)? {
        for text in whole_lines(&path)? {
            let line = match Line::verify(&text?, public_key) {
                Ok(line) => line,
                Err(what) => return Err(broken(last + 1, what)),
            };
            let entry = &line.entry;
            if first == 0 {
                first = entry.sequence;
                before = (first > 1).then(|| (first - 1, entry.previous.clone()));
            } else if entry.sequence != last + 1 || entry.previous != hash {
                return Err(broken(last + 1, "does not follow the one before"));
            }
            if entry.operation == "PurgeTrace" {
                purged.extend(entry.note.strip_prefix("through ").and_then(numbered));
            }
            (last, hash) = (entry.sequence, line.hash);
            if heads.iter().any(|(at, known)| *at == last && *known != hash) {
                return Err(broken(last, "is not the one that was seen before"));
            }
        }
    }
    if before.is_some_and(|before| !purged.contains(&before)) {
        return Err(broken(1, "is missing, and no purge says why"));
    }
    if heads.iter().any(|(at, _)| *at > last) {
        return Err(broken(last + 1, "is missing: the chain once went further"));
    }
    Ok(Whole { first, last, head: hash })
}

/// The lines of a file that end. One that is being written right now, or was cut off by a crash, is not there yet.
fn whole_lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
    let mut reader = BufReader::new(File::open(path)?);
    Ok(std::iter::from_fn(move || {
        let mut text = String::new();
        match reader.read_line(&mut text) {
            Ok(0) => None,
            Ok(_) => text.strip_suffix('\n').map(|line| Ok(line.to_owned())),
            Err(error) => Some(Err(error)),
        }
    }))
}

fn head_file(folder: &Path) -> io::Result<Option<(u64, String)>> {
    match fs::read_to_string(folder.join(HEAD)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => Ok(numbered(text?.trim_end())),
    }
}

fn numbered(text: &str) -> Option<(u64, String)> {
    let (number, hash) = text.split_once(' ')?;
    Some((number.parse().ok()?, hash.to_owned()))
}

/// Hands each verified line of a chain after `after` to `each`, with its text, until it says stop.
pub fn export(
    folder: &Path,
    public_key: &[u8],
    after: u64,
    mut each: impl FnMut(&Line, &str) -> io::Result<bool>,
) -> io::Result<()> {
    let files = files(folder)?;
    for (at, (_, path)) in files.iter().enumerate() {
        if files.get(at + 1).is_some_and(|(next_first, _)| *next_first <= after.saturating_add(1)) {
            // Everything in it was handed out before.
            continue;
        }
        for text in whole_lines(path)? {
            let text = text?;
            if serde_json::from_str::<Line>(&text).is_ok_and(|line| line.entry.sequence <= after) {
                // Known to the reader; no need to look at its signature again.
                continue;
            }
            let Ok(line) = Line::verify(&text, public_key) else { continue };
            if !each(&line, &text)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::keys::TraceKey;
    use crate::vault::trace::{Entry, Trace};

    async fn chain(data: &Path) -> (std::path::PathBuf, Vec<u8>) {
        let key = TraceKey::open(data).unwrap();
        let public = key.public();
        let trace = Trace::open(data, key, None).unwrap();
        for number in 0..6 {
            let entry = Entry {
                time: "2026-01-01T00:00:00.000Z".into(),
                tenant: "t".into(),
                operation: format!("Put{number}"),
                ..Entry::default()
            };
            trace.append(entry).await.unwrap();
        }
        (data.join("trace/t"), public)
    }

    #[tokio::test]
    async fn removal_edit_reorder_and_a_cut_tail_are_each_found() {
        let data = tempfile::tempdir().unwrap();
        let (folder, public) = chain(data.path()).await;
        let whole = verify(&folder, &public, None).unwrap();
        assert_eq!((whole.first, whole.last), (1, 6));
        for (after, rest) in [(0, vec![1, 2, 3, 4, 5, 6]), (4, vec![5, 6]), (6, vec![]), (u64::MAX, vec![])] {
            let mut seen = Vec::new();
            export(&folder, &public, after, |line, _| {
                seen.push(line.entry.sequence);
                Ok(true)
            })
            .unwrap();
            assert_eq!(seen, rest, "after {after}");
        }
        let path = files(&folder).unwrap()[0].1.clone();
        let good = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let mut bad: Vec<(&str, Vec<String>)> = Vec::new();
        for gone in 0..6 {
            let kept = (0..6).filter(|at| *at != gone).map(|at| lines[at].to_owned());
            bad.push(("removed", kept.collect()));
        }
        for at in 0..5 {
            let mut swapped: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            swapped.swap(at, at + 1);
            bad.push(("reordered", swapped));
        }
        for at in 0..6 {
            let mut edited: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            edited[at] = edited[at].replace("Put", "Get");
            bad.push(("edited", edited));
        }
        for (what, lines) in bad {
            fs::write(&path, lines.join("\n") + "\n").unwrap();
            assert!(matches!(verify(&folder, &public, None), Err(Fault::Here(_))), "{what}: {lines:#?}");
        }
        // Tail and head file cut together: only a head kept elsewhere tells.
        fs::write(&path, lines[..3].join("\n") + "\n").unwrap();
        fs::remove_file(folder.join(HEAD)).unwrap();
        assert!(verify(&folder, &public, None).is_ok());
        assert!(matches!(verify(&folder, &public, Some((6, &whole.head))), Err(Fault::Here(_))));
        fs::write(&path, good).unwrap();
        assert_eq!(verify(&folder, &public, Some((6, &whole.head))).unwrap(), whole);
    }

    #[tokio::test]
    async fn a_torn_line_is_cut_at_the_next_start_and_the_chain_goes_on() {
        let data = tempfile::tempdir().unwrap();
        let (folder, public) = chain(data.path()).await;
        let path = files(&folder).unwrap()[0].1.clone();
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, good + "{\"entry\":{\"sequence\":7,").unwrap();
        assert_eq!(verify(&folder, &public, None).unwrap().last, 6, "the torn line was never answered for");
        chain(data.path()).await;
        let whole = verify(&folder, &public, None).unwrap();
        assert_eq!((whole.first, whole.last), (1, 12));
    }

    #[tokio::test]
    async fn a_purge_takes_old_files_and_says_so() {
        let data = tempfile::tempdir().unwrap();
        let (folder, public) = chain(data.path()).await;
        let trace = Trace::open(data.path(), TraceKey::open(data.path()).unwrap(), Some(30)).unwrap();
        let time = crate::vault::clock::text(crate::vault::clock::now_ms());
        trace.append(Entry { time, tenant: "t".into(), ..Entry::default() }).await.unwrap();
        trace.close();
        let whole = verify(&folder, &public, None).unwrap();
        assert_eq!((whole.first, whole.last), (7, 8));
        let path = files(&folder).unwrap()[0].1.clone();
        let lines = fs::read_to_string(&path).unwrap();
        fs::write(&path, lines.lines().next().unwrap().to_owned() + "\n").unwrap();
        fs::remove_file(folder.join(HEAD)).unwrap();
        assert!(
            matches!(verify(&folder, &public, None), Err(Fault::Here(_))),
            "no purge entry covers the beginning"
        );
    }
}
