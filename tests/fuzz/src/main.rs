//! A fuzzer guided by coverage for the target that `ATTACHE_FUZZ_TARGET` names; `make fuzz` builds
//! and runs it. Arguments are libFuzzer's: <https://llvm.org/docs/LibFuzzer.html#options>.
#![no_main]
#![expect(
    clippy::expect_used,
    reason = "without a target there is nothing to do"
)]

use std::sync::LazyLock;

use attache_fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("ATTACHE_FUZZ_TARGET").expect("ATTACHE_FUZZ_TARGET names a target");
    Target::named(&name).expect("ATTACHE_FUZZ_TARGET names a folder of tests/fuzz/corpus")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.run)(input));
