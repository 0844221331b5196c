//! What the proxy answers at once, for one request in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use attache_policies::ports::{
    AccessLog, Clock, Connection, FilterState, Meter, Metric, Random, Signatures, Signed, Store,
    StoreError, Stored, Swap, Timestamp, Version,
};

/// A proxy with one request, from this computer's clock and with a store of its own.
pub(crate) struct Memory {
    source_ip: IpAddr,
    store: RefCell<BTreeMap<Vec<u8>, Stored>>,
}

impl Memory {
    /// A proxy whose client has this address.
    pub(crate) const fn new(source_ip: IpAddr) -> Self {
        Self {
            source_ip,
            store: RefCell::new(BTreeMap::new()),
        }
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        let now = jiff::Timestamp::now().as_nanosecond();
        Timestamp(u64::try_from(now).unwrap_or_default())
    }
}

impl Random for Memory {
    /// Without randomness the names of the one request are all zeros, which nobody else has here.
    fn next_u64(&self) -> u64 {
        getrandom::u64().unwrap_or_default()
    }
}

impl Store for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        Ok(self.store.borrow().get(key).cloned())
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        let mut store = self.store.borrow_mut();
        let held = store.get(key).map(|stored| stored.version);
        if held != expected {
            return Ok(Swap::Conflict);
        }
        let version = Version(held.map_or(0, |Version(number)| number.wrapping_add(1)));
        let value = value.to_vec();
        store.insert(key.to_vec(), Stored { value, version });
        Ok(Swap::Done)
    }
}

/// Nobody reads them.
impl Meter for Memory {
    fn count(&self, _: &Metric, _: u64) {}

    fn observe(&self, _: &Metric, _: u64) {}

    fn set(&self, _: &Metric, _: u64) {}
}

/// Nobody reads it.
impl AccessLog for Memory {
    fn publish(&self, _: &str, _: &[u8]) {}
}

/// There is no other filter.
impl FilterState for Memory {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) {}
}

impl Connection for Memory {
    fn source_address(&self) -> Vec<u8> {
        self.source_ip.to_string().into_bytes()
    }

    fn protocol(&self) -> Vec<u8> {
        b"HTTP/1.1".to_vec()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }
}

impl Signatures for Memory {
    /// The policies verify by themselves.
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use attache_policies::ports::{Connection, Store, Swap, Version};

    use super::Memory;

    #[test]
    fn a_write_needs_what_was_read() {
        let memory = Memory::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(memory.source_address(), b"127.0.0.1");
        assert_eq!(memory.get(b"a"), Ok(None));
        let stale = Some(Version(0));
        assert_eq!(
            memory.compare_and_swap(b"a", b"1", stale),
            Ok(Swap::Conflict)
        );
        assert_eq!(memory.compare_and_swap(b"a", b"1", None), Ok(Swap::Done));
        assert_eq!(
            memory.compare_and_swap(b"a", b"2", None),
            Ok(Swap::Conflict)
        );
        let stored = memory.get(b"a").unwrap().unwrap();
        assert_eq!(stored.value, b"1");
        let swapped = memory.compare_and_swap(b"a", b"2", Some(stored.version));
        assert_eq!(swapped, Ok(Swap::Done));
        let swapped = memory.compare_and_swap(b"a", b"3", Some(stored.version));
        assert_eq!(swapped, Ok(Swap::Conflict));
        assert_eq!(memory.get(b"a").unwrap().unwrap().value, b"2");
    }
}
