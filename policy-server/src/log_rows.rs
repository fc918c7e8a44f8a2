//! What people and their tools take out of the server as rows: the audit log for a SIEM, the ledger of devices, the
//! review of the log. The command line writes them, the console shows them.

use std::{collections::BTreeMap, fmt::Write};

use policy_server_core::{
    audit::Entry,
    fleet::{Device, Tries},
};
use serde_json::{Map, Value, json};
use workspace_protocol::ids::UnixTime;

use crate::clock;

/// Enterprise number of the structured data: the one that RFC 5612 keeps for examples, since the product has none.
const ENTERPRISE: u32 = 32473;
/// Facility 13, "log audit", in the place that a priority gives it.
const AUDIT: u8 = 13 * 8;
const NOTICE: u8 = 5;
const WARNING: u8 = 4;
/// Longest name of a parameter, host or message id.
const SD_NAME_MAX: usize = 32;
const HOST_MAX: usize = 255;

/// An entry as an object.
pub fn object(index: u64, entry: &Entry) -> Value {
    let detail: Map<_, _> = entry.detail.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "index": index,
        "at": clock::text(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "refused": entry.refused,
        "detail": detail,
    })
}

/// An entry as a line of RFC 5424, without its end of line.
pub fn syslog(index: u64, entry: &Entry, host: &str) -> String {
    let priority = AUDIT + if entry.refused.is_some() { WARNING } else { NOTICE };
    let (host, id) = (token(host, HOST_MAX), token(&entry.action, SD_NAME_MAX));
    let mut line = format!("<{priority}>1 {} {host} policy-server - {id} [audit@{ENTERPRISE}", clock::text(entry.at));
    parameter(&mut line, "index", &index.to_string());
    for (name, value) in [("actor", &entry.actor), ("action", &entry.action), ("target", &entry.target)] {
        parameter(&mut line, name, value);
    }
    if let Some(refused) = &entry.refused {
        parameter(&mut line, "refused", refused);
    }
    if !entry.detail.is_empty() {
        // An element of its own, so that a detail can never pass for one of the fields above.
        let _ = write!(line, "][detail@{ENTERPRISE}");
        for (name, value) in &entry.detail {
            parameter(&mut line, name, value);
        }
    }
    line.push(']');
    line
}

/// `name="value"`, escaped as section 6.3.3 says. Control characters would end the line or hide it, so they are replaced.
fn parameter(line: &mut String, name: &str, value: &str) {
    let name: String = token(name, SD_NAME_MAX).replace(['=', ']', '"'], "_");
    let _ = write!(line, " {name}=\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' | ']' => line.extend(['\\', letter]),
            control if control.is_control() => line.push('\u{fffd}'),
            other => line.push(other),
        }
    }
    line.push('"');
}

/// Printable ASCII without spaces, of at most `most` letters; `-` for nothing.
fn token(text: &str, most: usize) -> String {
    let letters = text.chars().take(most).map(|letter| if letter.is_ascii_graphic() { letter } else { '_' });
    let token: String = letters.collect();
    if token.is_empty() { "-".to_owned() } else { token }
}

/// Names and rows of a table.
#[derive(Debug)]
pub struct Table {
    /// Names of the columns.
    pub columns: &'static [&'static str],
    /// The rows, each with as many cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As CSV (RFC 4180) in UTF-8 with its mark, which spreadsheets need to read Japanese.
    pub fn csv(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(ToString::to_string).collect();
        let lines = std::iter::once(&names).chain(&self.rows).map(|cells| {
            let cells: Vec<_> = cells.iter().map(|cell| csv_cell(cell)).collect();
            cells.join(",") + "\r\n"
        });
        std::iter::once("\u{feff}".to_owned()).chain(lines).collect()
    }

    /// As objects.
    pub fn objects(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|cells| {
            let pairs = self.columns.iter().zip(cells);
            pairs.map(|(name, cell)| ((*name).to_owned(), cell.clone().into())).collect::<Map<_, _>>().into()
        })
    }
}

/// A cell that no spreadsheet takes for a formula: names come from people.
fn csv_cell(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    if formula || cell.contains(['"', ',', '\n', '\r', ';']) {
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Columns of the ledger.
const LEDGER: &[&str] = &[
    "id",
    "label",
    "user",
    "group",
    "tier",
    "state",
    "pin_locked",
    "enrolled_at",
    "last_contact",
    "lease_until",
    "boundary_version",
    "policy_version",
    "os",
    "platform",
    "version",
];

/// The ledger of devices: what a stock-taking needs. System, platform and version are what the device says of itself.
pub fn ledger<'a>(devices: impl IntoIterator<Item = &'a Device>) -> Table {
    let time = |time: Option<UnixTime>| time.map(clock::text).unwrap_or_default();
    let row = |one: &Device| {
        vec![
            one.id.to_string(),
            one.label.clone(),
            one.user.clone(),
            one.group.to_string(),
            one.tier.word().to_owned(),
            one.standing.word().to_owned(),
            (one.tries == Tries::Locked).to_string(),
            clock::text(one.enrolled_at),
            time(one.last_contact),
            time(one.lease_until),
            one.held.boundary.to_string(),
            one.held.policy.to_string(),
            one.facts.os.clone(),
            one.facts.platform.clone(),
            one.facts.version.clone(),
        ]
    };
    Table { columns: LEDGER, rows: devices.into_iter().map(row).collect() }
}

/// Columns of the review.
const REVIEW: &[&str] = &["actor", "action", "refused", "count", "first", "last", "first_index", "last_index"];

/// Counts entries by who did what and how it ended: what a person reads at a regular review of the log. Devices are one
/// actor, since a thousand of them would hide the few lines that matter.
#[derive(Debug, Default)]
pub struct Review(BTreeMap<(String, String, String), Seen>);

#[derive(Debug)]
struct Seen {
    count: u64,
    first: (UnixTime, u64),
    last: (UnixTime, u64),
}

impl Review {
    /// Counts an entry.
    pub fn add(&mut self, index: u64, entry: &Entry) {
        let actor = if entry.actor.starts_with("device:") { "devices" } else { &entry.actor };
        let key = (actor.to_owned(), entry.action.clone(), entry.refused.clone().unwrap_or_default());
        let here = (entry.at, index);
        let seen = self.0.entry(key).or_insert(Seen { count: 0, first: here, last: here });
        (seen.count, seen.last) = (seen.count + 1, here);
    }

    /// The table.
    pub fn table(self) -> Table {
        let row = |((actor, action, refused), seen): ((String, String, String), Seen)| {
            let Seen { count, first, last } = seen;
            let (from, to) = (clock::text(first.0), clock::text(last.0));
            vec![actor, action, refused, count.to_string(), from, to, first.1.to_string(), last.1.to_string()]
        };
        Table { columns: REVIEW, rows: self.0.into_iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use workspace_protocol::reason::Reason;

    fn entry() -> Entry {
        Entry::done(UnixTime(0), "admin:uid=0", "device.wipe", "d-1")
            .with("label", "花子\"]\\\n<34>1 forged")
            .with("seq", 2)
    }

    #[test]
    fn a_line_of_syslog_cannot_be_broken_out_of() {
        assert_eq!(
            syslog(7, &entry(), "h:8443"),
            "<109>1 1970-01-01T00:00:00Z h:8443 policy-server - device.wipe [audit@32473 index=\"7\" \
             actor=\"admin:uid=0\" action=\"device.wipe\" target=\"d-1\"][detail@32473 \
             label=\"花子\\\"\\]\\\\\u{fffd}<34>1 forged\" seq=\"2\"]"
        );
        let refused = syslog(0, &Entry::done(UnixTime(0), "a b", "x y", "t").refused(Reason::PinLocked), "");
        assert!(refused.starts_with("<108>1 1970-01-01T00:00:00Z - policy-server - x_y [audit@32473 "));
        assert!(refused.ends_with(" refused=\"pin.locked\"]"));
    }

    #[test]
    fn a_cell_is_no_formula_and_ends_no_row() {
        let table = Table { columns: &["a", "b"], rows: vec![vec!["=1+1".into(), "x\"y\nz".into()]] };
        assert_eq!(table.csv(), "\u{feff}a,b\r\n\"'=1+1\",\"x\"\"y\nz\"\r\n");
        for bad in ["+1", "-1", "@x", "\tx"] {
            assert!(csv_cell(bad).starts_with("\"'"), "{bad}");
        }
        assert_eq!(csv_cell("花子"), "花子");
    }

    #[test]
    fn a_review_counts_who_did_what_and_how_it_ended() {
        let mut review = Review::default();
        for (index, actor) in ["device:1", "device:2", "admin:uid=0"].into_iter().enumerate() {
            let at = UnixTime(i64::try_from(index).unwrap_or(0));
            review.add(index as u64, &Entry::done(at, actor, "device.unlock", "d"));
        }
        review.add(3, &Entry::done(UnixTime(3), "device:1", "device.unlock", "d").refused(Reason::PinWrong));
        let rows = review.table().rows;
        let short: Vec<_> = rows.iter().map(|row| (&*row[0], &*row[2], &*row[3], &*row[6], &*row[7])).collect();
        assert_eq!(
            short,
            [
                ("admin:uid=0", "", "1", "2", "2"),
                ("devices", "", "2", "0", "1"),
                ("devices", "pin.wrong", "1", "3", "3")
            ]
        );
    }
}
