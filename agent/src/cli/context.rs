//! What every command gets: what was typed and configured, the screen, and what surrounds a run.
//!
//! Made once by the program. Never: opens a store or reads a key; commands do.

use super::args::Global;
use super::screen::Screen;
use crate::config::Settings;
use crate::log;
use scelle_core::around::Around;
use scelle_core::monitor::Notice;
use scelle_view::words::Lang;

/// What every command gets.
pub struct Context {
    /// Global flags.
    pub global: Global,
    /// Everything configured.
    pub settings: Settings,
    /// The screen.
    pub screen: Screen,
    /// Time, progress, Ctrl-C.
    pub around: Around,
}

impl Context {
    /// The language of messages.
    pub fn lang(&self) -> Lang {
        self.screen.lang()
    }

    /// Says a notice of the whole command, on the screen and in the log.
    pub fn tell(&self, notice: &Notice) {
        log::notice(notice);
        self.screen.notice(notice);
    }
}
