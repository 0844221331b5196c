//! authorizer.wasm: who may call, alone.

attache_host::filter!(attache_policies::filter::authorizer::AuthorizerFilter);
