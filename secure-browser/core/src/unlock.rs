//! Unlock: what follows a refusal, and the code the process ends with.

use workspace_protocol::reason::Reason;

/// Exit codes of `secure-browser`.
pub mod exit {
    /// A clean wipe of the session, or yes.
    pub const CLEAN: u8 = 0;
    /// No; refused.
    pub const REFUSED: u8 = 1;
    /// Bad input or usage.
    pub const USAGE: u8 = 2;
    /// The server could not be reached.
    pub const UNREACHABLE: u8 = 3;
    /// Wiped by an admin.
    pub const REMOTE_WIPE: u8 = 10;
    /// The lease ended.
    pub const LEASE_END: u8 = 11;
    /// A process of the session was killed or died.
    pub const BROKEN: u8 = 12;
}

/// What follows a refused unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Ask for the PIN again.
    AskAgain,
    /// Nothing the person can type changes it: show why, then end.
    End,
    /// End, and wipe the profile if the server's command says so.
    Wiped,
}

/// What follows when the server, or the device itself, refuses an unlock.
#[must_use]
pub fn after_refusal(reason: Reason) -> Next {
    match reason {
        Reason::PinWrong
        | Reason::PinShape
        | Reason::RateLimited
        | Reason::NonceUnknown
        | Reason::DeviceLocked
        | Reason::ServerUnreachable
        | Reason::ServerBusy => Next::AskAgain,
        Reason::DeviceWiped => Next::Wiped,
        _ => Next::End,
    }
}

/// What follows a refused renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renewal {
    /// Try again later; the lease in force runs on.
    Again,
    /// Cover the session.
    Cover,
    /// The server does not know this device any more: end.
    End,
    /// The device is wiped: end.
    Wiped,
}

/// What follows when a renewal brings nothing.
///
/// Only the pinned server's own word about the device ends a session; whoever stands in between can cost time alone.
#[must_use]
pub fn after_refused_renewal(reason: Reason) -> Renewal {
    match reason {
        Reason::DeviceLocked
        | Reason::PostureSystem
        | Reason::PostureDisk
        | Reason::PostureScreen
        | Reason::PostureBoot
        | Reason::PostureRooted
        | Reason::PostureDebugger
        | Reason::PostureSwap
        | Reason::PostureReaders
        | Reason::PostureUnknown => Renewal::Cover,
        Reason::DeviceWiped => Renewal::Wiped,
        Reason::DeviceUnknown
        | Reason::DeviceRetired
        | Reason::EpochStale
        | Reason::LogForked
        | Reason::EvidenceInvalid
        | Reason::TierTooLow => Renewal::End,
        _ => Renewal::Again,
    }
}

/// The exit code of a command that was refused for `reason`.
#[must_use]
pub fn exit_code(reason: Reason) -> u8 {
    match reason {
        Reason::ServerUnreachable | Reason::ServerBusy => exit::UNREACHABLE,
        Reason::DeviceWiped => exit::REMOTE_WIPE,
        Reason::LeaseExpired => exit::LEASE_END,
        Reason::SessionBroken => exit::BROKEN,
        _ => exit::REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_another_try_can_cure_asks_again() {
        assert_eq!(after_refusal(Reason::PinWrong), Next::AskAgain);
        assert_eq!(after_refusal(Reason::ServerUnreachable), Next::AskAgain);
        // An admin calls a lock off; the person then types the PIN again.
        assert_eq!(after_refusal(Reason::DeviceLocked), Next::AskAgain);
        for end in [Reason::PinLocked, Reason::DeviceRetired, Reason::ServerPin, Reason::ClockAhead] {
            assert_eq!(after_refusal(end), Next::End, "{end}");
        }
        assert_eq!(after_refusal(Reason::DeviceWiped), Next::Wiped);
    }

    #[test]
    fn nobody_in_between_can_end_a_session_by_its_renewal() {
        for between in [Reason::ServerPin, Reason::ServerUnreachable, Reason::MessageMalformed, Reason::ServerBusy] {
            assert_eq!(after_refused_renewal(between), Renewal::Again, "{between}");
        }
        assert_eq!(after_refused_renewal(Reason::DeviceRetired), Renewal::End);
        // Said by the pinned server itself, in a log that it signed.
        assert_eq!(after_refused_renewal(Reason::LogForked), Renewal::End);
        assert_eq!(after_refused_renewal(Reason::DeviceWiped), Renewal::Wiped);
        assert_eq!(after_refused_renewal(Reason::DeviceLocked), Renewal::Cover);
        // What the person can put right covers the session and loses nothing.
        for reason in Reason::ALL.iter().filter(|reason| reason.code().starts_with("posture.")) {
            assert_eq!(after_refused_renewal(*reason), Renewal::Cover, "{reason}");
        }
    }

    #[test]
    fn every_reason_has_an_exit_code_that_is_not_success() {
        for reason in Reason::ALL {
            assert_ne!(exit_code(*reason), exit::CLEAN, "{reason}");
        }
        assert_eq!(exit_code(Reason::ServerUnreachable), 3);
        assert_eq!(exit_code(Reason::PinWrong), 1);
    }
}
