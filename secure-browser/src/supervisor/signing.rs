//! What the device key signs for the broker. The broker speaks with the world, so it gets no key, and no signature that
//! could stand for anything but a connection to the access gateway or one request to a system.

/// What TLS 1.3 puts before the hash that a client signs (RFC 8446 section 4.4.3).
const TLS_CLIENT: &[u8] = b"TLS 1.3, client CertificateVerify\0";
/// Spaces before that.
const TLS_SPACES: usize = 64;
/// How the text of a signed request begins (RFC 9421 section 2.5, with our components).
const REQUEST: &[u8] = b"\"@method\": ";
/// Longest text of a signed request, in bytes.
const REQUEST_MAX: usize = 64 << 10;

/// Whether `message` is one of the two. What the server's own API takes a signature over (CBOR) is neither.
#[must_use]
pub fn is_brokers(message: &[u8]) -> bool {
    is_tls(message) || (message.starts_with(REQUEST) && message.len() <= REQUEST_MAX)
}

fn is_tls(message: &[u8]) -> bool {
    let Some((spaces, rest)) = message.split_at_checked(TLS_SPACES) else { return false };
    let hash = rest.strip_prefix(TLS_CLIENT);
    // SHA-256 or SHA-384.
    spaces.iter().all(|byte| *byte == b' ') && hash.is_some_and(|hash| matches!(hash.len(), 32 | 48))
}

#[cfg(test)]
mod tests {
    use workspace_protocol::{
        channel::{push_bytes, request_bytes},
        ids::{DeviceId, Epoch},
    };

    use super::*;

    #[test]
    fn the_broker_gets_no_signature_that_speaks_to_the_server() {
        let tls = |words: &[u8], hash: usize| [&[b' '; 64], words, &vec![7; hash]].concat();
        assert!(is_brokers(&tls(TLS_CLIENT, 32)) && is_brokers(&tls(TLS_CLIENT, 48)));
        assert!(is_brokers(b"\"@method\": GET\n\"@authority\": a.example"));
        let renewal = request_bytes("/device/v1/renew", &[1; 32], &[2; 32], None, b"body");
        for other in [
            renewal,
            push_bytes(&[1; 32], DeviceId::random(), Epoch(1)),
            tls(b"TLS 1.3, server CertificateVerify\0", 32),
            tls(TLS_CLIENT, 33),
            tls(TLS_CLIENT, 0),
            [b"\"@method\": ".as_slice(), &vec![b'x'; REQUEST_MAX]].concat(),
            b"\"@authority\": a.example".to_vec(),
            Vec::new(),
        ] {
            assert!(!is_brokers(&other), "{other:?}");
        }
    }
}
