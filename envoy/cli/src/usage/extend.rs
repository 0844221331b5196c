//! `attache usage extend`: `UpdateUsage`.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateUsage.html>

use serde_json::{Value as Json, json};

use super::request::refusal;
use super::{Arguments, Extend, reach};
use crate::management_client::{Failure, encoded, message};
use crate::terminal::{Output, Terminal};

pub(super) fn extend(
    arguments: &Arguments,
    extension: &Extend,
    terminal: &mut Terminal,
) -> Result<String, Failure> {
    let Extend {
        usage_plan,
        api_key,
        remaining,
        output,
    } = extension;
    let (_, gateway) = reach(arguments, terminal)?;
    let target = format!(
        "/usageplans/{}/keys/{}/usage",
        encoded(usage_plan, ""),
        encoded(api_key, "")
    );
    let operation = json!({"op": "replace", "path": "/remaining", "value": remaining.to_string()});
    let body = json!({"patchOperations": [operation]}).to_string();
    let json = [("content-type".to_owned(), "application/json")];
    let (status, answer) = gateway.send("PATCH", &target, &json, body)?;
    if status != 200 {
        let said = message(&answer);
        return Err(refusal(&gateway, status, said.as_deref(), usage_plan));
    }
    Ok(match output {
        Output::Json => {
            let mut told = serde_json::from_slice(&answer).unwrap_or(Json::Null);
            // The AWS command line calls them so.
            if let Some(told) = told.as_object_mut()
                && let Some(values) = told.remove("values")
            {
                told.insert("items".to_owned(), values);
            }
            format!("{told:#}\n")
        }
        Output::Text => format!(
            "{api_key} has {remaining} requests left of {usage_plan} at {}, until the period ends\n",
            gateway.url
        ),
    })
}
