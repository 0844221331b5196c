//! transform.wasm: validation and mapping templates, alone.

attache_host::filter!(attache_policies::filter::transform::TransformFilter);
