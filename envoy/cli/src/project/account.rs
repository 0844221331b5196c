use attache_model::{Account, Throttle};

use super::Lowering;
use crate::configuration;
use crate::document::Pointer;

impl Lowering<'_> {
    pub(super) fn account(&mut self, account: &configuration::Account) -> Account {
        let pointer = Pointer::root().key("account");
        self.remember("/account", &pointer);
        self.remember("/account/throttle", &pointer.key("throttle"));
        Account {
            id: account.id.clone(),
            region: account.region.clone(),
            throttle: account.throttle.map(throttle),
        }
    }
}

/// A throttle of the configuration as one of the model.
pub(super) const fn throttle(throttle: configuration::Throttle) -> Throttle {
    Throttle {
        rate_limit: throttle.rate_limit,
        burst_limit: throttle.burst_limit,
    }
}
