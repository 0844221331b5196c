use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use wasm_bindgen_test::wasm_bindgen_test;

use super::{Group, HttpCache, Metrics, Rules, Storage};
use crate::exchange::{
    Answer, CalloutAnswer, Edits, Event, Exchange, Reply, ResponseHead, Service, Step, Stream,
    UpstreamFailure,
};
use crate::headers::{HeaderEdit, Headers};
use crate::memory_ports::MemoryPorts;
use crate::ports::{
    AccessLog, Clock, Connection, Environment, FilterState, Meter, Metric, Ports, Random,
    Signatures, Signed, Store, StoreError, Stored, Swap, Timestamp, Version,
};

/// Nothing but the cache.
struct Only(HttpCache, Arc<Rules>);

impl Service for Only {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(Vec::new())
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        self.0.serve(&exchange, &self.1).await
    }
}

/// A proxy in memory whose numbers are all different.
struct Proxy {
    memory: MemoryPorts,
    numbers: Cell<u64>,
    cluster: &'static [u8],
}

impl Clock for Proxy {
    fn now(&self) -> Timestamp {
        self.memory.now()
    }
}

impl Random for Proxy {
    fn next_u64(&self) -> u64 {
        self.numbers.update(|number| number + 1);
        self.numbers.get()
    }
}

impl Store for Proxy {
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        self.memory.get(key)
    }

    fn compare_and_swap(
        &self,
        key: &[u8],
        value: &[u8],
        expected: Option<Version>,
    ) -> Result<Swap, StoreError> {
        self.memory.compare_and_swap(key, value, expected)
    }
}

impl Meter for Proxy {
    fn count(&self, _: &Metric, _: u64) {}

    fn observe(&self, _: &Metric, _: u64) {}

    fn set(&self, _: &Metric, _: u64) {}
}

impl AccessLog for Proxy {
    fn publish(&self, _: &str, _: &[u8]) {}
}

impl FilterState for Proxy {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) {}
}

impl Connection for Proxy {
    fn source_address(&self) -> Vec<u8> {
        Vec::new()
    }

    fn protocol(&self) -> Vec<u8> {
        Vec::new()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }

    fn cluster(&self) -> Vec<u8> {
        self.cluster.to_vec()
    }
}

impl Signatures for Proxy {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        None
    }
}

struct World {
    cache: Arc<Only>,
    proxy: Rc<Proxy>,
}

/// What a request meets.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    /// The origin, with these header fields changed on its way.
    Origin(Edits),
    /// The cache, with this status, body and `Cache-Status`.
    Cache(u16, String, String),
    Waits,
}

impl World {
    fn new() -> Self {
        Self::with(&[], b"")
    }

    fn with(depends_on: &[&str], cluster: &'static [u8]) -> Self {
        let rules = Rules {
            group: Group(0),
            without_statement: None,
            depends_on: depends_on.iter().map(|it| it.as_bytes().to_vec()).collect(),
            encrypted: false,
            passes_headers: true,
            guarded: false,
        };
        let metrics = Metrics::new(|measure| measure.as_str().to_owned());
        let cache = HttpCache::new(Storage::new("test", 1, None), 100, true, metrics);
        Self {
            cache: Arc::new(Only(cache, Arc::new(rules))),
            proxy: Rc::new(Proxy {
                memory: MemoryPorts::default(),
                numbers: Cell::default(),
                cluster,
            }),
        }
    }

    fn start(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> (Stream, Met) {
        let head = [
            (":method", method),
            (":scheme", "http"),
            (":authority", "A.example"),
            (":path", path),
        ];
        let request: Headers = head.iter().chain(fields).copied().collect();
        let ports = Rc::clone(&self.proxy) as Rc<dyn Ports>;
        let ends = !matches!(method, "POST" | "FAT");
        let (stream, step) = Stream::start(&self.cache, request, ends, ports);
        (stream, met(step))
    }

    /// What a request meets that is not played to its end.
    fn meets(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Met {
        self.start(method, path, fields).1
    }

    /// Has the origin asked, which answers with this.
    fn fetch(&self, path: &str, asked: &[(&str, &str)], status: u16, answer: &[(&str, &str)]) {
        let (mut stream, met) = self.start("GET", path, asked);
        assert!(matches!(met, Met::Origin(_)), "{met:?}");
        let step = stream.resume(head(status, answer));
        if matches!(step, Step::PassOn(..)) {
            stream.resume(Event::PassedOn(Some(b"hello".to_vec())));
        } else {
            assert!(matches!(step, Step::Release(_)), "{step:?}");
        }
    }

    fn is_kept(&self, path: &str) -> bool {
        matches!(self.meets("GET", path, &[]), Met::Cache(200, ..))
    }
}

fn met(step: Step) -> Met {
    match step {
        Step::Forward(edits) => Met::Origin(edits),
        Step::Pause(_) => Met::Waits,
        Step::Reply(reply) => from_cache(&reply),
        step => panic!("{step:?}"),
    }
}

fn from_cache(reply: &Reply) -> Met {
    let mut fields = reply.headers.iter();
    let status = fields.find(|(name, _)| name == "cache-status").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Met::Cache(reply.status, text(&reply.body), text(&status.1))
}

fn hit(status: u16, body: &str, ttl: i32) -> Met {
    Met::Cache(status, body.to_owned(), format!("attache; hit; ttl={ttl}"))
}

fn unchanged() -> Met {
    Met::Origin(Edits::default())
}

fn head(status: u16, fields: &[(&str, &str)]) -> Event {
    let own = [(":status", "x"), ("content-length", "5")];
    Event::ResponseHead(ResponseHead {
        status,
        headers: own.iter().chain(fields).copied().collect(),
        failure: None,
    })
}

const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=60"), ("etag", "\"a\"")];

#[wasm_bindgen_test(unsupported = test)]
fn what_is_fresh_answers() {
    let world = World::new();
    world.fetch("/a?b", &[], 200, FRESH);
    world.proxy.memory.advance(10);
    assert_eq!(world.meets("GET", "/a?b", &[]), hit(200, "hello", 50));
    assert_eq!(world.meets("HEAD", "/a?b", &[]), hit(200, "hello", 50));
    for (field, status, body) in [
        (("if-none-match", "\"a\""), 304, ""),
        (("if-none-match", "\"b\""), 200, "hello"),
        (("range", "bytes=1-2"), 206, "el"),
        (("range", "bytes=9-"), 416, ""),
        (("range", "bytes=0-1,3-4"), 200, "hello"),
    ] {
        let found = world.meets("GET", "/a?b", &[field]);
        assert_eq!(found, hit(status, body, 50), "{field:?}");
    }
    for path in ["/a", "/a?b&", "/A?b", "/a?b#c"] {
        assert_eq!(world.meets("GET", path, &[]), unchanged(), "{path}");
    }
    world.proxy.memory.advance(50);
    assert_ne!(world.meets("GET", "/a?b", &[]), hit(200, "hello", 0));
}

#[wasm_bindgen_test(unsupported = test)]
fn requests_with_bodies_or_preconditions_are_the_origins() {
    let world = World::new();
    world.fetch("/", &[], 200, FRESH);
    assert_eq!(
        world.meets("GET", "/", &[("if-match", "\"a\"")]),
        unchanged()
    );
    let request = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/"),
    ];
    let ports = Rc::clone(&world.proxy) as Rc<dyn Ports>;
    let step = Stream::start(&world.cache, request.into_iter().collect(), false, ports).1;
    assert_eq!(met(step), unchanged());
    assert!(world.is_kept("/"));
}

#[wasm_bindgen_test(unsupported = test)]
fn one_asks_and_the_others_wait() {
    let world = World::new();
    let (mut first, met) = world.start("GET", "/", &[]);
    assert_eq!(met, unchanged());
    let (mut second, met) = world.start("GET", "/", &[]);
    assert_eq!(met, Met::Waits);
    // Nobody waits for what may be told to one client only, or who asks for something new.
    for field in [
        ("if-none-match", "\"x\""),
        ("range", "bytes=0-1"),
        ("cache-control", "no-cache"),
    ] {
        assert_eq!(world.meets("GET", "/", &[field]), unchanged(), "{field:?}");
    }
    let Step::PassOn(..) = first.resume(head(200, FRESH)) else {
        panic!("it is kept");
    };
    assert!(matches!(second.resume(Event::Paused), Step::Pause(4)));
    first.resume(Event::PassedOn(Some(b"hello".to_vec())));
    assert_eq!(resumed(&mut second), hit(200, "hello", 60));
}

fn resumed(stream: &mut Stream) -> Met {
    met(stream.resume(Event::Paused))
}

#[wasm_bindgen_test(unsupported = test)]
fn a_leader_that_fails_frees_the_others() {
    let world = World::new();
    let (first, _) = world.start("GET", "/", &[]);
    let (mut second, _) = world.start("GET", "/", &[]);
    drop(first);
    assert_eq!(resumed(&mut second), unchanged());

    // What breaks off, is longer than may be kept, or is for one client, is not kept, and nobody
    // waits for the next.
    for (path, answer, body) in [
        ("/long", FRESH, None),
        ("/private", &[("cache-control", "private")][..], Some(())),
        (
            "/cookie",
            &[("cache-control", "max-age=9"), ("set-cookie", "a=b")],
            Some(()),
        ),
        (
            "/star",
            &[("cache-control", "max-age=9"), ("vary", "*")],
            Some(()),
        ),
    ] {
        let (mut first, _) = world.start("GET", path, &[]);
        let (mut second, _) = world.start("GET", path, &[]);
        if matches!(first.resume(head(200, answer)), Step::PassOn(..)) {
            assert_eq!(body, None, "{path}");
            first.resume(Event::PassedOn(None));
        }
        assert_eq!(resumed(&mut second), unchanged(), "{path}");
        assert_eq!(world.meets("GET", path, &[]), unchanged(), "{path}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn nobody_waits_for_ever() {
    let world = World::new();
    let (_first, _) = world.start("GET", "/", &[]);
    let (mut second, _) = world.start("GET", "/", &[]);
    world.proxy.memory.advance(1);
    assert_eq!(resumed(&mut second), unchanged());
    // Whose answer is not kept.
    let Step::Release(_) = second.resume(head(200, FRESH)) else {
        panic!("it is not for others");
    };
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_stale_is_asked_about() {
    let world = World::new();
    world.fetch(
        "/",
        &[],
        200,
        &[
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("x-a", "1"),
        ],
    );
    world.proxy.memory.advance(61);
    let (mut stream, met) = world.start("GET", "/", &[("if-none-match", "\"mine\"")]);
    let Met::Origin(edits) = met else {
        panic!("{met:?}");
    };
    assert!(
        edits
            .headers
            .contains(&HeaderEdit::Set("if-none-match".into(), b"\"a\"".to_vec())),
        "{edits:?}"
    );
    let step = stream.resume(head(304, &[("x-a", "2"), ("cache-control", "max-age=30")]));
    let Step::Reply(reply) = step else {
        panic!("{step:?}");
    };
    assert_eq!((reply.status, &*reply.body), (200, &b"hello"[..]));
    assert!(
        reply.headers.contains(&("x-a".to_owned(), b"2".to_vec())),
        "{reply:?}"
    );
    assert_eq!(world.meets("GET", "/", &[]), hit(200, "hello", 30));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_stale_stands_in_for_an_origin_that_fails() {
    let world = World::new();
    world.fetch(
        "/",
        &[],
        200,
        &[("cache-control", "max-age=60, stale-if-error=10")],
    );
    world.proxy.memory.advance(65);
    let (mut stream, met) = world.start("GET", "/", &[]);
    assert_eq!(met, unchanged());
    let Step::Reply(reply) = stream.resume(head(503, &[])) else {
        panic!("it stands in");
    };
    assert_eq!(
        from_cache(&reply),
        Met::Cache(
            200,
            "hello".to_owned(),
            "attache; fwd=stale; detail=stale-if-error; fwd-status=503; ttl=-5".to_owned()
        )
    );
    world.proxy.memory.advance(20);
    let (mut stream, _) = world.start("GET", "/", &[]);
    let Step::Release(_) = stream.resume(head(503, &[])) else {
        panic!("not for so long");
    };
    let unreachable = Event::ResponseHead(ResponseHead {
        status: 503,
        headers: Headers::default(),
        failure: Some(UpstreamFailure::Unreachable),
    });
    let (mut stream, _) = world.start("GET", "/", &[]);
    let Step::Reply(_) = stream.resume(unreachable) else {
        panic!("nobody could ask");
    };
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_stale_is_fetched_anew_meanwhile() {
    const STALE: &[(&str, &str)] = &[
        ("cache-control", "max-age=60, stale-while-revalidate=60"),
        ("etag", "\"a\""),
    ];
    for (answer, expected) in [
        (Some((304, "")), hit(200, "hello", 60)),
        (Some((200, "again")), hit(200, "again", 60)),
        (Some((503, "")), hit(200, "hello", -2)),
        (None, hit(200, "hello", -2)),
    ] {
        let world = World::with(&[], b"back_end");
        world.fetch("/", &[], 200, STALE);
        world.proxy.memory.advance(62);
        // One of them has it fetched.
        for _ in 0..3 {
            assert_eq!(
                world.meets("GET", "/", &[("range", "bytes=-1")]),
                hit(206, "o", -2)
            );
        }
        let cache = &world.cache.0;
        let errands = cache.errands(&*world.proxy);
        assert_eq!(errands.len(), 1);
        assert_eq!(cache.errands(&*world.proxy), []);
        let callout = &errands[0].callout;
        assert_eq!(callout.cluster, "back_end");
        assert!(
            callout
                .headers
                .contains(&("if-none-match".to_owned(), b"\"a\"".to_vec()))
        );
        assert!(!callout.headers.iter().any(|(name, _)| name == "range"));
        let answer = answer.map_or(CalloutAnswer::Failed, |(status, body): (u16, &str)| {
            let status = status.to_string();
            let own = [(":status", &*status), ("content-length", "5")];
            CalloutAnswer::Answered {
                headers: own.iter().chain(STALE).copied().collect(),
                body: body.into(),
            }
        });
        cache.fetched(errands[0].id, answer, &*world.proxy);
        assert_eq!(world.meets("GET", "/", &[]), expected);
    }
    // Where the proxy's route is not known, whoever sees it asks.
    let world = World::new();
    world.fetch("/", &[], 200, STALE);
    world.proxy.memory.advance(62);
    assert!(matches!(world.meets("GET", "/", &[]), Met::Origin(_)));
}

#[wasm_bindgen_test(unsupported = test)]
fn responses_that_vary() {
    for (depends_on, vary) in [
        (&[][..], "Accept-Language, x-a"),
        (&["x-a"], "accept-language"),
    ] {
        let world = World::with(depends_on, b"");
        let answer = [("cache-control", "max-age=60"), ("vary", vary)];
        let (one, other) = ([("x-a", "1")], [("x-a", "2")]);
        world.fetch("/", &one, 200, &answer);
        assert_eq!(world.meets("GET", "/", &one), hit(200, "hello", 60));
        assert_eq!(world.meets("GET", "/", &other), unchanged());
        assert_eq!(world.meets("GET", "/", &[]), unchanged());
        world.fetch("/", &other, 200, &answer);
        assert_eq!(world.meets("GET", "/", &one), hit(200, "hello", 60));
        assert_eq!(world.meets("GET", "/", &other), hit(200, "hello", 60));
        // All of them are forgotten together, for good.
        let (mut stream, _) = world.start("DELETE", "/", &[]);
        stream.resume(head(204, &[]));
        assert_eq!(world.meets("GET", "/", &one), unchanged());
        world.fetch("/", &one, 200, &answer);
        assert_eq!(world.meets("GET", "/", &other), unchanged());
        // What does not vary any more takes the place of what did.
        world.fetch("/", &other, 200, FRESH);
    }
    let world = World::new();
    world.fetch(
        "/",
        &[],
        200,
        &[("cache-control", "max-age=60"), ("vary", "x-a")],
    );
    world.fetch("/", &[("x-a", "1")], 200, FRESH);
    assert_eq!(world.meets("GET", "/", &[]), hit(200, "hello", 60));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_has_changed_is_forgotten() {
    for (method, path, status, answer, kept) in [
        ("POST", "/a", 200, &[][..], false),
        ("PUT", "/a", 204, &[], false),
        ("DELETE", "/a", 302, &[], false),
        ("M-SEARCH", "/a", 200, &[], false),
        ("POST", "/a", 404, &[], true),
        ("POST", "/a", 500, &[], true),
        ("OPTIONS", "/a", 200, &[], true),
        ("POST", "/b", 200, &[], true),
        ("POST", "/b", 201, &[("location", "/a")], false),
        (
            "POST",
            "/b",
            201,
            &[("location", "http://a.example/a")],
            false,
        ),
        (
            "POST",
            "/b",
            201,
            &[("location", "http://b.example/a")],
            true,
        ),
        ("POST", "/b", 200, &[("content-location", "/a")], false),
        ("POST", "/b", 400, &[("content-location", "/a")], true),
    ] {
        let world = World::new();
        world.fetch("/a", &[], 200, FRESH);
        let (mut stream, met) = world.start(method, path, &[]);
        assert_eq!(met, unchanged());
        let step = stream.resume(head(status, answer));
        assert!(matches!(step, Step::Release(_)), "{step:?}");
        assert_eq!(
            world.is_kept("/a"),
            kept,
            "{method} {path} {status} {answer:?}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_only_seems_to_read_may_change() {
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let world = World::new();
        let fields = [(name, "DELETE")];
        world.fetch("/a", &fields, 200, FRESH);
        assert_eq!(world.meets("GET", "/a", &[]), unchanged());
        let world = World::new();
        world.fetch("/a", &[], 200, FRESH);
        world.fetch("/a", &fields, 200, FRESH);
        assert_eq!(world.meets("GET", "/a", &[]), unchanged());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_under_way_when_it_changed_is_not_kept() {
    let world = World::new();
    let (mut first, _) = world.start("GET", "/", &[]);
    let (mut change, _) = world.start("PUT", "/", &[]);
    change.resume(head(200, &[]));
    first.resume(head(200, FRESH));
    first.resume(Event::PassedOn(Some(b"old".to_vec())));
    assert_eq!(world.meets("GET", "/", &[]), unchanged());
}

#[wasm_bindgen_test(unsupported = test)]
fn the_answer_to_post_is_kept_where_it_says_so() {
    for (location, kept) in [("/a", true), ("http://a.example/a", true), ("/b", false)] {
        let world = World::new();
        let (mut stream, _) = world.start("POST", "/a", &[]);
        let answer = [
            ("cache-control", "max-age=60"),
            ("content-location", location),
        ];
        if let Step::PassOn(..) = stream.resume(head(200, &answer)) {
            stream.resume(Event::PassedOn(Some(b"hello".to_vec())));
        }
        assert_eq!(world.is_kept("/a"), kept, "{location}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn head_brings_what_is_kept_up_to_date() {
    for (status, answer, expected) in [
        (
            200,
            &[("cache-control", "max-age=90")][..],
            hit(200, "hello", 90),
        ),
        (
            200,
            &[("cache-control", "max-age=90"), ("etag", "\"b\"")],
            unchanged(),
        ),
        (404, &[], Met::Waits),
    ] {
        let world = World::new();
        world.fetch("/", &[], 200, FRESH);
        world.proxy.memory.advance(61);
        let (mut stream, met) = world.start("HEAD", "/", &[]);
        assert_eq!(met, unchanged());
        assert!(matches!(
            stream.resume(head(status, answer)),
            Step::Release(_)
        ));
        drop(stream);
        let found = world.meets("GET", "/", &[]);
        if expected == Met::Waits {
            assert!(matches!(found, Met::Origin(_)), "{found:?}");
        } else {
            assert_eq!(found, expected);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn wishes_of_clients() {
    let world = World::new();
    let only = ("cache-control", "only-if-cached");
    let nothing = Met::Cache(504, String::new(), "attache".to_owned());
    assert_eq!(world.meets("GET", "/", &[only]), nothing);
    world.fetch("/", &[], 200, FRESH);
    assert_eq!(world.meets("GET", "/", &[only]), hit(200, "hello", 60));
    for wish in ["no-cache", "max-age=0", "min-fresh=90"] {
        let met = world.meets("GET", "/", &[("cache-control", wish)]);
        assert!(matches!(met, Met::Origin(_)), "{wish}: {met:?}");
    }
    // Nothing is kept of a request that asks for that.
    world.fetch("/b", &[("cache-control", "no-store")], 200, FRESH);
    assert_eq!(world.meets("GET", "/b", &[]), unchanged());
    world.fetch("/c", &[("authorization", "x")], 200, FRESH);
    assert_eq!(world.meets("GET", "/c", &[]), unchanged());
}

#[wasm_bindgen_test(unsupported = test)]
fn what_says_more_than_its_key_is_not_kept() {
    let world = World::new();
    for field in ["x-forwarded-host", "x-original-url", "forwarded"] {
        world.fetch("/a", &[(field, "evil.example")], 200, FRESH);
        assert!(!world.is_kept("/a"), "{field}");
    }
    for path in ["/static/../account", "/static/..%2faccount"] {
        world.fetch(path, &[], 200, FRESH);
        assert!(!world.is_kept(path), "{path}");
    }
    let world = World::with(&["x-forwarded-host"], b"");
    let named = [("x-forwarded-host", "other.example")];
    world.fetch("/a", &named, 200, FRESH);
    assert!(!world.is_kept("/a"));
    assert_eq!(world.meets("GET", "/a", &named), hit(200, "hello", 60));
}

#[wasm_bindgen_test(unsupported = test)]
fn back_ends_behind_a_gateway_are_not_confused() {
    let world = World::new();
    let [one, two] = ["one", "two"].map(|cluster| [("x-attache-cluster", cluster)]);
    world.fetch("/a", &one, 200, FRESH);
    assert_eq!(world.meets("GET", "/a", &one), hit(200, "hello", 60));
    assert_eq!(world.meets("GET", "/a", &two), unchanged());
}

#[wasm_bindgen_test(unsupported = test)]
fn behind_a_gateway_the_first_request_fetches() {
    let world = World::with(&[], b"back");
    let mapped = [("x-attache-cluster", "one")];
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=60")];
    world.fetch("/a", &mapped, 200, &fields);
    world.proxy.memory.advance(61);
    let (_fetches, met) = world.start("GET", "/a", &mapped);
    assert_eq!(met, unchanged());
    assert_eq!(world.meets("GET", "/a", &mapped), hit(200, "hello", -1));
}
