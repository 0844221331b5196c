use std::ops::Range;
use std::path::Path;

use attache_model::{ApiKey, KeyDigest, PreviousValue, Secret};
use jiff::Timestamp;

use super::usage_plan::advice;
use super::{Lowering, Place, Pointer, beside};
use crate::api_key_file;
use crate::api_key_value::{ApiKeyValue, InvalidValue};
use crate::configuration::{self, Configuration};
use crate::diagnostic::Diagnostic;
use crate::document::Node;

/// What to do about a value that is no key.
const NEW_VALUE: &str = "make one with `attache keys create`";

impl Lowering<'_> {
    /// The keys of `attache.yaml` and of the files that it names.
    pub(super) fn api_keys(&mut self, configuration: &Configuration) -> Vec<ApiKey> {
        let mut keys = Vec::new();
        for (id, key) in &configuration.api_keys {
            let pointer = Pointer::root().key("apiKeys").key(id);
            let Some(key) = self.api_key(id, key, &pointer) else {
                continue;
            };
            let model = format!("/apiKeys/{}", keys.len());
            self.remember_name(&model, &pointer);
            for index in 0..key.usage_plans.len() {
                self.remember(
                    format!("{model}/usagePlans/{index}"),
                    &pointer.key("usagePlans").index(index),
                );
            }
            keys.push(key);
        }
        for (index, path) in configuration.api_key_files.iter().enumerate() {
            let pointer = Pointer::root().key("apiKeyFiles").index(index);
            for (key, place) in self.api_key_file(path, &pointer) {
                self.places
                    .insert(format!("/apiKeys/{}", keys.len()), place);
                keys.push(key);
            }
        }
        keys
    }

    pub(super) fn refuse_at(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report.push(
            Diagnostic::error(
                code,
                &place.file,
                place.span.clone(),
                &place.pointer,
                message,
            )
            .hint(hint),
        );
    }

    fn api_key(
        &mut self,
        id: &str,
        key: &configuration::ApiKey,
        pointer: &Pointer,
    ) -> Option<ApiKey> {
        if let Err(reason) = api_key_file::check_name(id) {
            self.refuse_name("api-key-name", pointer, reason, "rename the key");
        }
        if key.usage_plans.is_empty() && !self.is_partial {
            self.warn(
                "api-key-without-plan",
                pointer,
                format!("the API key `{id}` belongs to no usage plan, so it opens nothing"),
                "list its plans: `usagePlans: […]`",
            );
        }
        for (index, plan) in key.usage_plans.iter().enumerate() {
            let place = Place {
                file: self.document.file.clone(),
                span: self.span(&pointer.key("usagePlans").index(index)),
                pointer: pointer.key("usagePlans").index(index).into(),
            };
            self.check_plan(id, plan, &place);
        }
        let expires_at = key
            .expires_at
            .as_ref()
            .and_then(|text| self.moment(text, &pointer.key("expiresAt")));
        let mut previous_values = Vec::new();
        for (index, previous) in key.previous_values.iter().enumerate() {
            let pointer = pointer.key("previousValues").index(index);
            let digest = self.digest(
                id,
                previous.value.as_ref(),
                previous.value_sha256.as_deref(),
                &pointer,
            );
            let expires_at = self.moment(&previous.expires_at, &pointer.key("expiresAt"));
            if let (Some(digest), Some(expires_at)) = (digest, expires_at) {
                previous_values.push(PreviousValue { digest, expires_at });
            }
        }
        let digest = self.digest(id, key.value.as_ref(), key.value_sha256.as_deref(), pointer)?;
        Some(ApiKey {
            id: id.to_owned(),
            digest,
            previous_values,
            enabled: key.enabled,
            expires_at,
            usage_plans: key.usage_plans.clone(),
        })
    }

    /// The digest of a key's value, however the file gives it.
    fn digest(
        &mut self,
        id: &str,
        value: Option<&Secret<String>>,
        value_sha256: Option<&str>,
        pointer: &Pointer,
    ) -> Option<KeyDigest> {
        match (value, value_sha256) {
            (Some(value), None) => self.digest_of_value(value, &pointer.key("value")),
            (None, Some(text)) => KeyDigest::try_from(text.to_owned()).ok(),
            (Some(_), Some(_)) => {
                self.refuse_name(
                    "api-key-value",
                    &pointer.key("value"),
                    format!("the API key `{id}` has both a `value` and a `valueSha256`"),
                    "keep `valueSha256`: then the file holds no secret",
                );
                None
            }
            (None, None) if self.is_partial => None,
            (None, None) => {
                self.refuse_name(
                    "api-key-value",
                    pointer,
                    format!("the API key `{id}` has no value"),
                    "write `value`, or `valueSha256` to keep the secret out of the file",
                );
                None
            }
        }
    }

    fn digest_of_value(&mut self, value: &Secret<String>, pointer: &Pointer) -> Option<KeyDigest> {
        if value.reveal().contains("${") {
            self.refuse(
                "api-key-value",
                pointer,
                "the value of an API key holds `${`, and variables are not filled in here",
                "write `valueSha256` to keep the secret out of the file",
            );
            return None;
        }
        match ApiKeyValue::new(value.reveal().clone()) {
            Ok(value) => Some(value.digest()),
            Err(reason) => {
                let length = value.reveal().chars().count();
                let message = match reason {
                    InvalidValue::TooShort | InvalidValue::TooLong => {
                        format!("{reason}, and this one has {length}")
                    }
                    InvalidValue::NotAHeaderValue => reason.to_string(),
                };
                self.refuse("api-key-value", pointer, message, NEW_VALUE);
                None
            }
        }
    }

    /// A moment in milliseconds since 1970.
    pub(super) fn moment(&mut self, text: &str, pointer: &Pointer) -> Option<u64> {
        let moment = text
            .parse::<Timestamp>()
            .ok()
            .and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
        if moment.is_none() {
            self.refuse(
                "not-a-moment",
                pointer,
                "`expiresAt` is not a moment in the form of RFC 3339",
                "write date, time and offset: `2027-01-31T00:00:00Z`",
            );
        }
        moment
    }

    fn check_plan(&mut self, key: &str, plan: &str, place: &Place) {
        let plans = Pointer::root().key("usagePlans");
        if self.stands_in_file(&plans.key(plan)) {
            return;
        }
        let mut hint = advice(plan, &self.names_at(&plans), "the usage plans are");
        let shared = self.document.pointer("/state/redis/usagePlans");
        if shared.and_then(Node::as_bool) == Some(true) {
            hint.push_str("; plans in Redis are for keys in Redis alone");
        }
        self.refuse_at(
            "unknown-usage-plan",
            place,
            format!("the API key `{key}` belongs to the usage plan `{plan}`, which is not there"),
            hint,
        );
    }

    /// The keys of a file in AWS's API key file format.
    fn api_key_file(&mut self, path: &str, pointer: &Pointer) -> Vec<(ApiKey, Place)> {
        let file = beside(&self.document.file, path);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.refuse(
                    "missing-api-key-file",
                    pointer,
                    format!("cannot read the API key file `{path}`: {error}"),
                    format!(
                        "the path starts at the folder of {}: this one means `{}`",
                        super::FILE_NAME,
                        file.display()
                    ),
                );
                return Vec::new();
            }
        };
        self.report
            .add_source(file.as_path(), api_key_file::masked(&bytes));
        let read = match api_key_file::read(&file, &bytes) {
            Ok(read) => read,
            Err(faults) => {
                for fault in faults {
                    self.report.push(fault);
                }
                return Vec::new();
            }
        };
        for warning in read.warnings {
            self.report.push(warning);
        }
        let mut keys = Vec::new();
        for entry in read.entries {
            let place = record(&file, entry.span);
            for plan in &entry.usage_plans {
                self.check_plan(&entry.name, plan, &place);
            }
            let key = ApiKey {
                id: entry.name,
                digest: entry.digest,
                previous_values: Vec::new(),
                enabled: entry.enabled,
                expires_at: None,
                usage_plans: entry.usage_plans,
            };
            keys.push((key, place));
        }
        keys
    }
}

fn record(file: &Path, span: Range<usize>) -> Place {
    Place {
        file: file.to_owned(),
        span,
        pointer: String::new(),
    }
}
