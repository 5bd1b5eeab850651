//! No secret of the embedded world leaves the kubeconfig, however much is asked to be logged.
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::git_repo::Sandbox;

/// Every secret of the embedded world has it: the clusters', GitHub's and Jira's.
const MARK: &str = "rehearsalTOKEN";

/// As it is, or in Base64, wherever in it: what a header carries, or an API, or a Secret.
fn holds_it(bytes: &[u8]) -> bool {
    let encoded = (0..3).map(|before| {
        let text = STANDARD.encode(["-".repeat(before).as_str(), MARK].concat());
        // What its neighbours have a part in says nothing.
        text[[0, 2, 3][before]..text.len() - 4].to_owned()
    });
    let marks: Vec<String> = encoded.chain([MARK.to_owned()]).collect();
    marks.iter().any(|mark| bytes.windows(mark.len()).any(|part| part == mark.as_bytes()))
}

/// All files below `dir` that hold the mark as they are.
fn files_with_it(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with_it(&path, found);
        } else if holds_it(&fs::read(&path).unwrap()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
}

/// How many objects a repo has, loose and packed, and those that hold the mark. They are compressed: a search
/// of the files doesn't see into them.
fn objects_with_it(repo: &Path) -> (usize, Vec<git2::Oid>) {
    let repo = git2::Repository::open(repo).unwrap();
    let odb = repo.odb().unwrap();
    let (mut seen, mut found) = (0, Vec::new());
    odb.foreach(|id| {
        seen += 1;
        if holds_it(odb.read(*id).unwrap().data()) {
            found.push(*id);
        }
        true
    })
    .unwrap();
    (seen, found)
}

#[test]
fn the_token_is_nowhere_but_in_the_kubeconfig() {
    let sandbox = Sandbox::new();
    let kept = sandbox.path("kept");
    let arguments = ["rehearse", "-vv", "--keep", kept.to_str().unwrap()];
    let mut program = sandbox.program(sandbox.dir.path(), &arguments);
    let output = program.env("RUST_LOG", "trace").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!holds_it(&output.stdout) && !holds_it(&output.stderr));
    let mut found = Vec::new();
    files_with_it(&kept, &mut found);
    assert_eq!(found, ["kubeconfig"]);
    for repo in ["deployment.git", "work"] {
        let (seen, found) = objects_with_it(&kept.join(repo));
        assert!(seen > 50, "{seen} objects");
        assert_eq!(found, [], "{repo}");
    }
    assert!(kept.join("pull-requests/5.md").exists(), "GitHub was asked");
    assert!(String::from_utf8_lossy(&output.stdout).contains("ticket     DCR-1: "), "and Jira");

    // A secret that got there would be found: in a file, in a loose object, in a packed one.
    let planted = format!("Authorization: Basic {}\n", STANDARD.encode(format!("dcr:{MARK}-x")));
    fs::write(kept.join("work/planted"), planted).unwrap();
    let remote = kept.join("deployment.git");
    let secret = sandbox.path("secret");
    fs::write(&secret, format!("token: {MARK}-x\n")).unwrap();
    let id = sandbox.git(&remote, &["hash-object", "-w", secret.to_str().unwrap()]);
    assert_eq!(objects_with_it(&remote).1, [git2::Oid::from_str(&id).unwrap()]);
    sandbox.git(&remote, &["tag", "planted", &id]);
    sandbox.git(&remote, &["repack", "-a", "-d", "--quiet"]);
    assert_eq!(objects_with_it(&remote).1, [git2::Oid::from_str(&id).unwrap()]);
    let mut found = Vec::new();
    files_with_it(&kept, &mut found);
    found.sort();
    assert_eq!(found, ["kubeconfig", "planted"]);
}
