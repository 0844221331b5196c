//! Envoy's own pages: whether it serves, what it has taken over, what it is still busy with.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use ureq::Agent;

/// A client of one Envoy's administration address.
#[derive(Debug)]
pub(super) struct Admin {
    agent: Agent,
    address: SocketAddr,
}

/// A request that Envoy did not answer as expected.
pub(super) type AdminError = Box<ureq::Error>;

impl Admin {
    pub(super) fn new(address: SocketAddr) -> Self {
        let agent = Agent::config_builder()
            // Envoy compiles the filter where it would answer, for seconds where there is little
            // else to do, and for many where there is.
            .timeout_global(Some(Duration::from_secs(60)))
            // A proxy of the environment has no business between this process and its own Envoy.
            .proxy(None)
            .build()
            .new_agent();
        Self { agent, address }
    }

    /// Whether Envoy has started and takes requests.
    pub(super) fn is_ready(&self) -> bool {
        self.get("ready", &[]).is_ok()
    }

    /// The value of each statistic whose name the expression finds.
    pub(super) fn statistics(
        &self,
        expression: &str,
    ) -> Result<HashMap<String, String>, AdminError> {
        let text = self.get("stats", &[("filter", expression)])?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect())
    }

    /// Where the listener `name` was bound, which is news when port 0 was asked for.
    pub(super) fn listener(&self, name: &str) -> Result<Option<SocketAddr>, AdminError> {
        let text = self.get("listeners", &[])?;
        Ok(text.lines().find_map(|line| {
            let (listener, address) = line.split_once("::")?;
            (listener == name).then(|| address.parse().ok())?
        }))
    }

    /// Asks clients to close their connections with the next answer, and takes no new ones.
    pub(super) fn drain(&self) -> Result<(), AdminError> {
        self.post("healthcheck/fail")?;
        self.post("drain_listeners")
    }

    fn get(&self, page: &str, query: &[(&str, &str)]) -> Result<String, AdminError> {
        let mut request = self.agent.get(format!("http://{}/{page}", self.address));
        for (name, value) in query {
            request = request.query(name, value);
        }
        let mut response = request.call().map_err(Box::new)?;
        response.body_mut().read_to_string().map_err(Box::new)
    }

    fn post(&self, page: &str) -> Result<(), AdminError> {
        self.agent
            .post(format!("http://{}/{page}", self.address))
            .send_empty()
            .map_err(Box::new)?;
        Ok(())
    }
}
