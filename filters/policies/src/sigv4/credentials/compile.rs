//! From the credentials of a configuration to those that requests are verified with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use attache_model::{self as model, Gateway};

use super::Credential;
use crate::compile_error::CompileError;
use crate::iam::{Policy, PolicyKind, PrincipalArn};
use crate::ports::Environment;
use crate::sealed_secret::{SealingKey, VARIABLE};

/// The credentials in their order, or everything that is wrong with them.
pub(super) fn credentials(
    gateway: &Gateway,
    environment: &dyn Environment,
) -> Result<Vec<Credential>, Vec<CompileError>> {
    if gateway.credentials.is_empty() {
        return Ok(Vec::new());
    }
    let mut errors = Vec::new();
    report_duplicates(gateway, &mut errors);
    let key = sealing_key(environment)
        .map_err(|error| errors.push(error))
        .ok();
    let mut entries = Vec::with_capacity(gateway.credentials.len());
    for (position, credential) in gateway.credentials.iter().enumerate() {
        let place = format!("/credentials/{position}");
        entries.extend(compile(credential, key.as_ref(), &place, &mut errors));
    }
    if errors.is_empty() {
        Ok(entries)
    } else {
        Err(errors)
    }
}

fn compile(
    credential: &model::Credential,
    key: Option<&SealingKey>,
    place: &str,
    errors: &mut Vec<CompileError>,
) -> Option<Credential> {
    let before = errors.len();
    let id = &credential.access_key_id;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_id) {
        errors.push(
            CompileError::new(
                format!("{place}/accessKeyId"),
                format!("`{id}` is not an access key id"),
            )
            .hint("it is 1 to 128 letters, digits and underscores"),
        );
    }
    let principal = PrincipalArn::parse(&credential.principal.arn);
    if !principal.is_some_and(|principal| principal.signs()) {
        errors.push(
            CompileError::new(
                format!("{place}/principal/arn"),
                format!("`{}` is nobody who can sign", credential.principal.arn),
            )
            .hint(
                "write `arn:aws:iam::ACCOUNT:user/NAME`, or for a role \
                 `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`",
            ),
        );
    }
    let opened = key.map(|key| key.open(id, &credential.secret_access_key));
    let reason = match &opened {
        Some(Ok(secret)) if secret.reveal().is_empty() => {
            Some("the secret access key is empty".to_owned())
        }
        Some(Err(error)) => Some(error.to_string()),
        // A missing key was reported once for all.
        Some(Ok(_)) | None => None,
    };
    if let Some(reason) = reason {
        errors.push(
            CompileError::new(format!("{place}/secretAccessKey"), reason).hint(format!(
                "compile the configuration again, with the same `{VARIABLE}` that Envoy has"
            )),
        );
    }
    let mut policies = Vec::with_capacity(credential.policies.len());
    for (position, document) in credential.policies.iter().enumerate() {
        let place = format!("{place}/policies/{position}");
        match Policy::parse(document, PolicyKind::Identity) {
            Ok(policy) => policies.push(policy),
            Err(faults) => errors.extend(faults.into_iter().map(|fault| fault.within(&place))),
        }
    }
    if errors.len() > before {
        return None;
    }
    Some(Credential {
        access_key_id: id.as_str().into(),
        secret: opened?.ok()?,
        session_token: credential.session_token,
        expires_at: credential.expires_at,
        principal: Arc::new(credential.principal.clone()),
        policies,
        signing_key: Mutex::new(None),
    })
}

fn sealing_key(environment: &dyn Environment) -> Result<SealingKey, CompileError> {
    let hint = format!(
        "set `{VARIABLE}` in Envoy's environment to the key that the configuration was compiled \
         with"
    );
    match SealingKey::from_environment(environment) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(CompileError::new(
            "/credentials",
            format!("the credentials' secrets are sealed, and `{VARIABLE}` is not set"),
        )
        .hint(hint)),
        Err(invalid) => Err(CompileError::new("/credentials", invalid.to_string()).hint(hint)),
    }
}

fn report_duplicates(gateway: &Gateway, errors: &mut Vec<CompileError>) {
    let mut seen = HashMap::with_capacity(gateway.credentials.len());
    for (position, credential) in gateway.credentials.iter().enumerate() {
        let id = credential.access_key_id.as_str();
        if seen.insert(id, position).is_some() {
            errors.push(CompileError::new(
                format!("/credentials/{position}/accessKeyId"),
                format!("there are two credentials with the access key id `{id}`"),
            ));
        }
    }
}
