//! From the configuration document to [`Routes`], with every fault at its place.

use attache_model::{Api, Gateway, Protocol, Stage};

use super::template::{self, parameters};
use super::tree::Tree;
use super::{ApiRoutes, Domains, Routes};
use crate::compile_error::CompileError;

/// The catch-all stage and the catch-all route of an HTTP API.
pub(super) const DEFAULT: &str = "$default";

/// AWS: the longest name of a stage.
const MAX_STAGE_NAME: usize = 128;

impl Routes {
    /// Compiles the routes of all APIs.
    ///
    /// # Errors
    ///
    /// Every fault of the document's hosts, stages and paths, each with its JSON pointer.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut hosts: Vec<(Box<str>, usize)> = Vec::new();
        let mut any_host = None;
        let mut apis = Vec::with_capacity(gateway.apis.len());
        for (position, api) in gateway.apis.iter().enumerate() {
            let pointer = format!("/apis/{position}");
            check_id(api, &pointer, &mut errors);
            hosts.push((api.id.to_ascii_lowercase().into(), position));
            if api.any_host {
                match any_host {
                    None => any_host = Some(position),
                    Some(first) => errors.push(
                        CompileError::new(
                            format!("{pointer}/anyHost"),
                            format!(
                                "`{}` cannot answer at any host: `{}` already does",
                                api.id,
                                name_of(gateway, first)
                            ),
                        )
                        .hint("set `anyHost` on one API only; the others are found by host name"),
                    ),
                }
            }
            apis.push(compile_api(api, &pointer, &mut errors));
        }
        hosts.sort_unstable();
        for pair in hosts.windows(2) {
            if let [(id, first), (other, second)] = pair
                && id == other
            {
                errors.push(
                    CompileError::new(
                        format!("/apis/{second}/id"),
                        format!("the API id `{id}` is also that of `/apis/{first}`"),
                    )
                    .hint("API ids are host names, in which upper and lower case are the same"),
                );
            }
        }
        let stage = |api: &str, stage: &str| {
            let api = gateway.apis.iter().position(|other| other.id == api)?;
            let mut stages = gateway.apis.get(api)?.stages.iter();
            Some((api, stages.position(|other| other.name == stage)?))
        };
        let domains = Domains::compile(gateway, stage, &mut errors);
        if errors.is_empty() {
            Ok(Self {
                apis,
                hosts,
                any_host,
                domains,
            })
        } else {
            Err(errors)
        }
    }
}

fn name_of(gateway: &Gateway, position: usize) -> &str {
    gateway.apis.get(position).map_or("", |api| &api.id)
}

/// An id is the first label of a host name (RFC 1123, section 2.1), with the underscore that
/// resolvers let pass.
fn check_id(api: &Api, pointer: &str, errors: &mut Vec<CompileError>) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if api.id.is_empty() || api.id.len() > 63 || !api.id.bytes().all(allowed) {
        errors.push(
            CompileError::new(
                format!("{pointer}/id"),
                format!("the API id `{}` cannot be part of a host name", api.id),
            )
            .hint("use 1 to 63 letters, digits, `-` and `_`"),
        );
    }
}

fn compile_api(api: &Api, pointer: &str, errors: &mut Vec<CompileError>) -> ApiRoutes {
    let mut routes = ApiRoutes {
        protocol: api.protocol,
        is_behind_domains: api.disable_execute_api_endpoint,
        stages: Vec::with_capacity(api.stages.len()),
        default_stage: None,
        tree: Tree::default(),
        default_route: None,
        parameters: Vec::with_capacity(api.operations.len()),
    };
    for (position, stage) in api.stages.iter().enumerate() {
        let place = format!("{pointer}/stages/{position}/name");
        check_stage(api, position, stage, &place, errors);
        if stage.name == DEFAULT {
            routes.default_stage = Some(position);
        } else {
            routes.stages.push((stage.name.as_str().into(), position));
        }
    }
    for (position, operation) in api.operations.iter().enumerate() {
        let place = format!("{pointer}/operations/{position}/path");
        let mut path_parameters = Box::default();
        if operation.path == DEFAULT {
            if api.protocol == Protocol::Rest {
                errors.push(
                    CompileError::new(place, "a REST API has no route `$default`")
                        .hint("use the path `/{proxy+}` with the method `ANY`"),
                );
            } else if let Some(first) = routes.default_route {
                errors.push(CompileError::new(
                    place,
                    format!("the route `$default` is also `{pointer}/operations/{first}`"),
                ));
            } else {
                routes.default_route = Some(position);
            }
        } else {
            match template::parse(&operation.path, api.protocol) {
                Ok(segments) => {
                    path_parameters = parameters(&segments);
                    if let Err(first) = routes.tree.insert(&segments, operation.method, position) {
                        errors.push(
                            CompileError::new(
                                place,
                                format!(
                                    "`{} {}` matches the same requests as \
                                     `{pointer}/operations/{first}`",
                                    operation.method.as_str(),
                                    operation.path
                                ),
                            )
                            .hint("keep one of the two; the names of parameters play no part"),
                        );
                    }
                }
                Err(faults) => {
                    errors.extend(faults.into_iter().map(|fault| {
                        CompileError::new(place.clone(), fault.reason).hint(fault.hint)
                    }))
                }
            }
        }
        routes.parameters.push(path_parameters);
    }
    routes
}

fn check_stage(
    api: &Api,
    position: usize,
    stage: &Stage,
    place: &str,
    errors: &mut Vec<CompileError>,
) {
    let name = &stage.name;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name == DEFAULT {
        if api.protocol == Protocol::Rest {
            errors.push(
                CompileError::new(place, "a REST API has no stage `$default`")
                    .hint("give the stage a name: it is the first segment of its paths"),
            );
        }
    } else if name.is_empty() || name.len() > MAX_STAGE_NAME || !name.bytes().all(allowed) {
        errors.push(
            CompileError::new(place, format!("`{name}` is not a valid stage name"))
                .hint("use 1 to 128 letters, digits, `-` and `_`"),
        );
    }
    let earlier = api.stages.iter().take(position);
    if earlier.map(|stage| &stage.name).any(|other| other == name) {
        errors.push(CompileError::new(
            place,
            format!("the API has a second stage `{name}`"),
        ));
    }
}
