//! What keys have used outlasts a run: it is asked of the gateway every minute and at the end, and
//! the next run of the same configuration begins with it.
//!
//! It is the user's state, not the project's: a file for each configuration below `XDG_STATE_HOME`,
//! which only this user can read. In the project's own folder it would be noticed as an edit, and
//! find its way into version control.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attache_model::{Gateway, KeptUsage};
use attache_policies::usage_plan::is_kept_usage;
use serde::{Deserialize, Serialize};

use crate::management_client::{self, Surroundings, Way, encoded};
use crate::running;

/// How often it is asked for.
const INTERVAL: Duration = Duration::from_secs(60);

/// As many keys as an answer can have.
const PAGE: usize = 10_000;

/// As many pages as are asked for at most.
const MOST_PAGES: usize = 1_000;

/// The version of the file.
const VERSION: u32 = 1;

/// What a run begins with, and where it is kept for the next one.
#[derive(Clone, Debug)]
pub struct KeptUsageFile {
    configuration: PathBuf,
    /// `None` when there is no place for it.
    file: Option<PathBuf>,
    usage: Vec<KeptUsage>,
}

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

impl KeptUsageFile {
    /// What earlier runs of a configuration file have kept. What cannot be read counts for nothing,
    /// and so does all of it when it is to be forgotten.
    #[must_use]
    pub fn of(configuration: &Path, forget: bool) -> Self {
        let folder = running::state_folder().ok();
        let file = folder.and_then(|folder| running::file(&folder, configuration).ok());
        let read = file.as_deref().filter(|_| !forget).and_then(read);
        Self {
            configuration: configuration.to_owned(),
            file,
            usage: read.unwrap_or_default(),
        }
    }

    /// Has a gateway begin with it.
    pub fn begin(&self, gateway: &mut Gateway) {
        let plans = &gateway.usage_plans;
        let is_there = |kept: &&KeptUsage| plans.iter().any(|plan| plan.id == kept.usage_plan);
        gateway.kept_usage = self.usage.iter().filter(is_there).cloned().collect();
    }

    /// Asks the gateway that runs, over connections which stay open for the next time.
    pub(super) fn keeper(self) -> Keeper {
        Keeper {
            file: self,
            gateway: None,
            due: Instant::now() + INTERVAL,
        }
    }

    fn write(&self, usage: Vec<KeptUsage>) -> Result<(), String> {
        let file = self.file.as_deref().ok_or("there is no folder for it")?;
        let folder = file.parent().unwrap_or(file);
        let contents = Contents {
            version: VERSION,
            kept_usage: usage,
        };
        let write = || {
            // Only this user can read a temporary file, and nobody finds half of one.
            let mut next = tempfile::NamedTempFile::new_in(folder)?;
            next.write_all(&serde_json::to_vec(&contents)?)?;
            next.persist(file).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error: std::io::Error| format!("`{}`: {error}", file.display()))
    }
}

fn read(file: &Path) -> Option<Vec<KeptUsage>> {
    let contents: Contents = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let mut usage = contents.kept_usage;
    usage.retain(is_kept_usage);
    (contents.version == VERSION).then_some(usage)
}

/// Keeps what the gateway of a run tells.
pub(super) struct Keeper {
    file: KeptUsageFile,
    gateway: Option<management_client::Gateway>,
    due: Instant,
}

impl Keeper {
    /// Keeps what there is once a minute.
    pub(super) fn keep_sometimes(&mut self, gateway: &Gateway) -> Result<(), String> {
        if Instant::now() < self.due {
            return Ok(());
        }
        self.due = Instant::now() + INTERVAL;
        self.keep(gateway)
    }

    /// Keeps what there is now.
    ///
    /// # Errors
    ///
    /// Why it cannot be kept.
    pub(super) fn keep(&mut self, gateway: &Gateway) -> Result<(), String> {
        if gateway.usage_plans.is_empty() {
            return Ok(());
        }
        let reached = match self.gateway.take() {
            Some(reached) => reached,
            None => reach(&self.file.configuration)?,
        };
        let usage = ask(&reached)?;
        self.gateway = Some(reached);
        self.file.write(usage)
    }
}

/// The gateway of this run.
fn reach(configuration: &Path) -> Result<management_client::Gateway, String> {
    let surroundings = Surroundings::of(Way {
        path: configuration,
        url: None,
        token_file: None,
    });
    surroundings.own_gateway().ok_or_else(|| {
        "the token of the management API is not known here: give the configuration a \
         `managementApi` with a `tokenFile`"
            .to_owned()
    })
}

fn ask(gateway: &management_client::Gateway) -> Result<Vec<KeptUsage>, String> {
    let mut usage = Vec::new();
    let mut position: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let mut target = format!("/usageplans/counts?limit={PAGE}");
        if let Some(position) = &position {
            target.push_str("&position=");
            target.push_str(&encoded(position, ""));
        }
        let answer = gateway.send("GET", &target, &[], ());
        let (status, body) = answer.map_err(|_| "the gateway cannot be reached".to_owned())?;
        let page = serde_json::from_slice::<Page>(&body).ok();
        let page = page.filter(|_| status == 200);
        let page = page.ok_or_else(|| format!("the gateway answered with status {status}"))?;
        usage.extend(page.kept_usage);
        position = page.position;
        if position.is_none() {
            return Ok(usage);
        }
    }
    Err("the gateway does not come to an end".to_owned())
}

#[cfg(test)]
mod tests {
    use attache_model::{Account, Gateway, KeptUsage, UsagePlan};

    use super::{KeptUsageFile, read};

    fn kept(plan: &str, quota: Option<&str>) -> KeptUsage {
        KeptUsage {
            usage_plan: plan.to_owned(),
            api_key: "acme".to_owned(),
            quota: quota.map(str::to_owned),
            history: None,
        }
    }

    #[test]
    fn a_run_begins_with_what_the_one_before_has_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let quota = "A".repeat(32);
        let mut earlier = KeptUsageFile {
            configuration: folder.path().to_owned(),
            file: Some(file.clone()),
            usage: Vec::new(),
        };
        let usage = vec![kept("gold", Some(&quota)), kept("gone", None)];
        earlier.write(usage.clone()).unwrap();
        earlier.usage = read(&file).unwrap();
        assert_eq!(earlier.usage, usage);

        let mut gateway = Gateway::new(Account::default());
        gateway.usage_plans = vec![UsagePlan {
            id: "gold".to_owned(),
            throttle: None,
            quota: None,
            api_stages: Vec::new(),
        }];
        earlier.begin(&mut gateway);
        assert_eq!(gateway.kept_usage, [kept("gold", Some(&quota))]);

        // What the filter would refuse keeps no run from starting.
        earlier.write(vec![kept("gold", Some("?"))]).unwrap();
        assert_eq!(read(&file), Some(Vec::new()));
        for foreign in ["", "{}", r#"{"version": 2, "keptUsage": []}"#] {
            std::fs::write(&file, foreign).unwrap();
            assert_eq!(read(&file), None);
        }
    }
}
