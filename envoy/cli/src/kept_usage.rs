//! What keys have used, as a file: a gateway tells its counts, and another one begins with them.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use attache_model::{Gateway as Model, KeptUsage};
use attache_policies::usage_plan::is_kept_usage;
use serde::{Deserialize, Serialize};

use crate::management_client::{Failure, Gateway, encoded};

/// As many keys as an answer can have.
const PAGE: usize = 10_000;

/// As many pages as are asked for at most.
const MOST_PAGES: usize = 1_000;

/// The version of the file.
const VERSION: u32 = 1;

/// The file, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    version: u32,
    kept_usage: Vec<KeptUsage>,
}

/// A page of the gateway's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    kept_usage: Vec<KeptUsage>,
    position: Option<String>,
}

/// Asks a gateway for the counts of all keys.
///
/// # Errors
///
/// [`Failure`] when the gateway cannot be reached or does not tell.
pub(crate) fn ask(gateway: &Gateway) -> Result<Vec<KeptUsage>, Failure> {
    let url = &gateway.url;
    let mut usage = Vec::new();
    let mut position: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let mut target = format!("/usageplans/counts?limit={PAGE}");
        if let Some(position) = &position {
            target.push_str("&position=");
            target.push_str(&encoded(position, ""));
        }
        let (status, body) = gateway.send("GET", &target, &[], ())?;
        let page = serde_json::from_slice::<Page>(&body).ok();
        let page = page.filter(|_| status == 200).ok_or_else(|| {
            Failure::Failed(
                format!("the gateway at {url} does not tell its counts (status {status})"),
                "is its token right, and is this the address of a gateway?".to_owned(),
            )
        })?;
        usage.extend(page.kept_usage);
        position = page.position;
        if position.is_none() {
            return Ok(usage);
        }
    }
    Err(Failure::Failed(
        format!("the gateway at {url} does not come to an end"),
        "is this the address of a gateway?".to_owned(),
    ))
}

/// Writes the file, which only this user can read; nobody finds half of one.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write(file: &Path, usage: Vec<KeptUsage>) -> io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let contents = Contents {
        version: VERSION,
        kept_usage: usage,
    };
    let mut next = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    next.write_all(&serde_json::to_vec(&contents)?)?;
    next.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// Reads the file. Counts that no gateway has written are left out.
///
/// # Errors
///
/// Why it cannot be read, or what it is instead.
pub(crate) fn read(file: &Path) -> Result<Vec<KeptUsage>, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let contents: Contents = serde_json::from_slice(&bytes)
        .map_err(|error| format!("this is no snapshot of usage: {error}"))?;
    if contents.version != VERSION {
        let version = contents.version;
        return Err(format!(
            "a snapshot of version {version}, and this attache reads version {VERSION}"
        ));
    }
    let mut usage = contents.kept_usage;
    usage.retain(is_kept_usage);
    Ok(usage)
}

/// Has a gateway begin with what another one has told. Plans that are gone are left out.
pub(crate) fn begin(gateway: &mut Model, usage: &[KeptUsage]) {
    let plans = &gateway.usage_plans;
    let is_there = |kept: &&KeptUsage| plans.iter().any(|plan| plan.id == kept.usage_plan);
    gateway.kept_usage = usage.iter().filter(is_there).cloned().collect();
}

#[cfg(test)]
mod tests {
    use attache_model::{Account, Gateway, KeptUsage, UsagePlan};

    use super::{begin, read, write};

    fn kept(plan: &str, quota: Option<&str>) -> KeptUsage {
        KeptUsage {
            usage_plan: plan.to_owned(),
            api_key: "acme".to_owned(),
            quota: quota.map(str::to_owned),
            history: None,
        }
    }

    #[test]
    fn a_gateway_begins_with_what_the_one_before_has_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let quota = "A".repeat(32);
        let usage = vec![kept("gold", Some(&quota)), kept("gone", None)];
        write(&file, usage.clone()).unwrap();
        assert_eq!(read(&file), Ok(usage.clone()));

        let mut gateway = Gateway::new(Account::default());
        gateway.usage_plans = vec![UsagePlan {
            id: "gold".to_owned(),
            throttle: None,
            quota: None,
            api_stages: Vec::new(),
        }];
        begin(&mut gateway, &usage);
        assert_eq!(gateway.kept_usage, [kept("gold", Some(&quota))]);
    }

    #[test]
    fn what_a_filter_would_refuse_keeps_no_gateway_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        write(&file, vec![kept("gold", Some("?"))]).unwrap();
        assert_eq!(read(&file), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_snapshot_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        assert!(read(&file).is_err());
        for (foreign, expected) in [
            ("", "no snapshot"),
            ("{}", "no snapshot"),
            (r#"{"version": 2, "keptUsage": []}"#, "version 2"),
        ] {
            std::fs::write(&file, foreign).unwrap();
            let reason = read(&file).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
