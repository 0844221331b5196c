//! The laws of calls that many requests share, over any small pipeline and any order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use attache_policies::ports::{Environment, Ports};
use attache_policies::{Answer, Callout, CalloutAnswer, Errand, Exchange, Hold, Reply, Service};
use proptest::prelude::*;

use crate::program::{Await, Program};
use crate::{CalloutScript, Host, Plugin, Proxy, Request, Script};

fn answered(status: u16) -> CalloutAnswer {
    CalloutScript::new(status, "").answer
}

fn sharing(calls: usize) -> Program {
    Program {
        before: vec![Await::Share; calls],
        forward: None,
    }
}

fn start(plugin: &mut Plugin<Program>) -> u32 {
    plugin.start(Request::new("POST", "/").headers, false)
}

fn first_call(plugin: &Plugin<Program>) -> Option<u32> {
    plugin.calls().next().map(|(number, _)| number)
}

#[test]
fn requests_that_make_the_same_call_share_one() {
    let proxy = Proxy::new();
    let mut plugin = Plugin::new(Arc::new(sharing(2)), proxy.worker(0));
    let streams: Vec<u32> = (0..3).map(|_| start(&mut plugin)).collect();
    for _ in 0..2 {
        assert_eq!((plugin.calls().count(), plugin.waiting()), (1, 3));
        let number = first_call(&plugin).unwrap();
        plugin.answer(number, &answered(200));
    }
    assert_eq!((plugin.calls().count(), plugin.waiting()), (0, 0));
    for stream in streams {
        plugin.with(stream, |session| session.request_body(b"body", true));
        let session = plugin.close(stream).unwrap();
        assert_eq!(session.upstream().unwrap().body, b"body");
        assert_eq!(session.ignored(), 0);
    }
    assert_eq!(proxy.live_requests(), 0);
}

#[test]
fn workers_share_no_calls() {
    let (proxy, service) = (Proxy::new(), Arc::new(sharing(1)));
    let mut plugins = [0, 1].map(|worker| Plugin::new(Arc::clone(&service), proxy.worker(worker)));
    for plugin in &mut plugins {
        start(plugin);
        assert_eq!(plugin.calls().count(), 1);
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Start,
    Body(prop::sample::Index),
    Answer(prop::sample::Index, u16),
    Elapse(u64),
    Close(prop::sample::Index),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => Just(Happening::Start),
        2 => any::<prop::sample::Index>().prop_map(Happening::Body),
        3 => (any::<prop::sample::Index>(), prop_oneof![3 => Just(200), 1 => Just(403)])
            .prop_map(|(call, status)| Happening::Answer(call, status)),
        2 => (0..40_u64).prop_map(Happening::Elapse),
        1 => any::<prop::sample::Index>().prop_map(Happening::Close),
    ]
}

proptest! {
    /// However requests come, go, pause and are answered: an answer reaches each of those who wait
    /// for it once, whoever made the call may go, and nothing is left of one that has gone.
    #[test]
    fn everybody_who_waits_is_woken_once(
        program in Program::any(),
        happenings in prop::collection::vec(any_happening(), 0..40),
    ) {
        let proxy = Proxy::new();
        let service = Arc::new(program);
        let mut plugin = Plugin::new(Arc::clone(&service), proxy.worker(0));
        let mut streams: Vec<u32> = Vec::new();
        let mut allowed: BTreeMap<u32, bool> = BTreeMap::new();
        for happening in &happenings {
            match happening {
                Happening::Start => {
                    let stream = start(&mut plugin);
                    streams.push(stream);
                }
                Happening::Body(which) if !streams.is_empty() => {
                    let stream = streams[which.index(streams.len())];
                    plugin.with(stream, |session| session.request_body(b"piece", true));
                }
                Happening::Close(which) if !streams.is_empty() => {
                    let stream = streams.swap_remove(which.index(streams.len()));
                    plugin.close(stream);
                    prop_assert!(proxy.live_requests() <= streams.len());
                }
                Happening::Answer(which, status) if plugin.calls().count() > 0 => {
                    let numbers: Vec<u32> = plugin.calls().map(|(number, _)| number).collect();
                    let number = numbers[which.index(numbers.len())];
                    if *status == 200 {
                        for stream in &streams {
                            allowed.insert(*stream, true);
                        }
                    }
                    plugin.answer(number, &answered(*status));
                }
                Happening::Elapse(millis) => {
                    plugin.elapse(Duration::from_millis(*millis));
                    prop_assert!(plugin.next_pause().is_none_or(|moment| moment > proxy.now()));
                }
                Happening::Body(_) | Happening::Close(_) | Happening::Answer(..) => {}
            }
            let (mut waiting, mut pausing) = (0, 0);
            for stream in &streams {
                plugin.with(*stream, |session| {
                    waiting += usize::from(session.open_callout().is_some());
                    pausing += usize::from(session.open_pause().is_some());
                });
            }
            prop_assert_eq!((plugin.waiting(), plugin.pausing()), (waiting, pausing));
            for stream in &streams {
                let reached = plugin.with(*stream, |session| session.upstream().is_some());
                prop_assert!(
                    !service.guarded() || !reached || allowed.contains_key(stream),
                    "an upstream was reached without an answer"
                );
            }
        }
        // Nobody is stranded: once the bodies are there and every call has been answered, all are
        // past what they asked.
        for stream in &streams {
            plugin.with(*stream, |session| session.request_body(b"", true));
        }
        while first_call(&plugin).is_some() || plugin.pausing() > 0 {
            if let Some(number) = first_call(&plugin) {
                plugin.answer(number, &answered(200));
            }
            plugin.elapse(Duration::from_secs(1));
        }
        prop_assert_eq!((plugin.waiting(), plugin.under_way()), (0, 0));
        for stream in streams {
            let hold = plugin.with(stream, |session| session.hold());
            prop_assert!(matches!(hold, Hold::Nothing | Hold::Answered));
            let session = plugin.close(stream).unwrap();
            prop_assert_eq!(session.ignored(), 0);
            prop_assert!(session.upstream().is_some() || session.replied());
        }
        prop_assert_eq!(proxy.live_requests(), 0);
        drop(plugin);
        prop_assert_eq!(Arc::strong_count(&service), 1);
    }
}

#[test]
fn those_who_pause_are_woken_at_their_moments() {
    let proxy = Proxy::new();
    let program = Program {
        before: vec![Await::Pause(20), Await::Pause(10)],
        forward: None,
    };
    let mut plugin = Plugin::new(Arc::new(program), proxy.worker(0));
    let first = start(&mut plugin);
    plugin.elapse(Duration::from_millis(5));
    let second = start(&mut plugin);
    let reached = |plugin: &mut Plugin<Program>| {
        [first, second].map(|stream| plugin.with(stream, |session| session.upstream().is_some()))
    };
    plugin.elapse(Duration::from_millis(24));
    assert_eq!(reached(&mut plugin), [false, false]);
    plugin.elapse(Duration::from_millis(1));
    assert_eq!(reached(&mut plugin), [true, false]);
    // Time may also pass elsewhere: then a pause is longer.
    proxy.advance(Duration::from_millis(4));
    plugin.elapse(Duration::ZERO);
    assert_eq!((reached(&mut plugin), plugin.pausing()), ([true, false], 1));
    proxy.advance(Duration::from_millis(2));
    plugin.elapse(Duration::ZERO);
    assert_eq!((reached(&mut plugin), plugin.pausing()), ([true, true], 0));
}

#[test]
fn one_who_pauses_may_go_away() {
    let proxy = Proxy::new();
    let program = Program {
        before: vec![Await::Pause(20)],
        forward: None,
    };
    let mut plugin = Plugin::new(Arc::new(program), proxy.worker(0));
    let (leaving, staying) = (start(&mut plugin), start(&mut plugin));
    let session = plugin.close(leaving).unwrap();
    assert_eq!((plugin.pausing(), proxy.live_requests()), (1, 1));
    plugin.elapse(Duration::from_secs(1));
    assert_eq!(session.upstream(), None);
    assert!(plugin.with(staying, |session| session.upstream().is_some()));
}

/// Fetches once at a time, again when a second has passed.
#[derive(Default)]
struct Fetcher {
    fetched: Mutex<Vec<(usize, u64, CalloutAnswer)>>,
    next: Mutex<u64>,
}

impl Service for Fetcher {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Ok(Self::default())
    }

    fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        let now = ports.now().as_millis();
        let mut next = self.next.lock().unwrap();
        if now < *next {
            return Vec::new();
        }
        *next = now + 1000;
        vec![Errand {
            id: 7,
            callout: Callout {
                cluster: "keys".to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
                timeout_millis: 500,
                shared_as: None,
            },
        }]
    }

    fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        let now = ports.now().millis_since(Proxy::START);
        self.fetched.lock().unwrap().push((errand, now, answer));
    }

    async fn serve(self: Arc<Self>, _: Exchange) -> Answer {
        Answer::Reply(Reply::default())
    }
}

#[test]
fn errands_run_by_the_clock_of_the_proxy() {
    let proxy = Proxy::new();
    let service = Arc::new(Fetcher::default());
    let host = Host::new(Arc::clone(&service), &proxy);
    let mut script = Script::answering("").callouts(|_| CalloutScript {
        delay_millis: 200,
        ..CalloutScript::new(200, "keys")
    });
    assert_eq!(host.tick(&mut script).len(), 1);
    assert_eq!(host.tick(&mut script).len(), 0);
    proxy.advance(std::time::Duration::from_secs(1));
    let mut late = Script::answering("").callouts(|_| CalloutScript {
        delay_millis: 5000,
        ..CalloutScript::new(200, "keys")
    });
    assert_eq!(host.tick(&mut late).len(), 1);
    let fetched = service.fetched.lock().unwrap();
    let statuses: Vec<_> = fetched
        .iter()
        .map(|(errand, at, answer)| match answer {
            CalloutAnswer::Answered { headers, .. } => {
                (*errand, *at, headers.first(b":status").unwrap().to_vec())
            }
            CalloutAnswer::Failed => (*errand, *at, Vec::new()),
        })
        .collect();
    assert_eq!(
        statuses,
        [(7, 200, b"200".to_vec()), (7, 1700, b"504".to_vec())]
    );
    assert_eq!(proxy.live_requests(), 0);
}

#[test]
fn a_plugin_runs_errands_beside_its_requests() {
    let service = Arc::new(Fetcher::default());
    let mut plugin = Plugin::new(Arc::clone(&service), Proxy::new().worker(0));
    plugin.tick();
    plugin.tick();
    let calls: Vec<(u32, String)> = plugin
        .calls()
        .map(|(number, callout)| (number, callout.cluster.clone()))
        .collect();
    assert_eq!(calls, [(1, "keys".to_owned())]);
    plugin.answer(1, &CalloutAnswer::Failed);
    assert_eq!(plugin.calls().count(), 0);
    assert_eq!(service.fetched.lock().unwrap().len(), 1);
}
