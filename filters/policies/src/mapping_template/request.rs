//! Where the facts of a request come from.

mod event;
mod gateway;

use std::sync::Arc;

use attache_values::Map;

use super::needs::ContextNeeds;

pub use event::TemplateEvent;
pub use gateway::{OperationContext, RequestFacts};

/// The facts of a request that templates read.
pub trait TemplateRequest {
    /// `$context` with the variables that are wanted, in AWS's order. The maps of overrides may be
    /// left out: they are added.
    fn context(&self, needs: &ContextNeeds) -> Map;

    /// One parameter of the request: the last value where there are several.
    fn parameter(&self, place: Place, name: &str) -> Option<Arc<str>>;

    /// All parameters of one place, each with its last value.
    fn parameters(&self, place: Place) -> Map;

    /// `$stageVariables`
    fn stage_variables(&self) -> Map;
}

/// Where a parameter stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// Among the header fields.
    Header,
}

impl Place {
    /// In the order in which `$input.params('name')` looks.
    pub const ALL: [Self; 3] = [Self::Path, Self::Query, Self::Header];

    /// As it is in `$input.params()`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "querystring",
            Self::Header => "header",
        }
    }
}
