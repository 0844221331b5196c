//! What `renew.lua` and `count_usage.lua` do, in Rust: the model that the leases are tried against, and that the scripts
//! themselves are compared with in a real Redis.

use std::collections::{BTreeMap, BTreeSet};

/// What Redis holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedisModel {
    quotas: BTreeMap<String, Quota>,
    throttles: BTreeMap<String, Throttle>,
    reports: BTreeSet<String>,
    usage: BTreeMap<(String, String), u64>,
}

#[derive(Clone, Debug, Default)]
struct Quota {
    granted: u64,
    spent: u64,
    extra: u64,
    gateways: BTreeMap<String, Record>,
}

#[derive(Clone, Debug)]
struct Throttle {
    level: f64,
    at: u64,
    gateways: BTreeMap<String, Record>,
}

/// What is known of a gateway.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    granted: u64,
    spent: u64,
    returned: u64,
    seen: u64,
}

impl Record {
    fn join(self, told: &[u64], now: u64) -> Self {
        Self {
            granted: self.granted.max(told[0]),
            spent: self.spent.max(told[1]),
            returned: self.returned.max(told[2]),
            seen: now,
        }
    }

    fn held(self) -> i128 {
        i128::from(self.granted) - i128::from(self.spent) - i128::from(self.returned)
    }
}

impl RedisModel {
    /// Runs the script at a time in microseconds.
    pub(crate) fn renew(&mut self, now: u64, keys: &[String], argv: &[String]) -> Vec<u64> {
        let gateway = &argv[0];
        let mut answer = Vec::new();
        for (key, words) in keys.iter().zip(argv[1..].chunks(9)) {
            let numbers: Vec<u64> = words[1..]
                .iter()
                .map(|word| word.parse().unwrap())
                .collect();
            answer.extend(match words[0].as_str() {
                "quota" => self.quota(now, key, gateway, &numbers),
                _ => self.throttle(now, key, gateway, &numbers),
            });
        }
        answer
    }

    /// Runs the script that counts what was used.
    pub(crate) fn count_usage(&mut self, keys: &[String], argv: &[String]) {
        if !self.reports.insert(keys[0].clone()) {
            return;
        }
        for (key, words) in keys[1..].iter().zip(argv[2..].chunks(4)) {
            for (name, count) in ["used", "throttled", "refused"].iter().zip(&words[1..]) {
                let field = format!("{}:{name}", words[0]);
                *self.usage.entry((key.clone(), field)).or_default() +=
                    count.parse::<u64>().unwrap();
            }
        }
    }

    /// What was used on all days together, by a key of a plan.
    pub(crate) fn usage(&self, key: &str, name: &str) -> u64 {
        let all = self.usage.iter();
        let of_key =
            all.filter(|((of, field), _)| of == key && field.split_once(':').unwrap().1 == name);
        of_key.map(|(_, count)| count).sum()
    }

    /// What was granted of a quota and not given back.
    pub(crate) fn held(&self, key: &str) -> usize {
        self.quotas[key].granted.try_into().unwrap()
    }

    fn quota(&mut self, now: u64, key: &str, gateway: &str, numbers: &[u64]) -> [u64; 3] {
        let quota = self.quotas.entry(key.to_owned()).or_default();
        // The script counts fields, which there are none of at first.
        let fields = quota.gateways.len() + if quota.gateways.is_empty() { 0 } else { 2 };
        let known = quota.gateways.get(gateway).copied().unwrap_or_default();
        let mut record = known.join(numbers, now);
        let total = quota.granted + (record.granted - known.granted);
        quota.granted = total.saturating_sub(record.returned - known.returned);
        quota.spent += record.spent - known.spent;
        let left = (numbers[5] + quota.extra).saturating_sub(quota.granted);
        let gateways = u64::try_from(fields.saturating_sub(2).max(1)).unwrap();
        let at_once = numbers[3].min(left);
        let share = i128::from((left - at_once) / (2 * gateways));
        let target = numbers[4].min((numbers[5] / 10).max(1));
        let ahead = (i128::from(target) - record.held()).min(share).max(0);
        let granted = at_once + u64::try_from(ahead).unwrap();
        record.granted += granted;
        quota.granted += granted;
        quota.gateways.insert(gateway.to_owned(), record);
        let left = left - granted;
        let others_hold = i128::from(quota.granted) - i128::from(quota.spent) > record.held();
        let wait = match (left, others_hold) {
            (0, true) => 1_000,
            (0, false) => 10_000,
            _ => 0,
        };
        [record.granted, left, wait]
    }

    fn throttle(&mut self, now: u64, key: &str, gateway: &str, numbers: &[u64]) -> [u64; 3] {
        let (burst, rate, most) = (numbers[5] as f64, numbers[6] as f64 / 1e9, numbers[7]);
        let throttle = self.throttles.entry(key.to_owned()).or_insert(Throttle {
            level: burst,
            at: now,
            gateways: BTreeMap::new(),
        });
        let known = throttle.gateways.remove(gateway).unwrap_or_default();
        throttle
            .gateways
            .retain(|_, other| now.saturating_sub(other.seen) <= 20_000_000);
        let others: i128 = throttle.gateways.values().map(|other| other.held()).sum();
        let count = throttle.gateways.len() as u64 + 1;
        let gateways = count as f64;
        let mut record = known.join(numbers, now);
        let level = throttle.level
            + now.saturating_sub(throttle.at) as f64 * rate / 1e6
            + (record.returned - known.returned) as f64;
        let level = level.min(burst);
        let at_once = (numbers[3] as f64).min(level.floor());
        let rest = level - at_once;
        let share = (rest / gateways)
            .max(rest.min(rate * 0.1 / gateways))
            .floor();
        let held = record.held();
        let ahead = (i128::from(numbers[4]) - held)
            .min((i128::from(most) - others).min((most / count) as i128) - held)
            .min(share as i128)
            .max(0);
        let level = level - at_once - ahead as f64;
        record.granted += at_once as u64 + u64::try_from(ahead).unwrap();
        throttle.level = level;
        throttle.at = throttle.at.max(now);
        throttle.gateways.insert(gateway.to_owned(), record);
        let wait = if level < 1.0 {
            ((1.0 - level) / rate * 1000.0)
                .max((burst / rate * 500.0).min(100.0))
                .ceil()
        } else {
            0.0
        };
        [record.granted, level.floor() as u64, wait as u64]
    }
}
