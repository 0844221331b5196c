//! The AWS access keys that may sign requests.

use std::collections::BTreeMap;

use attache_model::{Credential, KeyDigest, Principal, SealedSecret, Secret};
use sha2::{Digest, Sha256};

use super::{Lowering, Pointer, beside};
use crate::configuration::{self, looks_like_a_secret};
use crate::secrets_key::{HOW_TO_MAKE, SecretsKey};

/// The lengths of an access key id (IAM API reference, `AccessKey`).
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

/// The largest file that is read as a secret, in bytes. Session tokens are the longest, and have no
/// upper bound in writing; those that AWS makes are under 4 kB.
const LARGEST_SECRET: u64 = 65_536;

/// A secret of a credential, and the two settings that can say where it is.
struct Source<'a> {
    /// What it is, in words.
    what: &'static str,
    file: (&'static str, Option<&'a String>),
    variable: (&'static str, Option<&'a String>),
}

impl Lowering<'_> {
    /// The credentials, their secrets sealed.
    pub(super) fn credentials(
        &mut self,
        credentials: &BTreeMap<String, configuration::Credential>,
    ) -> Vec<Credential> {
        let pointer = Pointer::root().key("credentials");
        self.remember_name("/credentials", &pointer);
        if credentials.is_empty() {
            return Vec::new();
        }
        let key = self.sealing_key(&pointer);
        let mut lowered = Vec::new();
        for (id, credential) in credentials {
            let pointer = pointer.key(id);
            let model = format!("/credentials/{}", lowered.len());
            lowered.extend(self.credential(id, credential, key.as_ref(), &pointer, &model));
        }
        lowered
    }

    /// The key that secrets are sealed with; `None` after a fault at the setting that asks for it.
    pub(super) fn sealing_key(&mut self, pointer: &Pointer) -> Option<SecretsKey> {
        match self.secrets_key {
            Ok(key) => Some(key.clone()),
            Err(reason) => {
                self.refuse_name(
                    "secrets-key",
                    pointer,
                    format!("no secret can be sealed: {reason}"),
                    format!("make a key with `{HOW_TO_MAKE}`"),
                );
                None
            }
        }
    }

    fn credential(
        &mut self,
        id: &str,
        credential: &configuration::Credential,
        key: Option<&SecretsKey>,
        pointer: &Pointer,
        model: &str,
    ) -> Option<Credential> {
        self.remember_name(model, pointer);
        self.check_access_key_id(id, pointer);
        let secret = self.secret(
            &Source {
                what: "secret access key",
                file: (
                    "secretAccessKeyFile",
                    credential.secret_access_key_file.as_ref(),
                ),
                variable: (
                    "secretAccessKeyEnv",
                    credential.secret_access_key_env.as_ref(),
                ),
            },
            pointer,
        );
        if secret.is_none()
            && credential.secret_access_key_file.is_none()
            && credential.secret_access_key_env.is_none()
            && !self.is_partial
        {
            self.refuse_name(
                "credential-secret",
                pointer,
                "the credential has no secret access key",
                "write it into a file that only you can read, and name that: \
                 `secretAccessKeyFile: …`; or into an environment variable: \
                 `secretAccessKeyEnv: …`",
            );
        }
        let session_token = self.secret(
            &Source {
                what: "session token",
                file: ("sessionTokenFile", credential.session_token_file.as_ref()),
                variable: ("sessionTokenEnv", credential.session_token_env.as_ref()),
            },
            pointer,
        );
        let expires_at = credential
            .expires_at
            .as_ref()
            .and_then(|text| self.moment(text, &pointer.key("expiresAt")));
        self.remember(format!("{model}/expiresAt"), &pointer.key("expiresAt"));
        let principal = self.principal(&credential.principal, pointer, model);
        let mut policies = Vec::new();
        for (index, policy) in credential.policies.iter().enumerate() {
            let pointer = pointer.key("policies").index(index);
            let model = format!("{model}/policies/{}", policies.len());
            policies.extend(self.policy_document(policy, &pointer, &model));
        }
        let secret = secret?;
        Some(Credential {
            access_key_id: id.to_owned(),
            secret_access_key: key
                .map_or_else(|| SealedSecret(String::new()), |key| key.seal(id, &secret)),
            session_token: session_token.map(|token| digest(&token)),
            expires_at,
            principal,
            policies,
        })
    }

    fn check_access_key_id(&mut self, id: &str, pointer: &Pointer) {
        let is_id = ID_LENGTHS.contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_id {
            return;
        }
        let message = if looks_like_a_secret(id) {
            "what stands here is no access key id, and may be a secret".to_owned()
        } else {
            format!("`{id}` is no access key id")
        };
        self.refuse_name(
            "access-key-id",
            pointer,
            message,
            "write the id of the access key, 16 to 128 letters and digits such as \
             `AKIAIOSFODNN7EXAMPLE`",
        );
    }

    fn principal(
        &mut self,
        principal: &configuration::Principal,
        pointer: &Pointer,
        model: &str,
    ) -> Principal {
        let pointer = pointer.key("principal");
        let model = format!("{model}/principal");
        self.remember(&model, &pointer);
        self.remember(format!("{model}/arn"), &pointer.key("arn"));
        Principal {
            arn: principal.arn.clone(),
            user_id: principal.user_id.clone(),
            organization_id: principal.organization_id.clone(),
            organization_paths: principal.organization_paths.clone(),
            tags: principal.tags.clone(),
            multi_factor_auth: principal.multi_factor_auth,
        }
    }

    /// Reads a secret; `None` when there is none, and after a fault.
    fn secret(&mut self, source: &Source<'_>, pointer: &Pointer) -> Option<Secret<String>> {
        match (source.file, source.variable) {
            ((_, None), (_, None)) => None,
            ((file, Some(_)), (variable, Some(_))) => {
                self.refuse_name(
                    "credential-secret",
                    &pointer.key(variable),
                    format!("the {} comes from two places", source.what),
                    format!("keep `{file}` or `{variable}`"),
                );
                None
            }
            ((setting, Some(path)), _) => {
                let text = self.secret_file(source.what, path, &pointer.key(setting))?;
                self.checked_secret(source.what, &text, &pointer.key(setting))
            }
            (_, (setting, Some(name))) => {
                let pointer = pointer.key(setting);
                if looks_like_a_secret(name) {
                    self.refuse_secret_in_clear(source.what, &pointer);
                    return None;
                }
                match std::env::var(name) {
                    Ok(text) => self.checked_secret(source.what, &text, &pointer),
                    Err(_) => {
                        self.refuse(
                            "credential-secret",
                            &pointer,
                            format!("the environment variable `{name}` is not set"),
                            format!("set it to the {} where attache is started", source.what),
                        );
                        None
                    }
                }
            }
        }
    }

    pub(super) fn secret_file(
        &mut self,
        what: &str,
        path: &str,
        pointer: &Pointer,
    ) -> Option<String> {
        let file = beside(&self.document.file, path);
        if !file.exists() && looks_like_a_secret(path) {
            self.refuse_secret_in_clear(what, pointer);
            return None;
        }
        let file = self.file_beside(path, what, pointer)?;
        let is_small = std::fs::metadata(&file).is_ok_and(|facts| facts.len() <= LARGEST_SECRET);
        let text = is_small.then(|| std::fs::read_to_string(&file));
        match text {
            Some(Ok(text)) => Some(text),
            Some(Err(error)) => {
                self.refuse(
                    "credential-secret",
                    pointer,
                    format!("the {what} cannot be read from `{path}`: {error}"),
                    "the file holds nothing but the secret, as text",
                );
                None
            }
            None => {
                self.refuse(
                    "credential-secret",
                    pointer,
                    format!("`{path}` is too large for a {what}"),
                    "the file holds nothing but the secret, as text",
                );
                None
            }
        }
    }

    fn refuse_secret_in_clear(&mut self, what: &str, pointer: &Pointer) {
        self.refuse(
            "unprotected-secret",
            pointer,
            format!("what stands here looks like a {what} itself"),
            "write it into a file or an environment variable, and the name of that here",
        );
    }

    /// A secret without the line's end that editors put after it.
    pub(super) fn checked_secret(
        &mut self,
        what: &str,
        text: &str,
        pointer: &Pointer,
    ) -> Option<Secret<String>> {
        let text = text.trim_ascii_end();
        if text.is_empty()
            || text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        {
            let message = if text.is_empty() {
                format!("the {what} is empty")
            } else {
                format!("what is read here is no {what}: it has white space in it")
            };
            self.refuse(
                "credential-secret",
                pointer,
                message,
                "the file or variable holds nothing but the secret, as text",
            );
            return None;
        }
        Some(Secret::new(text.to_owned()))
    }
}

fn digest(token: &Secret<String>) -> KeyDigest {
    KeyDigest(Sha256::digest(token.reveal().as_bytes()).into())
}
