//! The one clock of the process, in whole seconds; a debug build's can be shifted by `SW_CLOCK_OFFSET` for tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use workspace_protocol::ids::UnixTime;

/// Now. A clock before 1970 reads as 1970.
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    UnixTime(seconds).plus(offset())
}

#[cfg(debug_assertions)]
fn offset() -> i64 {
    std::env::var("SW_CLOCK_OFFSET").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(not(debug_assertions))]
fn offset() -> i64 {
    0
}

/// A time as people and programs read it: RFC 3339 in UTC. A time beyond the calendar gives its seconds.
pub fn text(time: UnixTime) -> String {
    OffsetDateTime::from_unix_timestamp(time.0)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| time.0.to_string())
}

/// A span such as `15m`, `8h`, `365d` or `90s`, in seconds.
pub fn span(text: &str) -> Result<i64, String> {
    let wrong = || format!("'{text}' is not a span of time; write 90s, 15m, 8h or 365d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let scale = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: i64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    number.checked_mul(scale).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

/// The same clock for TLS, so that certificates and leases are judged by one time.
#[derive(Debug)]
pub struct TlsClock;

impl rustls::time_provider::TimeProvider for TlsClock {
    fn current_time(&self) -> Option<rustls_pki_types::UnixTime> {
        let seconds = u64::try_from(now().0).ok()?;
        Some(rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_number_and_a_unit() {
        assert_eq!(span("15m"), Ok(900));
        assert_eq!(span("365d"), Ok(31_536_000));
        for bad in ["", "m", "15", "-1m", "0s", "1w", "99999999999999999d", "1mm"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(text(UnixTime(0)), "1970-01-01T00:00:00Z");
    }
}
