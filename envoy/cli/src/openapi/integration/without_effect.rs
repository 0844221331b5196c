//! What an integration says that has no effect, and what cannot be served.

use attache_model::{PayloadFormatVersion, Protocol};

use super::{Kind, Part, format_version, is_empty};

/// The caller's own credentials in place of those of a role.
const CALLER: &str = "arn:aws:iam::*:user/*";

impl Part<'_, '_, '_> {
    /// Warns about what AWS accepts beside the type and does nothing with. `passthroughBehavior`,
    /// templates and `responses` of a proxy stand in every export,
    /// as does what a mock has beside them: no word about those.
    pub(super) fn without_effect(&mut self) {
        let mut fields = Vec::new();
        if self.kind.is_http() {
            fields.push((
                "credentials",
                "a back end that is called over HTTP is called without any",
            ));
        } else if self.kind == Kind::AwsProxy
            || (self.kind == Kind::Aws && !self.is_refused_as_caller())
        {
            fields.push((
                "credentials",
                "calls are signed with Envoy's own credentials",
            ));
        }
        if !self.is_vpc_link() && self.kind != Kind::Mock {
            fields.push(("connectionId", "it belongs to a VPC link"));
        }
        if self.kind.is_aws() {
            fields.push(("tlsConfig", "AWS's services are always verified"));
        }
        if self.reading.protocol == Protocol::Rest {
            fields.push((
                "responseParameters",
                "REST APIs map answers under `responses`",
            ));
            if self.kind == Kind::AwsProxy {
                fields.push((
                    "requestParameters",
                    "the function gets the request as it is",
                ));
            }
        }
        for (field, reason) in fields {
            let Some(value) = self.get(field).filter(|value| !is_empty(value.node)) else {
                continue;
            };
            self.reading.warning(
                "field-without-effect",
                value.place(),
                format!("`{field}` has no effect: {reason}"),
                None,
            );
        }
        // `CONVERT_TO_TEXT`, which the console writes, is what happens.
        if self.kind == Kind::AwsProxy
            && let Some(handling) = self.get("contentHandling")
            && handling.node.as_str() != Some("CONVERT_TO_TEXT")
        {
            self.reading.warning(
                "field-without-effect",
                handling.place(),
                "`contentHandling` has no effect: a function gets binary bodies as Base64",
                None,
            );
        }
    }

    /// Reports what changes the answer and cannot be served.
    pub(super) fn unsupported(&mut self) {
        if let Some(mode) = self.get("responseTransferMode")
            && let Some(kind) = self.reading.text(&mode)
            && !kind.eq_ignore_ascii_case("BUFFERED")
        {
            self.reading.error(
                "unsupported-integration",
                mode.place(),
                format!("response transfer mode `{kind}` is not supported yet"),
                None,
            );
        }
        if self.kind != Kind::AwsProxy
            && let Some(format) = self.get("payloadFormatVersion")
            && format_version(&format) != Some(PayloadFormatVersion::V1)
        {
            self.reading.error(
                "unknown-value",
                format.place(),
                format!(
                    "an `{}` integration has payload format version 1.0",
                    self.kind.name()
                ),
                Some("take it out: only a Lambda function has another"),
            );
        }
        if self.is_refused_as_caller()
            && let Some(credentials) = self.get("credentials")
        {
            self.reading.error(
                "unsupported-integration",
                credentials.place(),
                "a call with the caller's own credentials is not supported",
                Some("take `credentials` out to have calls signed with Envoy's own"),
            );
        }
        for (field, refused) in [
            ("integrationSubtype", true),
            // The operator says where a VPC link leads.
            ("integrationTarget", !self.is_vpc_link()),
            (
                "contentHandling",
                self.reading.protocol == Protocol::Http && self.kind.is_http(),
            ),
            (
                "requestParameters",
                self.reading.protocol == Protocol::Http && self.kind == Kind::AwsProxy,
            ),
        ] {
            if refused && let Some(value) = self.get(field).filter(|value| !is_empty(value.node)) {
                self.reading.error(
                    "unsupported-integration",
                    value.place(),
                    format!(
                        "`{field}` of an `{}` integration is not supported yet",
                        self.kind.name()
                    ),
                    None,
                );
            }
        }
    }

    /// Whether a service is to be called with the credentials of whoever calls the API. Who may call
    /// a function is decided before it is called; what a caller may do with data, by the service.
    fn is_refused_as_caller(&self) -> bool {
        let credentials = self.get("credentials");
        let is_caller =
            credentials.is_some_and(|credentials| credentials.node.as_str() == Some(CALLER));
        self.kind == Kind::Aws && is_caller
    }

    fn is_vpc_link(&self) -> bool {
        self.get("connectionType")
            .and_then(|kind| kind.node.as_str())
            .is_some_and(|kind| kind.eq_ignore_ascii_case("VPC_LINK"))
    }
}
