//! The lights of a bilan: a pure function of facts, worst wins.
//!
//! For: the status of every bilan, on every surface. Data: [`Facts`] that the agent measured, or could not.
//! Never: words for people (codes only, listed in `REASONS.md`), a clock, an opinion that a fact does not carry.

use super::facts::{Facts, SecondParty};
use super::reason::{Half, Reason};
use crate::light::Light;

/// The lights and their reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Worst of the reasons about protection, whoever found them.
    pub protection: Light,
    /// Worst of the reasons about compliance.
    pub compliance: Light,
    /// Protection by the device's own facts alone.
    pub declared: Light,
    /// Protection as a second party sees it; grey where there is none.
    pub confirmed: Light,
    /// All reasons, worst first, then by code.
    pub reasons: Vec<Reason>,
}

impl Assessment {
    /// The worse of the two lights: the status of the bilan.
    pub fn overall(&self) -> Light {
        self.protection.max(self.compliance)
    }

    /// Whether the word "verified" may be used: the device says so and a second party agrees.
    pub fn verified(&self) -> bool {
        self.declared == Light::Green && self.confirmed == Light::Green
    }
}

/// Computes the lights.
///
/// Each fact gives at most one reason; the table fact → reason, light, half, actor is the source of `facts.rs`
/// and, for readers, `REASONS.md`. Rules above the table:
///
/// | rule | effect |
/// |---|---|
/// | worst wins | a half's light is the worst of its reasons: red > grey > amber > green; no reason is green |
/// | `Unknown(_)` | always a grey reason: a fact that should be known and is not; it costs the green and hides no red |
/// | `NotDue` (kit, owner's signature, epoch, rehearsal, full re-read) | no reason: the delay counts from init |
/// | `NotDetected`, `NotApplicable`, `NoReference`, `NotTracked` | no reason: there is nothing to compare with |
/// | `First` backup | amber: one restore point, nothing older to go back to |
/// | fewer than 5 runs of a set | anomalies are `TooFewRuns`, no reason |
/// | no second party | `confirmed` is grey, a green remark `self-declared`; protection may still be green |
/// | a second party contradicts | red in protection; `declared` keeps what the device says |
/// | "verified" | only where `declared` and `confirmed` are both green |
///
/// So a fresh, good, lone backup into a folder is amber in protection by `first-backup`, `no-off-site-copy` and
/// `not-ransomware-proof`, and amber in compliance by `no-plan`; the same store with everything in place is green
/// and self-declared.
pub fn status(facts: &Facts) -> Assessment {
    let mut reasons = facts.reasons();
    reasons.sort_by(|a, b| b.light.cmp(&a.light).then(a.code.cmp(b.code)));
    let of_device = Facts { second_party: SecondParty::Absent, ..facts.clone() };
    Assessment {
        protection: worst(&reasons, Half::Protection),
        compliance: worst(&reasons, Half::Compliance),
        declared: worst(&of_device.reasons(), Half::Protection),
        confirmed: confirmed(facts.second_party),
        reasons,
    }
}

fn worst(reasons: &[Reason], half: Half) -> Light {
    reasons
        .iter()
        .filter(|reason| reason.half == half)
        .map(|reason| reason.light)
        .max()
        .unwrap_or(Light::Green)
}

fn confirmed(second_party: SecondParty) -> Light {
    match second_party {
        SecondParty::Confirms => Light::Green,
        SecondParty::Silent => Light::Amber,
        SecondParty::Contradicts => Light::Red,
        SecondParty::Absent | SecondParty::Unknown(_) => Light::Grey,
    }
}
