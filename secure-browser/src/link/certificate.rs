//! The device certificate's own time, to renew it before it ends.

use x509_parser::parse_x509_certificate;

/// Seconds between a certificate's first and last second of validity; `None` if it cannot be read.
#[must_use]
pub fn lifetime_seconds(der: &[u8]) -> Option<i64> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let validity = certificate.validity();
    Some(validity.not_after.timestamp().saturating_sub(validity.not_before.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_is_read_and_junk_has_none() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::default();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 1, 2);
        let certificate = parameters.self_signed(&key).unwrap();
        assert_eq!(lifetime_seconds(certificate.der()), Some(86_400));
        assert_eq!(lifetime_seconds(b"junk"), None);
    }
}
