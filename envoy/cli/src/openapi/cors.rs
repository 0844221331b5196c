//! `x-amazon-apigateway-cors`: how pages of other origins may call an HTTP API.

use std::collections::BTreeMap;

use attache_model::{Cors, Protocol};

use super::mapping::list;
use super::{Located, Place, Reading};
use crate::document::Pointer;

const FIELDS: &[&str] = &[
    "allowCredentials",
    "allowHeaders",
    "allowMethods",
    "allowOrigins",
    "exposeHeaders",
    "maxAge",
];

/// AWS: how long a browser may keep an answer, in seconds; -1 forbids it.
const MAX_AGE: std::ops::RangeInclusive<i64> = -1..=86_400;

/// The settings; `None` when the API has none.
pub(super) fn read<'d>(
    reading: &mut Reading<'d, '_>,
    root: &Located<'d>,
    places: &mut BTreeMap<String, Place>,
) -> Option<Cors> {
    let found = root.get("x-amazon-apigateway-cors")?;
    // A warning says that REST APIs have none.
    if reading.protocol == Protocol::Rest {
        return None;
    }
    let pointer = Pointer::root().key("cors");
    places.insert(pointer.clone().into(), found.place());
    let mut cors = Cors::default();
    // AWS SAM makes this of `CorsConfiguration: true`.
    match found.node.as_bool() {
        Some(true) => {
            cors.allow_origins = vec!["*".to_owned()];
            return Some(cors);
        }
        Some(false) => return None,
        None if found.node.is_null() => return None,
        None => {}
    }
    reading.mapping(&found)?;
    reading.fields(&found, FIELDS);
    for (field, texts) in [
        ("allowHeaders", &mut cors.allow_headers),
        ("allowMethods", &mut cors.allow_methods),
        ("allowOrigins", &mut cors.allow_origins),
        ("exposeHeaders", &mut cors.expose_headers),
    ] {
        if let Some(found) = found.get(field).filter(|found| !found.node.is_null()) {
            *texts = list(reading, &found, &pointer.key(field), places);
        }
    }
    if let Some(flag) = found.get("allowCredentials") {
        places.insert(pointer.key("allowCredentials").into(), flag.place());
        cors.allow_credentials = reading.boolean(&flag).unwrap_or_default();
    }
    if let Some(age) = found.get("maxAge").filter(|age| !age.node.is_null()) {
        places.insert(pointer.key("maxAge").into(), age.place());
        cors.max_age = max_age(reading, &age);
    }
    Some(cors)
}

fn max_age(reading: &mut Reading<'_, '_>, age: &Located<'_>) -> Option<i32> {
    let seconds = reading.whole_number(age)?;
    if !MAX_AGE.contains(&seconds) {
        reading.error(
            "out-of-range",
            age.place(),
            format!(
                "`maxAge` must be between {} and {} seconds, not {seconds}",
                MAX_AGE.start(),
                MAX_AGE.end()
            ),
            None,
        );
    }
    i32::try_from(seconds).ok()
}

#[cfg(test)]
mod tests;
