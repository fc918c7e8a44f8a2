//! Serial numbers beyond their length are refused before anything is done with them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use policy_server_attestation::tpm::serials;
use rcgen::{CertificateParams, KeyPair, SerialNumber};

fn with_serial(octets: usize) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.serial_number = Some(SerialNumber::from_slice(&vec![0x11; octets]));
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[test]
fn a_serial_number_of_at_most_twenty_octets_and_a_sign_is_read() {
    assert_eq!(serials(&[with_serial(20), with_serial(21)]).len(), 2);
    for octets in [22, 200, 7000] {
        assert!(serials(&[with_serial(octets)]).is_empty(), "{octets}");
    }
}
