//! The gateway as resources of Istio: a gateway of its own, and the EnvoyFilter that makes it one
//! of AWS's.

use attache_model::Gateway;
use attache_policies::sealed_secret::VARIABLE as SECRETS_KEY;
use minijinja::{Value, context};

use crate::envoy_target::{Code, FILTER_NAME, Pieces, TargetError, items_of, plugin, template};
use crate::secrets_key::is_needed;
use crate::targets::ClusterResources;

/// The cluster of a module that Istio's agent fetches: it goes through none of Envoy's.
pub(crate) const NO_CLUSTER: &str = "_";

/// `istio.yaml`.
///
/// # Errors
///
/// [`TargetError`].
pub(crate) fn resources(
    gateway: &Gateway,
    pieces: &Pieces,
    resources: &ClusterResources<'_, Code>,
) -> Result<String, TargetError> {
    let mut filters = resources
        .chain
        .filters
        .iter()
        .zip(&resources.code)
        .map(|(filter, code)| {
            let configuration = template::block(&filter.configuration, 4);
            let plugin = plugin(&filter.name, code, &configuration)?;
            Ok(context! { name => &filter.name, plugin => template::nested(&plugin, 10) })
        })
        .collect::<Result<Vec<Value>, TargetError>>()?;
    // Each is put before the ones that were put first.
    filters.reverse();
    let own_routes = resources.chain.own_routes(str::to_owned)?;
    let mut routes: Vec<Value> = items_of(own_routes.as_deref().unwrap_or(&pieces.routes))
        .into_iter()
        .map(|(comment, text)| context! { comment, text => template::nested(&text, 8) })
        .collect();
    routes.reverse();
    let clusters: Vec<Value> = pieces
        .clusters
        .iter()
        .map(|(_, cluster)| template::nested(cluster, 8))
        .collect();
    Ok(template::render(
        "istio.yaml",
        &context! {
            name => FILTER_NAME,
            statistics_name => format!("{FILTER_NAME}-statistics"),
            namespace => resources.namespace,
            port => resources.port,
            vhost => format!("*:{}", resources.port),
            notes => resources.notes.to_vec(),
            secrets_key => is_needed(gateway).then_some(SECRETS_KEY),
            has_credentials => !gateway.credentials.is_empty(),
            connection => template::nested(&pieces.connection, 10),
            access_log => pieces.access_log.as_ref().map(|log| template::nested(log, 10)),
            internal_headers => pieces.internal_headers,
            own_routes => own_routes.is_some(),
            routes,
            clusters,
            filters,
            statistics => template::nested(&pieces.statistics, 8),
        },
    )?)
}
