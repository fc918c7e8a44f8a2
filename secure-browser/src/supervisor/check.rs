//! `check`: one renewal without a session.

use workspace_protocol::{device_api::Held, reason::Reason};

use crate::{link, profile::Profile};

use super::{
    clock,
    contact::{self, Admitted, NotAdmitted},
    enrolled, runtime, wiping,
};

/// What the server says of this device.
#[derive(Debug)]
pub struct Checked {
    /// What holds its key.
    pub tier: String,
    /// What its evidence is worth.
    pub level: String,
    /// What the organisation wants put right.
    pub warnings: Vec<Reason>,
    /// Life of the certificate it would work with.
    pub certificate_seconds: Option<i64>,
}

/// Asks the server. A wipe that waits there is carried out instead.
///
/// # Errors
/// Why it is not admitted, or could not be asked.
pub fn check(profile: &Profile) -> Result<Checked, Reason> {
    let runtime = runtime().map_err(|_| Reason::GuaranteeMissing)?;
    runtime.block_on(ask(profile))
}

async fn ask(profile: &Profile) -> Result<Checked, Reason> {
    let (mut device, identity, _) = enrolled(profile).map_err(|error| error.reason())?;
    // What is held lies sealed under the PIN; the next unlock tells it again.
    let held = Held { policy: profile.folder().status().policy_version, ..Held::default() };
    match contact::renew(&identity, held).await {
        Ok(admitted) => {
            profile.put_witness(&admitted.witness).map_err(|error| error.reason())?;
            if device.hear_pins(admitted.admission.pins.as_ref(), admitted.admission.server_time) {
                profile.put_device(&device).map_err(|error| error.reason())?;
            }
            Ok(told(device.tier, admitted))
        }
        Err(NotAdmitted::Wipe(order)) => {
            wiping::at_rest(profile, &device, order).await.map_err(|error| error.reason())?;
            Err(Reason::DeviceWiped)
        }
        Err(NotAdmitted::Refused { reason, .. }) => {
            profile.note_refusal(reason, clock::wall());
            Err(reason)
        }
    }
}

fn told(tier: String, admitted: Admitted) -> Checked {
    Checked {
        tier,
        warnings: admitted.admission.warnings.iter().filter_map(|code| Reason::from_code(code)).collect(),
        certificate_seconds: admitted.admission.certificates.first().and_then(|leaf| link::lifetime_seconds(leaf)),
        level: admitted.admission.level,
    }
}
