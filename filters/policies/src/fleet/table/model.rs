//! What the scripts of a table do, in Rust: the model that gateways are tried against, and that
//! the scripts themselves are compared with in a real Redis.

use std::collections::BTreeMap;

/// A table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableModel {
    /// 0: there is none.
    pub(crate) table: u64,
    version: u64,
    forgotten: u64,
    /// The version and the record of each id; a removed one's is empty.
    pub(crate) records: BTreeMap<String, (u64, String)>,
    digests: BTreeMap<String, String>,
}

impl TableModel {
    /// Runs `read.lua`.
    pub(crate) fn read(&self, argv: &[String]) -> Vec<String> {
        let number = |place: usize| argv[place].parse::<u64>().unwrap();
        if self.table == 0 {
            return vec!["0".to_owned(); 3];
        }
        let is_known =
            number(0) == self.table && number(2) >= self.forgotten && number(1) <= self.version;
        let since = if is_known { number(1) } else { 0 };
        let mut answer = vec![
            self.table.to_string(),
            self.version.to_string(),
            u8::from(!is_known).to_string(),
        ];
        let mut changed: Vec<_> = self.records.iter().collect();
        changed.retain(|(_, (version, _))| *version > since);
        changed.sort_by_key(|(_, (version, _))| *version);
        changed.truncate(number(3).try_into().unwrap());
        for (id, (version, record)) in changed {
            answer.extend([id.clone(), version.to_string(), record.clone()]);
        }
        answer
    }

    /// Runs `record.lua`.
    pub(crate) fn record(&self, id: &str) -> String {
        let record = self.records.get(id).map(|(_, record)| record.clone());
        record.unwrap_or_default()
    }

    /// Runs `find.lua` of the API keys.
    pub(crate) fn find(&self, digest: &str) -> String {
        let id = self.digests.get(digest);
        let record = id.and_then(|id| self.records.get(id));
        record.map_or_else(String::new, |(_, record)| record.clone())
    }

    /// Runs `write.lua` at a time in microseconds.
    pub(crate) fn write(&mut self, now: u64, argv: &[String]) -> Vec<String> {
        let mut words = argv[2..].iter();
        let mut changes = Vec::new();
        while let Some(id) = words.next() {
            let mut record = || match words.next().unwrap().as_str() {
                "-" => String::new(),
                record => record.to_owned(),
            };
            let (old, new) = (record(), record());
            let mut digests = || {
                let count = words.next().unwrap().parse().unwrap();
                words.by_ref().take(count).cloned().collect::<Vec<_>>()
            };
            changes.push((id, old, new, digests(), digests()));
        }
        for (id, old, _, _, after) in &changes {
            let known = self.records.get(*id).map_or("", |(_, record)| record);
            if known != old {
                return vec!["changed".to_owned(), (*id).clone()];
            }
            for digest in after {
                match self.digests.get(digest) {
                    Some(holder) if holder != *id => {
                        return vec!["taken".to_owned(), (*id).clone(), holder.clone()];
                    }
                    _ => {}
                }
            }
        }
        if self.table == 0 {
            self.table = now;
        }
        for (id, _, new, before, after) in changes {
            self.version = now.max(self.version + 1);
            for digest in before {
                self.digests.remove(&digest);
            }
            for digest in after {
                self.digests.insert(digest, id.clone());
            }
            self.records.insert(id.clone(), (self.version, new));
        }
        let most: usize = argv[1].parse().unwrap();
        loop {
            let removed = self
                .records
                .iter()
                .filter(|(_, (_, record))| record.is_empty());
            let mut removed: Vec<_> = removed
                .map(|(id, (version, _))| (*version, id.clone()))
                .collect();
            if removed.len() <= most {
                break;
            }
            removed.sort();
            let (version, id) = removed.remove(0);
            self.records.remove(&id);
            self.forgotten = version;
        }
        vec!["done".to_owned(), self.version.to_string()]
    }
}
