//! A configuration of a megabyte is served anew again and again, under load: no request is lost, and
//! memory stays where it is. `ATTACHE_RELOADS=1000` goes on for longer than the few times of every
//! day.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use attache_e2e::{Attache, Backend, Client, Operation, Project, Request, definition};

/// How many operations make a megabyte of what the filter loads.
const OPERATIONS: usize = 2_750;

/// After how many reloads memory is looked at first: by then every worker has seen both versions,
/// and the allocators have what they need.
const WARM_UP: usize = 8;

/// By how much the processes may grow after that, in KiB, however long it goes on.
const BOUND_IN_KIB: u64 = 64 * 1024;

fn reloads() -> usize {
    std::env::var("ATTACHE_RELOADS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12)
}

fn operations(version: &str, backend: SocketAddr) -> String {
    let mut operations: Vec<Operation> = (0..OPERATIONS)
        .map(|number| {
            let path = format!("/resources-{number}/{{id}}");
            let uri = format!("http://{backend}/{version}/resources/{number}/{{id}}");
            Operation::new("GET", &path, &uri)
        })
        .collect();
    let uri = format!("http://{backend}/{version}");
    operations.push(Operation::new("GET", "/pets", &uri));
    definition(&operations)
}

/// What a process holds in memory, in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.unwrap_or_default()
}

fn deploy(folder: &Path) -> String {
    let mut command = Attache::start(&["deploy", folder.to_str().unwrap(), "--stage", "prod"]);
    assert!(command.wait().success(), "{}", command.messages());
    fs::read_to_string(folder.join("deployments/petstore/stages/prod.json")).unwrap()
}

#[test]
fn a_large_configuration_is_served_anew_without_loss_and_in_the_same_memory() {
    let backend = Backend::start(|seen| {
        attache_e2e::Reaction::answer(200, seen.path.trim_start_matches('/'))
    });
    let address = backend.address();
    let configuration = "\
        accessLog: off\napis:\n  petstore: {definition: openapi.json, stages: {prod: {}}}\n";
    let project = Project::new(configuration, &operations("one", address));
    let folder = project.path();
    let versions = ["one", "two"].map(|version| {
        project.write("openapi.json", &operations(version, address));
        (version, deploy(folder))
    });
    let gateway = Attache::serve(folder, &[]);
    let clients = gateway.address();
    let filter = gateway.working_folder().join("ecds").join("attache.yaml");
    let size = fs::metadata(filter).map_or(0, |file| file.len());
    let envoy: Vec<u32> = gateway
        .children()
        .iter()
        .filter_map(|process| u32::try_from(process.as_raw_nonzero().get()).ok())
        .collect();
    let memory = || -> u64 { envoy.iter().map(|process| resident(*process)).sum() };
    let stage = folder.join("deployments/petstore/stages/prod.json");
    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut before, mut most) = (0, 0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = Client::http1(clients);
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.send(&Request::new("GET", "/prod/pets")).unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    served.fetch_add(1, Ordering::Relaxed);
                    // Most of the processors is for what is measured.
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        struct Stop<'s>(&'s AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _stop = Stop(&stop);
        let mut client = Client::http1(clients);
        for reload in 1..=WARM_UP + reloads() {
            // The last one deployed is the one that is served at first.
            let (version, text) = &versions[(reload + 1) % 2];
            let next = stage.with_extension("next");
            fs::write(&next, text).unwrap();
            fs::rename(&next, &stage).unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while client
                .send(&Request::new("GET", "/prod/pets"))
                .unwrap()
                .text()
                != *version
            {
                assert!(Instant::now() < deadline, "{}", gateway.messages());
                thread::sleep(Duration::from_millis(10));
            }
            let now = memory();
            if reload == WARM_UP {
                before = now;
            }
            if reload > WARM_UP {
                most = most.max(now);
            }
            if reload % 100 == 0 || reload == WARM_UP {
                println!("{reload} reloads in {:?}: {now} KiB", start.elapsed());
            }
        }
    });
    println!(
        "{size} bytes, {} reloads, {} requests served, {before} KiB after {WARM_UP} reloads, {most} \
         KiB at most, {} KiB at the end, in {:?}",
        WARM_UP + reloads(),
        served.load(Ordering::Relaxed),
        memory(),
        start.elapsed()
    );
    assert!(size >= 1_000_000, "the configuration has {size} bytes");
    assert_eq!(gateway.stat("http.gateway.downstream_rq_5xx"), 0);
    assert!(
        most <= before + BOUND_IN_KIB,
        "{before} KiB after {WARM_UP} reloads, {most} KiB at most later"
    );
}
