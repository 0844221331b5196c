//! The laws of an exchange over any small pipeline, any pieces, any order.

use std::sync::Arc;

use attache_policies::{CalloutAnswer, Event, Headers, ResponseHead};
use proptest::prelude::*;

use crate::program::{Await, End, Forward, Program};
use crate::{
    CalloutScript, Host, Outcome, Pace, Proxy, Recorded, Request, Script, Session, UpstreamAnswer,
};

const BODY: &[u8] = b"a body that can come in many pieces";

fn any_pace() -> impl Strategy<Value = Pace> {
    prop_oneof![
        Just(Pace::BodyFirst),
        Just(Pace::AnswersFirst),
        any::<u64>().prop_map(Pace::Mixed)
    ]
}

fn any_lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..12_usize, 0..8)
}

fn any_upstream() -> impl Strategy<Value = UpstreamAnswer> {
    prop_oneof![
        4 => Just(UpstreamAnswer::new(200, BODY)),
        1 => Just(UpstreamAnswer::Refuses),
        1 => Just(UpstreamAnswer::Closes),
        1 => Just(UpstreamAnswer::Garbage),
        1 => Just(UpstreamAnswer::TimesOut),
    ]
}

fn run(
    program: &Program,
    pace: Pace,
    request: &Request,
    upstream: &UpstreamAnswer,
    callout: &CalloutScript,
) -> (Outcome, Vec<Recorded>) {
    let proxy = Proxy::new();
    let host = Host::new(Arc::new(program.clone()), &proxy);
    let mut script = Script::new(|_| upstream.clone()).callouts(|_| callout.clone());
    let outcome = host.exchange_at(pace, request, &mut script);
    assert_eq!(
        proxy.live_requests(),
        0,
        "a finished exchange holds nothing"
    );
    (outcome, proxy.take_record())
}

fn split_answer(answer: &UpstreamAnswer, lengths: &[usize]) -> UpstreamAnswer {
    match answer.clone() {
        UpstreamAnswer::Answers {
            status,
            headers,
            body,
            delay_millis,
        } => UpstreamAnswer::Answers {
            status,
            headers,
            body: crate::script::split(&body.concat(), lengths),
            delay_millis,
        },
        other => other,
    }
}

/// Anything that a proxy could report, in place or out of place.
#[derive(Clone, Debug)]
enum Report {
    RequestBody { end: bool },
    Callout { status: u16 },
    CalloutFailed,
    ResponseHead { end: bool },
    ResponseBody { end: bool },
    StrayRequestBody,
    StrayResponseBody,
    Close,
}

fn any_report() -> impl Strategy<Value = Report> {
    prop_oneof![
        any::<bool>().prop_map(|end| Report::RequestBody { end }),
        prop_oneof![Just(200), Just(403), Just(503)].prop_map(|status| Report::Callout { status }),
        Just(Report::CalloutFailed),
        any::<bool>().prop_map(|end| Report::ResponseHead { end }),
        any::<bool>().prop_map(|end| Report::ResponseBody { end }),
        Just(Report::StrayRequestBody),
        Just(Report::StrayResponseBody),
        Just(Report::Close),
    ]
}

fn report(session: &mut Session, report: &Report) {
    match report {
        Report::RequestBody { end } => session.request_body(b"piece", *end),
        Report::Callout { status } => session.callout(answered(*status)),
        Report::CalloutFailed => session.callout(CalloutAnswer::Failed),
        Report::ResponseHead { end } => {
            let headers: Headers = [(":status", "200")].into_iter().collect();
            let head = ResponseHead {
                status: 200,
                headers,
                failure: None,
            };
            session.response_head(head, *end);
        }
        Report::ResponseBody { end } => session.response_body(b"piece", *end),
        Report::StrayRequestBody => session.intrude(Event::RequestBody(b"stray".to_vec())),
        Report::StrayResponseBody => session.intrude(Event::ResponseBody(b"stray".to_vec())),
        Report::Close => session.close(),
    }
}

fn answered(status: u16) -> CalloutAnswer {
    CalloutScript::new(status, "").answer
}

proptest! {
    #[test]
    fn the_outcome_is_the_same_however_the_bodies_were_cut(
        program in Program::any(),
        pace in any_pace(),
        request_lengths in any_lengths(),
        response_lengths in any_lengths(),
        upstream in any_upstream(),
        allow in any::<bool>(),
    ) {
        let request = Request::new("POST", "/").body(BODY);
        let callout = CalloutScript::new(if allow { 200 } else { 403 }, "principal");
        let whole = run(&program, Pace::BodyFirst, &request, &upstream, &callout);
        let cut = run(
            &program,
            pace,
            &request.chunked(&request_lengths),
            &split_answer(&upstream, &response_lengths),
            &callout,
        );
        // A request that is refused while it is still arriving may have been seen in part by an
        // upstream to which it was already sent on: then only what the client saw is the same.
        prop_assert_eq!(&whole.0.client, &cut.0.client);
        prop_assert_eq!(&whole.0.upstream, &cut.0.upstream);
        prop_assert_eq!(&whole.0.callouts, &cut.0.callouts);
        prop_assert_eq!(whole.1, cut.1);
    }

    #[test]
    fn a_refused_request_never_reaches_the_upstream(
        program in Program::any(),
        pace in any_pace(),
        lengths in any_lengths(),
        callout in prop_oneof![
            Just(CalloutScript::new(403, "")),
            Just(CalloutScript::failed()),
            Just(CalloutScript { delay_millis: 1001, ..CalloutScript::new(200, "") }),
        ],
    ) {
        prop_assume!(program.guarded());
        let request = Request::new("POST", "/").body(BODY).chunked(&lengths);
        let (outcome, _) = run(&program, pace, &request, &UpstreamAnswer::new(200, "no"), &callout);
        prop_assert_eq!(outcome.status(), 403);
        prop_assert!(outcome.upstream.is_none());
        prop_assert!(outcome.replied);
    }

    #[test]
    fn a_stream_dropped_at_any_moment_leaves_nothing_behind(
        program in Program::any(),
        reports in prop::collection::vec(any_report(), 0..12),
    ) {
        let proxy = Proxy::new();
        let service = Arc::new(program);
        let headers = Request::new("POST", "/").headers;
        let mut session = Session::start(&service, &proxy.worker(0), headers, false);
        for one in &reports {
            report(&mut session, one);
        }
        session.close();
        prop_assert_eq!(proxy.live_requests(), 0);
        prop_assert_eq!(Arc::strong_count(&service), 1);
        drop(session);
        prop_assert_eq!(Arc::strong_count(&service), 1);
    }

    /// Every session judges itself by the laws; no order of events may break one.
    #[test]
    fn no_order_of_events_breaks_a_law_or_opens_a_guarded_upstream(
        program in Program::any(),
        ends_with_headers in any::<bool>(),
        reports in prop::collection::vec(any_report(), 0..24),
    ) {
        let proxy = Proxy::new();
        let guarded = program.guarded();
        let headers = Request::new("POST", "/").headers;
        let mut session =
            Session::start(&Arc::new(program), &proxy.worker(0), headers, ends_with_headers);
        let mut allowed = false;
        for one in &reports {
            // Only an answer to an open callout can allow anything.
            allowed |= session.open_callout().is_some()
                && matches!(one, Report::Callout { status: 200 });
            report(&mut session, one);
            if guarded && !allowed {
                prop_assert!(session.upstream().is_none(), "{:?}", one);
            }
        }
    }

    #[test]
    fn events_that_nobody_awaits_change_nothing(
        program in Program::any(),
        stray in prop::collection::vec(
            prop_oneof![Just(Report::StrayRequestBody), Just(Report::StrayResponseBody)],
            1..4,
        ),
    ) {
        prop_assume!(program.before.first() == Some(&Await::Callout));
        let proxy = Proxy::new();
        let service = Arc::new(program);
        let start = || {
            let headers = Request::new("POST", "/").headers;
            Session::start(&service, &proxy.worker(0), headers, false)
        };
        let (mut plain, mut disturbed) = (start(), start());
        for one in &stray {
            report(&mut disturbed, one);
        }
        prop_assert_eq!(disturbed.ignored(), stray.len());
        for session in [&mut plain, &mut disturbed] {
            session.callout(answered(200));
            session.request_body(BODY, true);
        }
        prop_assert_eq!(plain.upstream(), disturbed.upstream());
        prop_assert_eq!(plain.client(), disturbed.client());
        prop_assert_eq!(plain.callouts(), disturbed.callouts());
    }

    #[test]
    fn late_events_are_counted_and_change_nothing(
        program in Program::any(),
        late in prop::collection::vec(any_report(), 1..8),
    ) {
        let proxy = Proxy::new();
        let headers = Request::new("POST", "/").headers;
        let mut session = Session::start(&Arc::new(program), &proxy.worker(0), headers, false);
        session.close();
        let (client, upstream) = (session.client().cloned(), session.upstream().cloned());
        for one in &late {
            report(&mut session, one);
        }
        prop_assert_eq!(session.upstream().cloned(), upstream);
        prop_assert_eq!(session.client().cloned(), client);
    }
}

#[test]
fn a_new_body_has_its_own_length() {
    let program = Program {
        before: vec![Await::Body],
        forward: Some(Forward {
            new_body: true,
            after: vec![Await::Body],
            end: End::Release { new_body: true },
        }),
    };
    let request = Request::new("POST", "/").body("1234567");
    let (outcome, _) = run(
        &program,
        Pace::BodyFirst,
        &request,
        &UpstreamAnswer::new(200, "ok"),
        &CalloutScript::failed(),
    );
    let upstream = outcome.upstream.as_ref().unwrap();
    assert_eq!(upstream.body, b"1234567 and more");
    assert_eq!(upstream.text("content-length").as_deref(), Some("16"));
    let client = outcome.client.as_ref().unwrap();
    assert_eq!(client.body, b"ok and more");
    assert_eq!(client.text("content-length").as_deref(), Some("11"));
}

#[test]
fn a_callout_that_takes_too_long_is_the_proxys_504() {
    let program = Program {
        before: vec![Await::Callout],
        forward: None,
    };
    let proxy = Proxy::new();
    let host = Host::new(Arc::new(program), &proxy);
    let mut script = Script::answering("no").callouts(|_| CalloutScript {
        delay_millis: 5000,
        ..CalloutScript::new(200, "")
    });
    let outcome = host.exchange(&Request::new("GET", "/"), &mut script);
    assert_eq!(outcome.status(), 403);
    // The clock has moved by the time-out, not by what the service would have taken.
    assert_eq!(proxy.now().millis_since(Proxy::START), 1000);
}

#[test]
fn an_answer_that_breaks_off_reaches_the_client_in_part_or_not_at_all() {
    let broken = UpstreamAnswer::BreaksOff {
        status: 200,
        headers: Headers::default(),
        body: b"half".to_vec(),
    };
    let run = |after| {
        let program = Program {
            before: Vec::new(),
            forward: Some(Forward {
                new_body: false,
                after,
                end: End::Release { new_body: false },
            }),
        };
        run(
            &program,
            Pace::BodyFirst,
            &Request::new("GET", "/"),
            &broken,
            &CalloutScript::failed(),
        )
        .0
    };
    let seen = run(Vec::new()).client.unwrap();
    assert_eq!((seen.body.as_slice(), seen.complete), (&b"half"[..], false));
    assert_eq!(run(vec![Await::Body]).client, None);
}
