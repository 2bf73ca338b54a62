//! What was odd about the store's answers, told when whoever read them is done, also where that failed.
//!
//! From the [`Oddities`] of a repository's objects to the monitor. Never: an object's name.

use std::sync::Arc;

use crate::around::Around;
use crate::monitor::{Monitor, Notice};
use crate::repo::objects::Objects;
use crate::repo::objects::oddities::Oddities;

/// Tells the monitor when it is dropped.
pub(super) struct Witness {
    oddities: Arc<Oddities>,
    monitor: Arc<dyn Monitor>,
}

impl Witness {
    /// Of what these objects' store answers from now on.
    pub(super) fn of(objects: &Objects, around: &Around) -> Self {
        Self { oddities: objects.oddities().clone(), monitor: around.monitor.clone() }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let objects = self.oddities.answered_wrongly();
        if objects > 0 {
            self.monitor.notice(Notice::AnsweredWrongly { objects });
        }
        let (hidden, overwritten) =
            (self.oddities.hidden().len() as u64, self.oddities.overwritten().len() as u64);
        if hidden + overwritten > 0 {
            self.monitor.notice(Notice::ReadThrough { hidden, overwritten });
        }
    }
}

#[cfg(test)]
mod tests {
    use scelle_format::id::RepositoryId;
    use scelle_store::mem::MemStore;

    use super::*;
    use crate::monitor::Recorder;

    #[test]
    fn what_is_odd_is_told_once_at_the_end_and_what_is_not_never() {
        let recorder = Arc::new(Recorder::default());
        let around = Around::watched_by(recorder.clone());
        let repository = RepositoryId::parse(&"a".repeat(26)).unwrap();
        let objects = Objects::new(Arc::new(MemStore::default()), repository);
        drop(Witness::of(&objects, &around));
        assert_eq!(recorder.recording().notices, []);

        let witness = Witness::of(&objects, &around);
        ["a", "b"].iter().for_each(|name| objects.oddities().note_answered_wrongly(name));
        objects.oddities().note_hidden("c");
        assert_eq!(recorder.recording().notices, []);
        drop(witness);
        let told =
            [Notice::AnsweredWrongly { objects: 2 }, Notice::ReadThrough { hidden: 1, overwritten: 0 }];
        assert_eq!(recorder.recording().notices, told);
    }
}
