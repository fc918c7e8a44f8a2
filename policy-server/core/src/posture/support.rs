//! Until when systems get security updates; data, not code.

use workspace_protocol::ids::UnixTime;

const TABLE: &str = include_str!("../../data/os-support.tsv");

/// Seconds of a day.
const DAY: i64 = 24 * 3600;

/// The end of the last day on which a system gets updates; none for a system that is not in the table.
#[must_use]
pub fn ends(system: &str, version: &str) -> Option<UnixTime> {
    rows().find(|(id, of, _)| *id == system && is_release(version, of)).and_then(|(.., day)| end_of(day))
}

/// Whether a version is a table's release or a point release of it.
fn is_release(version: &str, release: &str) -> bool {
    let rest = version.strip_prefix(release);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?, fields.next()?))
    })
}

/// The first second after a day written as YYYY-MM-DD.
fn end_of(day: &str) -> Option<UnixTime> {
    let mut parts = day.split('-').map(str::parse::<i64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    // Days since 1970-01-01 in years that begin in March, so that a leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(UnixTime((days + 1) * DAY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(end_of("1969-12-31"), Some(UnixTime(0)));
        assert_eq!(end_of("2000-02-29"), Some(UnixTime(951_868_800)));
        assert_eq!(end_of("2028-06-30"), Some(UnixTime(1_846_022_400)));
    }

    #[test]
    fn every_row_can_be_read_and_is_there_once() {
        let all: Vec<_> = rows().collect();
        assert!(all.len() > 20);
        for (system, version, day) in &all {
            assert!(end_of(day).is_some(), "{system} {version}");
            assert_eq!(all.iter().filter(|row| (row.0, row.1) == (*system, *version)).count(), 1, "{system} {version}");
        }
    }

    #[test]
    fn point_releases_are_those_of_their_release_and_others_are_unknown() {
        assert_eq!(ends("rhel", "9.6"), ends("rhel", "9"));
        assert_eq!(ends("debian", "120"), None);
        assert_eq!(ends("arch", ""), None);
    }
}
