//! Before a quote: which attestation key wants to be believed, beside which endorsement key; and after it, whether the
//! TPM's counters went on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use webpki::KeyUsage;

use super::{EK_CERTIFICATE, Endorsement, credential, public::AkPublic};
use crate::{Code, Context, certificate::Certificate, path};

/// An attestation key that says it lives beside an endorsement key. Both keep the rules; nothing is proven until the
/// credential comes back opened.
#[derive(Debug)]
pub struct Candidate<'a> {
    endorsement: Endorsement<'a>,
    ak: AkPublic<'a>,
}

impl<'a> Candidate<'a> {
    /// Judges both keys, and the maker's certificates for the endorsement key, leaf first. An empty chain is allowed and
    /// worth less in the end.
    ///
    /// # Errors
    /// What refuses it.
    pub fn judge(
        ek_public: &'a [u8],
        ek_chain: &[Vec<u8>],
        ak_public: &'a [u8],
        context: &Context<'_>,
    ) -> Result<Self, Code> {
        let (endorsement, ak) = (Endorsement::parse(ek_public)?, AkPublic::parse(ak_public)?);
        if let Some(leaf) = ek_chain.first() {
            endorsement.check_certificate(leaf)?;
            path::check(ek_chain, KeyUsage::required_if_present(EK_CERTIFICATE), context)?;
        }
        Ok(Self { endorsement, ak })
    }

    /// The attestation key's name.
    #[must_use]
    pub fn ak_name(&self) -> Vec<u8> {
        self.ak.name()
    }

    /// The endorsement key.
    #[must_use]
    pub fn endorsement(&self) -> &Endorsement<'a> {
        &self.endorsement
    }

    /// A secret that only the TPM of both keys gives out.
    ///
    /// # Errors
    /// [`credential::NoCredential`].
    pub fn credential(
        &self,
        secret: &[u8; credential::SECRET_LENGTH],
        random: &dyn ring::rand::SecureRandom,
    ) -> Result<credential::Credential, credential::NoCredential> {
        credential::make(&self.endorsement, &self.ak.name(), secret, random)
    }
}

/// Serial numbers of a chain's certificates, to look them up in later revocation lists; what does not parse has none.
#[must_use]
pub fn serials(chain: &[Vec<u8>]) -> Vec<Vec<u8>> {
    chain.iter().filter_map(|der| Certificate::parse(der).ok().map(|one| one.serial().to_vec())).collect()
}

/// What a TPM counts: never less than before while it is the same TPM and nobody cleared it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Times the TPM was reset.
    pub resets: u32,
    /// Times it was suspended since.
    pub restarts: u32,
    /// Milliseconds it has run since its owner took it.
    pub clock: u64,
    /// Whether the TPM vouches that its clock never told a later time.
    pub safe: bool,
}

impl Counters {
    /// The counters in the claims of a genuine quote.
    #[must_use]
    pub fn of(claims: &Map<String, Value>) -> Option<Self> {
        let number = |name: &str| claims.get(name).and_then(Value::as_u64);
        Some(Self {
            resets: u32::try_from(number("resetCount")?).ok()?,
            restarts: u32::try_from(number("restartCount")?).ok()?,
            clock: number("clock")?,
            safe: claims.get("clockSafe")?.as_bool()?,
        })
    }

    /// Whether something went back since `before`.
    ///
    /// A power cut may cost the clock what it had not saved; the TPM then says that it is not safe, and has been reset.
    #[must_use]
    pub fn went_back_since(&self, before: &Self) -> bool {
        let (then, now) = ((before.resets, before.restarts), (self.resets, self.restarts));
        now < then || (self.clock < before.clock && (self.safe || now == then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: Counters = Counters { resets: 5, restarts: 2, clock: 1000, safe: true };

    #[test]
    fn counters_that_go_on_are_those_of_the_same_tpm() {
        assert!(!THEN.went_back_since(&THEN));
        assert!(!Counters { clock: 1001, ..THEN }.went_back_since(&THEN));
        // A reset begins the count of restarts anew, and a power cut may cost some of the clock.
        assert!(!Counters { resets: 6, restarts: 0, clock: 900, safe: false }.went_back_since(&THEN));
    }

    #[test]
    fn a_counter_or_clock_that_is_less_is_noticed() {
        assert!(Counters { resets: 4, clock: 2000, ..THEN }.went_back_since(&THEN));
        assert!(Counters { restarts: 1, clock: 2000, ..THEN }.went_back_since(&THEN));
        assert!(Counters { clock: 999, ..THEN }.went_back_since(&THEN));
        assert!(Counters { clock: 999, safe: false, ..THEN }.went_back_since(&THEN));
        assert!(Counters { resets: 6, restarts: 0, clock: 999, safe: true }.went_back_since(&THEN));
    }
}
