//! Dates and numbers as people write them. Times are shown in the server's own time zone, which each page names.

use std::sync::OnceLock;

use jiff::{Timestamp, Zoned, tz::TimeZone};
use workspace_protocol::ids::UnixTime;
use workspace_words::Lang;

/// The system's zone; UTC if it names none.
fn system() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

/// The zone's short name now, such as `JST`.
pub fn zone() -> String {
    zoned(system(), crate::clock::now()).map_or_else(String::new, |time| time.strftime("%Z").to_string())
}

/// `2026年11月24日 21:05` or `24 November 2026, 21:05`.
pub fn time(lang: Lang, time: UnixTime) -> String {
    in_zone(lang, system(), time)
}

fn in_zone(lang: Lang, zone: &TimeZone, time: UnixTime) -> String {
    let Some(local) = zoned(zone, time) else { return crate::clock::text(time) };
    match lang {
        Lang::Ja => local.strftime("%Y年%-m月%-d日 %H:%M").to_string(),
        Lang::En => local.strftime("%-d %B %Y, %H:%M").to_string(),
    }
}

fn zoned(zone: &TimeZone, time: UnixTime) -> Option<Zoned> {
    Timestamp::from_second(time.0).ok().map(|stamp| stamp.to_zoned(zone.clone()))
}

/// `1234567` as `1,234,567`: both languages write it so.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_date_is_written_as_people_write_it() {
        let japan = TimeZone::fixed(jiff::tz::offset(9));
        let time = UnixTime(1_795_521_900);
        assert_eq!(in_zone(Lang::Ja, &japan, time), "2026年11月24日 21:05");
        assert_eq!(in_zone(Lang::En, &japan, time), "24 November 2026, 21:05");
        assert_eq!(in_zone(Lang::En, &TimeZone::UTC, UnixTime(0)), "1 January 1970, 00:00");
    }

    #[test]
    fn thousands_stand_apart() {
        for (given, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (100_000, "100,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(given), want);
        }
    }
}
