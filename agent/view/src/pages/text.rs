//! A bilan for people: one plain page, status first, then what to do and who does it.
//!
//! Data comes from a record, goes to the screen. Shapes and words carry the status, not colours alone. Never: adds a fact
//! that the record does not hold, or says "verified" where only this PC has spoken.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scelle_format::report::{
    Light, Measured, Record, RecordedReason, RoundedBytes, RunResult, SetVolumes, Trigger, Who,
};
use scelle_format::timestamp::Timestamp;

use crate::bilingual;
use crate::reasons::sentence;
use crate::words::counted::uncounted;
use crate::words::figures::{count, duration, local_time, size};
use crate::words::{Lang, Message, counted, terms};

/// Files with a problem shown.
const PROBLEMS_SHOWN: usize = 10;

/// Shape and word of a status: `● protégé`.
pub fn status_word(light: Light, lang: Lang) -> String {
    let word = match light {
        Light::Green => lang.pick("protégé", "protected"),
        Light::Amber => lang.pick("à surveiller", "to look at"),
        Light::Red => lang.pick("non protégé", "not protected"),
        Light::Grey => lang.pick("inconnu", "unknown"),
    };
    format!("{} {word}", shape(light))
}

/// A shape that can be told apart without colour.
pub fn shape(light: Light) -> char {
    match light {
        Light::Green => '●',
        Light::Amber => '▲',
        Light::Red => '■',
        Light::Grey => '?',
    }
}

/// The page.
pub fn page(record: &Record, id: &str, lang: Lang) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    let status = &record.status;
    line(format!(
        "{} · bilan {id} · {}",
        status_word(status.overall, lang).to_uppercase(),
        moment(record.run.ended, lang)
    ));
    line(format!(
        "{} {} · {} {}",
        lang.pick("Protection :", "Protection:"),
        status_word(status.protection, lang),
        lang.pick("conformité :", "compliance:"),
        light_word(status.compliance, lang)
    ));
    line(run_line(record, lang));
    for volumes in &record.volumes {
        line(saved_line(volumes, lang));
    }
    line(checked_line(record, lang));
    line(copies_line(record, lang));
    let (todo, remarks): (Vec<_>, Vec<_>) =
        status.reasons.iter().partition(|reason| reason.light != Light::Green);
    if todo.is_empty() {
        line(lang.pick("Rien à faire.", "Nothing to do.").to_owned());
    } else {
        line(lang.pick("À faire :", "To do:").to_owned());
    }
    for reason in todo {
        line(reason_line(reason, record, lang));
    }
    for reason in remarks {
        line(reason_line(reason, record, lang));
    }
    for text in problem_lines(record, lang) {
        line(text);
    }
    out
}

fn run_line(record: &Record, lang: Lang) -> String {
    let run = &record.run;
    let trigger = match run.trigger {
        Trigger::Manual => lang.pick("lancée à la main", "started by hand"),
        Trigger::Scheduled => lang.pick("planifiée", "scheduled"),
        Trigger::CatchUp => lang.pick("de rattrapage", "catching up"),
    };
    let result = match run.result {
        RunResult::Complete => lang.pick("complète", "complete"),
        RunResult::Partial => lang.pick("terminée avec des problèmes", "finished with problems"),
        RunResult::Failed => lang.pick("en échec", "failed"),
        RunResult::Interrupted => lang.pick("interrompue", "interrupted"),
        RunResult::Missed => lang.pick("manquée", "missed"),
    };
    let snapshot = match run.snapshot {
        Some(number) => format!("{} {number}", lang.pick("instantané", "snapshot")),
        None => lang.pick("aucun instantané", "no snapshot").to_owned(),
    };
    let seconds = u64::try_from(run.ended.0 - run.started.0).unwrap_or(0);
    let head = lang.pick("Sauvegarde", "Backup");
    // The record has whole seconds.
    let took = match seconds {
        0 => lang.pick("moins d'une seconde", "less than a second").to_owned(),
        _ => duration(Duration::from_secs(seconds), lang),
    };
    let mut text = format!("{head} {trigger}, {result} · {snapshot} · {took}");
    if run.snapshot.is_none() && !run.codes.is_empty() {
        let why: Vec<Message> = run.codes.iter().map(|code| terms::run_code(code.as_str())).collect();
        let why: Vec<&str> = why.iter().map(|message| message.text(lang)).collect();
        let _ = write!(text, " · {}", why.join(", "));
    }
    text
}

fn saved_line(volumes: &SetVolumes, lang: Lang) -> String {
    let n = |measured: &Measured<u64>, fr, en| match measured.known() {
        Some(n) => counted(*n, fr, en),
        None => uncounted(fr, en),
    };
    let about = |bytes: RoundedBytes| Message::by(|lang| size(bytes.bytes(), lang));
    // Where the plan gave none, the record has the French word and the set's number.
    let label = volumes.label.as_str();
    let label = Message::new(label, label.replacen("ensemble ", "set ", 1));
    let saved = bilingual!(
        "Sauvegardé ({label}) : {seen}, {new}, {changed}, {removed}, {lost} · lu : environ {read}, envoyé : environ {sent}",
        "Saved ({label}): {seen}, {new}, {changed}, {removed}, {lost} · read: about {read}, sent: about {sent}",
        label = label,
        seen = counted(volumes.files_seen, "# fichier[s] vu[s]", "# file[s] seen"),
        new = n(&volumes.files_new, "# nouveau[x]", "# new"),
        changed = n(&volumes.files_changed, "# modifié[s]", "# changed"),
        removed = n(&volumes.files_removed, "# disparu[s]", "# removed"),
        lost = counted(volumes.files_unreadable, "# non lu[s]", "# not read"),
        read = about(volumes.read_bytes),
        sent = about(volumes.sent_bytes),
    );
    saved.text(lang).to_owned()
}

fn checked_line(record: &Record, lang: Lang) -> String {
    let integrity = &record.integrity;
    let mut parts = Vec::new();
    let of = |n: u64, fr, en| counted(n, fr, en).text(lang).to_owned();
    if let Some(packs) = integrity.packs_confirmed.known() {
        let (fr, en) = ("# paquet[s] confirmé[s] par le stockage", "# pack[s] confirmed by the store");
        parts.push(of(*packs, fr, en));
    }
    parts.push(match integrity.mismatches.known() {
        Some(0) => lang.pick("aucun écart", "no mismatch").to_owned(),
        Some(n) => of(*n, "# écart[s]", "# mismatch[es]"),
        None => lang.pick("stockage non relu", "store not looked at").to_owned(),
    });
    parts.push(match record.traceability.chain_whole.known() {
        Some(true) => lang.pick("fin du journal entière", "end of the ledger whole").to_owned(),
        Some(false) => lang.pick("journal à examiner", "ledger to be looked at").to_owned(),
        None => lang.pick("journal non comparé", "ledger not compared").to_owned(),
    });
    // Only a second party turns "checked by this PC" into "verified".
    let both = record.status.declared == Light::Green && record.status.confirmed == Light::Green;
    let head = match both {
        true => lang.pick("Vérifié :", "Verified:"),
        false => lang.pick("Contrôlé par ce PC :", "Checked by this PC:"),
    };
    format!("{head} {}", parts.join(", "))
}

fn copies_line(record: &Record, lang: Lang) -> String {
    let availability = &record.availability;
    let of_set = match availability.snapshots.known() {
        Some(n) => {
            let snapshots = counted(*n, "# instantané[s] de cet ensemble", "# snapshot[s] of this set");
            snapshots.text(lang).to_owned()
        }
        None => lang
            .pick(
                "le nombre d'instantanés de cet ensemble n'est pas connu",
                "the number of snapshots of this set is not known",
            )
            .to_owned(),
    };
    let head = format!("{} {of_set}", lang.pick("Sans dommage connu :", "Without known damage:"));
    // Of none there is no newest.
    if availability.snapshots.known() == Some(&0) {
        return head;
    }
    let newest = match availability.newest.known() {
        Some(time) => format!("{} {}", lang.pick("le plus récent du", "the newest of"), moment(*time, lang)),
        None => lang
            .pick("la date du plus récent n'est pas connue", "when the newest was made is not known")
            .to_owned(),
    };
    format!("{head}, {newest}")
}

fn reason_line(reason: &RecordedReason, record: &Record, lang: Lang) -> String {
    let who = match reason.who {
        Who::Practice => lang.pick("cabinet", "practice"),
        Who::Provider => lang.pick("prestataire", "provider"),
        Who::Host => lang.pick("hébergeur", "host"),
    };
    match sentence(reason.code.as_str()) {
        Some(found) => {
            let alert = record.alerts.iter().find(|alert| alert.code == reason.code);
            let since = alert.map_or("?".to_owned(), |alert| moment(alert.since, lang));
            let snapshots = alert.and_then(|alert| alert.snapshots);
            let snapshots = snapshots.map_or("?".to_owned(), |n| count(n, lang));
            let what = found.what(lang).replace("{moment}", &moment(record.run.started, lang));
            let what = what.replace("{since}", &since).replace("{snapshots}", &snapshots);
            format!("  {} {what} → {} [{who}]", shape(reason.light), found.todo(lang))
        }
        // A later version knows more reasons.
        None => format!("  {} {} [{who}]", shape(reason.light), reason.code),
    }
}

fn problem_lines(record: &Record, lang: Lang) -> Vec<String> {
    let problems: Vec<_> = record.volumes.iter().flat_map(|volumes| &volumes.problems).collect();
    if problems.is_empty() {
        return Vec::new();
    }
    let head = lang.pick(
        "Fichiers à problème (« scelle bilan whois JETON --kit FICHIER » donne le nom) :",
        "Files with a problem (\"scelle bilan whois TOKEN --kit FILE\" gives the name):",
    );
    let mut lines = vec![head.to_owned()];
    let shown = problems.iter().take(PROBLEMS_SHOWN);
    lines.extend(shown.map(|problem| {
        let (class, what) = (terms::class(problem.class), terms::run_code(problem.code.as_str()));
        format!("  {}  {}  {}", problem.token, class.text(lang), what.text(lang))
    }));
    if problems.len() > PROBLEMS_SHOWN {
        let more = counted((problems.len() - PROBLEMS_SHOWN) as u64, "  … et # autre[s]", "  … and # more");
        lines.push(more.text(lang).to_owned());
    }
    lines
}

fn light_word(light: Light, lang: Lang) -> String {
    let word = match light {
        Light::Green => lang.pick("en ordre", "in order"),
        Light::Amber => lang.pick("à compléter", "to complete"),
        Light::Red => lang.pick("non conforme", "not compliant"),
        Light::Grey => lang.pick("inconnue", "unknown"),
    };
    format!("{} {word}", shape(light))
}

/// A moment in local time.
pub fn moment(time: Timestamp, lang: Lang) -> String {
    let since = u64::try_from(time.0).unwrap_or(0);
    let at: SystemTime = UNIX_EPOCH + Duration::from_secs(since);
    local_time(at, lang)
}
