//! Place of `broker`.
