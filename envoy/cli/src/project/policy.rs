//! IAM policies out of `attache.yaml`, definitions and files.

use std::path::Path;

use serde_json::Value as Json;

use super::{Lowering, Place, Pointer};
use crate::configuration::{self, PolicyDocument};
use crate::document::{Document, Node};
use crate::openapi::{ImportedPolicy, LONGEST_POLICY};

impl Lowering<'_> {
    /// The resource policy of an API, from `attache.yaml` or from its definition, in `file`.
    pub(super) fn resource_policy(
        &mut self,
        api: &configuration::Api,
        imported: Option<ImportedPolicy>,
        file: &Path,
        pointer: &Pointer,
        model: &str,
    ) -> Option<Json> {
        let pointer = pointer.key("resourcePolicy");
        let model = format!("{model}/resourcePolicy");
        let Some(own) = &api.resource_policy else {
            let imported = imported?;
            for (part, place) in imported.places {
                let place = Place {
                    file: file.to_owned(),
                    span: place.span,
                    pointer: place.pointer,
                };
                self.places.insert(format!("{model}{part}"), place);
            }
            return Some(imported.policy);
        };
        if imported.is_some() {
            self.refuse_name(
                "two-resource-policies",
                &pointer,
                "the definition has a resource policy too",
                "keep one of them: this, or `x-amazon-apigateway-policy`",
            );
        }
        if api.protocol == configuration::Protocol::Http {
            self.refuse_name(
                "resource-policy",
                &pointer,
                "HTTP APIs have no resource policies",
                "remove it, or serve the API with `protocol: REST`",
            );
        }
        let policy = self.policy_document(own, &pointer, &model)?;
        let length = policy.to_string().chars().count();
        if length > LONGEST_POLICY {
            self.refuse_name(
                "resource-policy",
                &pointer,
                format!("the resource policy has {length} characters; AWS allows {LONGEST_POLICY}"),
                "say more with wildcards, and less with lists",
            );
        }
        Some(policy)
    }

    /// A policy of `attache.yaml`, itself or out of the file that it names; `model` is where it goes
    /// in the model.
    pub(super) fn policy_document(
        &mut self,
        policy: &PolicyDocument,
        pointer: &Pointer,
        model: &str,
    ) -> Option<Json> {
        let path = match policy {
            PolicyDocument::Inline(policy) => {
                let document = self.document;
                if let Some(node) = document.pointer(pointer.as_str()) {
                    self.remember_tree(model, &document.file, node, pointer);
                }
                return Some(Json::Object(policy.clone()));
            }
            PolicyDocument::File(path) => path,
        };
        let file = self.file_beside(path, "policy", pointer)?;
        let document = Document::read(&file, self.report)?;
        if document.root.as_mapping().is_none() {
            self.refuse(
                "policy",
                pointer,
                format!(
                    "`{path}` is no IAM policy: it holds {}",
                    document.root.kind()
                ),
                "write `{\"Version\": \"2012-10-17\", \"Statement\": […]}` into it",
            );
            return None;
        }
        self.remember_tree(model, &file, &document.root, &Pointer::root());
        Some(document.root.to_json())
    }

    /// Remembers where every part of a value stands.
    fn remember_tree(&mut self, model: &str, file: &Path, node: &Node, pointer: &Pointer) {
        let place = Place {
            file: file.to_owned(),
            span: node.span.clone(),
            pointer: pointer.as_str().to_owned(),
        };
        self.places.insert(model, place);
        for (index, item) in node.as_sequence().unwrap_or_default().iter().enumerate() {
            let model = format!("{model}/{index}");
            self.remember_tree(&model, file, item, &pointer.index(index));
        }
        for entry in node.as_mapping().unwrap_or_default() {
            let model = Pointer::from(model.to_owned()).key(&entry.key);
            let pointer = pointer.key(&entry.key);
            self.remember_tree(model.as_str(), file, &entry.value, &pointer);
        }
    }
}
