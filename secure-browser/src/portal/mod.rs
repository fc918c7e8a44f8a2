//! Place of `portal`.
