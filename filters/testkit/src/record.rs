use attache_policies::ports::{Metric, Timestamp};

/// One thing that a service did to the proxy, as the proxy saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A value of the shared store was read.
    Read {
        /// The worker that read.
        worker: usize,
        /// The key.
        key: Vec<u8>,
        /// What was found; `Err` for a store that could not be reached.
        found: Result<Option<Vec<u8>>, ()>,
    },
    /// A value of the shared store was to be written.
    Swap {
        /// The worker that wrote.
        worker: usize,
        /// The key.
        key: Vec<u8>,
        /// The new value.
        value: Vec<u8>,
        /// Whether it was written; `Err` for a store that could not be reached.
        done: Result<bool, ()>,
    },
    /// A value of the shared store was to be written, whatever was there.
    Put {
        /// The worker that wrote.
        worker: usize,
        /// The key.
        key: Vec<u8>,
        /// The new value.
        value: Vec<u8>,
        /// `Err` for a store that could not be reached.
        done: Result<(), ()>,
    },
    /// A counter went up.
    Counted {
        /// The counter.
        metric: Metric,
        /// By how much.
        amount: u64,
    },
    /// A histogram was given a value.
    Observed {
        /// The histogram.
        metric: Metric,
        /// The value, in milliseconds.
        millis: u64,
    },
    /// A gauge was set.
    Set {
        /// The gauge.
        metric: Metric,
        /// Its new value.
        value: u64,
    },
    /// A field of the access log was published.
    Published {
        /// Which request's, counted from 0 over the life of the proxy.
        request: u64,
        /// The field.
        field: String,
        /// Its value.
        value: Vec<u8>,
    },
    /// Something was left for later filters.
    FilterState {
        /// Which request's, counted from 0 over the life of the proxy.
        request: u64,
        /// The name.
        name: String,
        /// The value.
        value: Vec<u8>,
    },
    /// The clock was moved by hand or by a script.
    Clock(Timestamp),
}
