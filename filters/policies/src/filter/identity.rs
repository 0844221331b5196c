//! What the API key filter tells the filters after it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ports::FilterState;

/// The name in the filter state. The proxy shows it to its access log and to CEL expressions as
/// `wasm.attache_identity`.
const NAME: &str = "attache_identity";

/// Who calls: the customer whose key was found in force.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Identity<'i> {
    /// The id of the key.
    #[serde(borrow)]
    pub(super) api_key_id: Cow<'i, str>,
    /// The ids of the key's plans.
    #[serde(borrow)]
    pub(super) usage_plans: Vec<Cow<'i, str>>,
}

impl<'i> Identity<'i> {
    /// Leaves the identity for later filters.
    pub(super) fn write(&self, state: &(impl FilterState + ?Sized)) -> Result<(), Unwritable> {
        let text = serde_json::to_vec(self).map_err(|_| Unwritable)?;
        state.write(NAME, &text);
        Ok(())
    }

    /// The bytes that an earlier filter left.
    pub(super) fn find(state: &(impl FilterState + ?Sized)) -> Option<Vec<u8>> {
        // A proxy may answer for a name that was never written with nothing.
        state.read(NAME).filter(|text| !text.is_empty())
    }

    /// Reads what was left; `None` when it is not an identity.
    pub(super) fn read(text: &'i [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

/// An identity that has no JSON.
#[derive(Debug)]
pub(super) struct Unwritable;
