//! The lowest boundary that this device still takes. The cache of documents says it too, but a server can have that
//! dropped: by letting a lease end, or by moving the device. What the root key once narrowed stays narrow.

use workspace_protocol::{device_api::Held, ids::Version, reason::Reason};

use super::{super::documents::Refused, Hub};

impl Hub<'_> {
    /// The versions held by the cache, with the boundary's raised to the highest that was ever in force here.
    pub(super) fn at_least(&self, held: Held) -> Result<Held, Refused> {
        let floor = self.profile.secret().and_then(|secret| self.device.boundary_floor(&secret));
        let floor = floor.map_err(|error| refused(error.reason()))?;
        Ok(Held { boundary: held.boundary.max(floor), ..held })
    }

    /// Writes down, before it is used, that a boundary of `version` was in force here.
    pub(super) fn raise_floor(&mut self, version: Version) -> Result<(), Refused> {
        let secret = self.profile.secret().map_err(|error| refused(error.reason()))?;
        let raised = self.device.raise_boundary_floor(version, &secret);
        match raised.and_then(|raised| if raised { self.profile.put_device(&self.device) } else { Ok(()) }) {
            Ok(()) => Ok(()),
            Err(error) => Err(refused(error.reason())),
        }
    }
}

fn refused(reason: Reason) -> Refused {
    Refused { version: Version(0), reason }
}
