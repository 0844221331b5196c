use std::fs;
use std::net::SocketAddr;

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Request, Response, definition_with, until,
};
use serde_json::{Value, json};

/// `attache run` with two workers in front of a back end. The stage `prod` has a cache; `plain`
/// has none, and answers what the back end says.
pub(crate) struct Served {
    pub(crate) attache: Attache,
    pub(crate) backend: Backend,
    pub(crate) project: Project,
}

/// What a test changes before it is served.
pub(crate) struct Setup {
    pub(crate) backend: Backend,
    /// `attache.yaml`.
    pub(crate) configuration: Value,
    pub(crate) operations: Vec<Operation>,
    pub(crate) schemes: Value,
}

/// The longest time to live there is, for tests in which nothing is to expire.
pub(crate) const LONGEST_TTL: u32 = 3600;

impl Setup {
    /// A cache of 16 MiB, everything in it for as long as can be, `Cache-Control` obeyed from
    /// everybody; nothing is served yet.
    pub(crate) fn new(backend: Backend) -> Self {
        let settings = json!({
            "cachingEnabled": true,
            "cacheTtlInSeconds": LONGEST_TTL,
            "requireAuthorizationForCacheControl": false,
        });
        let configuration = json!({
            "accessLog": "off",
            "apis": {"petstore": {
                "definition": "openapi.json",
                "stages": {
                    "plain": {},
                    "prod": {
                        "cacheCluster": {
                            "enabled": true,
                            "sizeMiB": 16,
                            // Longer than anything takes on a slow machine: no test depends on it.
                            "longestWaitMillis": 29_000,
                        },
                        "methodSettings": {"*/*": settings},
                    },
                },
            }},
        });
        Self {
            backend,
            configuration,
            operations: Vec::new(),
            schemes: json!({}),
        }
    }

    /// One more operation: a path of the API that goes to the same path of the back end.
    pub(crate) fn get(self, path: &str, key: &[&str]) -> Self {
        let operation = keyed(self.at("GET", path), path, key);
        self.with(operation)
    }

    /// One more operation.
    pub(crate) fn with(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// An operation that goes to the same path of the back end.
    pub(crate) fn at(&self, method: &str, path: &str) -> Operation {
        let uri = format!(
            "http://{}{}",
            self.backend.address(),
            path.replace("+}", "}")
        );
        Operation::new(method, path, &uri)
    }

    /// The cached stage, to be changed.
    pub(crate) fn stage(&mut self) -> &mut Value {
        &mut self.configuration["apis"]["petstore"]["stages"]["prod"]
    }

    /// The settings of all its methods, to be changed.
    pub(crate) fn settings(&mut self) -> &mut Value {
        &mut self.stage()["methodSettings"]["*/*"]
    }

    /// The API's definition.
    pub(crate) fn definition(&self) -> String {
        definition_with(&self.operations, &self.schemes, &json!({}))
    }

    pub(crate) fn serve(self) -> Served {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(self, flags: &[&str]) -> Served {
        let project = Project::new(&self.configuration.to_string(), &self.definition());
        let attache = Attache::serve(project.path(), flags);
        Served {
            attache,
            backend: self.backend,
            project,
        }
    }
}

impl Served {
    /// Every path is an operation of its own right: `GET /{proxy+}`, with the path as the key.
    pub(crate) fn everything(backend: Backend) -> Self {
        Setup::new(backend)
            .get("/{proxy+}", &["method.request.path.proxy"])
            .serve()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.attache.address()
    }

    /// Over a connection of its own, so that any worker may get it.
    pub(crate) fn send(&self, request: &Request) -> Response {
        Client::http1(self.address()).send(request).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(&Request::new("GET", path))
    }

    /// How often the back end was called since the last time.
    pub(crate) fn calls(&self) -> usize {
        self.backend.take_seen().len()
    }

    /// How many requests of clients Envoy is at work on.
    pub(crate) fn active(&self) -> u64 {
        self.attache.stat("http.gateway.downstream_rq_active")
    }

    /// Waits until Envoy is at work on so many requests of clients.
    pub(crate) fn wait_for_active(&self, count: u64) {
        until("the requests at the gateway", || {
            (self.active() == count).then_some(())
        });
    }

    /// Waits until the back end has been called so often in all.
    pub(crate) fn wait_for_calls(&self, count: usize) {
        until("the calls of the back end", || {
            (self.backend.seen().len() >= count).then_some(())
        });
    }

    /// How many connections each worker has had.
    pub(crate) fn connections_of_workers(&self) -> Vec<u64> {
        let stats = self
            .attache
            .admin("/stats?filter=listener.*worker_.*cx_total");
        stats
            .text()
            .lines()
            .filter(|line| !line.contains("admin"))
            .filter_map(|line| line.rsplit_once(": ")?.1.parse().ok())
            .collect()
    }

    /// A statistic of the cached stage.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let name = format!("wasmcustom.attache.api.petstore.stage.prod.{name}");
        self.attache.stat(&name)
    }
}

/// An operation at this path with this key, whose parameters are declared, as has to be.
pub(crate) fn keyed(operation: Operation, path: &str, key: &[&str]) -> Operation {
    let in_path = path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let name = name.strip_suffix('+').unwrap_or(name);
        Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
    });
    let others = key.iter().filter_map(|parameter| {
        let (place, name) = parameter.strip_prefix("method.request.")?.split_once('.')?;
        let place = match place {
            "querystring" => "query",
            "header" => "header",
            _ => return None,
        };
        Some(json!({"name": name, "in": place, "schema": {"type": "string"}}))
    });
    let parameters: Vec<Value> = in_path.chain(others).collect();
    operation
        .set("cacheKeyParameters", json!(key))
        .field("parameters", parameters)
}

/// What Envoy's processes hold in memory, in KiB.
pub(crate) fn resident(attache: &Attache) -> u64 {
    attache
        .children()
        .iter()
        .filter_map(|process| {
            let status =
                fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}
