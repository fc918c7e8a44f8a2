//! Names for devices, versions and times; newtypes so that one cannot stand for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One enrolled device. Made by the server at enrollment; a device enrolled again gets a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(Uuid);

impl DeviceId {
    /// A fresh random id (UUID version 4).
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The sixteen bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DeviceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::Device)
    }
}

/// Why a name or number was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID.
    #[error("not a device id (36 characters such as 0e2f...)")]
    Device,
    /// Not a group name.
    #[error("not a group name: 1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit")]
    Group,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Life of a device id: rises when the device is admitted again after a wipe was called off or a reset.
    Epoch(u32)
);
number!(
    /// Position of a command in its device epoch; strictly rising, starts at 1.
    CommandSeq(u64)
);
number!(
    /// Version of a policy or boundary; only grows, 0 means "none held".
    Version(u64)
);
number!(
    /// Serial number of a lease or certificate within a device epoch; strictly rising.
    Serial(u64)
);
number!(
    /// Whole seconds since 1970-01-01T00:00:00Z.
    UnixTime(i64)
);

impl UnixTime {
    /// The time `seconds` later, saturating.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to `self`, negative if `earlier` is later; saturating.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Name of a group of devices that share one policy: `[a-z0-9][a-z0-9_-]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

impl GroupName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let head = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let tail = |c: char| head(c) || c == '-' || c == '_';
        let good = text.len() <= 64 && text.starts_with(head) && text.chars().all(tail);
        if good { Ok(Self(text.to_owned())) } else { Err(IdError::Group) }
    }
}

impl TryFrom<String> for GroupName {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_are_short_lowercase_words() {
        assert!("home-care_2".parse::<GroupName>().is_ok());
        for bad in ["", "-x", "Home", "a b", "a/b", "介護", &"x".repeat(65)] {
            assert_eq!(bad.parse::<GroupName>(), Err(IdError::Group), "{bad}");
        }
    }

    #[test]
    fn device_ids_survive_their_text_form() {
        let id = DeviceId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("1234".parse::<DeviceId>().is_err());
    }
}
