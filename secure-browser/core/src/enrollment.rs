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

/// Life of an enrollment on the device. Nothing is written before `Kept`.
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
    /// The server has admitted the device; the profile is being written.
    Keeping {
        /// The device.
        device: DeviceId,
        /// Its life.
        epoch: Epoch,
    },
    /// Written.
    Kept,
    /// Refused; nothing was written.
    Refused(Reason),
}

/// What happened.
#[derive(Debug)]
pub enum EnrollmentEvent<'a> {
    /// The server answered the code.
    Begun(&'a EnrollBeginReply),
    /// The server admitted the device.
    Admitted(&'a Admission),
    /// The profile is on disk.
    Written,
    /// The server refused, could not be reached, or the disk refused.
    Failed(Reason),
}

impl Enrollment {
    /// Pure; an event out of turn refuses the whole.
    #[must_use]
    pub fn step(self, event: &EnrollmentEvent<'_>) -> Self {
        match (self, event) {
            (Self::Proving { root }, EnrollmentEvent::Begun(reply)) if reply.root.id() == root => {
                Self::Registering { device: reply.device }
            }
            (Self::Proving { .. }, EnrollmentEvent::Begun(_)) => Self::Refused(Reason::ServerRoot),
            (Self::Registering { device }, EnrollmentEvent::Admitted(admission)) => Self::keep(device, admission),
            (Self::Keeping { .. }, EnrollmentEvent::Written) => Self::Kept,
            (Self::Proving { .. } | Self::Registering { .. } | Self::Keeping { .. }, EnrollmentEvent::Failed(reason)) => {
                Self::Refused(*reason)
            }
            (Self::Proving { .. }, EnrollmentEvent::Admitted(_) | EnrollmentEvent::Written)
            | (Self::Registering { .. }, EnrollmentEvent::Begun(_) | EnrollmentEvent::Written)
            | (Self::Keeping { .. }, EnrollmentEvent::Begun(_) | EnrollmentEvent::Admitted(_)) => {
                Self::Refused(Reason::MessageMalformed)
            }
            (
                Self::Kept | Self::Refused(_),
                EnrollmentEvent::Begun(_)
                | EnrollmentEvent::Admitted(_)
                | EnrollmentEvent::Written
                | EnrollmentEvent::Failed(_),
            ) => self,
        }
    }

    fn keep(device: DeviceId, admission: &Admission) -> Self {
        if admission.device == device {
            Self::Keeping { device, epoch: admission.epoch }
        } else {
            Self::Refused(Reason::MessageMalformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_bytes::ByteBuf;
    use workspace_protocol::{crypto::SigningKey, crypto::VerifyingKey, ids::UnixTime};

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
        }
    }

    #[test]
    fn an_enrollment_ends_kept_only_for_the_links_root_and_one_device() {
        let root = SigningKey::generate().unwrap().verifying_key();
        let device = DeviceId::random();
        let proving = Enrollment::Proving { root: root.id() };
        let registering = proving.step(&EnrollmentEvent::Begun(&begun(root, device)));
        assert_eq!(registering, Enrollment::Registering { device });
        let keeping = registering.step(&EnrollmentEvent::Admitted(&admission(device)));
        assert_eq!(keeping.step(&EnrollmentEvent::Written), Enrollment::Kept);
        let other = registering.step(&EnrollmentEvent::Admitted(&admission(DeviceId::random())));
        assert_eq!(other, Enrollment::Refused(Reason::MessageMalformed));
    }

    #[test]
    fn another_root_than_the_links_is_refused() {
        let (root, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let proving = Enrollment::Proving { root: root.verifying_key().id() };
        let end = proving.step(&EnrollmentEvent::Begun(&begun(other.verifying_key(), DeviceId::random())));
        assert_eq!(end, Enrollment::Refused(Reason::ServerRoot));
        assert_eq!(end.step(&EnrollmentEvent::Written), end);
    }

    #[test]
    fn steps_out_of_turn_refuse() {
        let proving = Enrollment::Proving { root: KeyId([0; 32]) };
        assert_eq!(proving.step(&EnrollmentEvent::Written), Enrollment::Refused(Reason::MessageMalformed));
        assert_eq!(
            proving.step(&EnrollmentEvent::Failed(Reason::CodeUsed)),
            Enrollment::Refused(Reason::CodeUsed)
        );
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
