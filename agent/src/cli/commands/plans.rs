//! Which plan of the configuration a set of folders belongs to, for `snapshots` and `bilan list`.
//!
//! Data comes from this computer's configuration and its key for sets; goes to tables. A snapshot names its set only, so
//! that a plan whose folders were changed since has no label there. Never: a name that is not fit to be shown.

use std::collections::HashMap;

use super::reading::Reading;
use crate::cli::context::Context;
use crate::cli::screen::Table;
use scelle_core::run::set_of;
use scelle_view::bilingual;
use scelle_view::words::Message;

/// Labels of plans by the set of their folders.
pub struct Plans(HashMap<String, Vec<String>>);

impl Plans {
    /// The plans of this computer; none where it is no device of the repository.
    pub fn of(context: &Context, reading: &Reading) -> Self {
        let mut labels: HashMap<String, Vec<String>> = HashMap::new();
        for (known, plan) in reading
            .known
            .iter()
            .flat_map(|known| context.settings.plans.iter().map(move |plan| (known, plan)))
        {
            if let (Ok(set), Some(label)) = (set_of(&known.device, &plan.paths), plan.shown()) {
                labels.entry(set).or_default().push(label.as_str().to_owned());
            }
        }
        Self(labels)
    }

    /// The label of a set; of all plans that have these folders, where there are several.
    pub fn label(&self, set: &str) -> Option<String> {
        self.0.get(set).map(|labels| labels.join(", "))
    }
}

/// A table of rows with the label of each one's plan, in a column that is there where a row has one.
pub fn table(mut headings: Vec<Message>, rows: impl Iterator<Item = (Vec<String>, Option<String>)>) -> Table {
    let rows: Vec<_> = rows.collect();
    let has_plans = rows.iter().any(|(_, plan)| plan.is_some());
    headings.extend(has_plans.then(|| bilingual!("plan", "plan")));
    let mut table = Table::new(headings);
    for (cells, plan) in rows {
        table.row(cells.into_iter().chain(has_plans.then(|| plan.unwrap_or_else(|| "-".to_owned()))));
    }
    table
}
