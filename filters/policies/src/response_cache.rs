//! Answers kept: the cache of a stage.

pub mod key;
pub mod storage;
