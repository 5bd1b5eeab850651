//! No secret of the embedded world leaves the kubeconfig, however much is asked to be logged.
use std::fs;
use std::path::Path;

use crate::git_repo::Sandbox;

const MARK: &str = "rehearsalTOKEN";

fn holds_it(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|part| part == MARK.as_bytes())
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
    // Objects are compressed: a search of the files doesn't see into them.
    for repo in ["deployment.git", "work"] {
        let repo = git2::Repository::open(kept.join(repo)).unwrap();
        let odb = repo.odb().unwrap();
        let mut seen = 0;
        odb.foreach(|id| {
            seen += 1;
            !holds_it(odb.read(*id).unwrap().data())
        })
        .unwrap();
        assert!(seen > 50, "{seen} objects");
    }
}
