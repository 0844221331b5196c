use std::fs;
use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::backend::Refusing;
use crate::client::{Body, Client, Request, Response};
use crate::raw::Raw;
use crate::redis::{Server, program};
use crate::wait::until;

/// The Webdis of Debian on a port of loopback: Redis over HTTP. It is killed when this is dropped.
pub struct Webdis {
    server: Server,
}

impl Webdis {
    /// One in front of what listens at this address, which carries out what gateways ask for and
    /// nothing else, as the one that `attache compile --target compose` starts.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn before(redis: SocketAddr) -> Self {
        let settings = include_str!("../../../envoy/compose/webdis.json");
        let settings: Value = serde_json::from_str(settings).expect("settings");
        Self::with(redis, &json!({"acl": settings["acl"]}))
    }

    /// One with these settings, as in its `webdis.json`, and otherwise with its own.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn with(redis: SocketAddr, settings: &Value) -> Self {
        let taken = Refusing::new();
        let server = Server::at(taken.address());
        let mut configuration = json!({
            "redis_host": redis.ip().to_string(),
            "redis_port": redis.port(),
            "http_host": taken.address().ip().to_string(),
            "http_port": taken.address().port(),
            "threads": 2,
            "pool_size": 8,
            "daemonize": false,
            "websockets": false,
            "database": 0,
            "verbosity": 3,
            "logfile": server.folder().join("webdis.log"),
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            configuration[name] = value.clone();
        }
        fs::write(
            server.folder().join("webdis.json"),
            configuration.to_string(),
        )
        .expect("a configuration");
        drop(taken);
        let mut webdis = Self { server };
        webdis.restart();
        webdis
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again at the same address, and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it is running, or does not start.
    pub fn restart(&mut self) {
        let mut command = program("webdis");
        command.arg("webdis.json");
        self.server.start(command);
        let address = self.address();
        until("a Webdis that listens", || {
            self.server.check();
            Raw::try_connect(address).map(drop)
        });
    }

    /// Stops it without ending it: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets it go on after [`freeze`](Self::freeze), with all that was sent to it meanwhile.
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }

    /// The answer to a command whose words are given as they stand in the body: encoded, and with
    /// slashes between them.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn post(&self, words: impl AsRef<[u8]>) -> Response {
        let body = Body::Whole(words.as_ref().to_vec());
        self.send(&Request::new("POST", "/").body(body))
    }

    /// The answer to any request.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn send(&self, request: &Request) -> Response {
        Client::http1(self.address())
            .send(request)
            .expect("Webdis answers")
    }
}
