//! What a kit or phrase does beside opening: it proves that it opens, and it signs what waits for a signature.
//!
//! From an opened [`Reading`] with a key to the store and to this computer's ledger. Never: keeps the key.

use scelle_format::descriptor::{Descriptor, EpochState, RecipientRole, Standing};
use scelle_format::id::DeviceId;
use scelle_format::ledger::NoteKind;
use scelle_format::note::{self, SigningKey};
use scelle_format::vkey_text::VKey;

use super::reading::Reading;
use crate::clock::now;
use crate::error::{AgentError, Result};
use crate::reading::ChunkReader;
use crate::reading::tree::Tree;
use crate::repo::create::put_descriptor;
use crate::repo::state::State;

impl Reading {
    /// Opens the newest root and its tree's first hunk: proof that packs open, not only key files. Returns how many objects
    /// were opened.
    pub async fn open_newest(&self) -> Result<u64> {
        let Some(snapshot) = self.repository.history.snapshots().pop() else { return Ok(0) };
        let tree = Tree::open(&self.fetcher()?, &snapshot).await?;
        let hunks = tree.hunks().await?;
        let mut opened = 1 + u64::from(!hunks.is_empty());
        if let Some(first) = hunks.first() {
            let mut reader = ChunkReader::new(tree.id_key());
            tree.hunk(&mut reader, &first.at).await?;
            opened += 1;
        }
        Ok(opened)
    }

    /// The key that may sign the descriptor, where something waits for it: a first revision without the owner, a provisional
    /// epoch. A copy at another address is not signed.
    pub fn signer(&self) -> Result<Option<&SigningKey>> {
        let descriptors = &self.repository.descriptors;
        let keyring = self.repository.keyring()?;
        let provisional = descriptors.standing == Standing::Provisional;
        let waiting =
            provisional || descriptors.current.epochs.iter().any(|e| e.state == EpochState::Provisional);
        let signer = keyring.owner.as_ref().or(keyring.admin.as_ref().filter(|_| !provisional));
        Ok(signer.filter(|_| waiting && !self.is_elsewhere))
    }

    /// Signs the descriptor: its epochs are confirmed. The `disowned` are no devices of the repository, its owner says.
    pub async fn sign(&self, signer: &SigningKey, disowned: &[DeviceId]) -> Result<()> {
        self.repository.expect_all_descriptors(disowned)?;
        let descriptors = &self.repository.descriptors;
        let current = &descriptors.current;
        let mut next = Descriptor {
            revision: current.revision + 1,
            time: now(&*self.around.clock),
            prev: Some(descriptors.current_sha256),
            ..current.clone()
        };
        next.epochs.iter_mut().for_each(|epoch| epoch.state = EpochState::Confirmed);
        // Before it is signed: a state that cannot be written must not be found out afterwards.
        let state = self.member().map(|known| State::open(&self.home, &known.repository)).transpose()?;
        let head = put_descriptor(&self.repository.objects, &next, signer).await?;
        if let Some(state) = state {
            let mut own = state.head()?;
            own.descriptor = head.descriptor;
            state.put_head(&own)?;
        }
        Ok(())
    }

    /// Writes the proof into this PC's ledger, signed by the holder; false where there is none to write it into, or nobody
    /// to sign it.
    pub async fn prove(&self, opened: u64) -> Result<bool> {
        if self.member().is_none() {
            return Ok(false);
        }
        let keyring = self.repository.keyring()?;
        let Some(signer) = keyring.owner.as_ref().or(keyring.admin.as_ref()) else { return Ok(false) };
        let seat = self.seat()?;
        let mut ledger = seat.pen_at_the_head(&self.repository.descriptors).await?;
        let (repository, epoch) = (&seat.device.repository, seat.device.epoch);
        let after = ledger.head().text_sha256.clone().unwrap_or_else(|| "-".into());
        let text = format!(
            "scelle/proof/1\nrepository {repository}\nepoch {epoch}\nopened {opened}\nprev {after}\n"
        );
        let signed = note::sign(&text, &[signer]).map_err(AgentError::bug)?;
        let signature = note::parse(signed.as_bytes()).map_err(AgentError::bug)?.signatures;
        let signature = signature.first().map(|s| s.bytes.clone()).unwrap_or_default();
        let holder = if keyring.role == RecipientRole::Recovery {
            RecipientRole::Recovery
        } else {
            RecipientRole::Everyday
        };
        let vkey = VKey::of(signer.verifying_key()).map_err(AgentError::bug)?;
        ledger.append(NoteKind::Proof { holder, epoch, opened, vkey, signature }, Vec::new()).await?;
        Ok(true)
    }
}
