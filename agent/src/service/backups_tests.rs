//! A run of the service is put together as one that was typed: what it warns of, and the bilan it leaves where it cannot begin.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use scelle_core::around::Around;
use scelle_core::error::ExitCode;
use scelle_core::monitor::{Notice, Recorder, Silent};
use scelle_core::repo::files::PENDING;
use scelle_format::timestamp::Timestamp;

use super::month_tests::computer::Computer;
use super::month_tests::{PLAN, found, on_runtime, settings};
use super::{Agenda, Backups, Occasion, Work as _};

#[test]
fn a_run_of_the_service_warns_and_leaves_a_bilan_as_a_typed_one_does() {
    on_runtime(async {
        let begin = Timestamp::parse("2026-10-01T10:00:00Z").unwrap();
        let computer = Computer::at(begin);
        computer.configure(&format!("{PLAN}[drill]\ndays = 2\n"));
        found(&computer, &Around::watched_by(Arc::new(Silent))).await;
        let home = computer.place("home");
        let plans = Agenda::of(Box::new(move || Ok(settings(&home)))).unwrap();
        let plan = plans.timed().next().unwrap();
        let recorder = Arc::new(Recorder::default());
        let clock = computer.clock.clone();
        let work = Backups { around: Around { clock, ..Around::watched_by(recorder.clone()) } };
        let slot = |seconds| Occasion::Slot { slot: Timestamp(begin.0 + seconds), is_late: false };

        let saved = work.run(plan, slot(0)).await;
        assert!(saved.is_recorded && saved.error.is_none(), "{saved:?}");
        let repository = computer.repository.lock().clone().unwrap();
        let note = computer.place("home").join(repository.as_str()).join(PENDING);
        symlink(&note, &note).unwrap();
        let code = |error: Option<scelle_core::error::AgentError>| error.map(|error| error.code);
        // Without a pen there is a record, once for each slot.
        for (occasion, is_recorded) in [(slot(60), true), (Occasion::Again, false)] {
            let ended = work.run(plan, occasion).await;
            assert_eq!((ended.is_recorded, code(ended.error)), (is_recorded, Some(ExitCode::Failed)));
        }
        let place = "config.toml:8".to_owned();
        let expected = Notice::NoEffect { key: "drill.days".to_owned(), place };
        let told = recorder.recording().notices;
        assert_eq!(told.iter().filter(|notice| **notice == expected).count(), 3, "at every run: {told:?}");
    });
}
