//! Which repository is meant, where it is today, and what this computer knows of it.
//!
//! From the address given (or remembered), the kit and the state folder to a store with the right memory beside it.
//! The state belongs to a repository, never to an address: a disk that is mounted elsewhere is found by the id that lies
//! on it. A state that cannot be read stops nothing but writing. Never: writes, but where a backup begins at another address than
//! before: that address is kept, and what was measured of the store at the old one may be forgotten.

use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use scelle_format::id::RepositoryId;
use tracing::info;

use crate::around::Around;
use crate::bilan::run::probe_in;
use crate::connect::{
    BucketEngine, Connected, Connection, Create, RepoAddress, S3Settings, address_of, must_be_read_back,
};
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::files;
use crate::repo::objects::listed::repositories_in;
use crate::repo::seat::Seat;
use crate::repo::state::{Device, Head, Remembered, State, StorePlace};

/// An engine of which nothing was measured yet.
const UNKNOWN_ENGINE: BucketEngine = BucketEngine { conditional_put: true, read_back: true };

/// A repository this PC knows.
pub struct Known {
    /// Its id.
    pub repository: RepositoryId,
    /// What the PC knows about it for good; its place is where the repository was found today.
    pub device: Device,
    /// The head of its ledger.
    pub head: Head,
    /// Whether the making of the repository was begun here and not finished.
    pub is_unfinished: bool,
}

/// A store that was reached, and what this PC knows of the repository meant in it.
pub struct Found {
    /// What this PC knows of it; `None` where it is no device of it or cannot read its own state.
    pub known: Option<Known>,
    /// Where the state says it was, when that is another address than today's.
    pub moved_from: Option<StorePlace>,
    /// The repository whose state is there and cannot be read, with the head, which may be sound.
    pub damaged: Option<(RepositoryId, Head)>,
    /// The store.
    pub connected: Connected,
    /// Folder of the states.
    pub home: PathBuf,
    /// Time, who watches, whether to stop.
    pub around: Around,
}

impl Known {
    fn of(remembered: Remembered) -> Option<Self> {
        let Remembered { repository, device, head, is_unfinished } = remembered;
        Some(Self { repository, device: device.ok()?, head, is_unfinished })
    }

    /// Says of an error that means "nothing there" that this repository should have been: gone, or another one in its
    /// place. Other errors pass.
    pub async fn explain(&self, connected: &Connected, error: AgentError) -> AgentError {
        let is_other = error.kind == AgentError::kit_of_another_repository().kind;
        if error.code != ExitCode::NoRepository && !is_other {
            return error;
        }
        let address = connected.store.address();
        if self.is_unfinished {
            return AgentError::init_unfinished_here().at(address);
        }
        match repositories_in(&*connected.store).await {
            Ok(others) if others.iter().any(|other| *other != self.repository) => {
                AgentError::another_repository().at(address)
            }
            _ => AgentError::known_repository_gone(connected.is_folder).at(address),
        }
    }
}

/// A repository that was found at another address than this computer held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where it was.
    pub from: String,
    /// Where it is.
    pub to: String,
    /// Whether a copy of it remains where it was, which no longer advances.
    pub remains: bool,
}

impl Found {
    /// Keeps where the repository was found, where the state folder holds another address: it is said once.
    pub(super) fn settle(&self, seat: &mut Seat) -> Result<Option<Moved>> {
        let (Some(known), Some(from)) = (&self.known, &self.moved_from) else { return Ok(None) };
        info!("the repository is at another address than before");
        let to = &known.device.place;
        if !to.url.starts_with("file:") || !from.url.starts_with("file:") {
            // What was measured was measured there.
            seat.state.remove(files::PROBE);
        }
        seat.device.place = to.clone();
        seat.state.put_device(&seat.device)?;
        let old = address_of(from);
        let remains =
            matches!(old, Ok(RepoAddress::Folder(old)) if old.join(known.repository.as_str()).is_dir());
        Ok(Some(Moved { from: from.beside(to), to: to.beside(from), remains }))
    }
}

/// What a repository is found by.
#[derive(Clone, Copy)]
pub struct Finder<'a> {
    /// Folder of the states.
    pub home: &'a Path,
    /// The address that was given.
    pub address: Option<&'a RepoAddress>,
    /// Whether it was given for this one time, and is not what a configuration says.
    pub is_typed: bool,
    /// How the S3 service is reached; what the state remembers fills the gaps.
    pub s3: &'a S3Settings,
    /// Upload limit in bytes a second.
    pub upload_bytes_per_second: Option<u64>,
    /// Who is told of retries, and what ends them.
    pub around: &'a Around,
}

impl Finder<'_> {
    /// Reaches the store of the repository that was meant and finds what this PC knows of it. A kit names its own.
    ///
    /// Requests: none beside the connection where the address is the remembered one; else one listing for each
    /// repository in the store and one more.
    ///
    /// Errors: exit 2 none or several could be meant, exit 1 the only state there is cannot be read and no address is
    /// given, exit 14 the repository is not where it was.
    pub async fn find(&self, of_kit: Option<&RepositoryId>) -> Result<Found> {
        let mut all = State::remembered(self.home);
        let named = self.address.cloned();
        let index = match &named {
            Some(address) => self.at_address(&all, address, of_kit),
            None => Some(only(&all, of_kit)?),
        };
        if let Some(known) = index.and_then(|index| Known::of(all.swap_remove(index))) {
            let address = match named {
                Some(address) => address,
                None => address_of(&known.device.place)?,
            };
            let engine = self.engine_of(&known.repository, &known.device.place);
            let connected = self.reach(&address, Some(&known.device.place), engine, Create::Never).await;
            let connected = connected.map_err(|error| gone(&address, error))?;
            return Ok(Found { known: Some(known), ..self.found(connected) });
        }
        let address = named.ok_or_else(AgentError::repository_not_given)?;
        let place = match &all[..] {
            [Remembered { device: Ok(device), .. }] => Some(device.place.clone()),
            _ => self
                .newest_at(&all, &address)
                .and_then(|index| Some(all[index].device.as_ref().ok()?.place.clone())),
        };
        let connected = match self.reach(&address, place.as_ref(), UNKNOWN_ENGINE, Create::Never).await {
            // The configuration still says where the disk was before.
            Err(error)
                if error.code == ExitCode::NoRepository
                    && (!self.is_typed || self.newest_at(&all, &address).is_some()) =>
            {
                return Err(match &place {
                    Some(place) => gone(&address, error).last_seen_at(&place.shown()),
                    None => error,
                });
            }
            connected => connected?,
        };
        self.by_id(all, connected, of_kit).await
    }

    /// Finds in the store what the state knows by id.
    async fn by_id(
        &self,
        all: Vec<Remembered>,
        connected: Connected,
        of_kit: Option<&RepositoryId>,
    ) -> Result<Found> {
        let mut found = self.found(connected);
        if all.is_empty() {
            return Ok(found);
        }
        let here = repositories_in(&*found.connected.store).await?;
        let is_meant = |one: &Remembered| {
            here.contains(&one.repository) && of_kit.is_none_or(|of_kit| *of_kit == one.repository)
        };
        let mut meant: Vec<Remembered> = all.into_iter().filter(is_meant).collect();
        let Some(one) = meant.pop().filter(|_| meant.is_empty()) else { return Ok(found) };
        if one.device.is_err() {
            found.damaged = Some((one.repository, one.head));
            return Ok(found);
        }
        let Some(mut known) = Known::of(one) else { return Ok(found) };
        let address = address_of(&found.connected.place)?;
        if !self.is_at(&known.device.place, &address) {
            found.moved_from = Some(known.device.place.clone());
        }
        let engine = self.engine_of(&known.repository, &known.device.place);
        if engine != UNKNOWN_ENGINE {
            // What is known of the engine decides how it is written to: the store is opened again with it.
            let place = found.connected.place.clone();
            found.connected = self.reach(&address, Some(&place), engine, Create::Never).await?;
        }
        known.device.place = found.connected.place.clone();
        found.known = Some(known);
        Ok(found)
    }

    /// A store of which this PC knows nothing.
    fn found(&self, connected: Connected) -> Found {
        let (home, around) = (self.home.to_owned(), self.around.clone());
        Found { known: None, moved_from: None, damaged: None, connected, home, around }
    }

    /// What this PC vouches for without asking a store: the repository at the address given, or the only one, also where a
    /// configuration still says where that was before.
    pub fn known_offline(&self) -> Option<Known> {
        let mut all = State::remembered(self.home);
        let index = match self.address {
            Some(address) => {
                let only = || only(&all, None).ok().filter(|_| !self.is_typed);
                self.newest_at(&all, address).or_else(only)?
            }
            None => only(&all, None).ok()?,
        };
        Known::of(all.swap_remove(index))
    }

    /// Opens the store at the address given, of which nothing is known yet.
    pub(super) async fn connect(&self, create: Create) -> Result<Connected> {
        self.reach(self.address.ok_or_else(AgentError::repository_not_given)?, None, UNKNOWN_ENGINE, create)
            .await
    }

    /// A store again, now that it is known what its engine does.
    pub(super) async fn reconnect(&self, place: &StorePlace, engine: BucketEngine) -> Result<Connected> {
        self.reach(&address_of(place)?, Some(place), engine, Create::Never).await
    }

    /// What was measured of the engine that holds a repository.
    fn engine_of(&self, repository: &RepositoryId, place: &StorePlace) -> BucketEngine {
        let probe = probe_in(&self.home.join(repository.as_str()));
        BucketEngine { conditional_put: place.conditional_put, read_back: must_be_read_back(probe.as_ref()) }
    }

    /// The one whose place this is, where only one is.
    fn at_address(
        &self,
        all: &[Remembered],
        address: &RepoAddress,
        of_kit: Option<&RepositoryId>,
    ) -> Option<usize> {
        let is_there = |one: &Remembered| {
            one.device.as_ref().is_ok_and(|device| self.is_at(&device.place, address))
                && of_kit.is_none_or(|of_kit| *of_kit == one.repository)
        };
        let mut there = (0..all.len()).filter(|index| is_there(&all[*index]));
        there.next().filter(|_| there.next().is_none())
    }

    /// Of those whose place this was, the one made or joined last: what was there before it is gone, or has another place now.
    fn newest_at(&self, all: &[Remembered], address: &RepoAddress) -> Option<usize> {
        let since = |index: &usize| {
            let device = all[*index].device.as_ref().ok()?;
            self.is_at(&device.place, address).then_some(device.since)
        };
        (0..all.len()).filter(|index| since(index).is_some()).max_by_key(since)
    }

    /// Whether a place is this address, however it was written, and whatever links lead there. Buckets of one name at two services
    /// are two places.
    fn is_at(&self, place: &StorePlace, address: &RepoAddress) -> bool {
        let is_same_folder = |one: &Path, other: &Path| {
            let (one, other) = (one.canonicalize().ok(), other.canonicalize().ok());
            one.is_some() && one == other
        };
        match (address_of(place), address) {
            (Ok(RepoAddress::Folder(one)), RepoAddress::Folder(other)) => {
                one == *other || is_same_folder(&one, other)
            }
            (Ok(remembered), address) => {
                remembered == *address && place.is_served_by(self.s3.endpoint.as_deref())
            }
            (Err(_), _) => false,
        }
    }

    async fn reach(
        &self,
        address: &RepoAddress,
        place: Option<&StorePlace>,
        engine: BucketEngine,
        create: Create,
    ) -> Result<Connected> {
        // Flags and configuration win; what the state remembers fills the gaps.
        let s3 = S3Settings {
            endpoint: self.s3.endpoint.clone().or_else(|| place.and_then(|p| p.endpoint.clone())),
            region: self.s3.region.clone().or_else(|| place.and_then(|p| p.region.clone())),
            credentials: self.s3.credentials.clone(),
            route: self.s3.route.clone(),
        };
        let connection = Connection {
            s3: &s3,
            upload_bytes_per_second: self.upload_bytes_per_second,
            engine,
            around: self.around,
        };
        // A type as deep as a whole HTTP client is not carried through everything that waits for this.
        connection.open(address, create).boxed().await
    }
}

/// The one that is meant where no address is given.
fn only(all: &[Remembered], of_kit: Option<&RepositoryId>) -> Result<usize> {
    let of_this_kit = all.iter().position(|one| Some(&one.repository) == of_kit);
    let index = match (of_this_kit, all.len()) {
        (Some(index), _) => index,
        (None, 0) => return Err(AgentError::repository_not_given()),
        (None, 1) => 0,
        (None, many) => return Err(AgentError::repository_ambiguous(many)),
    };
    match all[index].device {
        Ok(_) => Ok(index),
        Err(_) => Err(AgentError::state_damaged(None).at(all[index].repository.as_str())),
    }
}

/// Says of a store that is not there that it should have been.
fn gone(address: &RepoAddress, error: AgentError) -> AgentError {
    match error.code {
        ExitCode::NoRepository => {
            let is_folder = matches!(address, RepoAddress::Folder(_));
            AgentError::known_repository_gone(is_folder).at(address.to_string())
        }
        _ => error,
    }
}
