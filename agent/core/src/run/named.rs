//! Which file a token of a bilan stands for.
//!
//! From the trees of all snapshots to one path, for who holds the key. Never: a name for whom it is not.

use scelle_format::crypto::kdf::DedupSecret;
use scelle_format::path;

use super::reading::Reading;
use crate::bilan::whois;
use crate::error::{AgentError, ExitCode, Result};
use crate::reading::tree::Tree;
use crate::repo::ledger::history::Snapshot;
use crate::scan::EntryPath;

impl Reading {
    /// The path that a token stands for.
    ///
    /// Errors: exit 2 no snapshot has it, or those of the store and of damage where one could not be read.
    pub async fn name_of(&mut self, token: &str) -> Result<EntryPath> {
        self.repository.load_history().await?;
        let mut unread = None;
        // The newest first: most tokens are of the last run. A restoration may have shown one of an older snapshot.
        for snapshot in self.repository.history.snapshots().into_iter().rev() {
            match self.name_in(&snapshot, token).await {
                Ok(Some(path)) => return Ok(path),
                Ok(None) => {}
                // What cannot be read may hold the name; another snapshot may as well.
                Err(error) if error.code == ExitCode::Damaged => drop(unread.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(unread.unwrap_or_else(AgentError::token_unknown))
    }

    async fn name_in(&self, snapshot: &Snapshot, token: &str) -> Result<Option<EntryPath>> {
        let tree = Tree::open(&self.fetcher()?, snapshot).await?;
        let secret = DedupSecret::new(tree.root.dedup_secret, tree.root.generation);
        let mut paths: Vec<Vec<u8>> = tree.root.problems.iter().map(|problem| problem.path.clone()).collect();
        for item in tree.entries_below(&[]).collect().await? {
            paths.push(path::join(&item.directory, &item.entry.name));
        }
        let found = whois(token, &secret.token_key(), paths);
        Ok(found.and_then(|path| EntryPath::from_bytes(&path).ok()))
    }
}
