//! A new configuration keeps what is in the cache, unless the cache itself is another one.

use attache_e2e::{Backend, Operation, Reaction, until};
use serde_json::json;

use crate::hits::counting;
use crate::served::{Served, Setup, keyed};

/// Edits a project that is watched, and waits until the gateway follows: `/marker` answers then.
fn edit(served: &Served, edited: &Setup, marker: &str) {
    served.project.write("openapi.json", &edited.definition());
    served
        .project
        .write("attache.yaml", &edited.configuration.to_string());
    until("the new configuration", || {
        (0..8)
            .all(|_| served.get(marker).status == 200)
            .then_some(())
    });
}

fn again(served: &Served) -> Setup {
    // The same address in every definition; what it does was decided at the start.
    let mut setup = Setup::new(Backend::answering(""));
    setup.configuration["apis"]["petstore"]["stages"]["prod"]["variables"] = json!({});
    let _address = served.backend.address();
    setup
}

/// An operation of `setup` at the back end that serves.
fn at(served: &Served, setup: Setup, path: &str, to: &str, key: &[&str]) -> Setup {
    let uri = format!("http://{}{to}", served.backend.address());
    setup.with(keyed(Operation::new("GET", path, &uri), path, key))
}

#[test]
fn an_edit_elsewhere_keeps_what_is_kept_and_confuses_nothing() {
    let backend = Backend::start(|seen| Reaction::answer(200, format!("of {}", seen.path)));
    let served = Setup::new(backend)
        .get("/cats", &[])
        .get("/dogs", &[])
        .serve_with(&["--watch"]);
    served.attache.wait_for("watching for edits");
    for path in ["/cats", "/dogs"] {
        assert_eq!(
            served.get(&format!("/prod{path}")).text(),
            format!("of {path}")
        );
    }
    assert_eq!(served.calls(), 2);
    // Operations come before, between and after those that were there.
    let mut edited = again(&served);
    for path in ["/ants", "/cats", "/cows", "/dogs", "/marker"] {
        edited = at(&served, edited, path, path, &[]);
    }
    edit(&served, &edited, "/prod/marker");
    let _of_marker = served.calls();
    for _ in 0..4 {
        for path in ["/cats", "/dogs"] {
            assert_eq!(
                served.get(&format!("/prod{path}")).text(),
                format!("of {path}")
            );
        }
    }
    assert_eq!(served.calls(), 0);
    for _ in 0..4 {
        for path in ["/ants", "/cows", "/cats", "/dogs"] {
            assert_eq!(
                served.get(&format!("/prod{path}")).text(),
                format!("of {path}")
            );
        }
    }
    assert_eq!(served.calls(), 2);
}

#[test]
fn another_size_is_another_cache_and_starts_empty() {
    let served = Setup::new(counting())
        .get("/pets", &[])
        .serve_with(&["--watch"]);
    served.attache.wait_for("watching for edits");
    assert_eq!(served.get("/prod/pets").text(), "/pets call 1");
    for (size, marker, call) in [(32, "/first", 2), (8, "/second", 3)] {
        let mut edited = again(&served);
        for path in ["/pets", marker] {
            edited = at(&served, edited, path, path, &[]);
        }
        edited.stage()["cacheCluster"]["sizeMiB"] = json!(size);
        // Not kept, so that only the calls of `/pets` are counted below.
        let uncached = json!({"cachingEnabled": false});
        edited.stage()["methodSettings"][format!("{marker}/GET")] = uncached;
        edit(&served, &edited, &format!("/prod{marker}"));
        let anew = served.get("/prod/pets").text();
        assert_ne!(anew, "/pets call 1", "{size} MiB");
        for _ in 0..10 {
            assert_eq!(served.get("/prod/pets").text(), anew, "{size} MiB");
        }
        let of_pets = served.backend.seen();
        let of_pets = of_pets.iter().filter(|seen| seen.path == "/pets").count();
        assert_eq!(of_pets, call, "{size} MiB");
    }
}
