//! Whatever is signed is accepted, nothing else is, and no bytes break the verifier.

use proptest::prelude::*;
use proptest::sample::Index;
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::SignedRequest;
use super::signer::{Draft, Signer};
use super::{NOW, at, credentials, verify};
use crate::headers::Headers;

fn draft() -> impl Strategy<Value = Draft> {
    let text = "[ -~éß€]{0,12}";
    let segment = "[a-zA-Z0-9~@:%_-]{1,8}";
    (
        prop::sample::select(vec!["GET", "POST", "DELETE", "PATCH"]),
        prop::collection::vec(segment, 0..5),
        prop::collection::vec((text, text), 0..5),
        prop::collection::vec(("[a-w][a-z0-9-]{0,8}", "[!-~ \t]{0,20}"), 0..4),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|(method, segments, query, headers, body)| Draft {
            method: method.to_owned(),
            path: format!("/{}", segments.join("/")),
            // An empty pair cannot be told from none.
            query: query
                .into_iter()
                .filter(|(name, _)| !name.is_empty())
                .collect(),
            headers: headers
                .into_iter()
                .filter(|(name, _)| !["host", "date", "authorization"].contains(&name.as_str()))
                .collect(),
            body,
            declared_hash: None,
        })
}

fn rewrite(headers: &Headers, place: usize, change: impl Fn(&mut [u8])) -> Headers {
    let fields = headers.iter().enumerate();
    fields
        .map(|(position, (name, value))| {
            let mut value = value.to_vec();
            if position == place {
                change(&mut value);
            }
            (name, value)
        })
        .collect()
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_signed_is_accepted(draft in draft(), session: bool, presigned: bool) {
        let signer = if session { Signer::session() } else { Signer::user() };
        let headers = if presigned {
            signer.presign(&draft, None)
        } else {
            signer.sign(&draft)
        };
        let found = verify(&headers, &draft.body, at(NOW));
        prop_assert_eq!(found.as_deref(), Ok(signer.access_key_id));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_changed_is_refused(
        draft in draft(),
        presigned: bool,
        field in any::<Index>(),
        byte in any::<Index>(),
        // None of these is a hexadecimal digit or white space, or separates anything.
        other in prop::sample::select(b"xyz!".to_vec()),
    ) {
        let signer = Signer::session();
        let headers = if presigned {
            signer.presign(&draft, Some("300"))
        } else {
            signer.sign(&draft)
        };
        let count = headers.iter().count();
        let field = field.index(count);
        let changed = rewrite(&headers, field, |value| {
            if !value.is_empty() {
                value[byte.index(value.len())] = other;
            }
        });
        prop_assume!(changed != headers);
        let accepted = match SignedRequest::parse(&changed) {
            Ok(Some(_)) => verify(&changed, &draft.body, at(NOW)).is_ok(),
            Ok(None) | Err(_) => false,
        };
        prop_assert!(!accepted, "{:?}", changed);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_changed_body_is_refused(draft in draft(), at_byte in any::<Index>(), bits in 1..=255_u8) {
        prop_assume!(!draft.body.is_empty());
        let headers = Signer::user().sign(&draft);
        let mut body = draft.body.clone();
        let place = at_byte.index(body.len());
        body[place] ^= bits;
        prop_assert!(verify(&headers, &body, at(NOW)).is_err());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn another_secret_is_refused(draft in draft(), secret in "[a-zA-Z0-9/+]{0,90}") {
        let signer = Signer { secret: secret.leak(), ..Signer::user() };
        prop_assert!(verify(&signer.sign(&draft), &draft.body, at(NOW)).is_err());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_bytes_break_it(
        target in prop::collection::vec(any::<u8>(), 0..80),
        authorization in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
        date in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
        now in any::<u64>(),
    ) {
        let mut headers = Headers::default();
        headers.push(b":path", &target);
        if let Some(value) = &authorization {
            headers.push(b"authorization", value);
        }
        if let Some(value) = &date {
            headers.push(b"x-amz-date", value);
        }
        if let Ok(Some(signed)) = SignedRequest::parse(&headers) {
            let now = crate::ports::Timestamp(now);
            prop_assert!(signed.verify(credentials(), None, now).is_err());
        }
    }
}
