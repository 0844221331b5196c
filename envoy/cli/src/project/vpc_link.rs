use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attache_model::{HttpProxy, Integration, Operation};

use super::{Lowering, Place, Pointer};
use crate::configuration::{self, suggestion};
use crate::openapi::ImportedVpcLink;

impl Lowering<'_> {
    /// Completes the integrations of an API that go through VPC links. `pointer` is the API's in
    /// `attache.yaml`, `file` its definition.
    pub(super) fn vpc_links(
        &mut self,
        operations: &mut [Operation],
        named: &[Option<ImportedVpcLink>],
        api: &configuration::Api,
        pointer: &Pointer,
        file: &Path,
    ) {
        let mut used = BTreeSet::new();
        for (operation, link) in operations.iter_mut().zip(named) {
            let Some(link) = link else {
                continue;
            };
            let place = Place {
                file: file.to_owned(),
                span: link.place.span.clone(),
                pointer: link.place.pointer.clone(),
            };
            let url = self.vpc_link(&link.id, &place, api, &mut used);
            match &mut operation.integration {
                Integration::HttpProxy(proxy) => {
                    if let Some(url) = url.as_ref().filter(|_| proxy.uri.starts_with("arn:")) {
                        lead_to_listener(proxy, url, api);
                    }
                    proxy.vpc_link = url;
                }
                Integration::Http(http) => http.vpc_link = url,
                Integration::AwsProxy(_) | Integration::Aws(_) | Integration::Mock(_) => {}
            }
        }
        for id in api.vpc_links.keys() {
            if !used.contains(id) && !self.report.has_errors() {
                let known: Vec<&str> = named
                    .iter()
                    .flatten()
                    .map(|link| link.id.as_str())
                    .collect();
                self.warn(
                    "vpc-link-without-integration",
                    &pointer.key("vpcLinks").key(id),
                    format!("no integration goes through the VPC link `{id}`"),
                    suggestion::closest(id, known).map_or_else(
                        || "remove it".to_owned(),
                        |meant| format!("did you mean `{meant}`?"),
                    ),
                );
            }
        }
    }

    /// Where one link leads. An id that holds stage variables is another one in each stage; those
    /// must lead to the same place.
    fn vpc_link(
        &mut self,
        id: &str,
        place: &Place,
        api: &configuration::Api,
        used: &mut BTreeSet<String>,
    ) -> Option<String> {
        let ids: BTreeSet<String> = if id.contains("${stageVariables.") {
            let stages = api.stages.values();
            stages
                .map(|stage| with_variables(id, &stage.variables))
                .collect()
        } else {
            [id.to_owned()].into()
        };
        let mut urls = BTreeSet::new();
        for id in ids {
            if let Some(link) = api.vpc_links.get(&id) {
                urls.insert(link.url.clone());
            } else if !self.is_partial {
                let known = api.vpc_links.keys().map(String::as_str);
                let hint = suggestion::closest(&id, known).map_or_else(
                    || {
                        format!(
                            "in {}, give the API `vpcLinks: {{{id}: {{url: \"http://…\"}}}}`, the \
                             address that Envoy reaches in place of the load balancer",
                            super::FILE_NAME
                        )
                    },
                    |meant| format!("did you mean `{meant}`?"),
                );
                self.refuse_at(
                    "unknown-vpc-link",
                    place,
                    format!("nothing says where the VPC link `{id}` leads"),
                    hint,
                );
            }
            used.insert(id);
        }
        if urls.len() > 1 {
            self.refuse_at(
                "vpc-link-per-stage",
                place,
                "VPC links that lead to other places in other stages are not supported",
                "give them the same `url`, and put a stage variable into the `uri`",
            );
        }
        urls.pop_first()
    }
}

/// A listener or a service of an HTTP API has an ARN and no path of its own: it gets the client's,
/// with the stage (developer guide, "Create private integrations for HTTP APIs in API Gateway").
/// Beside the stage `$default`, which has no name in a path, it gets the path alone.
fn lead_to_listener(proxy: &mut HttpProxy, url: &str, api: &configuration::Api) {
    url.clone_into(&mut proxy.uri);
    let path = if api.stages.contains_key("$default") {
        "$request.path"
    } else {
        "/${context.stage}${request.path}"
    };
    proxy
        .request_parameters
        .entry("overwrite:path".to_owned())
        .or_insert_with(|| path.to_owned());
}

/// A text with stage variables put in place; one that is not there is empty, as on AWS.
fn with_variables(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${stageVariables.") {
        result.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        result.push_str(variables.get(name).map_or("", String::as_str));
        rest = after;
    }
    result.push_str(rest);
    result
}
