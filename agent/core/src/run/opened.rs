//! A repository opened for writing by this computer.
//!
//! From a seat to the descriptors it believes. Never: a key that opens what is stored.

use std::path::PathBuf;

use crate::error::Result;
use crate::monitor::Notice;
use crate::repo::append::LedgerWriter;
use crate::repo::descriptors::Descriptors;
use crate::repo::join::expect_own;
use crate::repo::seat::Seat;
use crate::repo::state::Device;

/// A clock this far off is said aloud.
const CLOCK_OFF_MS: i64 = 60_000;

/// A repository opened for writing by this computer.
pub struct Run {
    /// State, device, objects, surroundings.
    pub seat: Seat,
    /// The descriptors, as this computer must see them.
    pub descriptors: Descriptors,
}

impl Run {
    /// Reads the descriptors and makes sure that they still know this computer.
    ///
    /// Errors: exit 10 no repository, exit 13 descriptors that must not be believed, or that know this device otherwise.
    pub async fn open(seat: Seat) -> Result<Self> {
        let descriptors = seat.descriptors().await?;
        expect_own(&descriptors, &seat.device).map_err(|error| error.at(seat.objects().store().address()))?;
        Ok(Self { seat, descriptors })
    }

    /// The pen with which all runs write that follow each other.
    pub async fn pen(&self) -> Result<LedgerWriter<'_>> {
        self.seat.pen().await
    }

    pub(super) fn say_how_far_the_clock_is_off(&self) {
        let offsets = self.seat.destinations.iter().filter_map(|destination| destination.clock_offset_ms);
        for offset_ms in offsets.filter(|ms| ms.abs() >= CLOCK_OFF_MS) {
            self.seat.around.monitor.notice(Notice::ClockOff { seconds: -offset_ms / 1000 });
        }
    }
}

/// Names a set of roots without saying which: runs are compared within it.
pub fn set_id(device: &Device, roots: &[PathBuf]) -> String {
    let mut names: Vec<Vec<u8>> =
        roots.iter().map(|root| crate::platform::os_to_bytes(root.as_os_str())).collect();
    names.sort();
    names.dedup();
    let hash = blake3::keyed_hash(&device.secret.token_key(), &names.join(&0));
    hex::encode(&hash.as_bytes()[..6])
}
