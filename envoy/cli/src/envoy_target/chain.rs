//! The filters of attache in a proxy, and who decides on the way of a request: the fused gateway
//! filter, or Envoy's own routes with filters of a single concern.

use std::path::PathBuf;

use attache_model::Gateway;
use minijinja::{Value, context};

use super::{FILTER_NAME, SECRETS_KEY, TargetError, template, text};
use crate::embedded_filters::Filter;

/// The filters of attache in a listener, from the first that sees a request to the last.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The filters.
    pub filters: Vec<ChainedFilter>,
    /// Envoy's own routes; none where the gateway filter routes.
    pub routes: Option<Vec<OwnRoute>>,
}

/// One filter.
#[derive(Clone, Debug)]
pub struct ChainedFilter {
    /// The name of the filter, of its plug-in and of the resource that holds its configuration.
    pub name: String,
    /// The module.
    pub module: Filter,
    /// Its configuration: JSON that people can read.
    pub configuration: String,
}

/// An operation as a route of Envoy's own.
#[derive(Clone, Debug)]
pub struct OwnRoute {
    /// What clients ask for: a path, or a URI template when `template`.
    pub path: String,
    /// What the back end is asked for, in the same form.
    pub rewrite: String,
    /// Whether the paths have variables.
    pub template: bool,
    /// The method; `None` for all.
    pub method: Option<&'static str>,
    /// The cluster of the back end.
    pub cluster: String,
    /// How long the back end has, in milliseconds.
    pub timeout_millis: u32,
    /// The filters that have no part in it, by their names.
    pub without: Vec<String>,
}

/// Where a proxy opens a filter's module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A file of the proxy's own.
    File(PathBuf),
    /// Something to be fetched.
    Remote {
        /// Where it is.
        uri: String,
        /// The cluster that it is fetched through.
        cluster: String,
        /// The SHA-256 that it has to have, in hexadecimal digits.
        sha256: String,
    },
}

impl Chain {
    /// The gateway filter alone.
    ///
    /// # Errors
    ///
    /// When the gateway's document cannot be written as JSON.
    pub fn fused(gateway: &Gateway) -> Result<Self, TargetError> {
        Ok(Self {
            filters: vec![ChainedFilter {
                name: FILTER_NAME.to_owned(),
                module: Filter::Gateway,
                configuration: serde_json::to_string_pretty(gateway)
                    .map_err(TargetError::Document)?,
            }],
            routes: None,
        })
    }

    /// Envoy's own routes, each item at column 0; `filter_name` is how the proxy calls a filter.
    pub(crate) fn own_routes(
        &self,
        filter_name: impl Fn(&str) -> String,
    ) -> Result<Option<String>, TargetError> {
        let Some(routes) = &self.routes else {
            return Ok(None);
        };
        let routes: Vec<Value> = routes
            .iter()
            .map(|route| {
                let without: Vec<String> =
                    route.without.iter().map(|name| filter_name(name)).collect();
                context! {
                    path => &route.path,
                    rewrite => &route.rewrite,
                    template => route.template,
                    method => route.method,
                    cluster => &route.cluster,
                    timeout => format!("{}s", f64::from(route.timeout_millis) / 1000.0),
                    without,
                }
            })
            .collect();
        let filters: Vec<String> = self
            .filters
            .iter()
            .map(|filter| filter_name(&filter.name))
            .collect();
        let rendered = template::render("routes.yaml", &context! { routes, filters })?;
        Ok(Some(rendered))
    }
}

/// The plug-in of a filter: its `typed_config`, at column 0.
pub(crate) fn plugin(
    name: &str,
    code: &Code,
    configuration: &Value,
) -> Result<String, TargetError> {
    let code = match code {
        Code::File(file) => format!("{{local: {{filename: {}}}}}", template::quoted(text(file)?)),
        Code::Remote {
            uri,
            cluster,
            sha256,
        } => format!(
            "{{remote: {{http_uri: {{uri: {}, cluster: {}, timeout: 30s}}, sha256: {sha256}}}}}",
            template::quoted(uri),
            template::quoted(cluster)
        ),
    };
    Ok(template::render(
        "plugin.yaml",
        &context! {
            code => Value::from_safe_string(code),
            name,
            secrets_key => SECRETS_KEY,
            configuration,
        },
    )?)
}
