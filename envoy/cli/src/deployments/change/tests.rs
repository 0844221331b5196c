//! A command that ends in the middle, two at once, and files that somebody else has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use jiff::Timestamp;

use super::super::arguments::StageArguments;
use super::super::{Action, Failure, StageDeployment, abandon, promote};
use super::{Outcome, Plan, Situation, Step, make};
use crate::diagnostic::Report;
use crate::project::{self, Project};
use crate::terminal::Output;

const DEFINITION: &str = "\
openapi: 3.0.1
info: {title: Pets, version: '1'}
paths:
  /VERSION:
    get:
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{}'}}
";

const CONFIGURATION: &str = "\
apis:
  pets: {definition: openapi.yaml, stages: {prod: {}, dev: {}}}
";

struct Folder(tempfile::TempDir);

type Planner<'p> = &'p dyn Fn(&mut Situation<'_>) -> Result<Plan, Failure>;

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path().join("attache.yaml"), CONFIGURATION).unwrap();
        folder.edit("first");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The working files have one operation with this name.
    fn edit(&self, name: &str) {
        let definition = DEFINITION.replace("VERSION", name);
        fs::write(self.path().join("openapi.yaml"), definition).unwrap();
    }

    fn arguments(&self, stage: &str) -> StageArguments {
        StageArguments {
            path: self.path().to_owned(),
            stage: stage.to_owned(),
            api: None,
            message: Some("why".to_owned()),
            dry_run: false,
            output: Output::Text,
        }
    }

    fn change(&self, plan: Planner<'_>, watcher: &mut dyn FnMut(Step, &Path)) -> Outcome {
        let mut report = Report::new();
        let now = Timestamp::UNIX_EPOCH;
        make(&self.arguments("prod"), now, plan, &mut report, watcher)
            .unwrap_or_else(|failure| panic!("{failure:?}: {:?}", report.diagnostics()))
    }

    fn stage_file(&self) -> PathBuf {
        self.path().join("deployments/pets/stages/prod.json")
    }

    fn state(&self) -> StageDeployment {
        serde_json::from_slice(&fs::read(self.stage_file()).unwrap()).unwrap()
    }
}

fn load(path: &Path) -> Project {
    let mut report = Report::new();
    project::load(path, &mut report)
        .unwrap_or_else(|| panic!("{}: {:?}", path.display(), report.diagnostics()))
}

/// What the stage serves, and its canary release.
fn served(path: &Path) -> Vec<(String, bool)> {
    let project = load(path);
    let mut served = Vec::new();
    for api in &project.gateway.apis {
        for stage in api.stages.iter().filter(|stage| stage.name == "prod") {
            served.push((api.operations[0].path.clone(), stage.canary.is_some()));
        }
    }
    served
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn deploy(situation: &mut Situation<'_>) -> Result<Plan, Failure> {
    super::super::deploy::plan(situation, None)
}

fn canary(situation: &mut Situation<'_>) -> Result<Plan, Failure> {
    super::super::deploy::plan(situation, Some(10.0))
}

fn rollback(situation: &mut Situation<'_>) -> Result<Plan, Failure> {
    super::super::rollback::plan(situation, None)
}

#[test]
fn whatever_ends_a_command_in_the_middle_the_old_one_is_served() {
    let one = |name: &str| vec![(format!("/{name}"), false)];
    let with_canary =
        |name: &str, canary: &str| vec![(format!("/{name}"), false), (format!("/{canary}"), true)];
    let folder = Folder::new();
    type Case<'c> = (&'c str, Planner<'c>, Vec<(String, bool)>);
    let verbs: [Case<'_>; 7] = [
        ("first", &deploy, one("first")),
        ("second", &deploy, one("second")),
        ("third", &canary, with_canary("second", "third")),
        ("third", &abandon::plan, one("second")),
        ("third", &canary, with_canary("second", "third")),
        ("third", &promote::canary, one("third")),
        ("third", &rollback, one("second")),
    ];
    for (name, verb, after) in verbs {
        folder.edit(name);
        let before = served(folder.path());
        let crashed = tempfile::tempdir().unwrap();
        let mut steps = Vec::new();
        folder.change(verb, &mut |step, path| {
            // As the disk is when the process is killed right now.
            copy(folder.path(), &crashed.path().join(steps.len().to_string()));
            steps.push((step, path.to_owned()));
        });
        assert!(steps.len() >= 5, "{steps:?}");
        let named = |found: &(Step, PathBuf)| *found == (Step::Named, folder.stage_file());
        let decided = steps.iter().position(named).unwrap();
        for (number, step) in steps.iter().enumerate() {
            let left = crashed.path().join(number.to_string());
            let expected = if number < decided { &before } else { &after };
            assert_eq!(served(&left), *expected, "{name}, {step:?}");
            // And the command can be given again.
            let again = Folder(tempfile::tempdir().unwrap());
            copy(&left, again.path());
            if number < decided {
                again.change(verb, &mut |_, _| {});
                assert_eq!(served(again.path()), after, "{name}, {step:?}");
            }
            let unfinished = walk(again.path());
            let mut unfinished = unfinished.iter().filter(|path| path.contains(".attache-"));
            assert!(number >= decided || unfinished.next().is_none(), "{step:?}");
        }
        assert_eq!(served(folder.path()), after);
    }
    let history: Vec<Action> = folder
        .state()
        .history
        .iter()
        .map(|event| event.action)
        .collect();
    assert_eq!(
        history,
        [
            Action::Deploy,
            Action::Deploy,
            Action::Canary,
            Action::Abandon,
            Action::Canary,
            Action::Promote,
            Action::Rollback
        ]
    );
}

/// A snapshot is on the disk before the stage names it, with its name.
#[test]
fn what_a_stage_names_has_come_to_the_disk() {
    let folder = Folder::new();
    let mut steps = Vec::new();
    folder.change(&deploy, &mut |step, path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let what = match name {
            "prod.json" => "stage",
            _ if name.ends_with(".json") => "snapshot",
            _ if name.starts_with(".attache-") => "unfinished",
            _ => "folder",
        };
        steps.push((step, what));
    });
    use Step::{Created, Folder as Made, NameSynced, Named, Synced, Written};
    let file = |what| {
        [
            (Created, "unfinished"),
            (Written, "unfinished"),
            (Synced, "unfinished"),
            (Named, what),
            (NameSynced, what),
        ]
    };
    let mut expected = vec![(Made, "folder"), (Made, "folder")];
    expected.extend(file("snapshot"));
    expected.push((Made, "folder"));
    expected.extend(file("stage"));
    assert_eq!(steps, expected);
}

#[test]
fn the_same_content_is_deployed_once() {
    let folder = Folder::new();
    let first = folder.change(&deploy, &mut |_, _| {});
    assert!(first.is_new);
    let before = walk(folder.path());
    let bytes = fs::read(folder.stage_file()).unwrap();
    let again = folder.change(&deploy, &mut |step, path| panic!("{step:?} {path:?}"));
    assert!(!again.is_new);
    assert_eq!(again.plan.deployment, first.plan.deployment);
    assert_eq!(walk(folder.path()), before);
    assert_eq!(fs::read(folder.stage_file()).unwrap(), bytes);
    // Something else, and the same again: two snapshots, three events.
    folder.edit("second");
    folder.change(&deploy, &mut |_, _| {});
    folder.edit("first");
    let third = folder.change(&deploy, &mut |_, _| {});
    assert_eq!(third.plan.deployment, first.plan.deployment);
    let snapshots = folder.path().join("deployments/pets");
    let is_file = |path: &PathBuf| path.is_file();
    let files = fs::read_dir(snapshots)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    assert_eq!(files.filter(is_file).count(), 2);
    assert_eq!(folder.state().history.len(), 3);
}

#[test]
fn a_damaged_snapshot_is_made_good_by_the_same_content() {
    let folder = Folder::new();
    let first = folder.change(&deploy, &mut |_, _| {});
    let file = format!("deployments/pets/{}.json", first.plan.deployment);
    let file = folder.path().join(file);
    let whole = fs::read(&file).unwrap();
    folder.edit("second");
    folder.change(&deploy, &mut |_, _| {});
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let mut report = Report::new();
    let now = Timestamp::UNIX_EPOCH;
    let arguments = folder.arguments("prod");
    assert!(make(&arguments, now, &rollback, &mut report, &mut |_, _| {}).is_err());
    assert_eq!(served(folder.path()), [("/second".to_owned(), false)]);
    folder.edit("first");
    folder.change(&deploy, &mut |_, _| {});
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert_eq!(served(folder.path()), [("/first".to_owned(), false)]);
}

#[test]
fn of_many_commands_at_once_every_one_leaves_its_trace() {
    let folder = Folder::new();
    folder.change(&deploy, &mut |_, _| {});
    folder.edit("second");
    const COMMANDS: usize = 8;
    let ready = Barrier::new(COMMANDS);
    let done: usize = std::thread::scope(|scope| {
        let commands: Vec<_> = (0..COMMANDS)
            .map(|number| {
                let (folder, ready) = (&folder, &ready);
                scope.spawn(move || {
                    ready.wait();
                    // Each a release of its own, by its share.
                    let share = 1.0 + f64::from(u8::try_from(number).unwrap());
                    let outcome = folder.change(
                        &|situation| super::super::deploy::plan(situation, Some(share)),
                        &mut |_, _| {},
                    );
                    usize::from(outcome.is_new)
                })
            })
            .collect();
        commands
            .into_iter()
            .map(|command| command.join().unwrap())
            .sum()
    });
    assert_eq!(done, COMMANDS);
    let state = folder.state();
    let mut shares: Vec<f64> = state
        .history
        .iter()
        .filter_map(|event| event.percent_traffic)
        .collect();
    assert_eq!(
        state.canary.unwrap().percent_traffic,
        *shares.last().unwrap()
    );
    shares.sort_by(f64::total_cmp);
    assert_eq!(shares, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
}

#[test]
fn a_file_that_somebody_else_has_written_is_left_as_it_is() {
    let folder = Folder::new();
    folder.change(&deploy, &mut |_, _| {});
    folder.edit("second");
    let theirs = fs::read_to_string(folder.stage_file())
        .unwrap()
        .replace("why", "theirs");
    let mut report = Report::new();
    let outcome = make(
        &folder.arguments("prod"),
        Timestamp::UNIX_EPOCH,
        &deploy,
        &mut report,
        // Right before the stage's own file is looked at again.
        &mut |step, path| {
            if step == Step::NameSynced && path != folder.stage_file() {
                fs::write(folder.stage_file(), &theirs).unwrap();
            }
        },
    );
    assert!(matches!(outcome, Err(Failure::Changed(_))));
    assert_eq!(fs::read_to_string(folder.stage_file()).unwrap(), theirs);
}

/// Every file below a folder, by its path.
fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}
