//! Place of `profile`.
