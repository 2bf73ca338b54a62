//! What a backup says: what was saved and sent, what was wrong in the store, and the bilan.
//!
//! From the summary of a run to the screen; the documents of several runs make one. Never: a name of a file.

use scelle_format::report::{Label, Light};
use serde_json::{Value, json};

use crate::cli::context::Context;
use scelle_core::bilan::Written;
use scelle_core::run::{Figures, Summary};
use scelle_view::bilingual;
use scelle_view::pages::text::status_word;
use scelle_view::reasons::sentence;
use scelle_view::words::figures::{count, duration, size};
use scelle_view::words::{Lang, Message, counted};

/// Says what a run did.
pub fn told(context: &Context, label: Option<&Label>, summary: &Summary, written: &Written) {
    saved(context, label, summary);
    mended(context, summary);
    bilan(context, summary, written);
}

fn saved(context: &Context, label: Option<&Label>, summary: &Summary) {
    let (screen, lang) = (&context.screen, context.lang());
    let (saved, changes) = (&summary.saved, &summary.saved.gathered.changes);
    let number = saved.committed.snapshot;
    let took = duration(summary.duration, lang);
    let of = label.map(|label| format!("{} — ", label.as_str())).unwrap_or_default();
    screen.say(&bilingual!("{of}Instantané {number} — {took}", "{of}Snapshot {number} — {took}"));
    screen.say(&bilingual!(
        "  fichiers : {new}, {changed}, {unchanged}, {removed}",
        "  files: {new}, {changed}, {unchanged}, {removed}",
        new = counted(changes.new, "# nouveau[x]", "# new"),
        changed = counted(changes.changed, "# modifié[s]", "# changed"),
        unchanged = counted(changes.unchanged, "# inchangé[s]", "# unchanged"),
        removed = counted(changes.removed, "# disparu[s]", "# removed"),
    ));
    let (source, read) = (size(saved.gathered.totals.bytes, lang), size(saved.gathered.read_bytes, lang));
    let stored = size(saved.committed.stored_bytes, lang);
    screen.say(&bilingual!(
        "  volume : {source} au total ; lu : {read}, envoyé (chiffré) : {stored}",
        "  volume: {source} in all; read: {read}, sent (encrypted): {stored}"
    ));
    if summary.is_empty() {
        screen.warn(&bilingual!(
            "les dossiers à sauvegarder sont vides : cet instantané ne contient aucun fichier",
            "the folders to back up are empty: this snapshot holds no file"
        ));
    }
    screen.say(&counted(
        saved.listing.needed_packs,
        "  vérification : # paquet[s] attendu[s], [présent avec sa taille|tous présents avec leur taille]",
        "  verification: # pack[s] expected, [present with its size|all present with their size]",
    ));
}

/// What was wrong in the store and is not any more.
fn mended(context: &Context, summary: &Summary) {
    let (screen, saved) = (&context.screen, &summary.saved);
    if saved.healed_packs > 0 {
        screen.warn(&counted(
            saved.healed_packs,
            "# paquet[s] perdu[s] ou abîmé[s] dans le stockage : [son|leur] contenu a été enregistré à nouveau",
            "# pack[s] [was|were] lost or damaged in the store: [its|their] content has been stored again",
        ));
    }
    if summary.mended_objects > 0 {
        screen.warn(&counted(
            summary.mended_objects,
            "# objet[s] [manquait ou était abîmé|manquaient ou étaient abîmés] dans le stockage : remis en place",
            "# object[s] [was|were] missing or damaged in the store: put back",
        ));
    }
}

/// What of the store is still lost after all runs.
pub fn still_lost(context: &Context, ended: &[RunTold]) {
    let most = Figures::still_damaged(ended.iter().filter_map(|run| run.figures.as_ref()));
    if most > 0 {
        context.screen.warn(&counted(
            most,
            "# objet[s] du stockage [reste perdu ou abîmé|restent perdus ou abîmés] : « scelle check » dit [lequel|lesquels]",
            "# object[s] of the store [is|are] still lost or damaged: \"scelle check\" says which",
        ));
    }
}

fn bilan(context: &Context, summary: &Summary, written: &Written) {
    let (screen, lang) = (&context.screen, context.lang());
    let status = status_word(written.status, lang);
    let id = &written.id;
    screen.say(&bilingual!("  bilan {id} : {status}", "  bilan {id}: {status}"));
    for reason in written.to_acknowledge() {
        if let Some(found) = sentence(reason.code) {
            let what = Message::new(found.what(Lang::Fr), found.what(Lang::En));
            let todo = Message::new(found.todo(Lang::Fr), found.todo(Lang::En));
            screen.warn(&bilingual!(
                "{id} : {what} → {todo}",
                "{id}: {what} → {todo}",
                what = what,
                todo = todo
            ));
        }
    }
    if written.status != Light::Green {
        screen.say(&bilingual!(
            "  pourquoi, et quoi faire : « scelle bilan show {id} »",
            "  why, and what to do: \"scelle bilan show {id}\""
        ));
    }
    let problems = summary.saved.problems();
    if problems > 0 {
        let problems = count(problems, lang);
        screen.say(&bilingual!("  problèmes : {problems}", "  problems: {problems}"));
    }
}

/// How one run ended, for the document: its figures, or its error, and the label of its plan.
pub struct RunTold {
    /// Figures of a run that stored its snapshot.
    pub figures: Option<Figures>,
    /// The document of the run alone.
    pub document: Value,
}

/// One document: the run's own. For several plans: their figures together, with each run's own document below `runs`.
pub fn together(mut runs: Vec<RunTold>) -> Value {
    if runs.len() == 1 {
        return runs.remove(0).document;
    }
    let all = Figures::together(runs.iter().map(|run| run.figures.as_ref()));
    let mut document = all.map_or_else(|| json!({}), |all| json!(all));
    document["runs"] = runs.into_iter().map(|run| run.document).collect();
    document
}
