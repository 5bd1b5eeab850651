//! The deployment repo of a rehearsal: a copy of the surrounding one's base branch, or the sample, adapted
//! to the embedded world by a commit of its own.
use git2::build::TreeUpdateBuilder;
use git2::{Commit, FileMode, Oid, Repository, RepositoryInitOptions, Signature, Time};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::folder::{CONTEXT, Folder, GitFailed};
use crate::git::Repo;
use crate::observe::deployment::SETTINGS;

const SAMPLE: [(&str, &str); 3] = [
    (SETTINGS, include_str!("../../templates/sample/dcr-gitops.yaml")),
    (
        "clusters/den/tenant-105858-prod/system6/dcr.yaml",
        include_str!("../../templates/sample/dcr.yaml"),
    ),
    ("clusters/den/tenant-105858-prod/system6/frontends.yaml", OWN),
];

/// Argo CD refuses to remove all that an Application has: there is always something of their own.
const OWN: &str = include_str!("../../templates/sample/frontends.yaml");

/// The base branch of the sample.
pub const SAMPLE_BRANCH: &str = "main";

/// Why there is no deployment repo to rehearse with.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("making the rehearsal's deployment repo")]
    Git(#[from] git2::Error),
    #[error("copying the base branch")]
    Copy(#[from] GitFailed),
    #[error("reading {file}")]
    Read { file: String, source: Box<serde_yaml::Error> },
    #[error("writing {file}")]
    Write { file: String, source: serde_yaml::ser::Error },
}

/// Makes the remote with the sample on its base branch.
pub fn sample(folder: &Folder, at: Timestamp) -> Result<(), DeploymentError> {
    let repo = init(folder, SAMPLE_BRANCH)?;
    let files = SAMPLE.map(|(path, text)| (path.to_owned(), text.to_owned()));
    commit(&repo, SAMPLE_BRANCH, &files, "A sample of a deployment repo\n", at)?;
    Ok(())
}

/// Makes the remote with one commit of a user's repo, and what comes before it, on the base branch.
/// Nothing is written there.
pub fn copy(folder: &Folder, from: &Repo, base: Oid, branch: &str) -> Result<(), DeploymentError> {
    init(folder, branch)?;
    let refspec = format!("+{base}:refs/heads/{branch}");
    let source = from.common_dir().as_os_str();
    let arguments = ["fetch", "--quiet", "--no-tags", "--update-shallow"].map(AsRef::as_ref);
    folder.git(&folder.remote(), arguments.into_iter().chain([source, refspec.as_ref()]))?;
    Ok(())
}

/// Commits what fits the settings, and the inputs of the system that is rehearsed, to the embedded world:
///
/// - its cluster is the embedded one, for Argo CD too;
/// - its tickets are at `jira`, or there are none, and there is no heartbeat: nothing outside is called;
/// - nobody's attention is called for within a week, for a hundredth of a second here is minutes there;
/// - the nodes are asked through the API server, in the embedded Express's own words;
/// - where nothing but the inputs is in the system's folder, as in a repo that was just set up, a manifest of
///   their own is put beside them: Argo CD would never end the teardown.
///
/// What else they say stays as it is; their comments are lost.
pub fn adapt(
    folder: &Folder,
    branch: &str,
    cluster: &str,
    inputs: &str,
    jira: Option<&str>,
    at: Timestamp,
) -> Result<(), DeploymentError> {
    let repo = Repository::open_bare(folder.remote())?;
    let tree = repo.find_reference(&format!("refs/heads/{branch}"))?.peel_to_tree()?;
    let read = |path: &str| -> Result<Map<String, Value>, DeploymentError> {
        let blob = tree.get_path(path.as_ref())?.to_object(&repo)?.peel_to_blob()?;
        mapping(path, &String::from_utf8_lossy(blob.content()))
    };
    let mut settings = read(SETTINGS)?;
    match (jira, settings.get_mut("jira").and_then(Value::as_object_mut)) {
        (Some(url), Some(theirs)) => drop(theirs.insert("url".to_owned(), url.into())),
        (Some(_), None) => {}
        (None, _) => drop(settings.shift_remove("jira")),
    }
    settings.shift_remove("heartbeat");
    settings.insert("clusters".to_owned(), json!({cluster: {"context": CONTEXT}}));
    let gates = ["review", "applied", "nodes", "history", "propagated", "gone"];
    let attention: Map<String, Value> =
        gates.into_iter().map(|gate| (gate.to_owned(), json!("7d"))).collect();
    settings.insert("attention".to_owned(), Value::Object(attention));
    if let Some(defaults) = settings.get_mut("defaults").and_then(Value::as_object_mut) {
        own_words_only(defaults);
    }
    let mut system = read(inputs)?;
    own_words_only(&mut system);
    if let Some(admin) = system.entry("admin").or_insert_with(|| json!({})).as_object_mut() {
        let history = json!({"path": "/.admin?cmd=historyStatus&format=JSON"});
        admin.insert("rebuildStatus".to_owned(), json!({"fields": {"run": "/run"}}));
        admin.insert("history".to_owned(), history);
    }
    let mut files = vec![
        (SETTINGS.to_owned(), text(SETTINGS, &settings)?),
        (inputs.to_owned(), text(inputs, &system)?),
    ];
    if let Some((beside, name)) = inputs.rsplit_once('/') {
        let there = tree.get_path(beside.as_ref())?.to_object(&repo)?.peel_to_tree()?;
        if there.iter().all(|entry| entry.name_bytes() == name.as_bytes()) {
            files.push((format!("{beside}/frontends.yaml"), OWN.to_owned()));
        }
    }
    commit(&repo, branch, &files, "Adapt the deployment repo to the rehearsal\n", at)?;
    Ok(())
}

/// Commits what a scenario wants the inputs to say of the rebuild.
pub fn amend(
    folder: &Folder,
    branch: &str,
    inputs: &str,
    rebuild: &[(&str, &str)],
    at: Timestamp,
) -> Result<(), DeploymentError> {
    if rebuild.is_empty() {
        return Ok(());
    }
    let repo = Repository::open_bare(folder.remote())?;
    let tree = repo.find_reference(&format!("refs/heads/{branch}"))?.peel_to_tree()?;
    let blob = tree.get_path(inputs.as_ref())?.to_object(&repo)?.peel_to_blob()?;
    let mut system = mapping(inputs, &String::from_utf8_lossy(blob.content()))?;
    if let Some(says) = system.entry("rebuild").or_insert_with(|| json!({})).as_object_mut() {
        says.extend(rebuild.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    }
    let files = [(inputs.to_owned(), text(inputs, &system)?)];
    commit(&repo, branch, &files, "Set the inputs as the scenario wants them\n", at)?;
    Ok(())
}

/// Of what is said about the nodes' answers, leaves what the embedded Express goes by.
fn own_words_only(inputs: &mut Map<String, Value>) {
    if let Some(admin) = inputs.get_mut("admin").and_then(Value::as_object_mut) {
        admin.retain(|key, _| matches!(key.as_str(), "port" | "clientImage"));
    }
}

fn mapping(file: &str, text: &str) -> Result<Map<String, Value>, DeploymentError> {
    let as_our_files_are_read = serde_yaml::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_yaml::from_str_with_options(text, as_our_files_are_read)
        .map_err(|source| DeploymentError::Read { file: file.to_owned(), source: Box::new(source) })
}

fn text(file: &str, mapping: &Map<String, Value>) -> Result<String, DeploymentError> {
    serde_yaml::to_string(mapping)
        .map_err(|source| DeploymentError::Write { file: file.to_owned(), source })
}

fn init(folder: &Folder, branch: &str) -> Result<Repository, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).initial_head(branch).external_template(false);
    Repository::init_opts(folder.remote(), &options)
}

/// A commit of these files on a branch, which begins with it if it isn't there yet.
fn commit(
    repo: &Repository,
    branch: &str,
    files: &[(String, String)],
    message: &str,
    at: Timestamp,
) -> Result<Oid, git2::Error> {
    let name = format!("refs/heads/{branch}");
    let parent = repo.find_reference(&name).and_then(|reference| reference.peel_to_commit()).ok();
    let tree = match &parent {
        Some(parent) => parent.tree()?,
        None => repo.find_tree(repo.treebuilder(None)?.write()?)?,
    };
    let mut update = TreeUpdateBuilder::new();
    for (path, text) in files {
        update.upsert(path.as_str(), repo.blob(text.as_bytes())?, FileMode::Blob);
    }
    let tree = repo.find_tree(update.create_updated(repo, &tree)?)?;
    let time = Time::new(at.as_second(), 0);
    let who = Signature::new("Rehearsal", "rehearsal@example.com", &time)?;
    let parents: Vec<&Commit<'_>> = parent.iter().collect();
    repo.commit(Some(&name), &who, &who, message, &tree, &parents)
}
