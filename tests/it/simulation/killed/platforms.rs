//! The same between two requests that write to the review platform or to the ticket.
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use dcr_gitops::rehearse::github::pull::{Method as Landing, State};
use dcr_gitops::rehearse::jira::{Access, Jira, Kind};
use dcr_gitops::rehearse::loopback::{BoxError, Loopback};
use futures::future::{BoxFuture, FutureExt};
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use tower::{Service, ServiceExt};

use super::*;
use crate::journey::play::FOLDER;
use crate::review::stage::Stage;
use crate::ticket::{KEY, MAIL, TOKEN};

/// When the program dies that makes requests.
#[derive(Default)]
struct Doom {
    program: AtomicU32,
    writes: AtomicU64,
    /// The write that it dies at: 0, if it lives.
    at: AtomicU64,
    /// Before anything is done of it, or after all is.
    before: bool,
}

impl Doom {
    fn strike(&self) -> BoxError {
        let program = self.program.load(Ordering::SeqCst).to_string();
        Command::new("kill").args(["-9", &program]).status().unwrap();
        "nobody waits for an answer any more".into()
    }
}

/// A platform, and what becomes of its client.
#[derive(Clone)]
struct Fatal<S> {
    platform: S,
    doom: Arc<Doom>,
}

impl<S> Service<Request<Incoming>> for Fatal<S>
where
    S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = BoxError>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let (platform, doom) = (self.platform.clone(), Arc::clone(&self.doom));
        let writes = request.method() != Method::GET;
        let at = if writes { doom.writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let dies = writes && at == doom.at.load(Ordering::SeqCst);
        async move {
            if dies && doom.before {
                return Err(doom.strike());
            }
            let answer = platform.oneshot(request).await?;
            if dies { Err(doom.strike()) } else { Ok(answer) }
        }
        .boxed()
    }
}

/// What the program has to write about.
#[derive(Debug, Clone, Copy)]
enum News {
    /// A step falls due: its request.
    Due,
    /// A step was taken back: a halt, which the ticket is told.
    TakenBack,
}

/// A program has news and dies at this write (0: at none), and then comes one that lives. What is there after
/// that, and how many writes the first one made.
fn told(news: News, at: u64, before: bool) -> (Vec<String>, u64) {
    let doom = Arc::new(Doom { before, ..Doom::default() });
    let stage = Stage::new();
    let jira = Jira::new(stage.clock.reader(), Kind::DataCenter);
    jira.add_user(MAIL, TOKEN, Access::Comment).unwrap();
    jira.add_ticket(KEY, "Rebuild the cache of system6");
    let (github, ticket) = stage.runtime.block_on(async {
        let github = Fatal { platform: stage.github.clone(), doom: Arc::clone(&doom) };
        let jira = Fatal { platform: jira.clone(), doom: Arc::clone(&doom) };
        (Loopback::serve(github).await.unwrap(), Loopback::serve(jira).await.unwrap())
    });
    let settings = stage.repo.show("main", "dcr-gitops.yaml");
    let settings = format!(
        "{settings}\ngithub: {{labels: [dcr], reviewers: [ann]}}\njira: {{url: {}/jira}}\n",
        ticket.url()
    );
    stage.land(&[("dcr-gitops.yaml", &settings)]);
    let run = |more: &[&str]| {
        let arguments = [&["next-phase", "system6", "--pr"], more].concat();
        let mut command = stage.program(&stage.repo.work, &arguments);
        command.env("GITHUB_API_URL", format!("{}/api/v3", github.url()));
        command.env("JIRA_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        doom.program.store(child.id(), Ordering::SeqCst);
        child.wait_with_output().unwrap()
    };
    let begins = ["--ticket", KEY];
    let (arguments, code) = match news {
        News::Due => (&begins[..], 0),
        News::TakenBack => {
            Ran::from(run(&begins)).ends(0);
            stage.merge(stage.pull().number, Landing::Merge);
            stage.repo.git(&["pull", "--quiet", "origin", "main"]);
            stage.repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
            stage.repo.git(&["push", "--quiet", "origin", "HEAD:main"]);
            (&[][..], 11)
        }
    };
    doom.writes.store(0, Ordering::SeqCst);
    doom.at.store(at, Ordering::SeqCst);
    let first = run(arguments);
    let writes = doom.writes.load(Ordering::SeqCst);
    doom.at.store(0, Ordering::SeqCst);
    if at > 0 {
        assert_eq!(first.status.signal(), Some(9), "write {at}: {first:?}");
        Ran::from(run(arguments)).ends(code);
    } else {
        Ran::from(first).ends(code);
    }
    (there(&stage, &jira), writes)
}

/// The step, its request and the words about them, without what depends on the time, and why it is made: who
/// finds it made doesn't know.
fn there(stage: &Stage, jira: &Jira) -> Vec<String> {
    let pull = stage.pull();
    let step = Repository::open(stage.repo.origin()).unwrap();
    let tree = step.find_commit(pull.head).unwrap().tree().unwrap();
    let folder = tree.get_path(Path::new(&format!("{FOLDER}/dcr"))).unwrap().id().to_string();
    let (before, after) = pull.body.split_once("### Why now").unwrap();
    let body = format!("{before}{}", after.split_once("### Diff").unwrap().1);
    let is_merged = matches!(pull.state, State::Merged(_));
    let request = format!("{is_merged} {:?} {:?}", pull.labels, pull.reviewers);
    let mut there = vec![folder, pull.title.clone(), body, request];
    let comments = stage.github.comments(pull.number).into_iter().map(|comment| comment.body);
    let ticket = jira.ticket(KEY).unwrap().comments.into_iter();
    let told = ticket.map(|comment| comment.body.as_str().unwrap().to_owned());
    // Of a comment only what it is about: the time is in it, too.
    let about = |text: String| text.split('(').next().unwrap_or_default().to_owned();
    there.extend(comments.chain(told).map(about));
    let statuses = stage.github.statuses(pull.head).into_iter();
    there.extend(statuses.map(|status| format!("{}: {}", status.context, status.state)));
    there.dedup();
    let commit = pull.head.to_string();
    there.iter().map(|text| text.replace(&commit, "<commit>")).collect()
}

/// At every write, before and after it: nothing is lost, and nothing is there twice.
fn between_any_two(news: News, least: u64) {
    let (wanted, writes) = told(news, 0, false);
    assert!(writes >= least, "{writes} writes: {wanted:#?}");
    let points: Vec<(u64, bool)> = (1..=writes).flat_map(|at| [(at, true), (at, false)]).collect();
    std::thread::scope(|scope| {
        for half in points.chunks(points.len().div_ceil(2)) {
            let wanted = &wanted;
            scope.spawn(move || {
                for &(at, before) in half {
                    let is = told(news, at, before).0;
                    assert_eq!(is, *wanted, "{news:?}, write {at}, before: {before}");
                }
            });
        }
    });
}

#[test]
fn a_request_for_review() {
    between_any_two(News::Due, 4);
}

#[test]
fn what_the_ticket_is_told() {
    between_any_two(News::TakenBack, 1);
}
