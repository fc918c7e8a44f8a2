//! `explain`: one unlock without a session, and one question to the policy.

use url::Url;
use workspace_policy::{Denied, Kind, Permit, Policy, Request};
use workspace_protocol::reason::Reason;
use zeroize::Zeroizing;

use crate::profile::Profile;

use super::{
    clock,
    contact::{self, NotAdmitted},
    documents::Documents,
    enrolled, runtime, wiping,
};

/// What the policy says.
pub type Judged = Result<Allowed, Denied>;

/// A yes, and the way that a request would take.
pub struct Allowed {
    /// The proof.
    pub permit: Permit,
    /// The access gateway, where the way leads through it.
    pub gateway: Option<String>,
}

/// Unlocks, verifies and asks. A wipe that waits at the server is carried out instead.
///
/// # Errors
/// Why nothing could be asked.
pub fn explain(profile: &Profile, url: &Url, pin: Zeroizing<String>) -> Result<Judged, Reason> {
    let runtime = runtime().map_err(|_| Reason::GuaranteeMissing)?;
    runtime.block_on(ask(profile, url, pin))
}

async fn ask(profile: &Profile, url: &Url, pin: Zeroizing<String>) -> Result<Judged, Reason> {
    let (device, identity, _) = enrolled(profile).map_err(|error| error.reason())?;
    let admitted = match contact::unlock(&identity, profile.folder(), pin).await {
        Ok(admitted) => admitted,
        Err(NotAdmitted::Wipe(order)) => {
            wiping::at_rest(profile, &device, order).await.map_err(|error| error.reason())?;
            return Err(Reason::DeviceWiped);
        }
        Err(NotAdmitted::Refused { reason, .. }) => return Err(reason),
    };
    let opened = admitted.opened.ok_or(Reason::MessageMalformed)?;
    let time = admitted.terms.heard.device_time(clock::now());
    let bundle = Documents::bundle_of(&admitted.admission, &opened.sealed, device.root, admitted.group);
    let documents = Documents::verify(bundle, opened.sealed.held, time).map_err(|refused| refused.reason)?;
    let permit = documents.policy().decide(&Request { url, kind: Kind::Document }, time);
    Ok(permit.and_then(|permit| by_way(permit, documents.policy().policy())))
}

/// A system behind a gateway that the policy does not name is allowed, and cannot be reached.
fn by_way(permit: Permit, policy: &Policy) -> Judged {
    if !permit.system().network.by_gateway() {
        return Ok(Allowed { permit, gateway: None });
    }
    let missing = || Denied { reason: Reason::GatewayMissing, rule: Some(permit.rule().to_string()) };
    let gateway = policy.gateway().ok_or_else(missing)?.to_string();
    Ok(Allowed { permit, gateway: Some(gateway) })
}
