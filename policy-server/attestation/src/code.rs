//! Stable codes of everything that refuses evidence, lowers its tier or is worth recording.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// Why evidence was refused, is worth less, or what was noted on the way.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// Every code, for tables and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

codes! {
    /// Not what the format says it is.
    EvidenceMalformed = "evidence.malformed",
    /// More bytes than the limit.
    EvidenceTooLarge = "evidence.too-large",
    /// The challenge inside is another one.
    ChallengeMismatch = "challenge.mismatch",
    /// No challenge was given to compare with: freshness is not proven.
    ChallengeUnchecked = "challenge.unchecked",
    /// Too few certificates.
    ChainTooShort = "chain.too-short",
    /// More certificates than the limit.
    ChainTooLong = "chain.too-long",
    /// A certificate larger than the limit.
    ChainCertificateTooLarge = "chain.certificate-too-large",
    /// A certificate that does not parse.
    ChainMalformed = "chain.malformed",
    /// An issuer name is not the next certificate's subject.
    ChainNames = "chain.names",
    /// A signature in the chain does not verify.
    ChainSignature = "chain.signature",
    /// A signature algorithm that is not trusted or not known.
    ChainAlgorithm = "chain.algorithm",
    /// A certificate's time is over.
    ChainExpired = "chain.expired",
    /// A certificate's time has not begun.
    ChainNotYetValid = "chain.not-yet-valid",
    /// The chain ends in no trusted root.
    ChainUntrusted = "chain.untrusted",
    /// The chain breaks a rule for certification authorities.
    ChainRules = "chain.rules",
    /// A certificate was revoked.
    RevocationRevoked = "revocation.revoked",
    /// A certificate is suspended.
    RevocationSuspended = "revocation.suspended",
    /// Judged by the list that was built in, not by a fresh one.
    RevocationBuiltIn = "revocation.built-in",
    /// The leaf carries no attestation.
    AndroidExtensionMissing = "android.extension-missing",
    /// A certificate above the leaf carries an attestation.
    AndroidExtensionInIssuer = "android.extension-in-issuer",
    /// The attestation's structure is unknown.
    AndroidExtensionMalformed = "android.extension-malformed",
    /// A version of the attestation that is not known.
    AndroidVersionUnknown = "android.version-unknown",
    /// The key or its attestation is made in software.
    AndroidLevelSoftware = "android.level-software",
    /// Key and attestation come from different levels.
    AndroidLevelMismatch = "android.level-mismatch",
    /// The issuing certificate names another level.
    AndroidLevelIssuer = "android.level-issuer",
    /// The key was not generated in the hardware.
    AndroidOrigin = "android.origin",
    /// The hardware says nothing of the boot.
    AndroidRootOfTrustMissing = "android.root-of-trust-missing",
    /// The bootloader is unlocked.
    AndroidBootloaderUnlocked = "android.bootloader-unlocked",
    /// The system is not the vendor's verified one.
    AndroidBootUnverified = "android.boot-unverified",
    /// The key was made for another app.
    AndroidApplication = "android.application",
    /// A factory chain that is past its time, as real devices have.
    AndroidFactoryExpired = "android.factory-expired",
    /// A tag that is not known.
    AndroidTagUnknown = "android.tag-unknown",
    /// A known tag whose value cannot be read.
    AndroidTagUnreadable = "android.tag-unreadable",
    /// Tags out of their order.
    AndroidTagsUnordered = "android.tags-unordered",
    /// Not an App Attest object.
    AppleFormat = "apple.format",
    /// Authenticator data of unknown structure.
    AppleAuthenticatorData = "apple.authenticator-data",
    /// The nonce in the certificate is not the one of this object.
    AppleNonce = "apple.nonce",
    /// The key id is not the hash of the key.
    AppleKeyId = "apple.key-id",
    /// The object is for another app.
    AppleAppId = "apple.app-id",
    /// The counter is not what it must be.
    AppleCounter = "apple.counter",
    /// The key was made in the other environment.
    AppleEnvironment = "apple.environment",
    /// A key of the development environment.
    AppleDevelopment = "apple.development",
    /// The public key is none, or another.
    ApplePublicKey = "apple.public-key",
    /// The assertion's signature does not verify.
    AppleSignature = "apple.signature",
    /// An assertion alone: the key's own attestation was not part of it.
    AppleAttestationMissing = "apple.attestation-missing",
    /// Extension data after the known fields.
    AppleExtensionData = "apple.extension-data",
    /// The attestation key is not a TPM public area that is known.
    TpmAkMalformed = "tpm2.ak-malformed",
    /// The attestation key may be used for other things.
    TpmAkAttributes = "tpm2.ak-attributes",
    /// The attestation key's scheme is not known or not trusted.
    TpmAkScheme = "tpm2.ak-scheme",
    /// The quote's structure is unknown.
    TpmQuoteMalformed = "tpm2.quote-malformed",
    /// Signed by the key, but not made by a TPM or not a quote.
    TpmQuoteType = "tpm2.quote-type",
    /// The signature does not verify.
    TpmQuoteSignature = "tpm2.quote-signature",
    /// The quote names another signer.
    TpmQuoteSigner = "tpm2.quote-signer",
    /// No quote: nothing is proven of the registers.
    TpmQuoteMissing = "tpm2.quote-missing",
    /// The registers are not those of the quote.
    TpmPcrDigest = "tpm2.pcr-digest",
    /// A register that the quote covers is not given.
    TpmPcrMissing = "tpm2.pcr-missing",
    /// A register bank or value of unknown form.
    TpmPcrMalformed = "tpm2.pcr-malformed",
    /// No event log: nothing is proven of the boot.
    TpmLogMissing = "tpm2.log-missing",
    /// The event log's structure is unknown.
    TpmLogMalformed = "tpm2.log-malformed",
    /// The event log does not lead to the quoted registers.
    TpmLogMismatch = "tpm2.log-mismatch",
    /// A register of the operating system that the log does not explain.
    TpmLogIncomplete = "tpm2.log-incomplete",
    /// The log misses what firmware measures when boot services end, as known firmware does.
    TpmLogExitMissing = "tpm2.log-exit-missing",
    /// An event's digest is not that of its data.
    TpmLogDigest = "tpm2.log-digest",
    /// Padding after the last event.
    TpmLogPadding = "tpm2.log-padding",
    /// The register of Secure Boot is not quoted.
    TpmSecureBootUnquoted = "tpm2.secure-boot-unquoted",
    /// Secure Boot is off.
    TpmSecureBootOff = "tpm2.secure-boot-off",
    /// The log does not prove whether Secure Boot is on.
    TpmSecureBootUnknown = "tpm2.secure-boot-unknown",
    /// A firmware debugger was attached.
    TpmDebugger = "tpm2.debugger",
    /// A boot authority that is known to be broken was used.
    TpmAuthorityRevoked = "tpm2.authority-revoked",
    /// No endorsement certificate.
    TpmEkMissing = "tpm2.ek-missing",
    /// The endorsement key is not a TPM public area that is known.
    TpmEkMalformed = "tpm2.ek-malformed",
    /// The endorsement certificate is for another key.
    TpmEkOther = "tpm2.ek-other",
    /// The endorsement certificate is not for an endorsement key.
    TpmEkUsage = "tpm2.ek-usage",
    /// The attestation key was not shown to live beside the endorsement key.
    TpmActivationMissing = "tpm2.activation-missing",
    /// The attestation key is not the one that was activated.
    TpmActivationOther = "tpm2.activation-other",
    /// A counter or the clock of the TPM went back: another TPM, or a cleared one.
    TpmClockBack = "tpm2.clock-back",
    /// A hash that is too weak (SHA-1).
    TpmHashWeak = "tpm2.hash-weak",
    /// The software key's signature does not verify.
    SoftwareSignature = "software.signature",
    /// The software key is none that is known.
    SoftwareKey = "software.key",
    /// A key in software: nothing stops it from being copied.
    SoftwareOnly = "software.only",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_lowercase_and_dotted() {
        for (at, code) in Code::ALL.iter().enumerate() {
            let text = code.as_str();
            assert_eq!(text.split('.').count(), 2, "{text}");
            assert!(
                text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-'),
                "{text}"
            );
            assert_eq!(Code::ALL.iter().position(|other| other.as_str() == text), Some(at), "{text} twice");
        }
    }
}
