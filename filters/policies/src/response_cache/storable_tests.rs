use wasm_bindgen_test::wasm_bindgen_test;

use super::{LARGEST_BODY, Storable};
use crate::exchange::Reply;
use crate::headers::HeaderEdit;
use crate::integration::Answered;

fn passing(status: u16, fields: &[(&str, &str)], edits: Vec<HeaderEdit>) -> Answered {
    Answered::PassThrough {
        status,
        headers: fields.iter().copied().collect(),
        edits,
    }
}

fn reply(fields: &[(&str, &str)], length: usize) -> Answered {
    Answered::Reply(Reply {
        status: 200,
        headers: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: vec![b'x'; length],
    })
}

const LENGTH: (&str, &str) = ("content-length", "3");

#[wasm_bindgen_test(unsupported = test)]
fn answers_of_some_statuses_are_kept() {
    for status in 100..600 {
        let kept = matches!(status, 200 | 203 | 204 | 300 | 301 | 308 | 404 | 410);
        let answered = passing(status, &[LENGTH], Vec::new());
        assert_eq!(Storable::of(&answered, false).is_some(), kept, "{status}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_answer_is_kept_when_it_is_for_everybody_and_its_end_can_be_told() {
    for (fields, is_head, kept) in [
        (&[LENGTH][..], false, true),
        (&[("transfer-encoding", "chunked")], false, true),
        (&[("transfer-encoding", "gzip, Chunked")], false, true),
        (&[("transfer-encoding", "chunked, gzip")], false, false),
        (&[("transfer-encoding", "gzip")], false, false),
        (&[], false, false),
        (&[], true, true),
        (&[("content-length", "1048576")], false, true),
        (&[("content-length", "1048577")], false, false),
        (&[("content-length", "1048577")], true, false),
        (&[("content-length", "-1")], false, false),
        (&[("content-length", "3, 3")], false, false),
        (&[LENGTH, ("set-cookie", "a=b")], false, false),
        (&[LENGTH, ("vary", "accept")], false, true),
        (&[LENGTH, ("vary", "*")], false, false),
        (&[LENGTH, ("vary", "accept, *")], false, false),
        (&[LENGTH, ("cache-control", "no-store")], false, true),
    ] {
        let answered = passing(200, fields, Vec::new());
        assert_eq!(
            Storable::of(&answered, is_head).is_some(),
            kept,
            "{fields:?}"
        );
    }
    let empty = passing(204, &[], Vec::new());
    assert!(Storable::of(&empty, false).is_some());
    assert!(Storable::of(&reply(&[], LARGEST_BODY), false).is_some());
    assert!(Storable::of(&reply(&[], LARGEST_BODY + 1), false).is_none());
    assert!(Storable::of(&reply(&[("set-cookie", "")], 1), false).is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_kept_is_what_the_client_gets_without_what_is_its_own() {
    let text = |text: &str| text.as_bytes().to_vec();
    let edits = vec![
        HeaderEdit::Set("x-set".into(), text("new")),
        HeaderEdit::Add("x-set".into(), text("more")),
        HeaderEdit::Remove("x-removed".into()),
        HeaderEdit::Set("x-amzn-trace-id".into(), text("Root=1")),
        HeaderEdit::Set(":status".into(), text("200")),
    ];
    let fields = [
        (":status", "201"),
        ("x-set", "old"),
        ("x-removed", "1"),
        ("x-removed", "2"),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("date", "today"),
        ("server", "s"),
        ("x-amzn-requestid", "1"),
        ("x-envoy-upstream-service-time", "1"),
        ("ratelimit", "1"),
    ];
    let kept = Storable::of(&passing(200, &fields, edits), false).unwrap();
    let field = |name: &str, value: &str| (name.to_owned(), text(value));
    assert_eq!(kept.head.status, 200);
    assert_eq!(
        kept.head.fields,
        [
            field("x-twice", "1"),
            field("x-twice", "2"),
            field("x-set", "new"),
            field("x-set", "more"),
        ]
    );
    // A cookie that a mapping takes away harms nobody.
    let edits = vec![HeaderEdit::Remove("set-cookie".into())];
    let answered = passing(200, &[LENGTH, ("set-cookie", "a=b")], edits);
    assert!(Storable::of(&answered, false).is_some());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_that_is_not_as_long_as_it_should_be_is_not_kept() {
    let kept = Storable::of(&passing(200, &[LENGTH], Vec::new()), false).unwrap();
    assert!(kept.with_body(b"abc".to_vec()).is_some());
    assert!(kept.with_body(b"ab".to_vec()).is_none());
    assert!(kept.with_body(b"abcd".to_vec()).is_none());
    let chunked = [("transfer-encoding", "chunked")];
    let kept = Storable::of(&passing(200, &chunked, Vec::new()), false).unwrap();
    assert!(kept.with_body(vec![0; LARGEST_BODY]).is_some());
    assert!(kept.with_body(vec![0; LARGEST_BODY + 1]).is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn who_asks_for_the_head_alone_is_told_how_long_the_body_is() {
    let kept = Storable::of(&passing(200, &[LENGTH], Vec::new()), true).unwrap();
    assert_eq!(kept.head.annotation, b"3");
    assert!(kept.with_body(Vec::new()).is_some());
    let kept = Storable::of(&reply(&[], 7), true).unwrap();
    assert_eq!(kept.head.annotation, b"7");
    let kept = Storable::of(&reply(&[], 7), false).unwrap();
    assert_eq!(kept.head.annotation, b"");
}
