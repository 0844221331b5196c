//! What the scripts of shared caches do, in Rust: the model that gateways are tried with, and that
//! the scripts themselves are compared with in a real Redis.

use std::collections::BTreeMap;

/// What Redis holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedisModel {
    /// Texts, and when each of them goes, in milliseconds.
    texts: BTreeMap<String, (String, u64)>,
    /// Lines with their numbers.
    log: Vec<(u64, String)>,
    log_goes: u64,
    last: u64,
}

/// What a script answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Text(String),
    Number(u64),
    List(Vec<Self>),
}

impl RedisModel {
    pub(crate) fn find(&mut self, now: u64, keys: &[String]) -> Answer {
        let version = self.version(now, &keys[1..]);
        let entry = self.get(now, &keys[0]);
        let entry = entry.and_then(|text| text.strip_prefix(&format!("{version} ")));
        let (left, text) = match entry {
            Some(text) => (self.texts[&keys[0]].1 - now, text.to_owned()),
            None => (0, String::new()),
        };
        Answer::List(vec![
            Answer::Text(version),
            Answer::Number(left),
            Answer::Text(text),
        ])
    }

    pub(crate) fn keep(&mut self, now: u64, keys: &[String], argv: &[String]) -> Answer {
        for (keys, words) in keys.chunks(4).zip(argv.chunks(3)) {
            if self.version(now, &keys[1..]) == words[0] {
                let text = format!("{} {}", words[0], words[1]);
                let goes = now + words[2].parse::<u64>().unwrap();
                self.texts.insert(keys[0].clone(), (text, goes));
            }
        }
        Answer::Number(1)
    }

    pub(crate) fn forget(&mut self, now: u64, keys: &[String], argv: &[String]) -> Answer {
        self.expire_log(now);
        let kept: u64 = argv[1].parse().unwrap();
        let mark = (argv[0].clone(), now + kept);
        self.texts.insert(keys.last().unwrap().clone(), mark);
        if self.log.len() >= argv[3].parse().unwrap() {
            self.log.clear();
        }
        self.push(now, &argv[2]);
        self.log_goes = now + kept;
        Answer::Text(self.version(now, &keys[1..]))
    }

    pub(crate) fn changes(&mut self, now: u64, argv: &[String]) -> Answer {
        self.expire_log(now);
        let position = argv[0].as_str();
        let count: usize = argv[1].parse().unwrap();
        if self.log.is_empty() {
            self.push(now, "- *");
        }
        self.log_goes = now + argv[2].parse::<u64>().unwrap();
        let place = |(number, _): &(u64, String)| format!("{number}-0");
        let last = self.log.last().map(place);
        let Some(read) = self.log.iter().position(|line| place(line) == position) else {
            return Answer::List(vec![Answer::Number(0), Answer::Text(last.unwrap())]);
        };
        let lines: Vec<_> = self.log.iter().skip(read).take(count + 1).collect();
        let end = lines.last().map(|line| Answer::Text(place(line)));
        let texts = lines.iter().skip(1);
        let texts = texts.map(|(_, text)| Answer::Text(text.clone()));
        let head = [Answer::Number(1)].into_iter().chain(end);
        Answer::List(head.chain(texts).collect())
    }

    /// It is started anew without what it held.
    pub(crate) fn lose_everything(&mut self) {
        self.texts.clear();
        self.log.clear();
    }

    /// The names and texts of all that it holds.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(key, (text, _))| (key.as_str(), text.as_str()))
    }

    /// Somebody else changes a text.
    pub(crate) fn replace(&mut self, key: &str, text: &str) {
        self.texts.get_mut(key).unwrap().0 = text.to_owned();
    }

    fn get(&self, now: u64, key: &str) -> Option<&str> {
        let (text, goes) = self.texts.get(key)?;
        (now < *goes).then_some(text)
    }

    fn version(&self, now: u64, marks: &[String]) -> String {
        let mark = |place: usize| {
            let key = marks.get(place)?;
            self.get(now, key)
        };
        let marks = [0, 1, 2].map(|place| mark(place).unwrap_or_default());
        marks.join(",")
    }

    fn push(&mut self, now: u64, line: &str) {
        self.last = now.max(self.last + 1);
        self.log.push((self.last, line.to_owned()));
    }

    fn expire_log(&mut self, now: u64) {
        if now >= self.log_goes {
            self.log.clear();
        }
    }
}
