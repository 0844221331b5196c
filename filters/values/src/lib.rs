//! Values as mapping templates, JSON documents and JSONPath see them.
//!
//! A [`Value`] is what a template computes with: JSON's types, and objects that a host provides.
//! Lists and maps are shared and mutable, as they are in Java: what `$input.path` selects stays
//! part of the document.
//!
//! ```
//! use attache_values::JsonPath;
//! use attache_values::json::{ReadOptions, read};
//!
//! let document = read("{pets: [{name: 'Rex', age: 1.10}]}", ReadOptions::default())?;
//! let names = JsonPath::compile("$.pets[?(@.age < 2)].name")?;
//! let selected = names.read(&document.value).ok_or("nothing selected")?;
//! assert_eq!(selected.to_json(), r#"["Rex"]"#);
//! assert!(!document.strict);
//!
//! let mut printed = String::new();
//! document.value.print(&mut printed);
//! assert_eq!(printed, r#"{pets=[{"name":"Rex","age":1.1}]}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
