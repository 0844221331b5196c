//! Parameter mappings of HTTP APIs: what changes on the request for the back end, and on its answer.
//!
//! ```text
//! append:header.x-trace: $context.requestId
//! overwrite:path:        /v2${request.path}
//! remove:querystring.q:  ''
//! ```
//!
//! A value is one reference (`$request.header.x`), or a text in which `${request.header.x}` stands
//! for what it refers to. All mappings read the message as it came, whatever the others change.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html>

mod change;
mod request;
mod response;
mod value;

pub(super) use request::HttpApiRequest;
pub(crate) use response::HttpApiResponses;
