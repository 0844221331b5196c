//! What an operator sees.

use crate::metric_name::Measure;
use crate::ports::{Metric, Ports};
use crate::response_cache::storage::Occupancy;

/// The metrics of one cache.
#[derive(Debug)]
pub struct Metrics {
    hits: Metric,
    misses: Metric,
    evictions: Metric,
    bytes: Metric,
    entries: Metric,
}

impl Metrics {
    /// The metrics with these names.
    #[must_use]
    pub fn new(name: impl Fn(Measure) -> String) -> Self {
        let mut count = 0;
        let mut metric = |measure| {
            let index = count;
            count += 1;
            Metric {
                index,
                name: name(measure),
            }
        };
        Self {
            hits: metric(Measure::CacheHit),
            misses: metric(Measure::CacheMiss),
            evictions: metric(Measure::CacheEviction),
            bytes: metric(Measure::CacheBytes),
            entries: metric(Measure::CacheEntries),
        }
    }

    pub(super) fn hit(&self, ports: &dyn Ports) {
        ports.count(&self.hits, 1);
        ports.publish("cacheStatus", b"hit");
    }

    pub(super) fn miss(&self, ports: &dyn Ports) {
        ports.count(&self.misses, 1);
        ports.publish("cacheStatus", b"miss");
    }

    /// The origin was asked by a request that could not have been answered from the cache.
    pub(super) fn bypass(ports: &dyn Ports) {
        ports.publish("cacheStatus", b"bypass");
    }

    pub(super) fn evicted(&self, ports: &dyn Ports, count: u32) {
        if count > 0 {
            ports.count(&self.evictions, u64::from(count));
        }
    }

    pub(super) fn hold(&self, ports: &dyn Ports, held: Occupancy) {
        ports.set(&self.bytes, held.bytes);
        ports.set(&self.entries, held.entries);
    }
}
