//! Whole gateways before one Redis, which is a model behind Webdis: what keys and plans in Redis are
//! tried with.

use std::rc::Rc;
use std::sync::Arc;

use attache_model as model;
use serde_json::{Value, json};

use super::model::TableModel;
use super::{READ, RECORD, Stored, Table, TableChange, WRITE, Written};
use crate::api_key::digest;
use crate::exchange::{Callout, CalloutAnswer, Event, Service, Step, Stream};
use crate::fleet::GATEWAY;
use crate::fleet::keys::FIND;
use crate::fleet::redis_model::RedisModel;
use crate::fleet::renewal::SCRIPT;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::integration::encoding::decoded;
use crate::memory_ports::MemoryPorts;
use crate::ports::{Clock, Store, Timestamp};
use crate::redis::answered;

pub(crate) const BEGINNING: u64 = 1_795_132_800_000;

fn redis() -> Value {
    json!({
        "url": "http://127.0.0.1:7379/", "dialect": "webdis", "prefix": "test",
        "onFailure": "deny", "timeoutMillis": 5, "apiKeys": true, "usagePlans": true
    })
}

fn document(keys: &Value) -> Vec<u8> {
    let operation = |path: &str| {
        json!({
            "path": path, "method": "GET", "apiKeyRequired": true,
            "integration": {"httpProxy": {"uri": "http://127.0.0.1:1/x", "timeoutInMillis": 50}}
        })
    };
    let document = json!({
        "version": 1,
        "account": {"id": "000000000000", "region": "us-east-1"},
        "state": {"redis": redis()},
        "apis": [{
            "id": "shop", "name": "shop", "protocol": "REST", "anyHost": true,
            "stages": [{"name": "prod"}, {"name": "test"}],
            "operations": [operation("/x"), operation("/y")]
        }],
        "usagePlans": [
            {"id": "none", "apiStages": []},
            {"id": "gold", "apiStages": [{"api": "shop", "stage": "prod"}]}
        ],
        "apiKeys": keys
    });
    serde_json::to_vec(&document).unwrap()
}

/// A key that opens the stage, and has the value `key of ID`.
pub(crate) fn key(id: &str) -> model::ApiKey {
    valued(id, &format!("key of {id}"))
}

pub(crate) fn valued(id: &str, value: &str) -> model::ApiKey {
    model::ApiKey {
        id: id.to_owned(),
        digest: model::KeyDigest(digest(value.as_bytes())),
        previous_values: Vec::new(),
        enabled: true,
        expires_at: None,
        usage_plans: vec!["gold".to_owned()],
    }
}

/// A worker of a gateway; those of one gateway share their store.
pub(crate) struct Worker(pub(crate) Arc<Gateway>, pub(crate) MemoryPorts);

/// Gateways, and what they share.
pub(crate) struct World {
    pub(crate) workers: Vec<Worker>,
    document: Vec<u8>,
    /// The API keys.
    pub(crate) redis: TableModel,
    pub(crate) table: Table<model::ApiKey>,
    /// The usage plans.
    pub(crate) plans: TableModel,
    plan_table: Table<model::UsagePlan>,
    /// The limits.
    limits: RedisModel,
    pub(crate) is_up: bool,
    /// How often Redis was asked for changes of the keys, and for single keys.
    pub(crate) reads: usize,
    pub(crate) finds: usize,
    /// The limits by which quotas were renewed.
    pub(crate) quotas: Vec<String>,
    /// How many calls requests have waited for.
    pub(crate) waits: usize,
}

impl World {
    /// So many gateways with two workers each.
    pub(crate) fn new(gateways: usize, declared: &Value) -> Self {
        let document = document(declared);
        let workers = (0..gateways).flat_map(|number| {
            let ports = MemoryPorts::default();
            // Random numbers in memory are always the same.
            ports
                .put(GATEWAY, format!("{number:032x}").as_bytes())
                .unwrap();
            let worker = |_| {
                let gateway = <Gateway as Service>::compile(&document, &|_: &str| None).unwrap();
                Worker(Arc::new(gateway), ports.another())
            };
            (0..2).map(worker).collect::<Vec<_>>()
        });
        let workers = workers.collect();
        let redis: model::Redis = serde_json::from_value(redis()).unwrap();
        Self {
            workers,
            document,
            redis: TableModel::default(),
            table: Table::compile(&redis, &|_: &str| None).unwrap(),
            plans: TableModel::default(),
            plan_table: Table::compile(&redis, &|_: &str| None).unwrap(),
            limits: RedisModel::default(),
            is_up: true,
            reads: 0,
            finds: 0,
            quotas: Vec::new(),
            waits: 0,
        }
    }

    /// The status of the answer of each worker to a request with the value of a key.
    pub(crate) fn statuses(&mut self, value: &str) -> Vec<u16> {
        (0..self.workers.len())
            .map(|worker| self.request(worker, value))
            .collect()
    }

    pub(crate) fn request(&mut self, worker: usize, value: &str) -> u16 {
        self.request_to(worker, "/prod/x", value)
    }

    pub(crate) fn request_to(&mut self, worker: usize, path: &str, value: &str) -> u16 {
        let Worker(service, ports) = &self.workers[worker];
        let (service, ports) = (Arc::clone(service), ports.another());
        let fields = [
            (":method", "GET"),
            (":path", path),
            (":authority", "shop"),
            ("x-api-key", value),
        ];
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let now = ports.now();
        let (mut stream, mut step) = Stream::start(&service, headers, true, Rc::new(ports));
        loop {
            step = match step {
                Step::Call(callout) => {
                    self.waits += 1;
                    stream.resume(Event::Callout(self.answer(now, &callout)))
                }
                Step::Forward(_) => return 200,
                Step::Reply(reply) => return reply.status,
                other => panic!("{other:?}"),
            };
        }
    }

    /// Lets time go by, a tenth of a second at a time.
    pub(crate) fn wait(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            // The workers of a gateway share its clock.
            for gateway in self.workers.chunks(2) {
                gateway[0].1.millis.update(|now| now + 100);
            }
            for place in 0..self.workers.len() {
                let Worker(service, ports) = &self.workers[place];
                let (service, ports) = (Arc::clone(service), ports.another());
                for errand in service.errands(&ports) {
                    let answer = self.answer(ports.now(), &errand.callout);
                    service.fetched(errand.id, answer, &ports);
                }
            }
        }
    }

    fn answer(&mut self, now: Timestamp, callout: &Callout) -> CalloutAnswer {
        let words: Vec<String> = callout
            .body
            .split(|byte| *byte == b'/')
            .map(|word| String::from_utf8(decoded(word).collect()).unwrap())
            .collect();
        assert_eq!(words[0], "EVAL");
        let count: usize = words[2].parse().unwrap();
        let (keys, argv) = words[3..].split_at(count);
        let is_of_keys = keys.first().is_some_and(|key| key == "{test}:apikeys");
        self.reads += usize::from(words[1] == READ && is_of_keys);
        self.finds += usize::from(words[1] == FIND);
        if !self.is_up {
            return CalloutAnswer::Failed;
        }
        let table = if is_of_keys {
            &mut self.redis
        } else {
            &mut self.plans
        };
        let micros = now.0 / 1_000;
        let answer = match words[1].as_str() {
            READ => json!(table.read(argv)),
            FIND => json!(table.find(&argv[0])),
            WRITE => json!(table.write(micros, argv)),
            RECORD => json!(table.record(&argv[0])),
            SCRIPT => {
                let asks = argv.get(1..).unwrap_or_default().chunks(9);
                let quotas = asks.filter(|words| words[0] == "quota");
                self.quotas.extend(quotas.map(|words| words[6].clone()));
                json!(self.limits.renew(micros, keys, argv))
            }
            // A probe, or what was used.
            _ => json!(1),
        };
        answered(callout, &json!({"EVAL": answer}))
    }

    pub(crate) fn ask(&mut self, callout: &Callout) -> CalloutAnswer {
        let now = self.workers[0].1.now();
        self.answer(now, callout)
    }

    pub(crate) fn record(&mut self, id: &str) -> Option<Stored<model::ApiKey>> {
        let answer = self.ask(&self.table.get(id));
        self.table.got(id, answer).unwrap()
    }

    /// Writes a key as the command does, or removes it.
    pub(crate) fn write(&mut self, id: &str, after: Option<&model::ApiKey>) -> Written {
        let before = self.record(id);
        let change = TableChange {
            id,
            before: before.as_ref(),
            after,
        };
        let answer = self.ask(&self.table.write(&[change]));
        self.table.written(answer).unwrap()
    }

    /// Writes a plan as the command does, or removes it.
    pub(crate) fn write_plan(&mut self, id: &str, after: Option<&model::UsagePlan>) {
        let answer = self.ask(&self.plan_table.get(id));
        let before = self.plan_table.got(id, answer).unwrap();
        let change = TableChange {
            id,
            before: before.as_ref(),
            after,
        };
        let answer = self.ask(&self.plan_table.write(&[change]));
        assert_eq!(self.plan_table.written(answer), Ok(Written::Done));
    }

    /// Replaces a worker by a new one, as an edit does.
    pub(crate) fn replace_worker(&mut self, worker: usize) {
        let Worker(service, ports) = &mut self.workers[worker];
        service.end(ports);
        *service =
            Arc::new(<Gateway as Service>::compile(&self.document, &|_: &str| None).unwrap());
    }

    /// Writes keys as an import does.
    pub(crate) fn create_all(&mut self, keys: &[model::ApiKey]) {
        for keys in keys.chunks(100) {
            let changes: Vec<_> = keys
                .iter()
                .map(|key| TableChange {
                    id: &key.id,
                    before: None,
                    after: Some(key),
                })
                .collect();
            let answer = self.ask(&self.table.write(&changes));
            assert_eq!(self.table.written(answer), Ok(Written::Done));
        }
    }

    pub(crate) fn create(&mut self, key: &model::ApiKey) {
        assert_eq!(self.write(&key.id, Some(key)), Written::Done);
    }
}
