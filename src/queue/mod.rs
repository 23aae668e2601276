//! How jobs wait, are handed out and reported on.
pub mod keys;
