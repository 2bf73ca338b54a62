//! What all commands that read a repository share: which one, with which key, and what was wrong with it.
//!
//! From what was typed to an opened [`Reading`]. Never: a rule about what must be there; the core's findings are said.

use scelle_format::descriptor::Standing;

use crate::cli::args::KeyArgs;
use crate::cli::context::Context;
use crate::cli::secrets;
use scelle_core::error::{AgentError, Result};
use scelle_core::repo::finding::Finding;
use scelle_core::repo::keys::keyring::Unlock;
pub use scelle_core::run::{Depth, Reading};
use scelle_view::bilingual;

/// Whether a command needs names, and so a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNeed {
    /// It does: asked for on a terminal.
    Required,
    /// It takes one if given.
    Optional,
}

/// Opens the repository that was meant.
pub async fn open(context: &Context, key: &KeyArgs, need: KeyNeed, depth: Depth) -> Result<Reading> {
    let reading = open_unsigned(context, key, need, depth).await?;
    if reading.repository.descriptors.standing == Standing::Provisional {
        context.screen.warn(&bilingual!(
            "le responsable n'a pas encore signé ce dépôt : faites « scelle keys check-kit --kit FICHIER --confirm »",
            "the owner has not signed this repository yet: run \"scelle keys check-kit --kit FILE --confirm\""
        ));
    }
    Ok(reading)
}

/// [`open`] for the command that lets the owner sign: whether the signature is still missing shows when it has ended.
pub async fn open_unsigned(context: &Context, key: &KeyArgs, need: KeyNeed, depth: Depth) -> Result<Reading> {
    let unlock = unlock(context, key, need)?;
    let of_kit = unlock.as_ref().and_then(Unlock::repository);
    let found = context.find(of_kit.as_ref(), None).await?;
    if found.damaged.is_some() {
        context.screen.warn(&bilingual!(
            "l'état de ce poste pour ce dépôt ne peut pas être lu ; cette commande s'en passe",
            "this computer's state for this repository cannot be read; this command does without it"
        ));
    }
    let reading = Reading::open(found, unlock, depth).await?;
    if !depth.is_about_damage() {
        show_findings(context, &reading.repository.findings_that_matter());
    }
    Ok(reading)
}

fn unlock(context: &Context, key: &KeyArgs, need: KeyNeed) -> Result<Option<Unlock>> {
    match (&key.kit, &key.phrase_file) {
        (Some(_), Some(_)) => Err(AgentError::two_keys()),
        (Some(kit), None) => Ok(Some(Unlock::Kit(secrets::read_kit(kit)?))),
        (None, Some(phrase)) => Ok(Some(Unlock::Phrase(secrets::read_phrase(Some(phrase), context.lang())?))),
        (None, None) if need == KeyNeed::Optional => Ok(None),
        (None, None) if secrets::somebody_is_there() => {
            Ok(Some(Unlock::Phrase(secrets::read_phrase(None, context.lang())?)))
        }
        (None, None) => Err(AgentError::key_required()),
    }
}

/// Says what is wrong, object by object.
pub fn show_findings(context: &Context, findings: &[Finding]) {
    for finding in findings {
        let (code, object) = (finding.kind.code(), &finding.object);
        let what = finding.kind.said();
        let affects: Vec<String> = finding.affects.iter().map(ToString::to_string).collect();
        let affects = if affects.is_empty() { String::new() } else { format!(" → {}", affects.join(", ")) };
        context.screen.warn(&bilingual!(
            "{what} : {object}{affects}",
            "{what}: {object}{affects}",
            what = what
        ));
        tracing::warn!(object = object.as_str(), finding = code, "finding");
    }
}
