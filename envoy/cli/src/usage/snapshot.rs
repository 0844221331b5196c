//! `attache usage snapshot`: the counts of a gateway as a file, which another one begins with.

use std::path::Path;

use super::{Arguments, reach};
use crate::kept_usage;
use crate::management_client::Failure;
use crate::terminal::Terminal;

pub(super) fn write(
    arguments: &Arguments,
    out: &Path,
    terminal: &mut Terminal,
) -> Result<String, Failure> {
    let (surroundings, gateway) = reach(arguments, terminal)?;
    let configuration = surroundings.configuration.as_ref();
    if configuration.is_some_and(|configuration| configuration.state.is_some()) {
        return Err(Failure::Usage(
            "what is used is counted in Redis, which outlasts its gateways: there is nothing to keep"
                .to_owned(),
        ));
    }
    let usage = kept_usage::ask(&gateway)?;
    let count = usage.len();
    kept_usage::write(out, usage).map_err(|error| {
        Failure::Failed(
            format!("cannot write `{}`: {error}", out.display()),
            "choose another file with `--out`".to_owned(),
        )
    })?;
    let keys = if count == 1 {
        "1 key"
    } else {
        &format!("{count} keys")
    };
    Ok(format!(
        "wrote {}: what {keys} used at {}\n",
        out.display(),
        gateway.url
    ))
}
