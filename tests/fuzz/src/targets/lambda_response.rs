//! What a Lambda function answers through a proxy integration.
//!
//! It is a response or it is none. Whatever it is, nothing of it breaks out of the answer to the
//! client: the status ends an exchange, names and values of header fields are just that, and none
//! of them belongs to the connection.

use attache_model::{PayloadFormatVersion, Protocol};
use attache_policies::lambda_proxy::{ResponseForm, read_response};

pub(super) fn run(input: &[u8]) {
    for (protocol, format) in [
        (Protocol::Rest, PayloadFormatVersion::V1),
        (Protocol::Http, PayloadFormatVersion::V1),
        (Protocol::Http, PayloadFormatVersion::V2),
    ] {
        for decodes in [false, true] {
            let form = ResponseForm {
                protocol,
                format,
                decodes,
            };
            match read_response(input, form) {
                Ok(reply) => {
                    assert!((200..=599).contains(&reply.status));
                    assert!(!matches!(reply.status, 204 | 304) || reply.body.is_empty());
                    for (name, value) in &reply.headers {
                        assert_field(name, value);
                    }
                    assert_eq!(read_response(input, form), Ok(reply));
                }
                Err(fault) => assert!(!fault.to_string().is_empty()),
            }
        }
    }
}

fn assert_field(name: &str, value: &[u8]) {
    let is_token =
        |byte: u8| byte.is_ascii_lowercase() || b"0123456789!#$%&'*+-.^_`|~".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(is_token), "{name:?}");
    let is_text = |byte: &u8| !byte.is_ascii_control() || *byte == b'\t';
    assert!(value.iter().all(is_text), "{name}");
    assert!(
        !matches!(
            name,
            "connection" | "content-length" | "transfer-encoding" | "upgrade"
        ),
        "{name}"
    );
}
