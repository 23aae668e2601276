//! sanjer
