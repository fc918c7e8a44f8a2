//! Tests of the command line's shape.
