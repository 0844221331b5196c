//! usage_plan.wasm: usage plans alone, behind api_key.wasm.

attache_host::filter!(attache_policies::filter::usage_plan::UsagePlanFilter);
