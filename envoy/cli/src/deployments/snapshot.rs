//! What one stage of an API serves, whole and for good: a file that is never changed.

use std::collections::BTreeMap;
use std::fmt;

use attache_model::{Api, Stage, VERSION};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// How many hexadecimal digits of the hash name a deployment: enough that no two of an API are
/// ever alike, and few enough to be told on the telephone.
const DIGITS: usize = 12;

/// The name of a deployment: the beginning of the SHA-256 of its content, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId(String);

impl DeploymentId {
    /// The name of a content, however the file that holds it is indented.
    fn of(content: &Value) -> Self {
        let digest = Sha256::digest(content.to_string().as_bytes());
        let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(hexadecimal.chars().take(DIGITS).collect())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> Self {
        id.0
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = String;

    /// Nothing else can be a name, so that a name is always a plain file name.
    fn try_from(text: String) -> Result<Self, String> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == DIGITS && text.bytes().all(is_digit) {
            Ok(Self(text))
        } else {
            Err(format!(
                "a deployment is named by {DIGITS} hexadecimal digits"
            ))
        }
    }
}

/// What a stage was told to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The API as the filter loads it, with one stage, which says nothing of deployments.
    pub api: Api,
    /// What `attache.yaml` said of the API, with that stage alone.
    pub configuration: Value,
    /// The files that it was made of, by their names in `attache.yaml`.
    pub sources: BTreeMap<String, String>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Content {
    model_version: u32,
    api: Api,
    configuration: Value,
    /// Line by line: what version control shows of two deployments is what differs.
    sources: BTreeMap<String, Vec<String>>,
}

/// Why a file is not the snapshot that its name promises.
#[derive(Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// It is not there.
    Missing,
    /// It cannot be read, or is no snapshot.
    Unreadable(String),
    /// It is not what was deployed.
    Edited,
    /// It was made for another version of the model.
    Version(u32),
}

impl Snapshot {
    /// The stage that it is for. There is always one; without any it would be one without a name.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let stage = self.api.stages.first();
        stage.cloned().unwrap_or_else(|| Stage::new(""))
    }

    /// Its name, and the text of its file.
    ///
    /// # Errors
    ///
    /// Never in practice: nothing in a snapshot is beyond JSON.
    pub fn encode(&self) -> serde_json::Result<(DeploymentId, String)> {
        let lines = |text: &String| text.split('\n').map(str::to_owned).collect();
        let sources = self.sources.iter();
        let content = serde_json::to_value(Content {
            model_version: VERSION,
            api: self.api.clone(),
            configuration: self.configuration.clone(),
            sources: sources
                .map(|(name, text)| (name.clone(), lines(text)))
                .collect(),
        })?;
        let text = serde_json::to_string_pretty(&sorted(content))? + "\n";
        // Named by what will be read.
        let id = DeploymentId::of(&sorted(serde_json::from_str(&text)?));
        Ok((id, text))
    }

    /// Reads the file of a deployment.
    ///
    /// # Errors
    ///
    /// [`SnapshotFault`]; another version of the model before anything else.
    pub fn decode(id: &DeploymentId, text: &[u8]) -> Result<Self, SnapshotFault> {
        let unreadable = |error: serde_json::Error| SnapshotFault::Unreadable(error.to_string());
        let content: Value = serde_json::from_slice(text).map_err(unreadable)?;
        let content = sorted(content);
        let version = content.get("modelVersion").and_then(Value::as_u64);
        let version = version.and_then(|version| u32::try_from(version).ok());
        if let Some(version) = version.filter(|version| *version != VERSION) {
            return Err(SnapshotFault::Version(version));
        }
        if DeploymentId::of(&content) != *id {
            return Err(SnapshotFault::Edited);
        }
        let content: Content = serde_json::from_value(content).map_err(unreadable)?;
        let sources = content.sources.into_iter();
        Ok(Self {
            api: content.api,
            configuration: content.configuration,
            sources: sources
                .map(|(name, lines)| (name, lines.join("\n")))
                .collect(),
        })
    }
}

/// The same value with the members of its objects by name, wherever they came from.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> = members.into_iter().collect();
            let sorted = members
                .into_iter()
                .map(|(name, value)| (name, self::sorted(value)));
            Value::Object(sorted.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use attache_model::{Api, HttpProxy, Integration, Operation, Protocol, Stage, Verb};
    use serde_json::{Value, json};

    use super::{DeploymentId, Snapshot, SnapshotFault};

    fn snapshot() -> Snapshot {
        let integration = Integration::HttpProxy(HttpProxy::new("http://a/"));
        Snapshot {
            api: Api {
                operations: vec![Operation::new("/a", Verb::Get, integration)],
                stages: vec![Stage::new("prod")],
                ..Api::new("pets", Protocol::Rest)
            },
            configuration: json!({"stages": {"prod": {}}, "definition": "a.yaml"}),
            sources: [("a.yaml".to_owned(), "paths:\r\n  /a: {}\n".to_owned())].into(),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let (id, text) = snapshot().encode().unwrap();
        assert_eq!(Snapshot::decode(&id, text.as_bytes()), Ok(snapshot()));
        // The same content, the same name, in whatever order it came.
        let mut other = snapshot();
        other.configuration = json!({"definition": "a.yaml", "stages": {"prod": {}}});
        assert_eq!(other.encode().unwrap(), (id.clone(), text.clone()));
        other.sources.insert("b".to_owned(), String::new());
        assert_ne!(other.encode().unwrap().0, id);
        // A tool that indents files, or ends lines in its own way, changes nothing that counts.
        let value: Value = serde_json::from_str(&text).unwrap();
        for same in [value.to_string(), text.replace('\n', "\r\n")] {
            assert_eq!(Snapshot::decode(&id, same.as_bytes()), Ok(snapshot()));
        }
    }

    #[test]
    fn a_file_that_is_not_what_was_deployed_is_refused() {
        let (id, text) = snapshot().encode().unwrap();
        let edited = text.replace("http://a/", "http://b/");
        assert_eq!(
            Snapshot::decode(&id, edited.as_bytes()),
            Err(SnapshotFault::Edited)
        );
        for cut in [0, 1, text.len() / 2, text.len() - 3] {
            let found = Snapshot::decode(&id, &text.as_bytes()[..cut]);
            assert!(matches!(found, Err(SnapshotFault::Unreadable(_))), "{cut}");
        }
        let named = |text: &str| {
            let content = super::sorted(serde_json::from_str(text).unwrap());
            Snapshot::decode(&DeploymentId::of(&content), text.as_bytes())
        };
        let newer = text.replace("\"modelVersion\": 1", "\"modelVersion\": 9, \"novelty\": 1");
        assert_eq!(named(&newer), Err(SnapshotFault::Version(9)));
        let unknown = text.replace("\"modelVersion\": 1", "\"modelVersion\": 1, \"novelty\": 1");
        let Err(SnapshotFault::Unreadable(reason)) = named(&unknown) else {
            panic!("accepted");
        };
        assert!(reason.contains("novelty"), "{reason}");
    }

    #[test]
    fn only_a_plain_file_name_is_a_name() {
        for (text, is_name) in [
            ("0123456789ab", true),
            ("0123456789AB", false),
            ("0123456789a", false),
            ("../../../etc", false),
            ("", false),
        ] {
            let found = DeploymentId::try_from(text.to_owned());
            assert_eq!(found.is_ok(), is_name, "{text}");
        }
    }
}
