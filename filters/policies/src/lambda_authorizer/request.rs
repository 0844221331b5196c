//! What an authorizer is asked about.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{Api, Gateway, Protocol, Stage, Verb};
use sha2::{Digest, Sha256};

use crate::client_certificate::ClientCertificate;
use crate::headers::Headers;
use crate::iam;
use crate::ports::{Connection, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Route;

/// One request as an authorizer sees it.
#[derive(Clone, Copy)]
pub struct AuthorizerRequest<'r> {
    /// The client's header fields, pseudo-headers included.
    pub headers: &'r Headers,
    /// Where the request goes.
    pub route: Route<'r>,
    /// Its names.
    pub ids: &'r RequestIds,
    /// When it arrived.
    pub time: Timestamp,
    /// Where the client's address and the protocol are asked for.
    pub connection: &'r dyn Connection,
    /// The certificate that the client has shown and the proxy has verified.
    pub client_certificate: Option<&'r ClientCertificate>,
    /// What the policy is asked: its resource is the method ARN that the function is told, too.
    pub access: iam::Request<'r>,
}

/// The header of an API key.
pub(super) const API_KEY: &[u8] = b"x-api-key";

impl<'r> AuthorizerRequest<'r> {
    /// All values of a header field, in order. `name` is in lower case.
    pub(super) fn header<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'r [u8]> + use<'r, 'n> {
        self.headers
            .iter()
            .filter(move |(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// The last value of a header field. `name` is in lower case.
    pub(super) fn last_header(&self, name: &[u8]) -> Option<&'r [u8]> {
        self.headers.last(name)
    }

    /// `$context.requestId` as the client is told it: of HTTP APIs it is the short one.
    pub(super) fn id(&self, protocol: Protocol) -> &'r str {
        match protocol {
            Protocol::Rest => self.ids.request_id(),
            Protocol::Http => self.ids.extended(),
        }
    }
}

/// What is the same for all requests of an API in one of its stages.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) protocol: Protocol,
    pub(super) account_id: Box<str>,
    pub(super) api_id: Box<str>,
    pub(super) stage: Box<str>,
    pub(super) variables: BTreeMap<String, String>,
    operations: Arc<[Operation]>,
}

#[derive(Debug)]
struct Operation {
    path: Box<str>,
    method: Verb,
}

impl Deployment {
    /// The stages of an API.
    pub(super) fn of(gateway: &Gateway, api: &Api) -> Vec<Arc<Self>> {
        let operations = api.operations.iter().map(|operation| Operation {
            path: operation.path.as_str().into(),
            method: operation.method,
        });
        let operations: Arc<[Operation]> = operations.collect();
        let deployment = |stage: &Stage| Self {
            protocol: api.protocol,
            account_id: gateway.account.id.as_str().into(),
            api_id: api.id.as_str().into(),
            stage: stage.name.as_str().into(),
            variables: stage.variables.clone(),
            operations: Arc::clone(&operations),
        };
        let stages = api.stages.iter();
        stages.map(|stage| Arc::new(deployment(stage))).collect()
    }

    /// `$context.resourcePath`
    pub(super) fn resource_path(&self, operation: usize) -> &str {
        let operation = self.operations.get(operation);
        operation.map_or("", |operation| &operation.path)
    }

    /// `$context.routeKey`: `$default`, or method and path of the route.
    pub(super) fn route_key(&self, operation: usize) -> String {
        match self.operations.get(operation) {
            Some(operation) if operation.path.starts_with('/') => {
                format!("{} {}", operation.method.as_str(), operation.path)
            }
            Some(operation) => operation.path.to_string(),
            None => String::new(),
        }
    }

    /// `$context.resourceId`
    pub(super) fn resource_id(&self, operation: usize) -> String {
        resource_id(&self.api_id, self.resource_path(operation))
    }
}

/// `$context.resourceId`: AWS draws six letters and digits when the resource is made. Here they
/// follow from the API and the path, so that they are the same in every worker.
pub(crate) fn resource_id(api_id: &str, resource_path: &str) -> String {
    const LETTERS: [u8; 36] = *b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut hash = Sha256::new_with_prefix(api_id.as_bytes());
    hash.update([0]);
    hash.update(resource_path.as_bytes());
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 36)).copied();
    let letters = hash.finalize();
    let letters = letters.iter().take(6).filter_map(letter);
    letters.map(char::from).collect()
}
