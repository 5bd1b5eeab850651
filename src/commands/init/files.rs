//! The files that `init` writes, from the templates that are built in.
use crate::cli::COMMIT;
use crate::config::{Settings, SystemsPattern, schema};

pub const CODEOWNERS: &str = ".github/CODEOWNERS";

/// Where the schema of both files is put, for editors.
const SCHEMA: &str = ".dcr-gitops/schema.json";

/// The repo of this program.
const PROGRAM: &str = "dcr-gitops/dcr-gitops";

const SETTINGS: &str = include_str!("../../../templates/setup/dcr-gitops.yaml");
const INPUTS: &str = include_str!("../../../templates/setup/dcr.yaml");
const OWNERS: &str = include_str!("../../../templates/setup/CODEOWNERS");
const WORKFLOWS: [(&str, &str); 4] = [
    ("dcr-start.yml", include_str!("../../../templates/setup/workflows/dcr-start.yml")),
    ("dcr-act.yml", include_str!("../../../templates/setup/workflows/dcr-act.yml")),
    ("dcr-tick.yml", include_str!("../../../templates/setup/workflows/dcr-tick.yml")),
    ("dcr-review.yml", include_str!("../../../templates/setup/workflows/dcr-review.yml")),
];

/// One file, by its path relative to the repo.
pub struct File {
    pub path: String,
    pub text: String,
}

/// What was found out or asked for.
pub struct Setup {
    pub branch: String,
    /// `OWNER/REPO@REF` of the reusable workflows.
    pub uses: String,
    pub pattern: SystemsPattern,
    pub kustomize: bool,
    /// Where the example `dcr.yaml` goes.
    pub example: String,
}

/// The workflows that belong to this program: at the commit it was built from, or else at its version's tag.
pub fn own_workflows() -> String {
    let tag = concat!("v", env!("CARGO_PKG_VERSION"));
    format!("{PROGRAM}@{}", COMMIT.unwrap_or(tag))
}

/// What a CODEOWNERS line has to name: all that steps write.
pub fn owned(pattern: &SystemsPattern) -> String {
    format!("/{}", everywhere(pattern))
}

/// The generated folders of all systems, as a path with `*`.
fn everywhere(pattern: &SystemsPattern) -> String {
    let path = pattern.as_str();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = ["{cluster}", "{namespace}", "{system}"]
        .into_iter()
        .fold(folder.to_owned(), |folder, capture| folder.replace(capture, "*"));
    format!("{folder}/dcr/**").trim_start_matches('/').to_owned()
}

impl Setup {
    /// Repo and ref of the workflows.
    fn parts(&self) -> (&str, &str) {
        self.uses.split_once('@').unwrap_or((&self.uses, "main"))
    }

    /// Whether the workflows name a commit, which can't be moved.
    pub fn is_pinned(&self) -> bool {
        let (_, reference) = self.parts();
        reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// All files, in the order they are told of.
///
/// # Errors
/// The schema can't be written as JSON.
pub fn setup(what: &Setup) -> anyhow::Result<Vec<File>> {
    let default = Settings::default();
    let branch_line = match what.branch == default.branch {
        true => String::new(),
        false => format!("branch: {}\n", quoted(&what.branch)),
    };
    let (program, reference) = what.parts();
    let pin = match what.is_pinned() {
        true => format!("{reference} # v{}", env!("CARGO_PKG_VERSION")),
        false => reference.to_owned(),
    };
    let up = "../".repeat(what.example.matches('/').count());
    let fill = |text: &str, schema: &str| {
        [
            ("__SCHEMA__", schema),
            ("__SYSTEMS__", &quoted(what.pattern.as_str())),
            ("__BRANCH_LINE__", &branch_line),
            ("__BRANCH__", &quoted(&what.branch)),
            ("__WIRING__", if what.kustomize { "kustomize" } else { "directory" }),
            ("__RUNS__", &everywhere(&what.pattern)),
            ("__CODEOWNERS__", &owned(&what.pattern)),
            ("__PROGRAM__", program),
            ("__PIN__", &pin),
            ("__REF__", reference),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
    };
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    let mut files = vec![
        file("dcr-gitops.yaml", fill(SETTINGS, &format!("./{SCHEMA}"))),
        file(&what.example, fill(INPUTS, &format!("{up}{SCHEMA}"))),
        file(SCHEMA, format!("{}\n", serde_json::to_string_pretty(&schema())?)),
    ];
    for (name, text) in WORKFLOWS {
        files.push(file(&format!(".github/workflows/{name}"), fill(text, SCHEMA)));
    }
    files.push(file(CODEOWNERS, fill(OWNERS, SCHEMA)));
    Ok(files)
}

/// As a YAML value: plain where nothing in it means anything to YAML, else in quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    match text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}
