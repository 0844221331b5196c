//! How a back end is reached.

use attache_model::{Protocol, TlsOptions, Verb};

use super::{ImportedVpcLink, Part};

/// AWS: the shortest time-out of an integration.
const MIN_TIMEOUT: u32 = 50;

/// AWS: the longest time-out, which is also the default.
const fn max_timeout(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Rest => 29_000,
        Protocol::Http => 30_000,
    }
}

impl Part<'_, '_, '_> {
    /// `None` is the client's own method: for `ANY`, under either of its names.
    pub(super) fn http_method(&mut self) -> Option<String> {
        let method = self.get_as("httpMethod", "httpMethod")?;
        let name = self.reading.text(&method)?;
        let upper = name.to_ascii_uppercase();
        if upper == "ANY" || name == "x-amazon-apigateway-any-method" {
            return None;
        }
        if Verb::from_request(upper.as_bytes()).is_none() {
            self.reading.error(
                "method",
                method.place(),
                format!("`{name}` is not a method that API Gateway sends"),
                Some("use DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT, or ANY for the client's own"),
            );
            return None;
        }
        Some(upper)
    }

    /// How long the back end may take.
    pub(super) fn timeout_in_millis(&mut self) -> Option<u32> {
        let longest = max_timeout(self.reading.protocol);
        let Some(timeout) = self.get_as("timeoutInMillis", "timeoutInMillis") else {
            return Some(longest);
        };
        let value = self.reading.whole_number(&timeout)?;
        let millis = u32::try_from(value)
            .ok()
            .filter(|millis| (MIN_TIMEOUT..=longest).contains(millis));
        if millis.is_none() {
            self.reading.error(
                "out-of-range",
                timeout.place(),
                format!(
                    "`timeoutInMillis` must be between {MIN_TIMEOUT} and {longest}, not {value}"
                ),
                None,
            );
        }
        millis
    }

    /// `tlsConfig`.
    pub(super) fn tls_options(&mut self) -> TlsOptions {
        let mut options = TlsOptions::default();
        let Some(tls) = self.get_as("tlsConfig", "tls") else {
            return options;
        };
        if self.reading.mapping(&tls).is_none() {
            return options;
        }
        self.reading
            .fields(&tls, &["insecureSkipVerification", "serverNameToVerify"]);
        if let Some(flag) = tls.get("insecureSkipVerification") {
            let part = self.pointer("tls/insecureSkipVerification");
            self.places.insert(part, flag.place());
            options.insecure_skip_verification = self.reading.boolean(&flag).unwrap_or_default();
        }
        if let Some(name) = tls.get("serverNameToVerify") {
            let part = self.pointer("tls/serverNameToVerify");
            self.places.insert(part, name.place());
            options.server_name_to_verify = self.reading.text(&name).map(str::to_owned);
        }
        options
    }

    /// `connectionType` and `connectionId`: the VPC link, when there is one.
    pub(super) fn connection(&mut self) -> Option<ImportedVpcLink> {
        let connection = self.get("connectionType")?;
        let kind = self.reading.text(&connection)?;
        if kind.eq_ignore_ascii_case("INTERNET") {
            return None;
        }
        if !kind.eq_ignore_ascii_case("VPC_LINK") {
            self.reading.error(
                "unknown-value",
                connection.place(),
                format!("`{kind}` is not a connection type"),
                Some("write `INTERNET` or `VPC_LINK`"),
            );
            return None;
        }
        if !self.kind.is_http() {
            self.reading.error(
                "unknown-value",
                connection.place(),
                format!(
                    "an integration of type `{}` has no VPC link",
                    self.kind.name()
                ),
                Some("only `http` and `http_proxy` integrations have one: take it out"),
            );
            return None;
        }
        let Some(id) = self.get_as("connectionId", "vpcLink") else {
            self.reading.error(
                "missing-field",
                connection.place(),
                "the integration has no `connectionId`",
                Some("write the id of the VPC link"),
            );
            return None;
        };
        let text = self.reading.text(&id)?;
        Some(ImportedVpcLink {
            id: text.to_owned(),
            place: id.place(),
        })
    }
}
