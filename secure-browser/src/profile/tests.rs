//! Rules of the profile folder.
