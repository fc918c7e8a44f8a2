//! A bare list of patterns in either profile, for conformance tests and for explaining existing lists.

use std::{str::FromStr, sync::Arc};

use url::Url;
use workspace_protocol::reason::Reason;

use crate::{
    document::Entry,
    index::Index,
    kind::{Kind, Kinds},
    pattern::{
        Pattern, PatternError,
        chrome::{Address, Filter},
        judged,
    },
};

/// How patterns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As Chrome reads an allowlist.
    Chrome,
    /// As policies are read.
    Strict,
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        match name {
            "chrome" => Ok(Self::Chrome),
            "strict" => Ok(Self::Strict),
            _ => Err(UnknownProfile),
        }
    }
}

/// Not the name of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile: chrome or strict")]
pub struct UnknownProfile;

/// A list that was refused for one entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {at}: {error}")]
pub struct BadEntry {
    /// Position in the list, from 0.
    pub at: usize,
    /// What is wrong with it.
    pub error: PatternError,
}

/// A compiled list.
#[derive(Debug)]
pub enum PatternList {
    /// Chrome's: entries that are no filters are left out.
    Chrome(Vec<Filter>),
    /// Strict: the very engine of policies.
    Strict(StrictList),
}

/// A compiled strict list.
#[derive(Debug)]
pub struct StrictList(Index);

impl PatternList {
    /// Compiles a list.
    ///
    /// # Errors
    /// [`BadEntry`] in the strict profile: one bad entry refuses the whole list.
    pub fn compile<P: AsRef<str>>(profile: Profile, patterns: &[P]) -> Result<Self, BadEntry> {
        match profile {
            Profile::Chrome => {
                Ok(Self::Chrome(patterns.iter().filter_map(|text| Filter::parse(text.as_ref()).ok()).collect()))
            }
            Profile::Strict => {
                let entry = |(at, text): (usize, &P)| match Pattern::parse(text.as_ref()) {
                    Ok(pattern) => Ok(Entry { pattern: Arc::new(pattern), kinds: Kinds::ALL, line: at + 1 }),
                    Err(error) => Err(BadEntry { at, error }),
                };
                let entries = patterns.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
                Ok(Self::Strict(StrictList(Index::new([&*entries]))))
            }
        }
    }

    /// Whether the list allows the address in `url`.
    ///
    /// # Errors
    /// Why not; a text that is no address is [`Reason::UrlUnparsable`] in both profiles.
    pub fn judge(&self, url: &str) -> Result<(), Reason> {
        let url = Url::parse(url).map_err(|_| Reason::UrlUnparsable)?;
        match self {
            Self::Chrome(filters) => {
                let address = Address::of(&url);
                let listed = filters.iter().any(|filter| filter.matches(&address));
                if listed { Ok(()) } else { Err(Reason::OriginNotListed) }
            }
            Self::Strict(StrictList(index)) => {
                let decided = judged(&url, |_, target| match index.decide(target, Kind::Unknown) {
                    Ok(_) => Ok(()),
                    Err((reason, _)) => Err(reason),
                });
                decided?
            }
        }
    }
}
