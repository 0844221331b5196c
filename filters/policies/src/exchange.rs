//! One request on its way through the gateway: what it asks, and the only things that its
//! pipeline may wait for.
//!
//! A pipeline is an `async fn` over an [`Exchange`]. The proxy runs it through a [`Stream`],
//! which polls the pipeline whenever something it awaited has happened and reports what the
//! proxy is to do next as a [`Step`]. Whether the request is held is never stored: it follows
//! from what the pipeline waits for.

mod conversation;
mod in_flight;
mod pauses;
mod stream;

use std::cell::OnceCell;
use std::rc::Rc;

use crate::headers::{HeaderEdit, Headers};
use crate::ports::{Environment, Ports};

use conversation::Conversation;
pub use in_flight::{InFlight, MOST_WAITING, Shared};
pub use pauses::Pauses;
pub use stream::{Event, Hold, Step, Stream};

/// One request, from its headers to its answer.
pub struct Exchange {
    request: Headers,
    ends_with_headers: bool,
    request_body: OnceCell<Vec<u8>>,
    ports: Rc<dyn Ports>,
    conversation: Rc<Conversation>,
}

/// How an exchange is answered: the last word of every pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The gateway answers by itself, in place of whatever the upstream said or would have said.
    Reply(Reply),
    /// The upstream's answer goes to the client, changed like this. Before
    /// [`Exchange::forward`] was called it means: forward the request unchanged.
    PassThrough(Edits),
    /// The upstream's answer has gone to the client already, by [`Exchange::pass_on`].
    PassedOn,
}

/// A whole answer made by the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields in order, without the pseudo-headers and without `content-length`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the field is there. `name` is lower-case.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(candidate, _)| candidate == name)
    }

    /// Replaces every value of the field by this one. `name` is lower-case.
    pub(crate) fn set_header(&mut self, name: &str, value: Vec<u8>) {
        self.headers.retain(|(candidate, _)| candidate != name);
        self.headers.push((name.to_owned(), value));
    }
}

/// What changes on a message before it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Changes to the header fields, in order.
    pub headers: Vec<HeaderEdit>,
    /// A new body. Only a pipeline that has awaited the message's body may set it; its length is
    /// put right by the proxy's side.
    pub body: Option<Vec<u8>>,
}

/// The head of an answer, from the upstream or from the proxy in its stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: u16,
    /// The header fields, `:status` included.
    pub headers: Headers,
    /// Set when it was the proxy that answered, because the upstream did not.
    pub failure: Option<UpstreamFailure>,
}

/// Why the proxy answered in the upstream's stead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No answer within the time-out.
    Timeout,
    /// No connection: refused, unresolvable, or no healthy host.
    Unreachable,
    /// The upstream's answer was not HTTP, or broke off before its head was complete.
    Malformed,
    /// Anything else that the proxy itself answered.
    Other,
}

/// A request of the gateway's own to another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// The name of the proxy's cluster.
    pub cluster: String,
    /// Header fields, with `:method`, `:path` and `:authority`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// After this many milliseconds the answer is [`CalloutAnswer::Failed`].
    pub timeout_millis: u32,
    /// Requests of one worker that make the same call at the same time, known by this name, share
    /// one: the first makes it, all get its answer. `None`: the call is this request's alone.
    pub shared_as: Option<[u8; 32]>,
}

/// How often a service is asked for errands unless it says otherwise, in milliseconds.
pub const ERRAND_INTERVAL_MILLIS: u32 = 250;

/// A call that a filter makes on its own account, apart from any request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// By which [`Service::fetched`] knows it again.
    pub id: usize,
    /// The call.
    pub callout: Callout,
}

impl Callout {
    /// What makes another request's call the same as this one; `None` when nothing does.
    #[must_use]
    pub fn shared(&self) -> Option<Shared> {
        self.shared_as.map(|name| Shared {
            name,
            timeout_millis: self.timeout_millis,
        })
    }
}

/// How a callout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalloutAnswer {
    /// The service, or the proxy in its stead, answered. A proxy reports a failed callout as an
    /// ordinary 503 or 504, so only an expected answer counts.
    Answered {
        /// The header fields, `:status` included.
        headers: Headers,
        /// The body.
        body: Vec<u8>,
    },
    /// The call could not be made, or broke off.
    Failed,
}

impl Exchange {
    /// The request's header fields, pseudo-headers included.
    #[must_use]
    pub const fn request(&self) -> &Headers {
        &self.request
    }

    /// Whether the request has no body. A WebSocket handshake has none.
    #[must_use]
    pub const fn ends_with_headers(&self) -> bool {
        self.ends_with_headers
    }

    /// What the proxy answers at once.
    #[must_use]
    pub fn ports(&self) -> &dyn Ports {
        &*self.ports
    }

    /// Holds the request until another service has answered.
    pub async fn callout(&self, callout: Callout) -> CalloutAnswer {
        self.conversation.callout(callout).await
    }

    /// Holds the request until its body is complete, and reads it. Whoever asks again is given the
    /// same body.
    pub async fn request_body(&self) -> &[u8] {
        if self.ends_with_headers {
            return &[];
        }
        if let Some(body) = self.request_body.get() {
            return body;
        }
        let body = self.conversation.request_body().await;
        self.request_body.get_or_init(|| body)
    }

    /// Sends the request on, changed as `edits` say, and waits for the head of the answer.
    pub async fn forward(&self, edits: Edits) -> ResponseHead {
        self.conversation.forward(edits).await
    }

    /// Holds the answer until its body is complete, and reads it. Only after
    /// [`forward`](Self::forward).
    pub async fn response_body(&self) -> Vec<u8> {
        self.conversation.response_body().await
    }

    /// Sends the upstream's answer to the client as it comes, changed like this, and waits for its
    /// end. Gives the body that the client was sent when the answer has ended as it should and the
    /// body has at most so many bytes; `None` when it is longer, or trailers come after it. When
    /// the answer breaks off, or the client goes away, nobody waits any longer: the pipeline is
    /// dropped.
    ///
    /// Only after [`forward`](Self::forward): before, the request is refused. It is the last thing
    /// that a pipeline can await, and the pipeline's answer is then [`Answer::PassedOn`]: one that
    /// awaits anything else is dropped, and any other answer is ignored.
    pub async fn pass_on(&self, edits: Edits, at_most: usize) -> Option<Vec<u8>> {
        self.conversation.pass_on(edits, at_most).await
    }

    /// Holds the request for so many milliseconds, or a few more; once it was forwarded, the
    /// answer.
    pub async fn pause(&self, millis: u32) {
        self.conversation.pause(millis).await;
    }
}

/// What a filter does with its requests: compiled once from a configuration, shared by all of
/// them.
///
/// ```
/// use std::sync::Arc;
///
/// use attache_policies::ports::Environment;
/// use attache_policies::{Answer, Edits, Exchange, Reply, Service};
///
/// /// Lets nobody in without a ticket, and forwards everybody else unchanged.
/// struct Door;
///
/// impl Service for Door {
///     fn compile(
///         _configuration: &[u8],
///         _environment: &dyn Environment,
///     ) -> Result<Self, Vec<String>> {
///         Ok(Self)
///     }
///
///     async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
///         if !exchange.request().contains(b"x-ticket") {
///             return Answer::Reply(Reply { status: 403, ..Reply::default() });
///         }
///         exchange.forward(Edits::default()).await;
///         Answer::PassThrough(Edits::default())
///     }
/// }
/// ```
pub trait Service: Send + Sync + Sized + 'static {
    /// Compiles the filter's configuration.
    ///
    /// # Errors
    ///
    /// Every reason why the configuration is refused, each naming its place and never a value.
    fn compile(configuration: &[u8], environment: &dyn Environment) -> Result<Self, Vec<String>>;

    /// The configuration holds from now on, on this worker. It may only be tried out: the proxy tells
    /// that of a virtual machine which never gets a request, too.
    fn begin(&self, _ports: &dyn Ports) {}

    /// Another configuration holds on this worker, and no request under this one is left.
    fn end(&self, _ports: &dyn Ports) {}

    /// What is to be fetched now, apart from any request. The proxy asks every worker a few times
    /// a second: as often as [`errand_interval_millis`](Self::errand_interval_millis) says.
    fn errands(&self, _ports: &dyn Ports) -> Vec<Errand> {
        Vec::new()
    }

    /// How often to ask for errands, in milliseconds.
    fn errand_interval_millis(&self) -> u32 {
        ERRAND_INTERVAL_MILLIS
    }

    /// What came of an errand.
    fn fetched(&self, _errand: usize, _answer: CalloutAnswer, _ports: &dyn Ports) {}

    /// The life of one request.
    fn serve(
        self: std::sync::Arc<Self>,
        exchange: Exchange,
    ) -> impl Future<Output = Answer> + 'static;
}
