//! One request, judged as the filter judges it.

use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attache_model::{Gateway, from_json};
use attache_policies::authorization::{AuthorizationRequest, Authorizations};
use attache_policies::ports::Environment;
use attache_policies::request_id::RequestIds;
use attache_policies::route::Routes;
use attache_policies::{Answer, Edits, Event, Exchange, Headers, Service, Step, Stream};

use super::decision::Decision;
use super::explanation::Explanation;
use crate::memory_proxy::{Call, Client, Memory};

/// The part of the gateway that says who may call.
pub(super) struct Trial {
    gateway: Gateway,
    routes: Routes,
    authorizations: Authorizations,
    /// What was asked of other services so far.
    calls: Mutex<Vec<Call>>,
    decision: Mutex<Option<Decision>>,
}

impl Trial {
    /// Compiles what is needed of a configuration. `None` when it does not compile.
    pub(super) fn new(gateway: &Gateway, environment: &dyn Environment) -> Option<Self> {
        Some(Self {
            gateway: gateway.clone(),
            routes: Routes::compile(gateway).ok()?,
            authorizations: Authorizations::compile(gateway, environment).ok()?,
            calls: Mutex::default(),
            decision: Mutex::default(),
        })
    }

    /// The configuration.
    pub(super) const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Where requests go.
    pub(super) const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Judges a request. `None` when no operation serves it.
    pub(super) fn decide(
        self: &Arc<Self>,
        request: Headers,
        body: Option<Vec<u8>>,
        proxy: Memory,
        client: &Client,
    ) -> Option<Decision> {
        let (mut stream, mut step) = Stream::start(self, request, body.is_none(), Rc::new(proxy));
        loop {
            let event = match step {
                Step::Call(callout) => {
                    let call = client.call(&callout);
                    let answer = call.answer.clone();
                    lock(&self.calls).push(call);
                    Event::Callout(answer)
                }
                Step::Collect => Event::RequestBody(body.clone().unwrap_or_default()),
                Step::Forward(_)
                | Step::Reply(_)
                | Step::Release(_)
                | Step::PassOn(..)
                | Step::Pause(_)
                | Step::Done
                | Step::Ignore => break,
            };
            step = stream.resume(event);
        }
        lock(&self.decision).take()
    }
}

impl Service for Trial {
    fn compile(configuration: &[u8], environment: &dyn Environment) -> Result<Self, Vec<String>> {
        let gateway = from_json(configuration).map_err(|error| vec![error.to_string()])?;
        Self::new(&gateway, environment).ok_or_else(|| vec!["it does not compile".to_owned()])
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let time = exchange.ports().now();
        let ids = RequestIds::generate(exchange.ports());
        if let Ok(route) = self.routes.find(exchange.request()) {
            let request = AuthorizationRequest {
                route,
                ids: &ids,
                time,
            };
            let authorized = self
                .authorizations
                .authorize(&exchange, &request, &mut |_| {})
                .await;
            // Whatever the explanation asks anew is not part of the decision.
            let calls = std::mem::take(&mut *lock(&self.calls));
            let explanation = Explanation {
                gateway: &self.gateway,
                authorizations: &self.authorizations,
                exchange: &exchange,
                request,
                calls,
            };
            let decision = explanation.of(authorized.err()).await;
            *lock(&self.decision) = Some(decision);
        }
        // The decision is told; nothing is there to be forwarded to.
        Answer::PassThrough(Edits::default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
