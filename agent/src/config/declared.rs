//! What the configuration declares for a bilan: what nobody measures.
//!
//! From [`Settings`] and one plan to [`Declared`]. Never: a path, or a label that could hold a name.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use scelle_core::bilan::{Declared, HostDeclared};
use scelle_format::report::Label;
use scelle_format::timestamp::Timestamp;

use super::{Host, Plan, Settings};

impl Settings {
    /// What a run declares; `plan` is the one it carries out, `None` where folders were given by hand.
    /// `scheduled`: whether the system's scheduler, or the service at one of the plan's times, started it.
    pub fn declared(&self, plan: Option<&Plan>, scheduled: bool) -> Declared {
        Declared {
            planned: scheduled,
            off_site: self.off_site,
            immutable_days: self.immutable_days,
            label: plan.and_then(Plan::shown),
            host: self.host.as_ref().map(Host::declared),
            ..Declared::default()
        }
    }
}

impl Plan {
    /// What reports call it: its label, else its name; `None` where the name is not fit to be shown.
    pub fn shown(&self) -> Option<Label> {
        Label::parse(self.label.as_deref().unwrap_or(&self.name)).ok()
    }
}

impl Host {
    fn declared(&self) -> HostDeclared {
        HostDeclared {
            name: self.name.clone(),
            certified_until: self.certified_until.and_then(end_of),
            country: self.country.clone(),
        }
    }
}

/// The last second of a day, in UTC.
fn end_of(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(next.timestamp().as_second() - 1))
}
