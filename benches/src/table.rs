//! Markdown tables, medians and ratios.

/// The median; of an even count the mean of the two in the middle. 0 of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// Rows under a heading, as Markdown.
#[derive(Debug)]
pub struct Table {
    text: String,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        let rule = columns.iter().map(|_| "---").collect::<Vec<_>>().join("|");
        Self { text: format!("| {} |\n|{rule}|\n", columns.join(" | ")) }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[String]) {
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    /// The table.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Megabytes (10⁶) with one decimal below 100.
pub fn megabytes(bytes: f64) -> String {
    let mb = bytes / 1e6;
    if mb < 100.0 { format!("{mb:.1}") } else { format!("{mb:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0]), 2.5);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn tables_are_markdown() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["1".into(), megabytes(2_500_000.0)]);
        assert_eq!(table.text(), "| a | b |\n|---|---|\n| 1 | 2.5 |\n");
    }
}
