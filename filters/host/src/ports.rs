//! The policies' ports, over hostcalls.

use std::cell::{Cell, RefCell};

use attache_policies::ports::{
    AccessLog, Clock, Connection, FilterState, Meter, Metric, Random, Signatures, Signed, Store,
    StoreError, Stored, Swap, Timestamp, Version,
};
use log::warn;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::hostcalls::{self, MetricKind};
use crate::verify_signature;

/// The ports of one plugin on one worker.
pub(crate) struct HostPorts {
    random: RefCell<Xoshiro256PlusPlus>,
    metrics: RefCell<Vec<Option<u32>>>,
    verifies_signatures: Cell<bool>,
}

impl HostPorts {
    /// Seeds the generator once: asking the host for each identifier costs half a microsecond.
    pub(crate) fn new() -> Self {
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            // Identifiers then repeat between workers only if their clocks agree to the
            // nanosecond.
            for (byte, clock) in seed.iter_mut().zip(hostcalls::now().to_le_bytes()) {
                *byte = clock;
            }
        }
        Self {
            random: RefCell::new(Xoshiro256PlusPlus::from_seed(seed)),
            metrics: RefCell::default(),
            // Until the proxy says that it knows no such function.
            verifies_signatures: Cell::new(true),
        }
    }

    fn with_metric(&self, kind: MetricKind, metric: &Metric, act: impl FnOnce(u32)) {
        let mut metrics = self.metrics.borrow_mut();
        if metrics.len() <= metric.index {
            metrics.resize(metric.index + 1, None);
        }
        let Some(slot) = metrics.get_mut(metric.index) else {
            return;
        };
        if slot.is_none() {
            *slot = hostcalls::define_metric(kind, &metric.name).ok();
        }
        if let Some(id) = *slot {
            act(id);
        }
    }
}

impl Clock for HostPorts {
    fn now(&self) -> Timestamp {
        Timestamp(hostcalls::now())
    }
}

impl Random for HostPorts {
    fn next_u64(&self) -> u64 {
        self.random.borrow_mut().next_u64()
    }
}

impl Store for HostPorts {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        hostcalls::shared_data(key)
            .map(|found| {
                found.map(|(value, version)| Stored {
                    value,
                    version: Version(version),
                })
            })
            .map_err(|_| StoreError)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        hostcalls::set_shared_data(key, value, expected.map(|Version(version)| version))
            .map(|written| if written { Swap::Done } else { Swap::Conflict })
            .map_err(|_| StoreError)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        hostcalls::put_shared_data(key, value).map_err(|_| StoreError)
    }
}

impl Meter for HostPorts {
    fn count(&self, metric: &Metric, amount: u64) {
        self.with_metric(MetricKind::Counter, metric, |id| {
            // A lost count is no reason to fail a request.
            let _ = hostcalls::increment_metric(id, amount);
        });
    }

    fn observe(&self, metric: &Metric, millis: u64) {
        self.with_metric(MetricKind::Histogram, metric, |id| {
            // A lost sample is no reason to fail a request.
            let _ = hostcalls::record_metric(id, millis);
        });
    }

    fn set(&self, metric: &Metric, value: u64) {
        self.with_metric(MetricKind::Gauge, metric, |id| {
            // A gauge that is not set is no reason to fail a request.
            let _ = hostcalls::record_metric(id, value);
        });
    }
}

impl AccessLog for HostPorts {
    fn publish(&self, field: &str, value: &[u8]) {
        if let Err(refused) = hostcalls::set_property(field, value) {
            warn!(
                "the access log field `{field}` was refused with status {}",
                refused.0
            );
        }
    }
}

impl FilterState for HostPorts {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        hostcalls::property(&format!("filter_state\0wasm.{name}"))
            .ok()
            .flatten()
    }

    fn write(&self, name: &str, value: &[u8]) {
        if let Err(refused) = hostcalls::set_property(name, value) {
            warn!(
                "the filter state `{name}` was refused with status {}",
                refused.0
            );
        }
    }
}

impl Connection for HostPorts {
    fn source_address(&self) -> Vec<u8> {
        let address = property("source\0address");
        // `address:port`; the address of IPv6 stands in brackets.
        let end = address.iter().rposition(|byte| *byte == b':');
        let host = end.and_then(|end| address.get(..end)).unwrap_or(&address);
        host.trim_ascii_start()
            .strip_prefix(b"[")
            .and_then(|host| host.strip_suffix(b"]"))
            .unwrap_or(host)
            .to_vec()
    }

    fn protocol(&self) -> Vec<u8> {
        property("request\0protocol")
    }

    fn is_mutual_tls(&self) -> bool {
        property("connection\0mtls") == [1]
    }

    fn server_name(&self) -> Vec<u8> {
        property("connection\0requested_server_name")
    }

    fn cluster(&self) -> Vec<u8> {
        property("xds\0cluster_name")
    }
}

impl Signatures for HostPorts {
    fn verify(&self, signed: &Signed<'_>) -> Option<bool> {
        if !self.verifies_signatures.get() {
            return None;
        }
        let arguments = verify_signature::arguments(signed);
        match hostcalls::foreign_function(verify_signature::NAME, &arguments) {
            Ok(Some(result)) => verify_signature::verdict(&result),
            Ok(None) => {
                self.verifies_signatures.set(false);
                None
            }
            Err(_) => None,
        }
    }
}

fn property(path: &str) -> Vec<u8> {
    hostcalls::property(path).ok().flatten().unwrap_or_default()
}
