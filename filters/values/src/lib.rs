//! Values as mapping templates, JSON documents and JSONPath see them.
//!
//! A [`Value`] is what a template computes with: JSON's types, and objects that a host provides.
//! Lists and maps are shared and mutable, as they are in Java: what `$input.path` selects stays
//! part of the document.

pub mod json;
pub mod json_path;
pub mod json_schema;
mod list;
mod map;
mod number;
mod object;
mod value;

pub use json_path::JsonPath;
pub use list::{List, ListKind};
pub use map::{Map, MapKind};
pub use number::{Decimal, Number};
pub use object::{CallError, Object};
pub use value::Value;
