//! The two mending rounds of a backup: one before it, over what is known to be damaged, and one after it, over what the run
//! has seen of the small objects itself.
//!
//! The first goes over `damage.json`, FORMAT.txt, descriptors and key files: what the run copies is right. The second looks
//! at the newest notes and what they attach, at what was read through delete markers and older versions, and at the presence
//! of all that this PC knows of. What was
//! mended is called good in the ledger; what was not stays known as damaged, and is the bilan's and the next run's. Never:
//! fails a run whose snapshot stands, or takes a key file for damaged that signed refs know as it is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use scelle_format::format_txt::FormatTxt;
use scelle_format::ledger::FoundBad;
use scelle_format::{layout, limits};

use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::damage::known::{self, Shown};
use crate::repo::damage::returned;
use crate::repo::finding::{self, Finding, FindingKind, FoundBy};
use crate::repo::kept::Kept;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::keys::key_copies::KeyCopies;
use crate::repo::ledger::alarms::{self, ChainAlarms, FORK};
use crate::repo::ledger::answered::ForkAnswers;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::ledger::append::start::Start;
use crate::repo::ledger::history::{History, StoredNotes, VerifiedNote};
use crate::repo::ledger::own_notes::put_back;
use crate::repo::objects::Objects;
use crate::repo::objects::mend::{Fate, from_copy, lost_note, with};
use crate::repo::open::check_format;
use crate::repo::seat::Seat;

/// Objects asked for at a time.
const CONCURRENT: usize = 16;
/// Of so many snapshots, one sweeps the copies.
const SWEEP_EVERY: u64 = 32;

/// What the newest notes show after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerEnd {
    /// Descriptors and notes read back; signatures and chain hold.
    Sound,
    /// Two notes bear one number, and nothing else is wrong.
    Forked,
    /// A note or a descriptor is gone, altered, or does not follow the one before.
    Unsound,
}

/// What the round after a run saw.
pub struct After {
    /// Objects that were mended.
    pub mended: u64,
    /// The newest notes of each device, as they are after it.
    pub history: History,
    /// What descriptors and notes show.
    pub ledger: LedgerEnd,
    /// Copies of each key file: in the store, in refs, in the state folder.
    pub key_copies: u64,
}

/// Objects to be mended.
#[derive(Default)]
struct ToMend {
    /// By name: what is wrong with it.
    by_name: BTreeMap<String, String>,
}

impl ToMend {
    fn add(&mut self, name: String, kind: FindingKind) {
        self.by_name.entry(name).or_insert_with(|| kind.code().to_owned());
    }

    fn take_known(&mut self, damage: &Damage) {
        let open = damage.open_all().filter(|bad| !finding::is_out_of_place(bad.why));
        self.by_name.extend(open.map(|bad| (bad.name.to_owned(), bad.why.to_owned())));
    }

    fn take<'a>(&mut self, findings: impl IntoIterator<Item = &'a Finding>) {
        let is_mendable =
            |kind: FindingKind| kind.is_of_an_object() && !finding::is_out_of_place(kind.code());
        let objects = findings.into_iter().filter(|finding| is_mendable(finding.kind));
        objects.for_each(|finding| self.add(finding.object.clone(), finding.kind));
    }
}

/// What came of them.
#[derive(Default)]
struct Round {
    mended: u64,
    /// Known to be damaged, and whole again.
    good: Vec<String>,
    /// Damaged, not mended, and not known to be.
    bad: Vec<FoundBad>,
}

impl Seat {
    /// Looks at FORMAT.txt, descriptors and key files, and mends what is wrong with them and what is known to be damaged, as
    /// far as this PC has it; returns how many objects were.
    pub async fn mend_before(
        &self,
        ledger: &mut LedgerWriter<'_>,
        descriptors: &Descriptors,
        damage: &mut Damage,
    ) -> Result<u64> {
        let mut keys = KeyCopies::load(&self.state)?;
        let looking = keys.look(self.objects(), &self.state, &descriptors.current);
        let (format, found) = tokio::try_join!(self.format(descriptors), looking)?;
        let mut wrong = ToMend::default();
        wrong.take(descriptors.findings.iter().chain(&format).chain(&found));
        wrong.take_known(damage);
        let mut round = self.mend_all(wrong, descriptors, damage, ledger.next_sequence()).await?;
        let back = returned::packs(self.objects(), damage, ledger.next_sequence()).await;
        round.good.extend(back.into_iter().filter(|name| !round.good.contains(name)).collect::<Vec<_>>());
        damage.record(ledger, &self.state, FoundBy::Backup, round.bad, round.good).await?;
        Ok(round.mended)
    }

    /// Mends what is known to be damaged; returns how many objects were.
    pub async fn mend_known(
        &self,
        ledger: &mut LedgerWriter<'_>,
        descriptors: &Descriptors,
        damage: &mut Damage,
    ) -> Result<u64> {
        let mut wrong = ToMend::default();
        wrong.take_known(damage);
        let round = self.mend_all(wrong, descriptors, damage, ledger.next_sequence()).await?;
        damage.record(ledger, &self.state, FoundBy::Backup, round.bad, round.good).await?;
        Ok(round.mended)
    }

    /// Looks at the newest notes, what they attach, what was read through and whether all that this PC knows of is there (of
    /// packs it is told what the run has listed, `shown`), mends what is wrong with it, and looks again where something was
    /// mended.
    pub async fn look_back(
        &self,
        ledger: &mut LedgerWriter<'_>,
        start: Start,
        shown: &Shown,
        descriptors: &Descriptors,
        damage: &mut Damage,
    ) -> Result<After> {
        let looking = known::look(self.objects(), &self.device, damage);
        let (mut history, seen) = tokio::try_join!(newest(self.objects(), descriptors), looking)?;
        let mut wrong = self.wrong_by(&history).await?;
        let last = ledger.head().sequence;
        let known = match &seen {
            Some(seen) => {
                let (objects, device) = (self.objects(), &self.device);
                known::lacking(objects, device, seen, last, shown, descriptors, damage).await?
            }
            None => Vec::new(),
        };
        let has_lost_notes = known.iter().any(|(_, kind)| kind.is_lost_note());
        known.into_iter().for_each(|(name, kind)| wrong.add(name, kind));
        let mut mended = 0;
        let lacks_notes = history.findings.iter().any(|finding| finding.kind.is_lost_note());
        if start.store_behind || has_lost_notes || lacks_notes {
            mended += put_back(self.objects(), &self.device, ledger.head().sequence).await?.mended;
        }
        let mut round = self.mend_all(wrong, descriptors, damage, ledger.next_sequence()).await?;
        let news = damage.news(&history.findings).into_iter();
        round.bad.extend(news.filter(|bad| finding::is_out_of_place(&bad.why)));
        mended += round.mended;
        // What is not said in the ledger is known here all the same: the snapshot stands.
        let _ = damage.record(ledger, &self.state, FoundBy::Backup, round.bad, round.good).await;
        let mut is_descriptor_sound = descriptors.findings.is_empty();
        if mended > 0 || !is_descriptor_sound {
            let again = self.descriptors().await?;
            history = newest(self.objects(), &again).await?;
            is_descriptor_sound = again.findings.is_empty();
        }
        if let Some(kept) = self.objects().kept().filter(|_| ledger.head().snapshot % SWEEP_EVERY == 1) {
            kept.sweep();
        }
        let forks = self.new_forks(ledger, seen.as_ref(), &history, descriptors, damage).await?;
        if damage.tell(history.findings.iter().flat_map(|finding| history.out_of_place(finding))) {
            // What is not written down is told by the next run: until then nobody can accept it.
            let _ = damage.save(&self.state);
        }
        let ledger_end = ledger_end(is_descriptor_sound, &history, &forks, damage);
        let key_copies = KeyCopies::load(&self.state)?.count(ledger.head().refs.is_some());
        Ok(After { mended, history, ledger: ledger_end, key_copies })
    }

    /// Notes of forks that no run has said and nobody has answered: among the newest, and among all of this device, where a copy
    /// of this computer that was set back further wrote under numbers long gone by.
    async fn new_forks(
        &self,
        ledger: &LedgerWriter<'_>,
        seen: Option<&known::Listings>,
        newest: &History,
        descriptors: &Descriptors,
        damage: &mut Damage,
    ) -> Result<Vec<Finding>> {
        let is_fork = |finding: &&Finding| finding.kind == FindingKind::Fork;
        let among_newest = newest.findings.iter().filter(is_fork).map(|finding| finding.object.as_str());
        let mut doubled = among_newest.chain(seen.iter().flat_map(|seen| seen.doubled()));
        if doubled.all(|name| damage.looked.is_forked(name)) {
            return Ok(Vec::new());
        }
        // Whether somebody has answered stands anywhere in the ledger.
        let history = History::load(self.objects(), descriptors).await?;
        let alarms = ChainAlarms::load(&self.state);
        let head = ledger.head().chain_head().map(|head| head.text_sha256);
        let forked: BTreeSet<&str> =
            history.findings.iter().filter(is_fork).map(|finding| finding.object.as_str()).collect();
        let mut new = Vec::new();
        for device in &history.devices {
            let answers = match device.id == self.device.id {
                true => ForkAnswers::of(&device.notes, head, alarms.forks_known()),
                false => ForkAnswers::of(&device.notes, None, None),
            };
            let is_new = |row: &&VerifiedNote| {
                forked.contains(row.name.as_str())
                    && !damage.looked.is_forked(&row.name)
                    && !answers.cover(row)
            };
            let rows = device.notes.iter().filter(is_new);
            new.extend(rows.map(|row| Finding::new(FindingKind::Fork, row.name.clone())));
        }
        if !new.is_empty() {
            alarms::note(&self.state, FORK, ledger.time(), ledger.next_sequence())?;
        }
        damage.looked.know_forked(forked.into_iter().map(str::to_owned));
        damage.save(&self.state)?;
        Ok(new)
    }

    /// What is wrong by the newest notes, by what they attach, and by what was read through delete markers and other bytes.
    async fn wrong_by(&self, history: &History) -> Result<ToMend> {
        let mut wrong = ToMend::default();
        wrong.take(&history.findings);
        for (name, kind) in self.lacking(history).await? {
            wrong.add(name, kind);
        }
        let oddities = self.objects().oddities();
        oddities.hidden().into_iter().for_each(|name| wrong.add(name, FindingKind::Hidden));
        oddities.overwritten().into_iter().for_each(|name| wrong.add(name, FindingKind::Overwritten));
        Ok(wrong)
    }

    /// What lay in the place of an object is written down before it is put right: should we die in between, nobody could see
    /// it any more. What is known already was noted when it was found.
    async fn mend_all(
        &self,
        wrong: ToMend,
        descriptors: &Descriptors,
        damage: &mut Damage,
        next: u64,
    ) -> Result<Round> {
        let mut round = Round::default();
        if wrong.by_name.is_empty() {
            return Ok(round);
        }
        let news = wrong.by_name.iter().filter(|(name, _)| !damage.is_open(name));
        let news: Vec<_> = news.map(|(name, why)| FoundBad { name: name.as_str(), why }).collect();
        if damage.note_altered(news, next) {
            damage.save(&self.state)?;
        }
        let keys = KeyCopies::load(&self.state)?;
        for (name, why) in wrong.by_name {
            let fate = self.mend(&name, descriptors, &keys).await;
            round.mended += u64::from(matches!(fate, Fate::Mended));
            match (fate.is_whole(), damage.is_open(&name)) {
                (true, true) => round.good.push(name),
                (false, false) if Kept::takes(&name) || name.ends_with('-') => {
                    round.bad.push(FoundBad { name, why })
                }
                _ => {}
            }
        }
        Ok(round)
    }

    /// Mends one object by whatever knows how it was.
    async fn mend(&self, name: &str, descriptors: &Descriptors, keys: &KeyCopies) -> Fate {
        if name == layout::FORMAT_TXT {
            return match self.signpost(descriptors) {
                Some(body) => with(self.objects(), name, body).await,
                None => Fate::NoCopy,
            };
        }
        if name.starts_with("keys/") {
            return keys.mend(self.objects(), name).await;
        }
        // What data packs held comes from the source; that one is back is the host's doing, and seen elsewhere.
        let is_pack = layout::parse_pack(name).is_ok();
        if is_pack && self.objects().kept().is_none_or(|kept| kept.copy(name).is_none()) {
            return Fate::NoCopy;
        }
        if !name.ends_with('-') {
            return from_copy(self.objects(), name).await;
        }
        let own = self.objects().kept().and_then(|kept| lost_note(kept, &self.device, name));
        match own {
            Some(name) => from_copy(self.objects(), &name).await,
            None if returned::has_note(self.objects(), descriptors, name).await => Fate::Sound,
            None => Fate::NoCopy,
        }
    }

    /// What is wrong with FORMAT.txt. One of a later version is left alone.
    async fn format(&self, descriptors: &Descriptors) -> Result<Vec<Finding>> {
        let stored =
            match self.objects().find_named(layout::FORMAT_TXT, limits::KEY_FILE_MAX_BYTES as u64).await {
                // Too large, say: something is there, and it is no FORMAT.txt.
                Err(error) if error.code == crate::error::ExitCode::Damaged => Some(Bytes::new()),
                stored => stored?,
            };
        let findings = check_format(stored.as_deref(), descriptors).unwrap_or_default();
        if let Some(stored) = stored.filter(|_| findings.is_empty()) {
            self.objects().keep(layout::FORMAT_TXT, &stored).await;
        }
        Ok(findings)
    }

    /// FORMAT.txt as it was, or as the descriptor, which is signed, says that it must be.
    fn signpost(&self, descriptors: &Descriptors) -> Option<Bytes> {
        let copy = self.objects().kept().and_then(|kept| kept.copy(layout::FORMAT_TXT));
        let is_right =
            |copy: &Bytes| check_format(Some(copy), descriptors).is_ok_and(|found| found.is_empty());
        let anew = || {
            let current = &descriptors.current;
            let (required, optional) = (current.required.clone(), current.optional.clone());
            let format = FormatTxt { required, optional, ..FormatTxt::new(current.repository.clone()) };
            Some(format.to_text().ok()?.into_bytes().into())
        };
        copy.filter(is_right).or_else(anew)
    }

    /// What the newest notes attach and the store does not show with its size.
    async fn lacking(&self, history: &History) -> Result<Vec<(String, FindingKind)>> {
        let notes = history.devices.iter().flat_map(|device| &device.notes);
        let attached = notes.flat_map(|row| &row.note.attachments);
        let attached: BTreeMap<String, u64> =
            attached.map(|row| (layout::attachment(&row.sha256), row.stored_bytes)).collect();
        let asked = attached.into_iter().map(|(name, stored_bytes)| async move {
            let wrong = match self.objects().head(&name).await? {
                Some(meta) if meta.bytes == stored_bytes => None,
                Some(_) => Some(FindingKind::AttachmentHash),
                None => Some(FindingKind::AttachmentMissing),
            };
            Ok::<_, crate::error::AgentError>(wrong.map(|kind| (name, kind)))
        });
        let asked: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT).try_collect().await?;
        Ok(asked.into_iter().flatten().collect())
    }
}

/// What the ledger shows at the end of a run, but for what somebody has answered.
fn ledger_end(is_descriptor_sound: bool, history: &History, forks: &[Finding], damage: &Damage) -> LedgerEnd {
    let is_fork = |finding: &&Finding| finding.kind == FindingKind::Fork;
    let is_known = |finding: &Finding| damage.has_accepted(&history.out_of_place(finding));
    let open = history.findings.iter().filter(|finding| !is_fork(finding) && !is_known(finding));
    let open: Vec<&Finding> = open.chain(forks).collect();
    match (is_descriptor_sound, &open[..]) {
        (true, []) => LedgerEnd::Sound,
        (true, found) if found.iter().all(is_fork) => LedgerEnd::Forked,
        _ => LedgerEnd::Unsound,
    }
}

async fn newest(objects: &Objects, descriptors: &Descriptors) -> Result<History> {
    Ok(History::check(objects, StoredNotes::fetch_newest(objects).await?, descriptors).await)
}
