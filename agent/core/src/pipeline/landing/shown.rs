//! Whether the store shows what was sent to it.
//!
//! For: the upload, the commit and what it names. Data comes from the store's answers. Never: believes that an object is
//! there because it was sent.

use scelle_format::layout;

use crate::catalog::JournaledPack;
use crate::error::Result;
use crate::repo::objects::Objects;

/// Small requests under way at a time.
pub(in crate::pipeline) const CONCURRENT_HEADS: usize = 16;

/// How the store shows an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum HowShown {
    /// With its size.
    Whole,
    /// With another size.
    Other,
    /// Not at all.
    No,
}

/// How the store shows an object. All but "whole" is asked once more: a cache or a line may have been wrong, and what is
/// taken for lost is stored again, and told.
pub(in crate::pipeline) async fn how_shown(
    objects: &Objects,
    name: &str,
    object_bytes: u64,
) -> Result<HowShown> {
    let mut shown = HowShown::No;
    for is_asked_again in [false, true] {
        shown = match objects.head(name).await? {
            Some(meta) if meta.bytes == object_bytes => HowShown::Whole,
            Some(_) => HowShown::Other,
            None => HowShown::No,
        };
        if shown == HowShown::Whole {
            if is_asked_again {
                objects.oddities().note_answered_wrongly(name);
            }
            break;
        }
    }
    Ok(shown)
}

/// Whether the store shows an object with its size ([`how_shown`]).
pub(in crate::pipeline) async fn is_there(objects: &Objects, name: &str, object_bytes: u64) -> Result<bool> {
    Ok(how_shown(objects, name, object_bytes).await? == HowShown::Whole)
}

/// Whether the store shows a pack with its size.
pub(in crate::pipeline) async fn is_shown(objects: &Objects, pack: &JournaledPack) -> Result<bool> {
    let meta = objects.head(&layout::pack(pack.kind, &pack.id)).await?;
    Ok(meta.is_some_and(|meta| meta.bytes == pack.object_bytes))
}
