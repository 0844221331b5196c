//! Answers kept: the cache of a stage.

pub mod coalescing;
pub mod entry;
pub mod key;
pub mod storage;
