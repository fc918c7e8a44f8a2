//! The report for people: by family, how many ways out were tried and how many led out.

use std::{collections::BTreeMap, fmt::Write};

use crate::{Channel, Outcome};

/// The whole report.
pub fn write(table: &[Channel], ours: &Outcome, chromium: Option<&Outcome>) -> String {
    let mut text = String::from(
        "# Escape report: what gets out\n\nPrinted by `cargo nextest run -E 'test(nothing_gets_out)' --no-capture`; `tests/run` runs \
the same. Pages of an allowed site try \
every way out of [channels.tsv](../tests/escape/channels.tsv) against sinks on no list: TLS, plain TCP, UDP and DNS on \
loopback, the host's clipboards, the disk. A channel counts as tried only when its page told its own server so; as \
leaked when anything of it reached a sink, a bare connection or a DNS question included. Chromium runs the same pages \
under the managed policies `URLBlocklist: [*]` and `URLAllowlist` for that site; its leaks show that the suite can \
fail. Not all of its leaks break its promise: those policies are about navigation.\n\n\
| family | channels | tried | leaked: secure-browser | leaked: Chromium, managed |\n\
| --- | ---: | ---: | ---: | ---: |\n",
    );
    let mut families: BTreeMap<&str, Vec<&Channel>> = BTreeMap::new();
    for channel in table {
        families.entry(channel.family).or_default().push(channel);
    }
    for (family, channels) in &families {
        line(&mut text, family, channels, ours, chromium);
    }
    line(&mut text, "**all**", &table.iter().collect::<Vec<_>>(), ours, chromium);
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    for how in ours.tried.values().filter(|how| how.ends_with("Error")) {
        *ended.entry(how).or_default() += 1;
    }
    let ended: Vec<_> = ended.iter().map(|(how, times)| format!("{how} {times}")).collect();
    let _ = writeln!(
        text,
        "\nIn secure-browser the code of some channels ended in an exception at once, so they say little about it ({}).",
        ended.join(", "),
    );
    if let Some(chromium) = chromium {
        let leaks = |family: &Vec<&Channel>| family.iter().any(|channel| chromium.leaked.contains_key(channel.id));
        let quiet: Vec<_> = families.iter().filter(|(_, family)| !leaks(family)).map(|(name, _)| *name).collect();
        let _ = writeln!(
            text,
            "\nFamilies that leaked in neither browser, so that nothing shows that they can fail: {}. Not in the table: \
drag and drop out of the window, names that change their address between two questions.",
            if quiet.is_empty() { "none".to_owned() } else { quiet.join(", ") },
        );
    }
    for channel in table.iter().filter(|channel| ours.leaked.contains_key(channel.id)) {
        let _ = writeln!(text, "\n**Leaked in secure-browser**: {} {} ({})", channel.id, channel.what, channel.seen);
    }
    text
}

fn line(text: &mut String, name: &str, channels: &[&Channel], ours: &Outcome, chromium: Option<&Outcome>) {
    let count = |holds: &dyn Fn(&str) -> bool| channels.iter().filter(|channel| holds(channel.id)).count();
    let tried = count(&|id| ours.tried.contains_key(id));
    let leaked = count(&|id| ours.leaked.contains_key(id));
    let other = chromium.map_or_else(
        || "not measured".to_owned(),
        |chromium| count(&|id| chromium.leaked.contains_key(id)).to_string(),
    );
    let _ = writeln!(text, "| {name} | {} | {tried} | {leaked} | {other} |", channels.len());
}
