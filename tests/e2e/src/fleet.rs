//! Gateways that share keys and plans.

use std::any::Any;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::{
    Attache, Backend, Client, Operation, Project, Redis, Request, Webdis, attache_program,
    definition, until,
};

/// Gateways with one configuration, and what they share.
pub struct Fleet {
    /// The gateways.
    pub gateways: Vec<Attache>,
    /// What they serve.
    pub project: Project,
    /// Where their keys and plans live.
    pub redis: Redis,
    _bridge: Box<dyn Any>,
    _backend: Backend,
}

impl Fleet {
    /// So many, through a Webdis; `settings` are more of those of `state.redis`.
    #[must_use]
    pub fn new(count: usize, settings: &str) -> Self {
        let redis = Redis::durable();
        let webdis = Webdis::before(redis.address());
        let state = format!("url: \"{}\"{settings}", webdis.url());
        Self::with(count, redis, Box::new(webdis), &state)
    }

    /// The same through another bridge.
    #[must_use]
    pub fn with(count: usize, redis: Redis, bridge: Box<dyn Any>, state: &str) -> Self {
        let backend = Backend::answering("served");
        let uri = format!("http://{}/one", backend.address());
        let configuration = format!(
            "accessLog: off
apis:
  pets: {{definition: openapi.json, stages: {{prod: {{}}}}}}
usagePlans:
  gold: {{apiStages: [{{api: pets, stage: prod}}]}}
managementApi: {{token: a-token-of-the-tests-0123456789}}
state: {{redis: {{{state}, timeoutMs: 1000}}}}
"
        );
        let definition = definition(&[Operation::new("GET", "/one", &uri).with_key()]);
        let project = Project::new(&configuration, &definition);
        let start = |_| Attache::serve(project.path(), &[]);
        Self {
            gateways: (0..count).map(start).collect(),
            project,
            redis,
            _bridge: bridge,
            _backend: backend,
        }
    }

    /// Runs `attache COMMAND --fleet …`.
    #[must_use]
    pub fn command(&self, command: &str, arguments: &[&str]) -> Output {
        Command::new(attache_program())
            .args([command, "--fleet", "-C"])
            .arg(self.project.path())
            .args(arguments)
            .output()
            .expect("attache")
    }

    /// What it prints, when all is well.
    pub fn told(&self, command: &str, arguments: &[&str]) -> String {
        let output = self.command(command, arguments);
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).expect("text");
        printed.trim().to_owned()
    }

    /// What every gateway answers to the value of a key.
    #[must_use]
    pub fn statuses(&self, value: &str) -> Vec<u16> {
        let request = Request::new("GET", "/prod/one").header("x-api-key", value);
        let gateways = self.gateways.iter();
        gateways
            .map(|gateway| {
                let mut client = Client::http1(gateway.address());
                client.send(&request).expect("an answer").status
            })
            .collect()
    }

    /// How long it takes until every request of some is answered like this, by every gateway's
    /// workers.
    pub fn comes_to(&self, value: &str, status: u16) -> Duration {
        let started = Instant::now();
        let mut last_other = Duration::ZERO;
        until("all gateways know", || {
            let asked = started.elapsed();
            let same = (0..8).all(|_| self.statuses(value).iter().all(|found| *found == status));
            if !same {
                last_other = asked;
            }
            same.then_some(())
        });
        last_other
    }

    /// How many scripts Redis has run.
    #[must_use]
    pub fn scripts(&self) -> u64 {
        let statistics: String = self.redis.ask(&["INFO", "commandstats"]);
        let of_scripts = statistics.lines().find_map(|line| {
            let (_, rest) = line.split_once("cmdstat_eval:calls=")?;
            rest.split(',').next()?.parse().ok()
        });
        of_scripts.unwrap_or(0)
    }

    /// Waits until the gateways' workers need not ask Redis to answer this key.
    pub fn until_loaded(&self, value: &str) {
        until("all workers have loaded what Redis holds", || {
            let before = self.scripts();
            for _ in 0..8 {
                let _ = self.statuses(value);
            }
            (self.scripts() == before).then_some(())
        });
    }

    /// Asserts that Redis keeps nothing for ever.
    pub fn everything_expires(&self) {
        let keys: Vec<String> = self.redis.ask(&["KEYS", "*"]);
        assert!(!keys.is_empty());
        for key in keys {
            let expires_in: i64 = self.redis.ask(&["TTL", &key]);
            assert!(expires_in > 0, "{key}: {expires_in}");
        }
    }
}
