//! What values must be, where their types do not say it.
//!
//! From a configuration that could be read to the rules it breaks, each with the table it is about. Never: a value.

use std::collections::BTreeSet;
use std::path::PathBuf;

use scelle_core::scan::PathFilter;
use scelle_core::schedule::{Cadence, Closure, Zone};
use scelle_format::report::Label;
use scelle_store::s3::Proxy;
use scelle_view::words::failures::ConfigRule;

use super::file::{ConfigFile, Plan};

/// Longest delay of a run.
const JITTER_MINUTES_MAX: u32 = 240;

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: ConfigRule,
    /// The table of its key; empty for the top.
    pub table: &'static str,
    /// Which table of that name, from 0.
    pub row: usize,
}

/// Every rule that a configuration breaks.
pub fn broken(file: &ConfigFile) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut unless = |holds: bool, table: &'static str, rule: ConfigRule| {
        found.extend((!holds).then_some(Broken { rule, table, row: 0 }));
    };
    unless(file.language.as_deref().is_none_or(|word| matches!(word, "fr" | "en")), "", ConfigRule::Language);
    unless(file.s3.proxy.as_deref().is_none_or(is_proxy_without_login), "s3", ConfigRule::Proxy);
    let above_zero = |number: Option<u64>| number != Some(0);
    let limits = &file.limits;
    let key = "upload_bytes_per_second";
    unless(above_zero(limits.upload_bytes_per_second), "limits", ConfigRule::AboveZero(key));
    unless(above_zero(limits.threads.map(|n| n as u64)), "limits", ConfigRule::AboveZero("threads"));
    unless(above_zero(file.log.keep_days.map(u64::from)), "log", ConfigRule::AboveZero("keep_days"));
    let agent = &file.agent;
    let zone = agent.time_zone.as_deref();
    unless(zone.is_none_or(|name| Zone::named(name).is_some()), "agent", ConfigRule::TimeZone);
    let delay = agent.jitter_minutes.unwrap_or(0);
    unless(delay <= JITTER_MINUTES_MAX, "agent", ConfigRule::Jitter);
    let are_days = agent.closures.iter().all(|days| Closure::parse(days).is_some());
    unless(are_days, "agent", ConfigRule::Closures);
    let host = file.host.as_ref();
    unless(host.is_none_or(|host| Label::parse(&host.name).is_ok()), "host", ConfigRule::Host);
    let country = host.and_then(|host| host.country.as_deref());
    let is_code = |code: &str| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
    unless(country.is_none_or(is_code), "host", ConfigRule::Country);
    found.extend(broken_by_plans(&file.plan));
    found
}

fn broken_by_plans(plans: &[Plan]) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut names = Vec::new();
    let mut sets: Vec<BTreeSet<&PathBuf>> = Vec::new();
    for (row, plan) in plans.iter().enumerate() {
        let mut unless = |holds: bool, rule: ConfigRule| {
            found.extend((!holds).then_some(Broken { rule, table: "plan", row }));
        };
        // A plan's history is known by its folders: two with the same ones would be taken for one.
        let set: BTreeSet<&PathBuf> = plan.paths.iter().collect();
        unless(!sets.contains(&set), ConfigRule::OtherPaths);
        sets.push(set);
        let is_plain = plan.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let is_name = is_plain && (1..=64).contains(&plan.name.len()) && !names.contains(&&plan.name);
        unless(is_name, ConfigRule::PlanName);
        names.push(&plan.name);
        unless(plan.label.as_deref().is_none_or(|text| Label::parse(text).is_ok()), ConfigRule::PlanLabel);
        let are_whole = !plan.paths.is_empty() && plan.paths.iter().all(|path| path.is_absolute());
        unless(are_whole, ConfigRule::AbsolutePaths);
        unless(PathFilter::new(&[], &plan.exclude, &[]).is_ok(), ConfigRule::Exclude);
        let schedule = plan.schedule.as_deref();
        unless(schedule.is_none_or(|text| Cadence::parse(text).is_some()), ConfigRule::Schedule);
    }
    found
}

/// An address, without user and password: these would be shown with the file.
fn is_proxy_without_login(text: &str) -> bool {
    text.starts_with("http://") && Proxy::parse(text).is_some_and(|proxy| !proxy.has_login())
}
