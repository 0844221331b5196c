//! A store in memory for the tests of this module.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::ports::{Store, StoreError, Stored, Swap, Version};

/// Values with the number of their last write.
type Values = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

#[derive(Default)]
pub(crate) struct MemoryStore {
    values: Mutex<Values>,
}

impl MemoryStore {
    /// Every key that was ever written.
    pub(crate) fn keys(&self) -> Vec<Vec<u8>> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.keys().cloned().collect()
    }

    /// All values, to see whether anything has changed.
    pub(crate) fn contents(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values
            .iter()
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect()
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(values.get(key).map(|(value, version)| Stored {
            value: value.clone(),
            version: Version(*version),
        }))
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let current = values.get(key).map(|(_, version)| Version(*version));
        if current != expected {
            return Ok(Swap::Conflict);
        }
        let version = current.map_or(1, |Version(number)| number + 1);
        values.insert(key.to_vec(), (value.to_vec(), version));
        Ok(Swap::Done)
    }
}
