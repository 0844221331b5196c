//! api_key.wasm: API keys alone.

attache_host::filter!(attache_policies::filter::api_key::ApiKeyFilter);
