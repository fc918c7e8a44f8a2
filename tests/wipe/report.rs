//! The report for people: what was found on the raw disk, by end and kind.

use std::fmt::Write;

use super::{KINDS, Row};

/// The whole report.
pub fn write(rows: &[Row], control: &Row) -> String {
    let mut text = String::from(
        "# Wipe report: what a session leaves on the disk\n\nPrinted by `cargo nextest run -E \
'binary(wipe)' --no-capture`, as root; `tests/run` runs the same. Home folder, temporary folder (`/tmp`), runtime \
folder and profile of a device lie on an ext4 file system of their own in a file. In each session a person opens a \
page that keeps all it can, types, copies and sends a form; then the session ends by what the row says, everything the \
kernel holds back is written, and the raw bytes of the file, free blocks and journal included, are searched for the \
session's markers in UTF-8, UTF-16 (both byte orders) and base64 (all three alignments). *power cut*: the raw disk is \
copied in the middle of the session, not unmounted, and searched as it is and once more after all was written. The last \
row is Chromium with a profile on the same disk, with the same page and the same hands: it shows that each kind can be \
found.\n\nNot searched: swap (docs/limits.md) and the memory of running programs.\n\n| the session ends by |",
    );
    for kind in KINDS {
        let _ = write!(text, " {kind} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(KINDS.len()));
    text.push('\n');
    for row in rows.iter().chain([control]) {
        let _ = write!(text, "| {} |", row.end);
        for kind in KINDS {
            let hits: usize = row.found.get(kind).map_or(0, |shapes| shapes.values().sum());
            let _ = write!(text, " {hits} |");
        }
        text.push('\n');
    }
    let shapes = ["UTF-8", "UTF-16", "base64"].map(|shape| {
        let hits: usize = control.found.values().filter_map(|shapes| shapes.get(shape)).sum();
        format!("{shape} {hits}")
    });
    let _ = writeln!(text, "\nHits of the last row by shape: {}.", shapes.join(", "));
    for row in rows.iter().chain([control]) {
        println!("{}: {:.1} s", row.end, row.took.as_secs_f32());
    }
    text
}
