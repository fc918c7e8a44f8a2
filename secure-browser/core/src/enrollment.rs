//! Enrollment on the device: what is checked before anything is kept.

use workspace_protocol::{
    crypto::KeyId,
    device_api::{Admission, EnrollBeginReply},
    ids::{DeviceId, Epoch},
    opaque::{PIN_MAX, PIN_MIN},
    reason::Reason,
};

/// Longest label a device may carry, in characters.
pub const LABEL_MAX: usize = 64;

/// Whether a PIN may be used at all.
///
/// # Errors
/// [`Reason::PinShape`] if it has fewer than [`PIN_MIN`] characters or more than [`PIN_MAX`] bytes.
pub fn check_pin(pin: &str) -> Result<(), Reason> {
    if pin.chars().count() >= PIN_MIN && pin.len() <= PIN_MAX { Ok(()) } else { Err(Reason::PinShape) }
}

/// A label as it is sent: control characters dropped, trimmed, cut to [`LABEL_MAX`] characters.
#[must_use]
pub fn label(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    clean.trim().chars().take(LABEL_MAX).collect()
}

/// Life of an enrollment on the device. Nothing is written before `Admitted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enrollment {
    /// The code is being proved to the pinned server.
    Proving {
        /// The root key that the link names.
        root: KeyId,
    },
    /// The server knows the code and has named the device.
    Registering {
        /// The device's name from here on.
        device: DeviceId,
    },
    /// The server has admitted the device: the profile may be written.
    Admitted {
        /// The device.
        device: DeviceId,
        /// Its life.
        epoch: Epoch,
    },
    /// Refused; nothing is written.
    Refused(Reason),
}

/// What the server answered.
#[derive(Debug)]
pub enum EnrollmentEvent<'a> {
    /// It knows the code.
    Begun(&'a EnrollBeginReply),
    /// It admits the device.
    Admitted(&'a Admission),
}

impl Enrollment {
    /// Pure; an answer out of turn refuses the whole.
    #[must_use]
    pub fn step(self, event: &EnrollmentEvent<'_>) -> Self {
        match (self, event) {
            (Self::Proving { root }, EnrollmentEvent::Begun(reply)) if reply.root.id() == root => {
                Self::Registering { device: reply.device }
            }
            (Self::Proving { .. }, EnrollmentEvent::Begun(_)) => Self::Refused(Reason::ServerRoot),
            (Self::Registering { device }, EnrollmentEvent::Admitted(admission)) if admission.device == device => {
                Self::Admitted { device, epoch: admission.epoch }
            }
            (Self::Registering { .. }, EnrollmentEvent::Admitted(_) | EnrollmentEvent::Begun(_))
            | (Self::Proving { .. }, EnrollmentEvent::Admitted(_))
            | (Self::Admitted { .. }, EnrollmentEvent::Begun(_) | EnrollmentEvent::Admitted(_)) => {
                Self::Refused(Reason::MessageMalformed)
            }
            (Self::Refused(reason), EnrollmentEvent::Begun(_) | EnrollmentEvent::Admitted(_)) => Self::Refused(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_bytes::ByteBuf;
    use workspace_protocol::{crypto::SigningKey, crypto::VerifyingKey, device_api::LogWord, ids::UnixTime};

    use super::*;

    fn begun(root: VerifyingKey, device: DeviceId) -> EnrollBeginReply {
        EnrollBeginReply { nonce: [0; 32], device, registration: ByteBuf::new(), root }
    }

    fn admission(device: DeviceId) -> Admission {
        Admission {
            device,
            epoch: Epoch(1),
            certificates: vec![],
            lease: ByteBuf::new(),
            key_certificate: ByteBuf::new(),
            boundary: None,
            policy: None,
            pending: vec![],
            server_time: UnixTime(0),
            org: String::new(),
            user: String::new(),
            warnings: vec![],
            level: String::new(),
            log: LogWord::default(),
            pins: None,
        }
    }

    #[test]
    fn an_enrollment_is_admitted_for_the_links_root_and_one_device_only() {
        let root = SigningKey::generate().unwrap().verifying_key();
        let device = DeviceId::random();
        let registering = Enrollment::Proving { root: root.id() }.step(&EnrollmentEvent::Begun(&begun(root, device)));
        assert_eq!(registering, Enrollment::Registering { device });
        let admitted = registering.step(&EnrollmentEvent::Admitted(&admission(device)));
        assert_eq!(admitted, Enrollment::Admitted { device, epoch: Epoch(1) });
        let other = registering.step(&EnrollmentEvent::Admitted(&admission(DeviceId::random())));
        assert_eq!(other, Enrollment::Refused(Reason::MessageMalformed));
    }

    #[test]
    fn another_root_than_the_links_is_refused_for_good() {
        let (root, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let device = DeviceId::random();
        let proving = Enrollment::Proving { root: root.verifying_key().id() };
        let end = proving.step(&EnrollmentEvent::Begun(&begun(other.verifying_key(), device)));
        assert_eq!(end, Enrollment::Refused(Reason::ServerRoot));
        assert_eq!(end.step(&EnrollmentEvent::Begun(&begun(root.verifying_key(), device))), end);
    }

    #[test]
    fn answers_out_of_turn_refuse() {
        let device = DeviceId::random();
        let refused = Enrollment::Refused(Reason::MessageMalformed);
        let proving = Enrollment::Proving { root: KeyId([0; 32]) };
        assert_eq!(proving.step(&EnrollmentEvent::Admitted(&admission(device))), refused);
        let root = SigningKey::generate().unwrap().verifying_key();
        let registering = Enrollment::Registering { device };
        assert_eq!(registering.step(&EnrollmentEvent::Begun(&begun(root, device))), refused);
        let admitted = Enrollment::Admitted { device, epoch: Epoch(1) };
        assert_eq!(admitted.step(&EnrollmentEvent::Admitted(&admission(device))), refused);
    }

    #[test]
    fn pins_are_counted_in_characters_and_capped_in_bytes() {
        assert_eq!(check_pin("12345"), Err(Reason::PinShape));
        assert_eq!(check_pin("123456"), Ok(()));
        assert_eq!(check_pin("六文字の暗号"), Ok(()));
        assert_eq!(check_pin(&"x".repeat(129)), Err(Reason::PinShape));
    }

    proptest! {
        #[test]
        fn labels_are_short_and_printable(text: String) {
            let label = label(&text);
            prop_assert!(label.chars().count() <= LABEL_MAX);
            prop_assert!(!label.chars().any(char::is_control));
        }
    }
}
