//! Stable, machine-readable reason codes. Every refusal anywhere carries one; people read the sentence that
//! `workspace-words` keeps for it in Japanese and English.

use std::{fmt, str::FromStr};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// Why something was refused or ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason, for tables and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

reasons! {
    /// The origin is not on the list.
    OriginNotListed = "origin.not-listed",
    /// The origin is listed, the path or query is not.
    PathNotListed = "path.not-listed",
    /// A scheme that is never allowed.
    SchemeNever = "scheme.never",
    /// The host is listed for other schemes only.
    SchemeNotListed = "scheme.not-listed",
    /// The host is listed for other ports only.
    PortNotListed = "port.not-listed",
    /// The URL does not parse.
    UrlUnparsable = "url.unparsable",
    /// The URL carries a user name or password.
    UrlUserinfo = "url.userinfo",
    /// The path hides separators under a rule with a path.
    UrlAmbiguousPath = "url.ambiguous-path",
    /// The entry allows other kinds of resource only.
    ResourceKind = "resource.kind",
    /// The name resolves to a private, loopback, link-local or multicast address.
    HostPrivateAddress = "host.private-address",
    /// The name does not resolve.
    HostUnknown = "host.unknown",
    /// The host does not answer.
    HostUnreachable = "host.unreachable",
    /// The policy names no access gateway.
    GatewayMissing = "gateway.missing",
    /// The access gateway does not answer.
    GatewayUnreachable = "gateway.unreachable",
    /// The access gateway does not let the device in.
    GatewayRefused = "gateway.refused",
    /// The access gateway has no way to the system for the device's group.
    GatewayRoute = "gateway.route",
    /// The origin's certificate is not trusted.
    TlsUntrusted = "tls.untrusted",
    /// The host named inside TLS or HTTP is not the one asked for.
    HostMismatch = "host.mismatch",
    /// A request that is not HTTP as we know it.
    RequestMalformed = "request.malformed",
    /// A request that the device's key should have signed and did not.
    RequestUnsigned = "request.unsigned",
    /// A response that wants to be saved.
    DownloadBlocked = "download.blocked",
    /// Uploads are not allowed here.
    UploadBlocked = "upload.blocked",
    /// Printing is not allowed here.
    PrintBlocked = "print.blocked",
    /// A new window was refused.
    WindowBlocked = "window.blocked",
    /// Camera, microphone, location or another power was refused.
    PermissionBlocked = "permission.blocked",
    /// A page asked for a user name and password in the engine's own dialog.
    AuthBlocked = "auth.blocked",
    /// Pictures may be taken for this system, and there is no camera that the workspace can use.
    CameraMissing = "camera.missing",
    /// Pasting from the device is not allowed here.
    PasteBlocked = "paste.blocked",
    /// The device's clipboard holds no text that may be pasted.
    PasteNothing = "paste.nothing",
    /// No policy is held.
    PolicyMissing = "policy.missing",
    /// The policy's time is over.
    PolicyExpired = "policy.expired",
    /// The policy is not yet valid.
    PolicyNotYet = "policy.not-yet",
    /// The policy is wider than the boundary.
    PolicyOutsideBoundary = "policy.outside-boundary",
    /// The policy's version is not newer than the one held.
    PolicyRollback = "policy.rollback",
    /// The policy's signature or key does not fit.
    PolicySignature = "policy.signature",
    /// The policy cannot be read.
    PolicyMalformed = "policy.malformed",
    /// The policy widens what is in force, and only one has agreed.
    PolicyNeedsSecond = "policy.needs-second",
    /// The policy is for another group.
    PolicyOtherGroup = "policy.other-group",
    /// No boundary is held.
    BoundaryMissing = "boundary.missing",
    /// The boundary's time is over.
    BoundaryExpired = "boundary.expired",
    /// The boundary's version is not newer than the one held.
    BoundaryRollback = "boundary.rollback",
    /// The boundary's signature does not fit.
    BoundarySignature = "boundary.signature",
    /// The boundary cannot be read.
    BoundaryMalformed = "boundary.malformed",
    /// The server key's certificate does not fit or is out of its time.
    KeyCertificate = "key.certificate",
    /// The lease asks for the screen to be covered.
    LeaseLocked = "lease.locked",
    /// The lease is over.
    LeaseExpired = "lease.expired",
    /// The lease is not for this device, epoch or does not verify.
    LeaseInvalid = "lease.invalid",
    /// The device's clock is behind what the server last said.
    ClockBehind = "clock.behind",
    /// The device's clock is so far ahead that a fresh lease would be over already.
    ClockAhead = "clock.ahead",
    /// No such invitation.
    CodeUnknown = "code.unknown",
    /// The invitation was used.
    CodeUsed = "code.used",
    /// The invitation's time is over.
    CodeExpired = "code.expired",
    /// Five wrong tries.
    CodeLocked = "code.locked",
    /// A nonce that was used, is too old or was never sent.
    NonceUnknown = "nonce.unknown",
    /// A signature or proof does not fit the connection.
    ProofInvalid = "proof.invalid",
    /// The server's key is not the pinned one.
    ServerPin = "server.pin",
    /// The organisation's root key is not the one of the link.
    ServerRoot = "server.root",
    /// The server cannot be reached.
    ServerUnreachable = "server.unreachable",
    /// The server failed or is busy.
    ServerBusy = "server.busy",
    /// The server does not speak this version.
    ProtocolVersion = "protocol.version",
    /// The message cannot be read.
    MessageMalformed = "message.malformed",
    /// Too many requests.
    RateLimited = "rate.limited",
    /// No such device.
    DeviceUnknown = "device.unknown",
    /// The device was wiped by an admin.
    DeviceWiped = "device.wiped",
    /// The device is locked by an admin.
    DeviceLocked = "device.locked",
    /// The device was retired.
    DeviceRetired = "device.retired",
    /// The server's audit log does not go on from what the device saw: it was rewritten, or an old copy runs.
    LogForked = "log.forked",
    /// The admin who asked cannot agree with himself.
    AdminSame = "admin.same",
    /// The request waited too long for a second admin.
    RequestExpired = "request.expired",
    /// Another life of the device is current.
    EpochStale = "epoch.stale",
    /// Evidence of an unknown kind or that does not verify.
    EvidenceInvalid = "evidence.invalid",
    /// The evidence is worth less than the policy asks.
    TierTooLow = "tier.too-low",
    /// Evidence of a kind that this server does not take.
    EvidenceUnsupported = "evidence.unsupported",
    /// The TPM that the device was enrolled with is gone, or another.
    HardwareMissing = "hardware.missing",
    /// The operating system gets no security updates any more.
    PostureSystem = "posture.os-unsupported",
    /// The disk under the profile is not encrypted.
    PostureDisk = "posture.disk-plain",
    /// The desktop does not lock by itself.
    PostureScreen = "posture.screen-unlocked",
    /// Secure Boot is off.
    PostureBoot = "posture.secure-boot-off",
    /// More rights than a person's, or foreign code in the workspace.
    PostureRooted = "posture.rooted",
    /// A debugger is attached.
    PostureDebugger = "posture.debugger",
    /// Memory may be written to a disk that is not encrypted.
    PostureSwap = "posture.swap-plain",
    /// A program that records or shares the screen runs.
    PostureReaders = "posture.screen-readers",
    /// The device cannot tell what the policy asks.
    PostureUnknown = "posture.unknown",
    /// The PIN is wrong.
    PinWrong = "pin.wrong",
    /// The PIN is too short or too long.
    PinShape = "pin.shape",
    /// Too many wrong PINs.
    PinLocked = "pin.locked",
    /// The profile belongs to another computer or person.
    ProfileForeign = "profile.foreign",
    /// The profile is damaged.
    ProfileDamaged = "profile.damaged",
    /// Nothing is enrolled in the profile.
    ProfileEmpty = "profile.empty",
    /// The profile is enrolled already.
    ProfileEnrolled = "profile.enrolled",
    /// The profile is in use by another process.
    ProfileBusy = "profile.busy",
    /// The disk is full or not writable.
    DiskUnwritable = "disk.unwritable",
    /// Run as root.
    RunAsRoot = "run.as-root",
    /// No display.
    DisplayMissing = "display.missing",
    /// A program that the workspace needs is not installed.
    ProgramMissing = "program.missing",
    /// A guarantee could not be set up or read back.
    GuaranteeMissing = "guarantee.missing",
    /// A process of the session ended by itself or was killed.
    SessionBroken = "session.broken",
    /// Nobody used the session for the time the policy allows.
    SessionIdle = "session.idle",
    /// The person locked the session.
    SessionLocked = "session.locked",
    /// The computer goes to sleep.
    SessionSuspended = "session.suspended",
    /// The computer's own screen was locked.
    SessionScreenLocked = "session.screen-locked",
    /// Another window of the desktop took the keyboard, and the policy covers the screen then.
    SessionUnfocused = "session.unfocused",
    /// A page, or the room as a whole, held more memory than it may.
    MemoryExceeded = "memory.exceeded",
}

impl Reason {
    /// The reason of a code, if this version knows it.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Reason {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        Self::from_code(code).ok_or(())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Reason {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Self::from_code(&code).ok_or_else(|| serde::de::Error::custom("unknown reason code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_lowercase_and_dotted() {
        for (at, reason) in Reason::ALL.iter().enumerate() {
            let code = reason.code();
            assert!(code.split('.').count() == 2, "{code}");
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '-'), "{code}");
            assert_eq!(Reason::ALL.iter().position(|other| other.code() == code), Some(at), "{code} twice");
            assert_eq!(Reason::from_code(code), Some(*reason));
        }
    }
}
