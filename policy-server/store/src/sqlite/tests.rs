//! Tests of the SQLite store on temporary files.
