//! The management API of one run: a gateway with a cache can be told to forget, and one with usage
//! plans what was used, without a word of its configuration about it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use attache_model::{Gateway, ManagementApi, Secret};

use crate::project::token_sha256;
use crate::running::{Announcement, Running, new_token};

/// The first segments of the management API's paths, which no stage can have for a name beside it.
const FIRST_SEGMENTS: [&str; 2] = ["restapis", "usageplans"];

/// What other commands need to find the gateway, and to be let in.
#[derive(Clone, Debug)]
pub struct Management {
    configuration: PathBuf,
    /// Made up for the run. `None` where others than this computer's users can call.
    token: Option<Secret<String>>,
}

impl Management {
    /// For the run of a configuration file, with clients at this address.
    #[must_use]
    pub fn new(configuration: &Path, listen: SocketAddr) -> Self {
        Self {
            configuration: configuration.to_owned(),
            // Without randomness there is no token, and so nobody who is let in.
            token: listen
                .ip()
                .is_loopback()
                .then(new_token)
                .and_then(Result::ok),
        }
    }

    /// Opens the management API of a gateway that has a cache or a usage plan, unless its
    /// configuration says who may use it, or has a stage in its place.
    pub fn open(&self, gateway: &mut Gateway) {
        let stages = || gateway.apis.iter().flat_map(|api| &api.stages);
        let state = gateway.state.as_ref();
        let may_have_plans =
            !gateway.usage_plans.is_empty() || state.is_some_and(|state| state.redis.usage_plans);
        if let Some(token) = &self.token
            && gateway.management_api.is_none()
            && (may_have_plans || stages().any(|stage| stage.cache_cluster.is_some()))
            && stages().all(|stage| !FIRST_SEGMENTS.contains(&&*stage.name))
        {
            gateway.management_api = Some(ManagementApi {
                token_sha256: token_sha256(token),
            });
        }
    }

    /// Lets other commands find a gateway that has such an API.
    pub(super) fn announce(
        &self,
        gateway: &Gateway,
        listen: SocketAddr,
    ) -> std::io::Result<Option<Announcement>> {
        let Some(api) = &gateway.management_api else {
            return Ok(None);
        };
        let token = self.token.as_ref();
        let token = token.filter(|token| token_sha256(token) == api.token_sha256);
        Running::at(listen, token.cloned())
            .announce(&self.configuration)
            .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use attache_model::{
        Account, Api, CacheCluster, Gateway, ManagementApi, Protocol, Stage, State, UsagePlan,
    };

    use super::{FIRST_SEGMENTS, Management};

    #[test]
    fn only_a_gateway_with_something_to_manage_and_this_computers_clients_is_opened() {
        let gateway = |has_cache: bool| Gateway {
            apis: vec![Api {
                stages: vec![Stage {
                    cache_cluster: has_cache.then(|| CacheCluster::new(1)),
                    ..Stage::new("prod")
                }],
                ..Api::new("pets", Protocol::Rest)
            }],
            ..Gateway::new(Account {
                id: "000000000000".to_owned(),
                region: "us-east-1".to_owned(),
                throttle: None,
            })
        };
        let opened = |address: &str, mut gateway: Gateway| {
            let management = Management::new(Path::new("a.yaml"), address.parse().unwrap());
            management.open(&mut gateway);
            gateway.management_api
        };
        assert!(opened("127.0.0.1:0", gateway(true)).is_some());
        assert!(opened("[::1]:80", gateway(true)).is_some());
        assert_eq!(opened("127.0.0.1:0", gateway(false)), None);
        assert_eq!(opened("0.0.0.0:80", gateway(true)), None);
        let with_a_plan = Gateway {
            usage_plans: vec![UsagePlan {
                id: "gold".to_owned(),
                throttle: None,
                quota: None,
                api_stages: Vec::new(),
            }],
            ..gateway(false)
        };
        assert!(opened("127.0.0.1:0", with_a_plan).is_some());
        let redis = serde_json::json!({
            "url": "http://127.0.0.1:7379", "dialect": "webdis", "prefix": "attache",
            "onFailure": "local", "timeoutMillis": 5, "apiKeys": true, "usagePlans": true,
        });
        let with_plans_in_redis = Gateway {
            state: Some(State {
                redis: serde_json::from_value(redis).unwrap(),
            }),
            ..gateway(false)
        };
        assert!(opened("127.0.0.1:0", with_plans_in_redis).is_some());
        for name in FIRST_SEGMENTS {
            let mut in_its_place = gateway(true);
            in_its_place.apis[0].stages.push(Stage::new(name));
            assert_eq!(opened("127.0.0.1:0", in_its_place), None);
        }
        let configured = Some(ManagementApi {
            token_sha256: "00".repeat(32),
        });
        let gateway = Gateway {
            management_api: configured.clone(),
            ..gateway(true)
        };
        assert_eq!(opened("127.0.0.1:0", gateway), configured);
    }
}
