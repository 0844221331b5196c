//! response_cache.wasm: the response cache of RFC 9111, alone.

attache_host::filter!(attache_policies::filter::response_cache::ResponseCacheFilter);
