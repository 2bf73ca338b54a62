//! Whether everything that was asked for by its path is in the snapshot, before anything is written.
//!
//! From the paths and the snapshot's tree to an error that says which is not. Never: counts what cannot be read as not there.

use scelle_format::path;

use super::request::RestoreRequest;
use crate::error::{AgentError, Result};
use crate::reading::tree::{Step, Tree};

/// Looks for each of several paths; one alone is missed by whoever walks.
///
/// Errors: exit 2 one is not there, by its place among those given.
pub(super) async fn all_there(tree: &Tree, request: &RestoreRequest) -> Result<()> {
    let mut open: Vec<(usize, &[u8])> =
        request.paths.iter().enumerate().map(|(at, path)| (at + 1, path.as_slice())).collect();
    if open.len() < 2 {
        return Ok(());
    }
    let mut walk = tree.walk_parts(request.parts(&tree.root));
    while let Some(step) = walk.next().await? {
        // What cannot be read may hold it: that is told as damage.
        let Step::Items(items) = step else { return Ok(()) };
        for item in items {
            let entry = path::join(&item.directory, &item.entry.name);
            open.retain(|(_, asked)| !is_within(&entry, asked));
            if open.is_empty() {
                return Ok(());
            }
        }
    }
    let place = |(at, _): &(usize, &[u8])| format!("PATH {at}");
    Err(AgentError::path_not_in_snapshot().at(open.first().map(place).unwrap_or_default()))
}

fn is_within(entry: &[u8], asked: &[u8]) -> bool {
    let rest = entry.strip_prefix(asked);
    rest.is_some_and(|rest| asked.is_empty() || rest.is_empty() || rest[0] == b'/')
}
