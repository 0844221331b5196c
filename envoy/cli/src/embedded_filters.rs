//! The `.wasm` modules inside this binary, so that it and an Envoy are a whole installation.

include!(concat!(env!("OUT_DIR"), "/filters.rs"));

/// One of the filters that attache ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every stage of the gateway in one filter.
    Gateway,
    /// The API key alone.
    ApiKey,
    /// Who may call, alone.
    Authorizer,
    /// The response cache of RFC 9111, alone.
    ResponseCache,
    /// Validation and mapping templates alone.
    Transform,
    /// The usage plan alone.
    UsagePlan,
}

/// This binary was built without the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFilters;

impl std::fmt::Display for NoFilters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(
            "this build of attache carries no filters: build it with `make build`, which puts \
             them into target/release/attache",
        )
    }
}

impl std::error::Error for NoFilters {}

impl Filter {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Gateway,
        Self::ApiKey,
        Self::Authorizer,
        Self::ResponseCache,
        Self::Transform,
        Self::UsagePlan,
    ];

    /// The name of its image, and what `{filter}` stands for in `attache compile --wasm`.
    #[must_use]
    pub const fn image_name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::ApiKey => "api-key",
            Self::Authorizer => "authorizer",
            Self::ResponseCache => "response-cache",
            Self::Transform => "transform",
            Self::UsagePlan => "usage-plan",
        }
    }

    /// The file name under which the module is shipped.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway.wasm",
            Self::ApiKey => "api_key.wasm",
            Self::Authorizer => "authorizer.wasm",
            Self::ResponseCache => "response_cache.wasm",
            Self::Transform => "transform.wasm",
            Self::UsagePlan => "usage_plan.wasm",
        }
    }

    /// The module.
    ///
    /// # Errors
    ///
    /// [`NoFilters`] when the binary was built without them.
    pub fn module(self) -> Result<&'static [u8], NoFilters> {
        match self {
            Self::Gateway => GATEWAY,
            Self::ApiKey => API_KEY,
            Self::Authorizer => AUTHORIZER,
            Self::ResponseCache => RESPONSE_CACHE,
            Self::Transform => TRANSFORM,
            Self::UsagePlan => USAGE_PLAN,
        }
        .ok_or(NoFilters)
    }
}
