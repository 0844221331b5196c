//! The gateway as resources of the Gateway API and of Envoy Gateway.

use attache_model::Gateway;
use attache_policies::sealed_secret::VARIABLE as SECRETS_KEY;
use minijinja::{Value, context};

use crate::envoy_target::{
    FILTER_NAME, Pieces, SettingValue, TargetError, safe, settings_of, template,
};
use crate::secrets_key::is_needed;
use crate::targets::ClusterResources;

/// Where the settings of the connection manager are in a listener of Envoy Gateway.
const CONNECTION_MANAGER: &str = "/default_filter_chain/filters/0/typed_config/";

/// The code of a filter, as Envoy Gateway fetches it.
pub(crate) struct Fetched {
    /// Whether `place` is the reference of an image, rather than a URL.
    pub(crate) is_image: bool,
    /// Where it is.
    pub(crate) place: String,
    /// The SHA-256 of the image's manifest or of the module.
    pub(crate) sha256: String,
}

/// `envoy-gateway.yaml`.
///
/// # Errors
///
/// [`TargetError`].
pub(crate) fn resources(
    gateway: &Gateway,
    pieces: &Pieces,
    resources: &ClusterResources<'_, Fetched>,
) -> Result<String, TargetError> {
    let names: Vec<&str> = resources
        .chain
        .filters
        .iter()
        .map(|filter| filter.name.as_str())
        .collect();
    // As Envoy Gateway names the filters of a policy.
    let name_of = |index: usize| {
        format!(
            "envoy.filters.http.wasm/envoyextensionpolicy/{}/{FILTER_NAME}/wasm/{index}",
            resources.namespace
        )
    };
    let filters: Vec<Value> = resources
        .chain
        .filters
        .iter()
        .zip(&resources.code)
        .enumerate()
        .map(|(index, (filter, code))| {
            let item = format!("..http_filters[?(@.name=='{}')]", name_of(index));
            context! {
                name => &filter.name,
                image => code.is_image.then_some(&code.place),
                url => (!code.is_image).then_some(&code.place),
                sha256 => &code.sha256,
                path => format!("{item}.typed_config.config"),
                item,
                configuration => template::printed(&filter.configuration, 6),
            }
        })
        .collect();
    let own_routes = resources.chain.own_routes(|name| {
        let index = names.iter().position(|known| *known == name);
        name_of(index.unwrap_or_default())
    })?;
    let settings = [Some(&pieces.connection), pieces.access_log.as_ref()];
    let connection: Vec<Value> = settings
        .into_iter()
        .flatten()
        .flat_map(|mapping| settings_of(mapping))
        .map(|setting| {
            let (inline, block) = match setting.value {
                SettingValue::Inline(text) => (Some(safe(&text)), None),
                SettingValue::Block(text) => (None, Some(template::nested(&text, 8))),
            };
            context! {
                comment => setting.comment,
                path => format!("{CONNECTION_MANAGER}{}", setting.key),
                inline,
                block,
            }
        })
        .collect();
    let clusters: Vec<Value> = pieces
        .clusters
        .iter()
        .map(|(name, text)| context! { name, text => template::nested(text, 8) })
        .collect();
    Ok(template::render(
        "envoy-gateway.yaml",
        &context! {
            name => FILTER_NAME,
            namespace => resources.namespace,
            port => resources.port,
            listener => format!("tcp-{}", resources.port),
            route_configuration => format!("http-{}", resources.port),
            notes => resources.notes.to_vec(),
            secrets_key => is_needed(gateway).then_some(SECRETS_KEY),
            secrets_key_name => SECRETS_KEY,
            has_credentials => !gateway.credentials.is_empty(),
            connection,
            internal_headers => pieces.internal_headers,
            own_routes => own_routes.is_some(),
            routes => template::nested(own_routes.as_deref().unwrap_or(&pieces.routes), 6),
            clusters,
            filters,
            statistics => template::nested(&pieces.statistics, 6),
        },
    )?)
}
