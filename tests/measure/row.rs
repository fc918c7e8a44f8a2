//! One line of the table, and the statistics behind it.

use std::fmt::Write as _;

/// One figure beside its peer's.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Our median, with its unit.
    pub(crate) ours: String,
    /// The peer's name and median.
    pub(crate) peer: String,
    /// Ours divided by the peer's.
    pub(crate) ratio: f64,
    /// The goal of performance.md, in words.
    pub(crate) goal: &'static str,
    /// Whether it is met.
    pub(crate) met: bool,
}

/// The middle value; of an even number the lower middle one. 0 for none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// The value below which `percent` of them are; 0 for none.
pub(crate) fn at(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * percent / 100).or(values.last()).copied().unwrap_or_default()
}

/// The rows as a Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = String::from("| what | ours | peer | ratio | goal | met |\n| --- | --- | --- | --- | --- | --- |\n");
    for row in rows {
        let met = if row.met { "yes" } else { "**no**" };
        let ratio = if row.ratio < 0.01 { format!("1/{:.0}", 1.0 / row.ratio) } else { format!("{:.2}", row.ratio) };
        let _ = writeln!(out, "| {} | {} | {} | {} | {} | {met} |", row.what, row.ours, row.peer, ratio, row.goal);
    }
    out
}
