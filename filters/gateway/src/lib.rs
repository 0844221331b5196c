//! gateway.wasm: every policy of the gateway in one filter.

attache_host::filter!(attache_policies::Gateway);
