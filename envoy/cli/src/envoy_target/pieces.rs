//! What a gateway needs of a proxy, piece by piece, for targets whose proxies are configured by
//! somebody else's control plane. Every piece is the one of [`super::static_configuration`], with
//! its reasons beside it, and stands at column 0.

use std::collections::BTreeSet;
use std::path::Path;

use attache_model::Gateway;
use attache_policies::Upstream;
use minijinja::Value;

use super::{
    CLUSTER_HEADER, Filter, MAPPED_HEADER, Place, SECRETS_FOLDER, Settings, TargetError, Transport,
    clusters, listener_values, process, template, transport,
};

/// The pieces.
pub(crate) struct Pieces {
    /// The settings of the connection manager, all but its filters, routes and logs.
    pub(crate) connection: String,
    /// The access log, as one more setting of the connection manager.
    pub(crate) access_log: Option<String>,
    /// The routes by which the gateway filter steers.
    pub(crate) routes: String,
    /// The header fields that no client may send.
    pub(crate) internal_headers: [&'static str; 2],
    /// The clusters, by their names.
    pub(crate) clusters: Vec<(String, String)>,
    /// What makes labels of the names of statistics.
    pub(crate) statistics: String,
}

impl Pieces {
    /// The pieces of a gateway, whose filter routes unless Envoy does.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub(crate) fn new(
        gateway: &Gateway,
        upstreams: &BTreeSet<Upstream>,
        transport: &Transport,
        settings: &Settings,
        envoy_routes: bool,
    ) -> Result<Self, TargetError> {
        let filter = Filter::Here(Vec::new());
        let secrets = Path::new(SECRETS_FOLDER);
        let transport = transport::context(transport, secrets, gateway)?;
        let own_routes = envoy_routes.then_some("");
        let values = listener_values(gateway, settings, transport, &filter, own_routes)?;
        let blocks = |names| template::blocks("listener.yaml", &values, names);
        let [connection, routes] = blocks(["connection", "routes"])?;
        let access_log = match gateway.access_log {
            true => Some(template::blocks("listener.yaml", &values, ["access_log"])?),
            false => None,
        };
        let [statistics] = template::blocks("process.yaml", &process(settings), ["statistics"])?;
        let clusters = upstreams
            .iter()
            .map(|upstream| {
                let one = BTreeSet::from([upstream.clone()]);
                let item = clusters(&one, secrets, settings, Place::Bootstrap)?;
                Ok((upstream.cluster(), without_dash(&item)))
            })
            .collect::<Result<_, TargetError>>()?;
        Ok(Self {
            connection: template::dedented(&connection),
            access_log: access_log.map(|[log]| template::dedented(&log)),
            routes: template::dedented(&routes),
            internal_headers: [CLUSTER_HEADER, MAPPED_HEADER],
            clusters,
            statistics: template::dedented(&statistics),
        })
    }
}

/// One setting of a mapping, with the comment above it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Lines of comment, each from `#` on.
    pub(crate) comment: Vec<String>,
    /// The key.
    pub(crate) key: String,
    /// The value: what follows the colon, or the lines below it at column 0.
    pub(crate) value: SettingValue,
}

/// A value of a mapping in block style.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SettingValue {
    /// On the line of the key.
    Inline(String),
    /// On lines of its own.
    Block(String),
}

/// The settings of a mapping that stands at column 0, each with its comment.
pub(crate) fn settings_of(mapping: &str) -> Vec<Setting> {
    let mut settings: Vec<(Vec<String>, String, String, Vec<&str>)> = Vec::new();
    let mut comment: Vec<String> = Vec::new();
    for line in mapping.lines() {
        if line.trim().is_empty() {
            continue;
        }
        if line.starts_with('#') {
            comment.push(line.to_owned());
        } else if let Some((key, value)) = line
            .split_once(':')
            .filter(|_| !line.starts_with([' ', '-']))
        {
            settings.push((
                std::mem::take(&mut comment),
                key.to_owned(),
                value.trim().to_owned(),
                Vec::new(),
            ));
        } else if let Some((.., lines)) = settings.last_mut() {
            lines.push(line);
        }
    }
    settings
        .into_iter()
        .map(|(comment, key, inline, lines)| Setting {
            comment,
            key,
            value: if lines.is_empty() {
                SettingValue::Inline(inline)
            } else {
                SettingValue::Block(template::dedented(&lines.join("\n")))
            },
        })
        .collect()
}

/// The only item of a list, as what it is by itself.
pub(crate) fn without_dash(item: &str) -> String {
    let item = item.trim();
    template::dedented(&format!("  {}", item.strip_prefix("- ").unwrap_or(item)))
}

/// The items of a list that stands at column 0, each as what it is by itself, with its comment.
pub(crate) fn items_of(list: &str) -> Vec<(Vec<String>, String)> {
    let mut items: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
    let mut comment: Vec<String> = Vec::new();
    for line in list.lines() {
        if line.starts_with('#') {
            comment.push(line.to_owned());
        } else if line.starts_with("- ") {
            items.push((std::mem::take(&mut comment), vec![line]));
        } else if let Some((_, lines)) = items.last_mut() {
            lines.push(line);
        }
    }
    items
        .into_iter()
        .map(|(comment, lines)| (comment, without_dash(&lines.join("\n"))))
        .collect()
}

/// Text that stands in a template as it is.
pub(crate) fn safe(text: &str) -> Value {
    Value::from_safe_string(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Setting, SettingValue, items_of, settings_of};

    #[test]
    fn a_mapping_falls_into_its_settings_and_a_list_into_its_items() {
        let settings =
            settings_of("\n# why\n# so\na: {b: 1}\nc:\n  # within\n  d: [\n  1]\n\ne:\n- f\n");
        assert_eq!(
            settings,
            [
                Setting {
                    comment: vec!["# why".to_owned(), "# so".to_owned()],
                    key: "a".to_owned(),
                    value: SettingValue::Inline("{b: 1}".to_owned()),
                },
                Setting {
                    comment: Vec::new(),
                    key: "c".to_owned(),
                    value: SettingValue::Block("# within\nd: [\n1]".to_owned()),
                },
                Setting {
                    comment: Vec::new(),
                    key: "e".to_owned(),
                    value: SettingValue::Block("- f".to_owned()),
                },
            ]
        );
        assert_eq!(
            items_of("# first\n- a: 1\n  b:\n  - c\n- d: 2"),
            [
                (vec!["# first".to_owned()], "a: 1\nb:\n- c".to_owned()),
                (Vec::new(), "d: 2".to_owned()),
            ]
        );
    }
}
