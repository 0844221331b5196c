use std::borrow::Cow;
use std::cell::OnceCell;

use attache_model::{Principal, VpcEndpoint};

use crate::exchange::Exchange;
use crate::iam::{ConditionKeys, RequestKeys};
use crate::ports::Timestamp;

/// The condition keys of a request. Asking the proxy for the client's address costs, and few
/// policies want to know.
pub(super) struct LazyKeys<'r> {
    exchange: &'r Exchange,
    time: Timestamp,
    vpc_endpoint: Option<&'r VpcEndpoint>,
    /// Who has signed the request, and whether with temporary credentials.
    signer: Option<(&'r Principal, bool)>,
    source_address: OnceCell<Vec<u8>>,
}

impl<'r> LazyKeys<'r> {
    pub(super) const fn new(
        exchange: &'r Exchange,
        time: Timestamp,
        vpc_endpoint: Option<&'r VpcEndpoint>,
    ) -> Self {
        Self {
            exchange,
            time,
            vpc_endpoint,
            signer: None,
            source_address: OnceCell::new(),
        }
    }

    /// The same for a request of which it is known who has signed it.
    pub(super) const fn signed_by(&self, principal: &'r Principal, temporary: bool) -> Self {
        Self {
            exchange: self.exchange,
            time: self.time,
            vpc_endpoint: self.vpc_endpoint,
            signer: Some((principal, temporary)),
            source_address: OnceCell::new(),
        }
    }
}

impl ConditionKeys for LazyKeys<'_> {
    fn values(&self, key: &str) -> Vec<Cow<'_, str>> {
        let request = self.exchange.request();
        let source_address = self
            .source_address
            .get_or_init(|| self.exchange.ports().source_address());
        let keys = RequestKeys {
            time: self.time,
            source_address,
            // The proxy writes this one itself, from the connection or from what a proxy that it
            // trusts has said.
            secure_transport: request.last(b"x-forwarded-proto") == Some(b"https"),
            referer: request.last(b"referer"),
            user_agent: request.last(b"user-agent"),
            vpc_endpoint: self.vpc_endpoint,
            principal: self.signer.map(|(principal, _)| principal),
            temporary_credentials: self.signer.is_some_and(|(_, temporary)| temporary),
            token_issue_time: None,
            multi_factor_auth_age: None,
        };
        let values = keys.values(key).into_iter();
        values.map(|value| Cow::Owned(value.into_owned())).collect()
    }
}
