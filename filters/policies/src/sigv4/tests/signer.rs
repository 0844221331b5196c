//! A signer as the documentation of AWS describes it, which shares no code with the verifier.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::headers::Headers;

/// The secret of every credential of the tests.
pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The token of the session.
pub(super) const SESSION_TOKEN: &str = "FwoGZXIvYXdzEPT//+token==";

#[derive(Clone, Copy, Debug)]
pub(super) struct Signer {
    pub(super) access_key_id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: Option<&'static str>,
    pub(super) region: &'static str,
    pub(super) service: &'static str,
    pub(super) terminator: &'static str,
}

/// A request that is to be signed.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) method: String,
    /// As it goes over the wire.
    pub(super) path: String,
    /// Decoded.
    pub(super) query: Vec<(String, String)>,
    /// Besides the host.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The value of `x-amz-content-sha256`.
    pub(super) declared_hash: Option<String>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            method: "POST".to_owned(),
            path: "/prod/pets".to_owned(),
            query: vec![("limit".to_owned(), "10".to_owned())],
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: b"{}".to_vec(),
            declared_hash: None,
        }
    }
}

impl Signer {
    pub(super) const fn user() -> Self {
        Self {
            access_key_id: "AKIDUSER",
            secret: SECRET,
            token: None,
            region: "eu-central-1",
            service: "execute-api",
            terminator: "aws4_request",
        }
    }

    pub(super) const fn session() -> Self {
        Self {
            access_key_id: "ASIASESSION",
            token: Some(SESSION_TOKEN),
            ..Self::user()
        }
    }

    pub(super) fn sign(&self, draft: &Draft) -> Headers {
        self.sign_at(draft, "20150830T123600Z")
    }

    pub(super) fn sign_at(&self, draft: &Draft, time: &str) -> Headers {
        self.sign_with_date(draft, ("x-amz-date", time))
    }

    /// Signs in the header. The date may be one of HTTP, which is 2015-08-30T12:36:00Z then.
    pub(super) fn sign_with_date(&self, draft: &Draft, date: (&str, &str)) -> Headers {
        let mut fields = draft.headers.clone();
        fields.push((date.0.to_owned(), date.1.to_owned()));
        if let Some(token) = self.token {
            fields.push(("x-amz-security-token".to_owned(), token.to_owned()));
        }
        if let Some(hash) = &draft.declared_hash {
            fields.push(("x-amz-content-sha256".to_owned(), hash.clone()));
        }
        let time = if date.1.ends_with('Z') {
            date.1
        } else {
            "20150830T123600Z"
        };
        let names = signed_names(&fields);
        let signature = self.signature(draft, &draft.query, &fields, time);
        let scope = self.scope(time);
        fields.push((
            "authorization".to_owned(),
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, \
                 Signature={signature}",
                self.access_key_id
            ),
        ));
        message(draft, &draft.query, &fields)
    }

    pub(super) fn presign(&self, draft: &Draft, expires: Option<&str>) -> Headers {
        let time = "20150830T123600Z";
        let mut query = draft.query.clone();
        let mut add = |name: &str, value: &str| query.push((name.to_owned(), value.to_owned()));
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add(
            "X-Amz-Credential",
            &format!("{}/{}", self.access_key_id, self.scope(time)),
        );
        add("X-Amz-Date", time);
        if let Some(expires) = expires {
            add("X-Amz-Expires", expires);
        }
        add("X-Amz-SignedHeaders", &signed_names(&draft.headers));
        if let Some(token) = self.token {
            add("X-Amz-Security-Token", token);
        }
        if let Some(hash) = &draft.declared_hash {
            add("X-Amz-Content-Sha256", hash);
        }
        let signature = self.signature(draft, &query, &draft.headers, time);
        query.push(("X-Amz-Signature".to_owned(), signature));
        message(draft, &query, &draft.headers)
    }

    fn scope(&self, time: &str) -> String {
        let date = time.split('T').next().unwrap();
        format!(
            "{date}/{}/{}/{}",
            self.region, self.service, self.terminator
        )
    }

    fn signature(
        &self,
        draft: &Draft,
        query: &[(String, String)],
        fields: &[(String, String)],
        time: &str,
    ) -> String {
        let hash = match &draft.declared_hash {
            Some(hash) => hash.clone(),
            None => hexadecimal(&Sha256::digest(&draft.body)),
        };
        let lines: Vec<String> = names(fields)
            .into_iter()
            .map(|name| {
                let values = fields.iter().filter(|(other, _)| *other == name);
                let mut values: Vec<String> = values
                    .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
                    .collect();
                if name == "host" {
                    values = vec!["api.example.com".to_owned()];
                }
                format!("{name}:{}\n", values.join(","))
            })
            .collect();
        let path: String = draft
            .path
            .split('/')
            .map(encode)
            .collect::<Vec<_>>()
            .join("/");
        let path = format!("/{}", path.trim_start_matches('/'));
        let canonical = format!(
            "{}\n{path}\n{}\n{}\n{}\n{hash}",
            draft.method,
            query_string(query, true),
            lines.concat(),
            signed_names(fields),
        );
        let scope = self.scope(time);
        let hashed = hexadecimal(&Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in scope.split('/') {
            key = mac(&key, part);
        }
        hexadecimal(&mac(&key, &text))
    }
}

fn names(fields: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    names.push("host".to_owned());
    names.sort();
    names.dedup();
    names
}

fn signed_names(fields: &[(String, String)]) -> String {
    names(fields).join(";")
}

/// As the proxy hands it over.
fn message(draft: &Draft, query: &[(String, String)], fields: &[(String, String)]) -> Headers {
    let mut headers = Headers::default();
    headers.push(b":method", draft.method.as_bytes());
    let query = query_string(query, false);
    let target = if query.is_empty() {
        draft.path.clone()
    } else {
        format!("{}?{query}", draft.path)
    };
    headers.push(b":path", target.as_bytes());
    headers.push(b":authority", b"api.example.com");
    for (name, value) in fields {
        headers.push(name.as_bytes(), value.as_bytes());
    }
    headers
}

fn query_string(query: &[(String, String)], sorted: bool) -> String {
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    if sorted {
        pairs.sort();
    }
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
