//! How many requests are answered, beside a cache that knows exactly who was used when.

use std::collections::{BTreeMap, HashMap};

use super::super::way::mix;
use super::{Cache, SECOND};
use crate::ports::Timestamp;
use crate::response_cache::key::Key;
use crate::response_cache::storage::{Claim, Filled, Group, NewEntry};

const OBJECTS: u64 = 20_000;

/// Sizes between 100 bytes and 200 kB, most of them small: the logarithm is nearly normal.
fn size(object: u64) -> usize {
    let uniform =
        (0..12).map(|part| (mix(object ^ (part << 50)) >> 40) as f64 / f64::from(1 << 24));
    let normal = uniform.sum::<f64>() - 6.0;
    ((1_500.0_f64.ln() + 1.4 * normal).exp() as usize).clamp(100, 200_000)
}

/// Which object is asked for, request by request.
struct Trace {
    cumulated: Vec<f64>,
    random: u64,
    scanned: u64,
}

impl Trace {
    fn new(skew: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=OBJECTS).map(|rank| (rank as f64).powf(-skew));
        Self {
            cumulated: weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
            random: 1,
            scanned: 1 << 40,
        }
    }

    fn zipf(&mut self) -> u64 {
        self.random += 1;
        let uniform = (mix(self.random) >> 11) as f64 / (1_u64 << 53) as f64;
        let aim = uniform * self.cumulated.last().unwrap();
        self.cumulated.partition_point(|sum| *sum < aim) as u64
    }

    /// A key that comes only once.
    fn scan(&mut self) -> u64 {
        self.scanned += 1;
        self.scanned
    }
}

/// Least recently used, without any overhead.
#[derive(Default)]
struct Ideal {
    used: HashMap<u64, u64>,
    order: BTreeMap<u64, u64>,
    bytes: usize,
    clock: u64,
}

impl Ideal {
    fn request(&mut self, object: u64, capacity: usize) -> bool {
        self.clock += 1;
        let before = self.used.insert(object, self.clock);
        self.order.insert(self.clock, object);
        if let Some(before) = before {
            self.order.remove(&before);
            return true;
        }
        self.bytes += size(object);
        while self.bytes > capacity {
            let (_, oldest) = self.order.pop_first().unwrap();
            self.used.remove(&oldest);
            self.bytes -= size(oldest);
        }
        false
    }
}

fn request(cache: &Cache, object: u64, now: u64, body: &[u8]) -> bool {
    let mut bytes = [0; 32];
    for (place, byte) in bytes
        .iter_mut()
        .zip((0..4_u64).flat_map(|part| mix(object.wrapping_mul(4) + part).to_le_bytes()))
    {
        *place = byte;
    }
    let (key, now) = (Key(bytes), Timestamp(now));
    if let Some(kept) = cache.storage.look_up(&cache.store, &key, now).entry {
        assert_eq!(kept.bytes.len(), size(object));
        return true;
    }
    let claim = Claim {
        owner: now.0,
        until: Timestamp(now.0 + SECOND),
        group: Group(0),
    };
    assert!(cache.storage.claim(&cache.store, &key, claim, now));
    let entry = NewEntry {
        bytes: body[..size(object)].to_vec(),
        fresh_until: Timestamp(u64::MAX),
        kept_until: Timestamp(u64::MAX),
        encrypted: false,
    };
    let filled = cache.storage.fill(&cache.store, &key, now.0, entry, now);
    assert_ne!(filled, Filled::Lost);
    false
}

/// The shares of hits: of the ideal cache, and of ours.
fn measure(mebibytes: u32, skew: f64, kind: &str) -> (f64, f64) {
    const REQUESTS: u64 = 40_000;
    let cache = Cache::of(mebibytes);
    let capacity = (mebibytes as usize) << 20;
    let body = vec![0; 200_000];
    let mut ideal = Ideal::default();
    let mut trace = Trace::new(skew);
    let (mut best, mut ours) = (0, 0);
    for at in 0..REQUESTS {
        let object = match kind {
            // A fifth of the time nothing else comes than keys that never come again.
            "scans" if at % 10_000 >= 8_000 => trace.scan(),
            // Every quarter of the time other objects are the popular ones.
            "shifts" => trace.zipf() + at / 10_000 * 1_000_000,
            _ => trace.zipf(),
        };
        best += u32::from(ideal.request(object, capacity));
        ours += u32::from(request(&cache, object, SECOND + at * SECOND / 1_000, &body));
    }
    cache.check_ledger();
    let share = |hits| f64::from(hits) / REQUESTS as f64 * 100.0;
    (share(best), share(ours))
}

#[test]
fn as_many_requests_are_answered_as_by_an_ideal_cache_of_the_same_bytes() {
    println!("MiB  skew  trace   ideal LRU   attache");
    for (mebibytes, skew, kind) in [
        (4, 0.7, "steady"),
        (4, 0.9, "steady"),
        (4, 1.1, "steady"),
        (16, 0.7, "steady"),
        (16, 0.9, "steady"),
        (4, 0.9, "scans"),
        (16, 0.9, "scans"),
        (4, 0.9, "shifts"),
        (16, 0.9, "shifts"),
    ] {
        let (ideal, ours) = measure(mebibytes, skew, kind);
        println!("{mebibytes:>3}  {skew:>4}  {kind:<7} {ideal:>8.1}%  {ours:>7.1}%");
        assert!(ours >= ideal - 2.0, "{ours} beside {ideal}");
    }
}
