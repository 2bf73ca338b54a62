//! The making of a repository, in its order: the place is found empty, the store is tried, keys are sealed and sent, and only
//! when whoever makes it has seen that the kit opens it is it finished.
//!
//! From a [`Finder`] and who holds the keys to a [`Seat`] in the new repository. What a crash leaves half-made goes on here
//! where it stopped. Never: makes a kit or a phrase; writes where another repository lies.

use scelle_format::id::RepositoryId;
use scelle_format::kit::Kit;
use scelle_format::layout;

use super::site::{Site, Trial};
use super::whereabouts::Finder;
use crate::bilan::run::record_probe;
use crate::connect::{Connected, Create, RepoAddress};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::create::{Creation, Holders};
use crate::repo::join::opens_epoch;
use crate::repo::objects::Objects;
use crate::repo::objects::listed::repositories_in;
use crate::repo::seat::Seat;
use crate::repo::state::{Remembered, State};
use crate::repo::unfinished::Unfinished;

/// A repository that is about to be made: the store was reached, and nothing that is there will be overwritten.
pub struct Founding<'a> {
    site: Site<'a>,
    /// The state folder, locked, where the repository's id was known before.
    state: Option<State>,
    begun: Option<Unfinished>,
}

impl<'a> Founding<'a> {
    /// Makes sure of the place. `of_kit`: the repository of a kit that is at hand; a kit that is still to be made names none.
    ///
    /// Errors: exit 1 there is a repository already, here or there, or another one's making was begun.
    pub async fn begin(finder: Finder<'a>, of_kit: Option<&RepositoryId>, create: Create) -> Result<Self> {
        let address = finder.address.ok_or_else(AgentError::repository_not_given)?;
        // Before anything is made anywhere: a kit whose repository this computer knows makes no second one.
        let mut state = None;
        if let Some(id) = of_kit {
            if let Err(refused) = refuse_known(&finder, id, address) {
                return Err(refused_truly(&finder, id, address, refused).await);
            }
            state = Some(State::open(finder.home, id)?);
            // Another one may have finished between the look and the lock.
            refuse_known(&finder, id, address)?;
        }
        let site = Site::reach(finder, create).await?;
        let begun = state.as_ref().map(Unfinished::load).transpose()?.flatten();
        refuse_others(&site.connected, of_kit.filter(|_| begun.is_some())).await?;
        Ok(Self { site, state, begun })
    }

    /// Tries what the store really does.
    pub async fn probe(&self) -> Result<Trial> {
        self.site.probe().await
    }

    /// Goes on with the store as the trial showed it.
    ///
    /// Errors: exit 1 it is not safe to store anything there.
    pub async fn accept(mut self, trial: &Trial) -> Result<Tried<'a, '_>> {
        self.site.accept(trial).await?;
        Ok(Tried { site: self.site, state: self.state, begun: self.begun, trial })
    }
}

/// A repository that is about to be made in a store that was tried.
pub struct Tried<'a, 't> {
    site: Site<'a>,
    state: Option<State>,
    begun: Option<Unfinished>,
    trial: &'t Trial,
}

impl Tried<'_, '_> {
    /// The earlier attempt that this one goes on with. It cannot be given a phrase any more: what one opens is sealed already.
    pub fn begun(&self) -> Option<&Unfinished> {
        self.begun.as_ref()
    }

    /// Makes the repository and this computer's place in it; what the trial showed is its first note.
    ///
    /// Errors: those of [`Seat::create`].
    pub async fn make(self, holders: Holders<'_>) -> Result<Founded> {
        let Self { site: Site { finder, connected }, state, trial, .. } = self;
        let repository = RepositoryId::parse(&holders.public.repository).map_err(AgentError::bug)?;
        let state = match state {
            Some(state) => state,
            None => State::open(finder.home, &repository)?,
        };
        let creation = Creation { holders, place: connected.place };
        let (store, offset_ms) = (connected.store, connected.clock_offset_ms);
        let seat = Seat::create(state, store, offset_ms, &creation, finder.around).await?;
        record_probe(&mut seat.pen().await?, &seat.state, &trial.report).await?;
        Ok(Founded { seat })
    }
}

/// A repository that was made. As long as it is not finished, the next attempt goes on with it.
pub struct Founded {
    seat: Seat,
}

impl Founded {
    /// This computer's place in it.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Makes sure that the kit opens what packs will be sealed to.
    ///
    /// Errors: exit 12 it does not.
    pub async fn expect_opened_by(&self, kit: &Kit) -> Result<()> {
        let device = &self.seat.device;
        opens_epoch(self.seat.objects(), &kit.recovery, device.epoch, &device.epoch_recipient).await
    }

    /// It is finished: nothing is left to go on with.
    pub fn finish(self) -> Seat {
        Unfinished::finish(&self.seat.state);
        self.seat
    }
}

/// Refuses a kit that made a repository on this computer, wherever that is, but for one that was not finished.
fn refuse_known(finder: &Finder<'_>, id: &RepositoryId, address: &RepoAddress) -> Result<()> {
    match Remembered::read(finder.home, id.clone()) {
        Some(known) if !known.is_unfinished => match known.device {
            Ok(device) if device.place.url.parse::<RepoAddress>().ok().as_ref() == Some(address) => {
                Err(AgentError::repository_exists().at(device.place.url))
            }
            Ok(device) => Err(AgentError::kit_has_a_repository().at(device.place.url)),
            Err(_) => Err(AgentError::state_damaged(Some(&address.to_string())).at(id.as_str())),
        },
        _ => Ok(()),
    }
}

/// What a refusal means where the repository that this computer knows there is not there any more, as on a new disk.
async fn refused_truly(
    finder: &Finder<'_>,
    id: &RepositoryId,
    address: &RepoAddress,
    refused: AgentError,
) -> AgentError {
    if refused.kind != AgentError::repository_exists().kind {
        return refused;
    }
    let is_gone = match finder.connect(Create::Never).await {
        Ok(connected) => repositories_in(&*connected.store).await.is_ok_and(|here| !here.contains(id)),
        Err(error) => error.code == ExitCode::NoRepository,
    };
    match is_gone {
        true => AgentError::kit_has_a_repository().at(address.to_string()),
        false => refused,
    }
}

/// Refuses a store that holds a repository, but for the one whose making goes on.
async fn refuse_others(connected: &Connected, begun: Option<&RepositoryId>) -> Result<()> {
    for here in repositories_in(&*connected.store).await? {
        if Some(&here) == begun {
            continue;
        }
        let objects = Objects::new(connected.store.clone(), here);
        let is_finished = objects.head(layout::FORMAT_TXT).await?.is_some()
            || !objects.list_first("c/", 1).await?.is_empty();
        return Err(match is_finished {
            true => AgentError::repository_exists(),
            false => AgentError::init_unfinished_elsewhere(),
        }
        .at(connected.store.address()));
    }
    Ok(())
}
