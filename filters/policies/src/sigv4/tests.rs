//! Tests of whole signatures.
