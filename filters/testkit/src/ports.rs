use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use attache_policies::ports::{
    AccessLog, Clock, Connection, FilterState, Meter, Metric, Random, Signatures, Signed, Store,
    StoreError, Stored, Swap, Timestamp, Version,
};

use crate::record::Recorded;
use crate::store::{SharedStore, StoreFaults};

/// A proxy in memory: what all of its workers share. Clones are the same proxy, also on other
/// threads.
#[derive(Clone)]
pub struct Proxy {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    now: Timestamp,
    random: u64,
    store: SharedStore,
    record: Vec<Recorded>,
    requests: u64,
    live_requests: usize,
    connection: ClientConnection,
    verifier: Option<Verifier>,
}

/// What a proxy says of a signature; `None` when it cannot tell.
type Verifier = Arc<dyn Fn(&Signed<'_>) -> Option<bool> + Send + Sync>;

/// What a proxy knows of a client's connection, and where it would send a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConnection {
    /// The client's address, without the port.
    pub source_address: String,
    /// The protocol of the request, such as `HTTP/1.1`.
    pub protocol: String,
    /// The cluster that the proxy's route leads to; empty when it is not known.
    pub cluster: String,
    /// Whether the client has shown a certificate that the proxy has verified. The certificate
    /// itself is for [`Request::client_certificate`](crate::Request::client_certificate).
    pub mutual_tls: bool,
    /// The server name that the client has asked for (SNI); empty without TLS.
    pub server_name: String,
}

impl Default for ClientConnection {
    fn default() -> Self {
        Self {
            source_address: "127.0.0.1".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            cluster: String::new(),
            mutual_tls: false,
            server_name: String::new(),
        }
    }
}

/// One worker of a [`Proxy`].
#[derive(Clone)]
pub struct Worker {
    proxy: Proxy,
    number: usize,
}

/// The ports of one request. They count as live until they are dropped.
pub struct RequestPorts {
    worker: Worker,
    request: u64,
    filter_state: RefCell<BTreeMap<String, Vec<u8>>>,
    connection: ClientConnection,
}

impl Default for Proxy {
    fn default() -> Self {
        Self::new()
    }
}

impl Proxy {
    /// Where the clock of a new proxy stands: 2025-01-15T12:00:00Z.
    pub const START: Timestamp = Timestamp(1_736_942_400_000_000_000);

    /// A proxy at [`START`](Self::START) with an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// The same with another sequence of random numbers.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Shared {
                now: Self::START,
                random: seed,
                store: SharedStore::default(),
                record: Vec::new(),
                requests: 0,
                live_requests: 0,
                connection: ClientConnection::default(),
                verifier: None,
            })),
        }
    }

    /// One of the workers, counted from 0. There are as many as are asked for.
    #[must_use]
    pub fn worker(&self, number: usize) -> Worker {
        Worker {
            proxy: self.clone(),
            number,
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared().now
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let now = self.now();
        let nanos = u64::try_from(by.as_nanos()).expect("a duration within the clock's range");
        self.set_time(Timestamp(now.0 + nanos));
    }

    /// Sets the clock, back as well as forth.
    pub fn set_time(&self, now: Timestamp) {
        let mut shared = self.shared();
        shared.now = now;
        shared.record.push(Recorded::Clock(now));
    }

    /// Arranges what goes wrong with the store.
    pub fn store_faults<T>(&self, arrange: impl FnOnce(&mut StoreFaults) -> T) -> T {
        arrange(self.shared().store.faults())
    }

    /// Where the requests from now on come from.
    pub fn set_connection(&self, connection: ClientConnection) {
        self.shared().connection = connection;
    }

    /// Verifies signatures by itself from now on. A new proxy does not.
    pub fn set_verifier(
        &self,
        verify: impl Fn(&Signed<'_>) -> Option<bool> + Send + Sync + 'static,
    ) {
        self.shared().verifier = Some(Arc::new(verify));
    }

    /// Writes to the store without a check and without a record, as an earlier life of the
    /// proxy would have.
    pub fn preset(&self, key: &[u8], value: &[u8]) {
        self.shared().store.write(key, value);
    }

    /// How many keys the store holds.
    #[must_use]
    pub fn stored_keys(&self) -> usize {
        self.shared().store.keys()
    }

    /// Everything that has happened, in order.
    #[must_use]
    pub fn record(&self) -> Vec<Recorded> {
        self.shared().record.clone()
    }

    /// Everything that has happened since the last call.
    #[must_use]
    pub fn take_record(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.shared().record)
    }

    /// What a counter stands at: the sum over the record as far as it was not taken.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        self.shared()
            .record
            .iter()
            .map(|recorded| match recorded {
                Recorded::Counted { metric, amount } if metric.name == name => *amount,
                _ => 0,
            })
            .sum()
    }

    /// What a gauge stands at, as far as the record was not taken.
    #[must_use]
    pub fn gauge(&self, name: &str) -> Option<u64> {
        let record = self.record();
        record.iter().rev().find_map(|recorded| match recorded {
            Recorded::Set { metric, value } if metric.name == name => Some(*value),
            _ => None,
        })
    }

    /// How many requests still hold their ports.
    #[must_use]
    pub fn live_requests(&self) -> usize {
        self.shared().live_requests
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_one(&self, recorded: Recorded) {
        self.shared().record.push(recorded);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proxy")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// The ports for one new request.
    #[must_use]
    pub fn request(&self) -> Rc<RequestPorts> {
        let mut shared = self.proxy.shared();
        let request = shared.requests;
        shared.requests += 1;
        shared.live_requests += 1;
        let connection = shared.connection.clone();
        drop(shared);
        Rc::new(RequestPorts {
            worker: self.clone(),
            request,
            filter_state: RefCell::default(),
            connection,
        })
    }

    /// The proxy that the worker belongs to.
    #[must_use]
    pub const fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

impl RequestPorts {
    /// Puts something into the filter state as an earlier filter would have.
    pub fn inherit(&self, name: &str, value: &[u8]) {
        self.filter_state
            .borrow_mut()
            .insert(name.to_owned(), value.to_vec());
    }

    const fn proxy(&self) -> &Proxy {
        &self.worker.proxy
    }
}

impl Drop for RequestPorts {
    fn drop(&mut self) {
        self.proxy().shared().live_requests -= 1;
    }
}

impl Clock for RequestPorts {
    fn now(&self) -> Timestamp {
        self.proxy().now()
    }
}

impl Random for RequestPorts {
    /// SplitMix64, so that a seed says everything.
    fn next_u64(&self) -> u64 {
        let mut shared = self.proxy().shared();
        shared.random = shared.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = shared.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Store for RequestPorts {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        let mut shared = self.proxy().shared();
        let result = shared.store.get(key);
        shared.record.push(Recorded::Read {
            worker: self.worker.number,
            key: key.to_vec(),
            found: result
                .as_ref()
                .map(|found| found.as_ref().map(|stored| stored.value.clone()))
                .map_err(|_| ()),
        });
        result
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        let mut shared = self.proxy().shared();
        let result = shared.store.compare_and_swap(key, value, expected);
        shared.record.push(Recorded::Swap {
            worker: self.worker.number,
            key: key.to_vec(),
            value: value.to_vec(),
            done: result
                .as_ref()
                .map(|swap| *swap == Swap::Done)
                .map_err(|_| ()),
        });
        result
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let mut shared = self.proxy().shared();
        let result = shared.store.put(key, value);
        shared.record.push(Recorded::Put {
            worker: self.worker.number,
            key: key.to_vec(),
            value: value.to_vec(),
            done: result.map_err(|_| ()),
        });
        result
    }
}

impl Meter for RequestPorts {
    fn count(&self, metric: &Metric, amount: u64) {
        self.proxy().record_one(Recorded::Counted {
            metric: metric.clone(),
            amount,
        });
    }

    fn observe(&self, metric: &Metric, millis: u64) {
        self.proxy().record_one(Recorded::Observed {
            metric: metric.clone(),
            millis,
        });
    }

    fn set(&self, metric: &Metric, value: u64) {
        self.proxy().record_one(Recorded::Set {
            metric: metric.clone(),
            value,
        });
    }
}

impl AccessLog for RequestPorts {
    fn publish(&self, field: &str, value: &[u8]) {
        self.proxy().record_one(Recorded::Published {
            request: self.request,
            field: field.to_owned(),
            value: value.to_vec(),
        });
    }
}

impl FilterState for RequestPorts {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.filter_state.borrow().get(name).cloned()
    }

    fn write(&self, name: &str, value: &[u8]) {
        self.inherit(name, value);
        self.proxy().record_one(Recorded::FilterState {
            request: self.request,
            name: name.to_owned(),
            value: value.to_vec(),
        });
    }
}

impl Connection for RequestPorts {
    fn source_address(&self) -> Vec<u8> {
        self.connection.source_address.clone().into_bytes()
    }

    fn protocol(&self) -> Vec<u8> {
        self.connection.protocol.clone().into_bytes()
    }

    fn is_mutual_tls(&self) -> bool {
        self.connection.mutual_tls
    }

    fn server_name(&self) -> Vec<u8> {
        self.connection.server_name.clone().into_bytes()
    }

    fn cluster(&self) -> Vec<u8> {
        self.connection.cluster.clone().into_bytes()
    }
}

impl Signatures for RequestPorts {
    fn verify(&self, signed: &Signed<'_>) -> Option<bool> {
        let verifier = self.proxy().shared().verifier.clone();
        verifier.and_then(|verify| verify(signed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_meet_in_the_store_and_in_the_record() {
        let proxy = Proxy::new();
        let (first, second) = (proxy.worker(0).request(), proxy.worker(1).request());
        assert_eq!(first.compare_and_swap(b"k", b"1", None), Ok(Swap::Done));
        assert_eq!(
            second.compare_and_swap(b"k", b"2", None),
            Ok(Swap::Conflict)
        );
        assert_eq!(second.get(b"k").unwrap().unwrap().value, b"1");
        assert_eq!(
            proxy.record(),
            [
                Recorded::Swap {
                    worker: 0,
                    key: b"k".to_vec(),
                    value: b"1".to_vec(),
                    done: Ok(true),
                },
                Recorded::Swap {
                    worker: 1,
                    key: b"k".to_vec(),
                    value: b"2".to_vec(),
                    done: Ok(false),
                },
                Recorded::Read {
                    worker: 1,
                    key: b"k".to_vec(),
                    found: Ok(Some(b"1".to_vec())),
                },
            ]
        );
    }

    #[test]
    fn filter_state_belongs_to_one_request() {
        let worker = Proxy::new().worker(0);
        let (one, other) = (worker.request(), worker.request());
        one.write("plan", b"gold");
        assert_eq!(one.read("plan"), Some(b"gold".to_vec()));
        assert_eq!(other.read("plan"), None);
    }

    #[test]
    fn the_clock_stands_until_it_is_moved() {
        let proxy = Proxy::new();
        let ports = proxy.worker(0).request();
        assert_eq!(ports.now(), Proxy::START);
        assert_eq!(ports.now(), Proxy::START);
        proxy.advance(Duration::from_millis(1500));
        assert_eq!(ports.now().millis_since(Proxy::START), 1500);
    }

    #[test]
    fn a_seed_says_every_random_number() {
        let draw = |seed| {
            let ports = Proxy::seeded(seed).worker(0).request();
            [ports.next_u64(), ports.next_u64()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[0], draw(1)[1]);
    }

    #[test]
    fn a_connection_is_the_one_that_was_set_when_the_request_began() {
        let proxy = Proxy::new();
        let before = proxy.worker(0).request();
        proxy.set_connection(ClientConnection {
            source_address: "2001:db8::1".to_owned(),
            mutual_tls: true,
            ..ClientConnection::default()
        });
        let after = proxy.worker(0).request();
        assert_eq!(before.source_address(), b"127.0.0.1");
        assert!(!before.is_mutual_tls());
        assert_eq!(after.source_address(), b"2001:db8::1");
        assert!(after.is_mutual_tls());
    }

    #[test]
    fn signatures_are_verified_as_was_set() {
        let proxy = Proxy::new();
        let ports = proxy.worker(0).request();
        let signed = Signed {
            hash: attache_policies::ports::HashFunction::Sha256,
            public_key: b"key",
            signature: b"right",
            text: b"text",
        };
        assert_eq!(ports.verify(&signed), None);
        proxy.set_verifier(|signed| Some(signed.signature == b"right"));
        assert_eq!(ports.verify(&signed), Some(true));
    }

    #[test]
    fn live_requests_are_counted() {
        let proxy = Proxy::new();
        let ports = proxy.worker(0).request();
        assert_eq!(proxy.live_requests(), 1);
        drop(ports);
        assert_eq!(proxy.live_requests(), 0);
    }
}
