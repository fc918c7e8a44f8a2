//! Reading commands: signed by the online key, which the root certifies.

use workspace_protocol::{
    crypto::VerifyingKey,
    documents::{Command, KeyCertificate},
    envelope::{self, Kind},
};

/// Opens a signed command; `None` if it is not the organisation's.
///
/// The dates of the key's certificate are not looked at: a command can only take away, and one for a device that was
/// off for longer than a certificate lives must still be carried out.
#[must_use]
pub fn open(command: &[u8], key_certificate: &[u8], root: &VerifyingKey) -> Option<Command> {
    let by = |certificate: &[u8]| open_by(command, certificate, root);
    // The key may have changed since this device last heard of it: the command brings the root's word along.
    by(key_certificate).or_else(|| by(&envelope::certificate(Kind::Command, command)?))
}

fn open_by(command: &[u8], key_certificate: &[u8], root: &VerifyingKey) -> Option<Command> {
    let root = std::slice::from_ref(root);
    let certified: KeyCertificate = envelope::open(Kind::KeyCertificate, key_certificate, root).ok()?;
    envelope::open(Kind::Command, command, &[certified.key]).ok()
}

/// Whether a certificate of an online key is the root's word, whatever its dates.
#[must_use]
pub fn certifies(key_certificate: &[u8], root: &VerifyingKey) -> bool {
    envelope::open::<KeyCertificate>(Kind::KeyCertificate, key_certificate, std::slice::from_ref(root)).is_ok()
}

#[cfg(test)]
mod tests {
    use workspace_protocol::{
        crypto::SigningKey,
        documents::Action,
        ids::{CommandSeq, DeviceId, Epoch, UnixTime},
    };

    use super::*;

    fn certificate(root: &SigningKey, online: &SigningKey) -> Vec<u8> {
        let key = online.verifying_key();
        let document = KeyCertificate { org: "clinic".into(), key, not_before: UnixTime(0), not_after: UnixTime(1) };
        envelope::sign(Kind::KeyCertificate, &document, root)
    }

    #[test]
    fn a_command_counts_only_by_the_key_that_the_root_certifies_however_late() {
        let [root, online, other] = [0; 3].map(|_| SigningKey::generate().unwrap());
        let command = Command {
            device: DeviceId::random(),
            epoch: Epoch(1),
            seq: CommandSeq(1),
            action: Action::Wipe,
            issued_at: UnixTime(999_999),
        };
        let signed = envelope::sign(Kind::Command, &command, &online);
        let certificate_of = |key| certificate(&root, key);
        assert_eq!(open(&signed, &certificate_of(&online), &root.verifying_key()), Some(command));
        assert_eq!(open(&signed, &certificate_of(&other), &root.verifying_key()), None);
        assert_eq!(open(&signed, &certificate_of(&online), &other.verifying_key()), None);
        // A command that brings the root's word for its key counts whatever key was heard of before.
        let brings = |word: &[u8]| envelope::sign_certified(Kind::Command, &command, &online, word);
        let [good, foreign] = [certificate_of(&online), certificate(&other, &online)];
        assert_eq!(open(&brings(&good), &certificate_of(&other), &root.verifying_key()), Some(command));
        assert_eq!(open(&brings(&foreign), &certificate_of(&other), &root.verifying_key()), None);
        assert_eq!(open(&brings(&certificate_of(&other)), &certificate_of(&other), &root.verifying_key()), None);
        assert!(certifies(&certificate_of(&online), &root.verifying_key()));
        assert!(!certifies(&certificate_of(&online), &other.verifying_key()));
    }
}
