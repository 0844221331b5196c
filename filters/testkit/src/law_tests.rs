//! The laws of an exchange over any small pipeline, any pieces, any order.

use std::sync::Arc;

use attache_policies::ports::Environment;
use attache_policies::{
    Answer, CalloutAnswer, Edits, Event, Exchange, Headers, Hold, Reply, ResponseHead, Service,
};
use proptest::prelude::*;

use crate::program::{Await, COPY, End, Forward, NO_COPY, Program};
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
        1 => Just(trailed()),
        1 => Just(UpstreamAnswer::Refuses),
        1 => Just(UpstreamAnswer::Closes),
        1 => Just(UpstreamAnswer::Garbage),
        1 => Just(UpstreamAnswer::TimesOut),
    ]
}

fn trailed() -> UpstreamAnswer {
    UpstreamAnswer::Trailed {
        status: 200,
        headers: Headers::default(),
        body: vec![BODY.to_vec()],
    }
}

fn broken_off(body: &[u8]) -> UpstreamAnswer {
    UpstreamAnswer::BreaksOff {
        status: 200,
        headers: Headers::default(),
        body: body.to_vec(),
    }
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
        UpstreamAnswer::Trailed {
            status,
            headers,
            body,
        } => UpstreamAnswer::Trailed {
            status,
            headers,
            body: crate::script::split(&body.concat(), lengths),
        },
        other => other,
    }
}

/// What a program said of the body that it had passed on: `None` when it said nothing.
fn copied(record: &[Recorded]) -> Option<Option<Vec<u8>>> {
    record.iter().find_map(|recorded| match recorded {
        Recorded::Published { field, value, .. } if field == COPY => Some(Some(value.clone())),
        Recorded::Published { field, .. } if field == NO_COPY => Some(None),
        _ => None,
    })
}

/// Anything that a proxy could report, in place or out of place.
#[derive(Clone, Debug)]
enum Report {
    RequestBody { end: bool },
    Callout { status: u16 },
    CalloutFailed,
    ResponseHead { end: bool },
    ResponseBody { end: bool },
    ResponseTrailers,
    Paused,
    StrayRequestBody,
    StrayResponseBody,
    StrayPassedOn { whole: bool },
    Close,
}

fn any_report() -> impl Strategy<Value = Report> {
    prop_oneof![
        any::<bool>().prop_map(|end| Report::RequestBody { end }),
        prop_oneof![Just(200), Just(403), Just(503)].prop_map(|status| Report::Callout { status }),
        Just(Report::CalloutFailed),
        any::<bool>().prop_map(|end| Report::ResponseHead { end }),
        any::<bool>().prop_map(|end| Report::ResponseBody { end }),
        Just(Report::ResponseTrailers),
        Just(Report::Paused),
        any_stray(),
        Just(Report::Close),
    ]
}

fn any_stray() -> impl Strategy<Value = Report> {
    prop_oneof![
        Just(Report::StrayRequestBody),
        Just(Report::StrayResponseBody),
        any::<bool>().prop_map(|whole| Report::StrayPassedOn { whole }),
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
        Report::ResponseTrailers => session.response_trailers(),
        Report::Paused => session.paused(),
        Report::StrayPassedOn { whole } => {
            session.intrude(Event::PassedOn(whole.then(|| b"stray".to_vec())));
        }
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
            prop_oneof![any_stray(), Just(Report::Paused)],
            1..4,
        ),
    ) {
        let mut program = program;
        program.before.insert(0, Await::Callout);
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

    /// Whatever was awaited before, and however much was held meanwhile: the client gets every
    /// byte, and the pipeline is told of them exactly.
    #[test]
    fn what_is_passed_on_is_the_upstreams_and_its_copy_is_exact(
        before in Program::awaits(),
        after in Program::awaits(),
        at_most in 0..60_usize,
        pace in any_pace(),
        lengths in any_lengths(),
        upstream in prop_oneof![
            3 => Just(UpstreamAnswer::new(200, BODY)),
            1 => Just(UpstreamAnswer::new(200, "")),
            1 => Just(trailed()),
        ],
    ) {
        let end = End::PassOn { at_most };
        let forward = Some(Forward { new_body: false, after, end });
        let program = Program { before, forward };
        let request = Request::new("POST", "/").body(BODY).chunked(&lengths);
        let sent = split_answer(&upstream, &lengths);
        let (outcome, record) = run(&program, pace, &request, &sent, &CalloutScript::new(200, ""));
        let whole = match &upstream {
            UpstreamAnswer::Answers { body, .. } => Some(body.concat()),
            _ => None,
        };
        let client = outcome.client.unwrap();
        prop_assert!(client.complete);
        prop_assert_eq!(&client.body, whole.as_deref().unwrap_or(BODY));
        prop_assert_eq!(copied(&record), Some(whole.filter(|body| body.len() <= at_most)));
    }

    /// However much of an answer has come when it breaks off, the pipeline is told of nothing but
    /// that it was too long already, and the client has what had come.
    #[test]
    fn of_what_breaks_off_there_is_no_copy(
        pauses in prop::collection::vec((0..30_u32).prop_map(Await::Pause), 0..3),
        at_most in 0..60_usize,
        arrived in 0..=BODY.len(),
        pace in any_pace(),
    ) {
        let end = End::PassOn { at_most };
        let forward = Some(Forward { new_body: false, after: pauses, end });
        let program = Program { before: Vec::new(), forward };
        let body = &BODY[..arrived];
        let (outcome, record) = run(
            &program,
            pace,
            &Request::new("GET", "/"),
            &broken_off(body),
            &CalloutScript::failed(),
        );
        if let Some(client) = outcome.client {
            prop_assert!(!client.complete);
            prop_assert_eq!(client.body.as_slice(), body);
            prop_assert_eq!(copied(&record), (arrived > at_most).then_some(None));
        } else {
            // One that breaks off while it is still held is seen by nobody.
            prop_assert!(!program.forward.unwrap().after.is_empty());
            prop_assert_eq!(copied(&record), None);
        }
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
    let broken = broken_off(b"half");
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

#[test]
fn a_pause_takes_as_long_as_it_says() {
    let program = Program {
        before: vec![Await::Pause(25), Await::Pause(0)],
        forward: Some(Forward {
            new_body: false,
            after: vec![Await::Pause(17)],
            end: End::PassOn { at_most: 100 },
        }),
    };
    let proxy = Proxy::new();
    let host = Host::new(Arc::new(program), &proxy);
    let outcome = host.exchange(&Request::new("GET", "/"), &mut Script::answering("yes"));
    assert_eq!(outcome.status(), 200);
    assert_eq!(proxy.now().millis_since(Proxy::START), 42);
}

/// The client does not wait for what the pipeline waits for.
#[test]
fn what_is_passed_on_is_not_held_back() {
    let program = Program {
        before: Vec::new(),
        forward: Some(Forward {
            new_body: false,
            after: Vec::new(),
            end: End::PassOn { at_most: 7 },
        }),
    };
    let proxy = Proxy::new();
    let headers = Request::new("GET", "/").headers;
    let mut session = Session::start(&Arc::new(program), &proxy.worker(0), headers, true);
    report(&mut session, &Report::ResponseHead { end: false });
    for pieces in 1..4 {
        report(&mut session, &Report::ResponseBody { end: false });
        assert_eq!(session.hold(), Hold::Nothing);
        assert_eq!(session.client().unwrap().body, b"piece".repeat(pieces));
        // The second piece makes it too long, long before the end.
        let said = (pieces >= 2).then_some(None);
        assert_eq!(copied(&proxy.record()), said);
    }
    report(&mut session, &Report::ResponseBody { end: true });
    assert!(session.client().unwrap().complete);
    assert_eq!(session.ignored(), 0);
}

/// Waits for one thing, in every place in which it can.
fn waiting() -> Vec<(Program, Vec<Report>)> {
    let before = |step| {
        let program = Program {
            before: vec![step],
            forward: None,
        };
        (program, Vec::new())
    };
    let after = |steps: &[Await], end| {
        let program = Program {
            before: Vec::new(),
            forward: Some(Forward {
                new_body: false,
                after: steps.to_vec(),
                end,
            }),
        };
        (program, vec![Report::ResponseHead { end: false }])
    };
    let pass_on = End::PassOn { at_most: 100 };
    let (unanswered, _) = after(&[], End::Reply);
    let (passing, mut head) = after(&[], pass_on);
    head.push(Report::ResponseBody { end: false });
    vec![
        before(Await::Callout),
        before(Await::Body),
        before(Await::Pause(5)),
        (unanswered, Vec::new()),
        after(&[Await::Callout], End::Reply),
        after(&[Await::Body], pass_on),
        after(&[Await::Pause(5)], pass_on),
        after(&[], pass_on),
        (passing, head),
    ]
}

#[test]
fn a_stream_that_goes_away_while_it_waits_leaves_nothing_and_does_nothing_more() {
    for (program, reports) in waiting() {
        let described = format!("{program:?}");
        let proxy = Proxy::new();
        let service = Arc::new(program);
        let headers = Request::new("POST", "/").headers;
        let mut session = Session::start(&service, &proxy.worker(0), headers, false);
        for one in &reports {
            report(&mut session, one);
        }
        assert_eq!(session.ignored(), 0, "{described}");
        assert_eq!(Arc::strong_count(&service), 2, "{described}");
        session.close();
        assert_eq!(Arc::strong_count(&service), 1, "{described}");
        assert_eq!(proxy.live_requests(), 0, "{described}");
        for late in [
            Report::Paused,
            Report::Callout { status: 200 },
            Report::StrayPassedOn { whole: true },
            Report::ResponseTrailers,
        ] {
            report(&mut session, &late);
        }
        assert_eq!(proxy.record(), [], "{described}");
    }
}

/// Passes an answer on, and then does not leave it at that; or passes one on that is not there.
#[derive(Clone, Copy, Debug)]
enum Stubborn {
    Replies,
    Releases,
    Pauses,
    PassesOnAgain,
    ReadsTheBody,
    ForwardsAgain,
    HasNotForwarded,
    HasNotPassedOn,
}

impl Service for Stubborn {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(Vec::new())
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        if matches!(*self, Self::HasNotPassedOn) {
            return Answer::PassedOn;
        }
        if !matches!(*self, Self::HasNotForwarded) {
            exchange.forward(Edits::default()).await;
        }
        exchange.pass_on(Edits::default(), 10).await;
        match *self {
            Self::Replies => return Answer::Reply(Reply::default()),
            Self::Releases => return Answer::PassThrough(Edits::default()),
            Self::Pauses => exchange.pause(1).await,
            Self::PassesOnAgain => drop(exchange.pass_on(Edits::default(), 10).await),
            Self::ReadsTheBody => drop(exchange.response_body().await),
            Self::ForwardsAgain => drop(exchange.forward(Edits::default()).await),
            Self::HasNotForwarded | Self::HasNotPassedOn => {}
        }
        Answer::PassedOn
    }
}

/// The client has the answer already, so nothing may come of it.
#[test]
fn whoever_asks_for_more_after_passing_an_answer_on_is_dropped() {
    for stubborn in [
        Stubborn::Replies,
        Stubborn::Releases,
        Stubborn::Pauses,
        Stubborn::PassesOnAgain,
        Stubborn::ReadsTheBody,
        Stubborn::ForwardsAgain,
    ] {
        let proxy = Proxy::new();
        let host = Host::new(Arc::new(stubborn), &proxy);
        let request = Request::new("GET", "/");
        let outcome = host.exchange(&request, &mut Script::answering("yes"));
        assert_eq!(outcome.client.unwrap().body, b"yes", "{stubborn:?}");
        assert_eq!(proxy.live_requests(), 0, "{stubborn:?}");
    }
}

/// What is passed on before anything was forwarded would pass the request itself on, which nobody
/// has decided.
#[test]
fn whoever_passes_on_what_is_not_there_is_refused() {
    for stubborn in [Stubborn::HasNotForwarded, Stubborn::HasNotPassedOn] {
        let host = Host::new(Arc::new(stubborn), &Proxy::new());
        let request = Request::new("POST", "/").body("body");
        let outcome = host.exchange(&request, &mut Script::answering("yes"));
        assert_eq!(outcome.status(), 500, "{stubborn:?}");
        assert_eq!(outcome.upstream, None, "{stubborn:?}");
    }
}
