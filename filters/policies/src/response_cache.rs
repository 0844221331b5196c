//! Answers kept: the cache of a stage.

pub mod entry;
pub mod http;
pub mod key;
pub mod storage;
