//! What was said on a pull request by us.
use serde::Deserialize;
use serde_json::json;

use crate::github::{Document, Error, Github};

/// The comments of a request, and which are ours: GitHub knows that of any kind of token.
const COMMENTS: Document = Document(
    "
query Comments($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        nodes { databaseId body viewerDidAuthor }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}",
);

/// How many pages are read of a request.
const PAGES: usize = 50;

/// A comment of ours.
#[derive(Debug, Clone)]
pub struct Comment {
    pub id: u64,
    pub body: String,
}

#[derive(Deserialize)]
struct Answer {
    repository: Repository,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    /// Absent: there is no such request any more.
    pull_request: Option<Pull>,
}

#[derive(Deserialize)]
struct Pull {
    comments: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    nodes: Vec<Option<Node>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    database_id: Option<u64>,
    body: String,
    viewer_did_author: bool,
}

impl Comment {
    /// Whether it says what has this digest. (GitHub may have changed its line ends.)
    pub fn says(&self, marker: &str, digest: &str) -> bool {
        self.body.lines().next() == Some(&first_line(marker, digest))
    }
}

/// What our comment begins with.
pub fn first_line(marker: &str, digest: &str) -> String {
    format!("{marker} ({digest}) -->")
}

/// Our comments on a request whose first line begins so, the oldest first. Somebody else's is never ours,
/// however it begins.
pub async fn ours(github: &Github, request: u64, marker: &str) -> Result<Vec<Comment>, Error> {
    let place = github.place();
    let mut ours = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let variables = json!({
            "owner": place.owner, "name": place.name, "number": request, "after": after,
        });
        let answer: Answer = github.query(COMMENTS, variables).await?;
        let Some(pull) = answer.repository.pull_request else { break };
        let begins = format!("{marker} (");
        let nodes = pull.comments.nodes.into_iter().flatten();
        let nodes = nodes.filter(|node| node.viewer_did_author && node.body.starts_with(&begins));
        ours.extend(
            nodes.filter_map(|node| Some(Comment { id: node.database_id?, body: node.body })),
        );
        after = pull.comments.page_info.end_cursor;
        if !pull.comments.page_info.has_next_page || after.is_none() {
            break;
        }
    }
    ours.sort_by_key(|comment| comment.id);
    Ok(ours)
}
