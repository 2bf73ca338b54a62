//! This computer's place in a repository: its state folder, locked, its keys, the store's objects, and its pen.
//!
//! Taken by whoever writes to a ledger: a backup, and the commands that leave a note. Data comes from the state folder; notes
//! go to the ledger by way of [`LedgerWriter`]. Never: opens what is stored; it holds no key that could.

use std::path::Path;
use std::sync::Arc;

use scelle_format::descriptor::Pin;
use scelle_format::id::RepositoryId;
use scelle_format::note::VerifyingKey;
use scelle_store::Store;

use crate::around::Around;
use crate::error::{AgentError, Result};
use crate::repo::create::{Creation, create};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::objects::Objects;
use crate::repo::objects::destination::{Destination, Destinations};
use crate::repo::state::{Device, State};

/// This computer's place in a repository, for as long as it is held: nobody else on this computer has it meanwhile.
pub struct Seat {
    /// Where the repository's objects go.
    pub destinations: Destinations,
    /// State folder, locked.
    pub state: State,
    /// This device.
    pub device: Device,
    /// Time, who watches, whether to stop.
    pub around: Around,
}

impl Seat {
    /// Takes the place in `repository`, whose state lies below `home` and whose objects lie in `store`.
    ///
    /// Errors: exit 11 another process has it, exit 1 the state cannot be read.
    pub fn take(
        home: &Path,
        repository: &RepositoryId,
        store: Arc<dyn Store>,
        clock_offset_ms: Option<i64>,
        around: &Around,
    ) -> Result<Self> {
        let state = State::open(home, repository)?;
        let device = state.device()?;
        let objects = Objects::new(store, repository.clone()).keeping(state.kept());
        let destinations = Destinations::one(Destination { objects: Arc::new(objects), clock_offset_ms });
        Ok(Self { destinations, state, device, around: around.clone() })
    }

    /// Makes a repository, or goes on making it, and takes the first place in it. `state` is its folder, locked by whoever
    /// made sure that nothing is overwritten.
    ///
    /// Errors: those of [`create()`].
    pub async fn create(
        state: State,
        store: Arc<dyn Store>,
        clock_offset_ms: Option<i64>,
        creation: &Creation<'_>,
        around: &Around,
    ) -> Result<Self> {
        let repository = RepositoryId::parse(&creation.holders.public.repository).map_err(AgentError::bug)?;
        let objects = Arc::new(Objects::new(store, repository).keeping(state.kept()));
        let device = create(&objects, &state, creation, &*around.clock, &mut around.random()).await?;
        let destinations = Destinations::one(Destination { objects, clock_offset_ms });
        Ok(Self { destinations, state, device, around: around.clone() })
    }

    /// Takes the place in a repository that is open already: what was seen of its objects goes on being counted.
    ///
    /// Errors: as [`Self::take`].
    pub fn beside(
        home: &Path,
        objects: &Arc<Objects>,
        clock_offset_ms: Option<i64>,
        around: &Around,
    ) -> Result<Self> {
        let state = State::open(home, objects.repository())?;
        let device = state.device()?;
        // What it writes is kept as a backup's is: the store may lose it.
        let objects = Arc::new(Objects::clone(objects).keeping(state.kept()));
        let destinations = Destinations::one(Destination { objects, clock_offset_ms });
        Ok(Self { destinations, state, device, around: around.clone() })
    }

    /// The destination that a run sends to, whose ledger it reads and whose clock it is compared with: chosen here and nowhere
    /// else. There is one as long as a repository lies in one place; with several, each stage will say which it means.
    pub fn destination(&self) -> &Destination {
        self.destinations.only()
    }

    /// The repository's objects there.
    pub fn objects(&self) -> &Arc<Objects> {
        &self.destination().objects
    }

    /// Server time minus ours there, where the server has a clock.
    pub fn clock_offset_ms(&self) -> Option<i64> {
        self.destination().clock_offset_ms
    }

    /// The descriptors as this computer must see them: signed by the owner it knows, never older than seen.
    ///
    /// Errors: exit 10 none, exit 13 they must not be believed.
    pub async fn descriptors(&self) -> Result<Descriptors> {
        let owner = VerifyingKey::parse(&self.device.owner).map_err(AgentError::local_state)?;
        let pin = Pin { owner_key: *owner.public_key(), recovery_sha256: None };
        // A state that lost its head has seen nothing.
        let seen = self.state.head().and_then(|head| head.descriptor_seen()).ok();
        // Up to what was seen: a revision that the store has lost since counts where this PC's copy of it holds.
        let highest = seen.map_or(0, |seen| seen.revision);
        let mut descriptors = Descriptors::load_up_to(self.objects(), Some(&pin), highest).await?;
        seen.into_iter().for_each(|seen| descriptors.compare_with_seen(seen));
        Ok(descriptors)
    }

    /// The pen, where it was laid down.
    pub async fn pen(&self) -> Result<LedgerWriter<'_>> {
        let (clock, chance) = (&*self.around.clock, self.around.random());
        let ahead_ms = self.clock_offset_ms();
        LedgerWriter::open(self.objects(), &self.state, &self.device, clock, ahead_ms, chance).await
    }

    /// The pen for a note outside a backup. The state may come from an older image of this computer: its pen goes on from
    /// the store's head.
    pub async fn pen_at_the_head(&self, descriptors: &Descriptors) -> Result<LedgerWriter<'_>> {
        let mut pen = self.pen().await?;
        pen.start(descriptors).await?;
        Ok(pen)
    }
}
