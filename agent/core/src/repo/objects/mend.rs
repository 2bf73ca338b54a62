//! Putting one object of the store right again, byte for byte, from the copy of this PC.
//!
//! Nothing in its place: it is put as new. Other bytes in its place: they are replaced, which in a folder is one durable
//! rename and in a bucket a further version. Then it is read back. Somebody else who mends it at the same time writes the
//! same bytes. Data comes from [`Kept`](crate::repo::kept::Kept), goes to the store. Never: fails a run, replaces what is right, believes an
//! answer to a put, or puts a copy that does not hash to what the name, where it has a hash, says.

use bytes::Bytes;
use scelle_format::id::Sha256;
use scelle_format::limits::REFS_MAX_BYTES;
use scelle_format::{layout, note};

use crate::error::AgentError;
use crate::repo::kept::{Kept, hash_in};
use crate::repo::objects::{InPlace, Objects};
use crate::repo::state::Device;

/// Times that it is put.
const TRIES: u32 = 2;

/// What became of an object that was to be mended.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It was put again, and read back.
    Mended,
    /// What stands in its place is right: someone has mended it, or an answer had been wrong.
    Sound,
    /// It is wrong, and this PC has no copy of it.
    NoCopy,
    /// The store does not let it be put right, or does not show it so. Why.
    Refused(AgentError),
}

impl Fate {
    /// Whether the right bytes stand in its place now.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Mended | Self::Sound)
    }
}

/// Mends an object from the copy of this PC. Without one, what stands in its place is compared with the hash in its name.
pub async fn from_copy(objects: &Objects, name: &str) -> Fate {
    match objects.kept().and_then(|kept| kept.copy(name)) {
        Some(copy) => with(objects, name, copy).await,
        None => stands(objects, name).await,
    }
}

/// Whether a copy of this PC mends an object. Of a note that is gone only the number is known (its name ends in `-`): the
/// one copy that bears it and that this device has signed.
pub fn can_be_mended(kept: &Kept, device: &Device, name: &str) -> bool {
    match name.ends_with('-') {
        true => lost_note(kept, device, name).is_some(),
        false => kept.copy(name).is_some(),
    }
}

/// The only copy of a note of this device whose name begins so; two would be a fork, which is for people.
pub fn lost_note(kept: &Kept, device: &Device, prefix: &str) -> Option<String> {
    let own = prefix.starts_with(&layout::notes_of(&device.id));
    let mut names = kept.names_below(prefix).into_iter().filter(|name| own && is_own(kept, device, name));
    names.next().filter(|_| names.next().is_none())
}

/// Whether a copy is a note that this device has signed.
pub fn is_own(kept: &Kept, device: &Device, name: &str) -> bool {
    let signed = kept.copy(name).and_then(|bytes| note::parse(&bytes).ok());
    let key = std::slice::from_ref(device.signing.verifying_key());
    signed.is_some_and(|signed| signed.verified_by(key).is_ok_and(|keys| !keys.is_empty()))
}

/// Mends an object with these bytes.
pub async fn with(objects: &Objects, name: &str, body: Bytes) -> Fate {
    match put_until_right(objects, name, &body).await {
        Ok(fate) => fate,
        Err(error) => Fate::Refused(error),
    }
}

async fn put_until_right(objects: &Objects, name: &str, body: &Bytes) -> crate::error::Result<Fate> {
    let bytes = body.len() as u64;
    let mut fate = Fate::Sound;
    for _ in 0..TRIES {
        let put = match objects.in_place(name, bytes).await? {
            InPlace::Bytes(found) if found == *body => return Ok(fate),
            InPlace::Nothing => objects.put_new(name, body.clone()).await.map(drop),
            InPlace::Bytes(_) | InPlace::Unreadable => objects.replace(name, body.clone()).await,
        };
        fate = Fate::Mended;
        // An answer that was lost says nothing: the object does.
        if let Err(error) = put {
            let is_right = objects.in_place(name, bytes).await? == InPlace::Bytes(body.clone());
            return if is_right { Ok(fate) } else { Err(error) };
        }
    }
    match objects.in_place(name, bytes).await? == InPlace::Bytes(body.clone()) {
        true => Ok(fate),
        false => Err(AgentError::not_confirmed().at(name)),
    }
}

/// Whether an object whose name holds its hash is right as it is.
async fn stands(objects: &Objects, name: &str) -> Fate {
    let Some(sha256) = hash_in(name) else { return Fate::NoCopy };
    match objects.in_place(name, REFS_MAX_BYTES as u64 + (1 << 20)).await {
        Ok(InPlace::Bytes(found)) if Sha256::of(&found) == sha256 => Fate::Sound,
        _ => Fate::NoCopy,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scelle_format::id::RepositoryId;
    use scelle_format::layout;
    use scelle_store::mem::{MemSettings, MemStore, Misbehaviour};
    use scelle_store::testing::{Fault, Faulty, Operation};
    use scelle_store::{ErrorKind, LockOps as _, Store};

    use super::*;
    use crate::repo::kept::Kept;

    struct Place {
        faulty: Faulty,
        objects: Objects,
        name: String,
        body: Bytes,
        _folder: tempfile::TempDir,
    }

    fn place(store: Arc<dyn Store>) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let faulty = Faulty::new(store);
        let repository = RepositoryId::parse(&"b".repeat(26)).unwrap();
        let objects = Objects::new(Arc::new(faulty.clone()), repository).keeping(Kept::of(folder.path()));
        let body = Bytes::from_static(b"sealed");
        Place { faulty, objects, name: layout::attachment(&Sha256::of(&body)), body, _folder: folder }
    }

    impl Place {
        /// Written and kept, then spoilt behind our back.
        async fn spoilt(&self, with: Option<&'static [u8]>) {
            self.objects.put_new(&self.name, self.body.clone()).await.unwrap();
            let key = self.objects.key(&self.name).unwrap();
            match with {
                Some(bytes) => {
                    let bytes = Bytes::from_static(bytes);
                    self.faulty.replace(&key, bytes.clone(), Sha256::of(&bytes).0).await.unwrap();
                }
                None => self.faulty.delete(&key).await.unwrap(),
            }
        }

        async fn is_right(&self) -> bool {
            self.objects.in_place(&self.name, 100).await.unwrap() == InPlace::Bytes(self.body.clone())
        }
    }

    const SPOILT: [Option<&[u8]>; 4] = [None, Some(b"sealEd"), Some(b"short"), Some(b"much longer than it")];

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_put_again_as_it_was() {
        for versions in [false, true] {
            for with in SPOILT {
                let place =
                    place(Arc::new(MemStore::with(MemSettings { versions, ..MemSettings::default() })));
                place.spoilt(with).await;
                let fate = from_copy(&place.objects, &place.name).await;
                assert!(
                    matches!(fate, Fate::Mended) && place.is_right().await,
                    "{versions} {with:?} {fate:?}"
                );
                let again = from_copy(&place.objects, &place.name).await;
                assert!(matches!(again, Fate::Sound), "{again:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_damaged_version_stays_below_the_one_that_was_put() {
        let store = MemStore::with(MemSettings { versions: true, locks: true, ..MemSettings::default() });
        let place = place(Arc::new(store.clone()));
        place.spoilt(Some(b"sealEd")).await;
        assert!(from_copy(&place.objects, &place.name).await.is_whole());
        let key = place.objects.key(&place.name).unwrap();
        assert_eq!(store.versions(&key, 10).await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn each_way_in_which_the_put_may_end_is_seen_by_reading_back() {
        let cases = [
            // It landed and the answer was an error.
            (Fault::LoseAnswer(ErrorKind::Unreachable), true, true),
            // The answer was yes and nothing landed: put once more.
            (Fault::Pretend, true, true),
            // The store refuses.
            (Fault::Fail(ErrorKind::Denied), false, false),
        ];
        for (fault, is_whole_now, is_right) in cases {
            for with in SPOILT {
                let place =
                    place(Arc::new(MemStore::with(MemSettings { versions: true, ..MemSettings::default() })));
                place.spoilt(with).await;
                place.faulty.nth(Operation::Put, 1, "", fault);
                let fate = from_copy(&place.objects, &place.name).await;
                assert_eq!(
                    (fate.is_whole(), place.is_right().await),
                    (is_whole_now, is_right),
                    "{fault:?} {with:?}"
                );
                assert!(from_copy(&place.objects, &place.name).await.is_whole());
            }
        }
    }

    #[tokio::test]
    async fn a_put_that_lands_damaged_is_put_again_and_never_called_whole() {
        for (flips, is_whole) in [(1, true), (9, false)] {
            let misbehaviour = Misbehaviour { accepts_wrong_checksum: true, ..Misbehaviour::default() };
            let settings = MemSettings { versions: true, misbehaviour, ..MemSettings::default() };
            let sound = place(Arc::new(MemStore::with(settings.clone())));
            let misbehaviour = Misbehaviour { flips_puts: flips, ..misbehaviour };
            let careless = place(Arc::new(MemStore::with(MemSettings { misbehaviour, ..settings })));
            sound.objects.put_new(&sound.name, sound.body.clone()).await.unwrap();
            let fate = with(&careless.objects, &careless.name, sound.body.clone()).await;
            assert_eq!(
                (fate.is_whole(), careless.is_right().await),
                (is_whole, is_whole),
                "{flips} {fate:?}"
            );
        }
    }

    #[tokio::test]
    async fn without_a_copy_nothing_is_put_and_what_is_right_is_seen() {
        let place = place(Arc::new(MemStore::with(MemSettings { versions: true, ..MemSettings::default() })));
        let stranger = Objects::new(place.objects.store().clone(), place.objects.repository().clone());
        place.spoilt(Some(b"sealEd")).await;
        assert!(matches!(from_copy(&stranger, &place.name).await, Fate::NoCopy));
        assert!(!place.is_right().await);
        assert!(from_copy(&place.objects, &place.name).await.is_whole());
        assert!(matches!(from_copy(&stranger, &place.name).await, Fate::Sound));
    }
}
