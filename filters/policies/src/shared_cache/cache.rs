//! One cache that gateways share: what is looked for, kept and forgotten in it.

use std::sync::Arc;

use serde_json::Value;

use super::waiting::{Forgotten, NewEntry};
use super::{FIND, LONGEST_LIFE_MILLIS, SharedCaches, changes, envelope};
use crate::exchange::Exchange;
use crate::fleet;
use crate::ports::{Ports, Timestamp};
use crate::redis::eval;
use crate::response_cache::coalescing::after;
use crate::response_cache::key::{Key, KeyParts};
use crate::response_cache::storage::{Encryption, Group, LONGEST_ENTRY, Writing};
use crate::sigv4::hexadecimal;

/// The longest version that Redis may answer with.
const LONGEST_VERSION: usize = 64;

/// One cache that gateways share.
#[derive(Debug)]
pub(crate) struct SharedCache {
    caches: Arc<SharedCaches>,
    /// A digest of its name, in hexadecimal digits.
    id: String,
    /// What the names of all its entries begin with.
    names: KeyParts,
    encryption: Option<Encryption>,
}

/// What is found.
pub(crate) enum Looked<'c> {
    /// This is there.
    Found(Found),
    /// Nothing is there. What is fetched may be kept.
    Missing(Box<Missing<'c>>),
    /// Nobody knows.
    Unknown,
}

/// An entry that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) content: Vec<u8>,
    /// Until when it may be used, by this gateway's clock.
    pub(crate) until: Timestamp,
}

/// What is not there, as it was asked for.
#[derive(Debug)]
pub(crate) struct Missing<'c> {
    cache: &'c SharedCache,
    name: Key,
    keys: [String; 4],
    version: String,
    encrypted: bool,
}

impl SharedCache {
    /// The cache with this name, which no other of the gateway has. Who knows the `secret`, if there
    /// is one, can tell what the name of an entry is made of.
    pub(crate) fn new(
        caches: Arc<SharedCaches>,
        name: &str,
        secret: Option<&[u8; 32]>,
        encryption: Option<Encryption>,
    ) -> Self {
        let mut names = KeyParts::new("attache shared cache");
        names.push_values(secret);
        names.push(name.as_bytes());
        Self {
            caches,
            id: text(&names.clone().finish()),
            names,
            encryption,
        }
    }

    /// Looks for an entry. Of requests with the same `asked_as`, a worker's first one asks for all
    /// who come before it has the answer: they must be content with what was there before they came.
    pub(crate) async fn find(
        &self,
        exchange: &Exchange,
        key: &Key,
        group: Group,
        encrypted: bool,
        asked_as: Option<&Key>,
    ) -> Looked<'_> {
        let (name, keys) = self.keys(key, group);
        let mut words = eval(FIND, keys.len());
        words.extend_from_slice(&keys);
        let asked_as = asked_as.map(|asked_as| {
            let mut parts = self.names.clone();
            parts.push(b"asked as");
            parts.push(&asked_as.0);
            parts.finish().0
        });
        let asked_at = exchange.ports().now();
        let answer = self.caches.ask(exchange, &words, asked_as).await;
        let answer = answer.as_ref().and_then(Value::as_array);
        let Some([Value::String(version), left, Value::String(text)]) = answer.map(Vec::as_slice)
        else {
            return Looked::Unknown;
        };
        if version.len() > LONGEST_VERSION {
            return Looked::Unknown;
        }
        let now = exchange.ports().now();
        let encryption = self.encryption.as_ref().filter(|_| encrypted);
        let opened = if encrypted && encryption.is_none() {
            None
        } else {
            envelope::open(text, &name, encryption)
        };
        if let Some((writing, content)) = opened {
            // Clocks may differ; how long Redis still keeps it they all know.
            let left = left.as_u64().unwrap_or(0).min(LONGEST_LIFE_MILLIS);
            let until = after(asked_at, left).min(Timestamp(writing.fresh_until));
            if now < until {
                return Looked::Found(Found { content, until });
            }
        }
        Looked::Missing(Box::new(Missing {
            cache: self,
            name,
            keys,
            version: version.clone(),
            encrypted,
        }))
    }

    /// Has one entry forgotten by all gateways, and asks for what is to come in its place. When Redis
    /// cannot be told now it is told later, and this gateway forgets it then once more.
    pub(crate) async fn replace(
        &self,
        exchange: &Exchange,
        key: &Key,
        group: Group,
        encrypted: bool,
    ) -> Option<Box<Missing<'_>>> {
        let (name, keys) = self.keys(key, group);
        let forgotten = self.forgotten(Some(key), Some(group));
        match self.ask_to_forget(exchange, &forgotten).await {
            Some(Value::String(version)) if version.len() <= LONGEST_VERSION => {
                Some(Box::new(Missing {
                    cache: self,
                    name,
                    keys,
                    version,
                    encrypted,
                }))
            }
            _ => {
                self.caches.work().waiting.owe(forgotten);
                None
            }
        }
    }

    /// Has one entry forgotten by all gateways. Whether that is certain.
    pub(crate) async fn remove(&self, exchange: &Exchange, key: &Key, group: Group) -> bool {
        let forgotten = self.forgotten(Some(key), Some(group));
        self.ask_to_forget(exchange, &forgotten).await.is_some()
    }

    /// Has everything forgotten by all gateways, or everything of a group. Whether that is certain.
    pub(crate) async fn flush(&self, exchange: &Exchange, group: Option<Group>) -> bool {
        let forgotten = self.forgotten(None, group);
        self.ask_to_forget(exchange, &forgotten).await.is_some()
    }

    /// Whether a change is one of this cache.
    pub(crate) fn is_meant(&self, cache: &str) -> bool {
        self.id == cache
    }

    async fn ask_to_forget(&self, exchange: &Exchange, forgotten: &Forgotten) -> Option<Value> {
        let ports = exchange.ports();
        let gateway = fleet::name_of_gateway(ports);
        let gateway = gateway.as_deref().unwrap_or(changes::NOBODY);
        let words = self.caches.forget(forgotten, gateway, ports);
        self.caches.ask(exchange, &words, None).await
    }

    fn forgotten(&self, key: Option<&Key>, group: Option<Group>) -> Forgotten {
        let mut marks = vec![self.mark(None)];
        marks.extend(group.map(|group| self.mark(Some(group))));
        let key = key.zip(group).map(|(key, group)| {
            let (_, [_, _, _, mark]) = self.keys(key, group);
            marks.push(mark);
            text(key)
        });
        Forgotten {
            marks,
            what: changes::what(&self.id, group, key.as_deref()),
        }
    }

    /// The name of an entry, and the keys that Redis is asked about.
    fn keys(&self, key: &Key, group: Group) -> (Key, [String; 4]) {
        let mut name = self.names.clone();
        name.push(&key.0);
        let name = name.finish();
        let digits = text(&name);
        let entry = self.caches.redis.key(&["cache:entry:", &digits].concat());
        let mark = self.caches.redis.key(&["cache:mark:", &digits].concat());
        (name, [entry, self.mark(None), self.mark(Some(group)), mark])
    }

    fn mark(&self, group: Option<Group>) -> String {
        let mut name = ["cache:mark:", &self.id].concat();
        if let Some(Group(number)) = group {
            name.push(':');
            name.push_str(&number.to_string());
        }
        self.caches.redis.key(&name)
    }
}

impl Missing<'_> {
    /// Has what was fetched kept in Redis, a moment later.
    pub(crate) fn keep(self, ports: &dyn Ports, content: &[u8], until: Timestamp) {
        let now = ports.now();
        let writing = Writing {
            owner: ports.next_u64(),
            stored_at: now.0,
            fresh_until: until.0,
            kept_until: until.0,
        };
        let encryption = self.cache.encryption.as_ref();
        if content.len() > LONGEST_ENTRY || self.encrypted && encryption.is_none() {
            return;
        }
        let encryption = encryption.filter(|_| self.encrypted);
        if let Some(text) = envelope::seal(&self.name, writing, content, encryption) {
            self.cache.caches.work().waiting.keep(NewEntry {
                keys: self.keys,
                version: self.version,
                text,
                until,
            });
        }
    }
}

/// A digest in hexadecimal digits.
fn text(key: &Key) -> String {
    String::from_utf8(hexadecimal::encode(&key.0)).unwrap_or_default()
}
