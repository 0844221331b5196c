//! From the configuration document to [`Routes`], with every fault at its place.

use attache_model::{Api, Canary, Gateway, Protocol, Stage};

use super::template::{self, parameters};
use super::tree::Tree;
use super::{
    ApiRoutes, CanaryRelease, Domains, MappedStage, Operations, Release, Routes, StageRoutes,
};
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
    /// Every fault of the document's hosts, stages and paths, each with its JSON pointer; also where
    /// several entries of one API id do not go together, and every canary release that cannot be
    /// one.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut operations = Vec::with_capacity(gateway.apis.len());
        let mut ids = Vec::with_capacity(gateway.apis.len());
        let mut answers_any_host: Option<&str> = None;
        for (position, api) in gateway.apis.iter().enumerate() {
            let pointer = format!("/apis/{position}");
            check_id(api, &pointer, &mut errors);
            ids.push((api.id.to_ascii_lowercase(), position));
            if api.any_host {
                let first = *answers_any_host.get_or_insert(&api.id);
                if first != api.id {
                    errors.push(
                        CompileError::new(
                            format!("{pointer}/anyHost"),
                            format!(
                                "`{}` cannot answer at any host: `{first}` already does",
                                api.id
                            ),
                        )
                        .hint("set `anyHost` on one API only; the others are found by host name"),
                    );
                }
            }
            operations.push(compile_operations(api, &pointer, &mut errors));
        }
        ids.sort_unstable();
        let mut apis = Vec::new();
        for entries in ids.chunk_by(|(one, _), (other, _)| one == other) {
            for (_, position) in entries {
                if let Some(entry) = operations.get_mut(*position) {
                    entry.api = apis.len();
                }
            }
            apis.extend(compile_api(gateway, entries, &mut errors));
        }
        let stage = |id: &str, name: &str| {
            let lower = id.to_ascii_lowercase();
            let found = apis.binary_search_by(|api: &ApiRoutes| (*api.id).cmp(&lower));
            let api = found.ok()?;
            let routes = apis.get(api)?;
            let stage = routes.stages.iter().position(|(other, _)| **other == *name);
            let is_default = name == DEFAULT && routes.default_stage.is_some();
            (stage.is_some() || is_default).then_some(MappedStage { api, stage })
        };
        let domains = Domains::compile(gateway, stage, &mut errors);
        if errors.is_empty() {
            Ok(Self {
                any_host: apis.iter().position(|api| api.any_host),
                apis,
                operations,
                domains,
            })
        } else {
            Err(errors)
        }
    }
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

/// The stages of one API id, from all entries that have it.
fn compile_api(
    gateway: &Gateway,
    entries: &[(String, usize)],
    errors: &mut Vec<CompileError>,
) -> Option<ApiRoutes> {
    let entries = || {
        let positions = entries.iter().map(|(_, position)| *position);
        positions.filter_map(|position| Some((position, gateway.apis.get(position)?)))
    };
    let (first, model) = entries().next()?;
    for (position, api) in entries().skip(1) {
        check_entry(api, position, model, first, errors);
    }
    let mut releases = Vec::new();
    // What has another spelling is reported, and no other fault comes of it.
    for (position, api) in entries().filter(|(_, api)| api.id == model.id) {
        for (place, stage) in api.stages.iter().enumerate() {
            releases.push((Release::new(position, place), api, stage));
        }
    }
    let mut stages: Vec<(&str, StageRoutes)> = Vec::new();
    for (release, api, stage) in &releases {
        if stage.canary.is_some() {
            continue;
        }
        let place = release.pointer("name");
        check_stage(api, stage, &place, errors);
        if stages.iter().any(|(name, _)| *name == stage.name) {
            let reason = format!("the API has a second stage `{}`", stage.name);
            errors.push(CompileError::new(place, reason));
        } else {
            let release = *release;
            let canary = None;
            stages.push((&stage.name, StageRoutes { release, canary }));
        }
    }
    // A canary release may stand before its stage.
    for (release, api, stage) in releases {
        if let Some(canary) = &stage.canary {
            let mut stages = stages.iter_mut();
            let routes = stages.find(|(name, _)| *name == stage.name);
            let routes = routes.map(|(_, routes)| routes);
            if let Err(fault) = add_canary(routes, release, api, stage, canary) {
                errors.push(fault);
            }
        }
    }
    let default = stages.iter().position(|(name, _)| *name == DEFAULT);
    Some(ApiRoutes {
        id: model.id.to_ascii_lowercase().into(),
        protocol: model.protocol,
        any_host: model.any_host,
        // Where one deployment has closed the door, none leaves it open.
        is_behind_domains: entries().any(|(_, api)| api.disable_execute_api_endpoint),
        first,
        default_stage: default.map(|default| stages.swap_remove(default).1),
        stages: stages
            .into_iter()
            .map(|(name, routes)| (name.into(), routes))
            .collect(),
    })
}

/// Entries of one API are of one kind: they differ in what was deployed to their stages.
fn check_entry(
    api: &Api,
    position: usize,
    first: &Api,
    first_position: usize,
    errors: &mut Vec<CompileError>,
) {
    let pointer = format!("/apis/{position}");
    if api.id != first.id {
        errors.push(
            CompileError::new(
                format!("{pointer}/id"),
                format!(
                    "the API id `{}` is also that of `/apis/{first_position}`",
                    api.id.to_ascii_lowercase()
                ),
            )
            .hint("API ids are host names, in which upper and lower case are the same"),
        );
        return;
    }
    let mut differs = |field: &str| {
        errors.push(
            CompileError::new(
                format!("{pointer}/{field}"),
                format!(
                    "the deployments of `{}` differ in `{field}`: see `/apis/{first_position}`",
                    api.id
                ),
            )
            .hint("deploy all stages of an API as one kind, or give each kind an API of its own"),
        );
    };
    if api.protocol != first.protocol {
        differs("protocol");
    }
    if api.any_host != first.any_host {
        differs("anyHost");
    }
}

/// Puts a canary release to its stage.
fn add_canary(
    stage_routes: Option<&mut StageRoutes>,
    release: Release,
    api: &Api,
    stage: &Stage,
    canary: &Canary,
) -> Result<(), CompileError> {
    let (id, name) = (&api.id, &stage.name);
    let percent = canary.percent_traffic;
    if !(0.0..=100.0).contains(&percent) {
        return Err(CompileError::new(
            release.pointer("canary/percentTraffic"),
            format!("{percent} is no part of a hundred requests"),
        )
        .hint("use 0 to 100, with a fraction if it is to be exact"));
    }
    let fault = |reason: String| CompileError::new(release.pointer("canary"), reason);
    if api.protocol == Protocol::Http {
        return Err(fault(format!(
            "`{id}` is an HTTP API, which has no canary releases"
        ))
        .hint("make it a REST API, or give the next version a stage of its own"));
    }
    let Some(stage_routes) = stage_routes else {
        return Err(fault(format!(
            "`{id}` has a canary release of `{name}`, and no such stage"
        ))
        .hint("a canary release gets a part of a stage's traffic: deploy the stage first"));
    };
    if stage_routes.canary.is_some() {
        return Err(
            fault(format!("the stage `{name}` has a second canary release"))
                .hint("promote or abandon one of the two"),
        );
    }
    stage_routes.canary = Some(CanaryRelease::new(release, percent));
    Ok(())
}

/// The operations of one entry of the configuration.
fn compile_operations(api: &Api, pointer: &str, errors: &mut Vec<CompileError>) -> Operations {
    let mut routes = Operations {
        // Known when all entries are.
        api: 0,
        tree: Tree::default(),
        default_route: None,
        parameters: Vec::with_capacity(api.operations.len()),
    };
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

fn check_stage(api: &Api, stage: &Stage, place: &str, errors: &mut Vec<CompileError>) {
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
}
