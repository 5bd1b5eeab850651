//! The comment on a run's newest pull request: the client over loopback, and the built program.
use std::ffi::OsString;
use std::time::Duration;

use dcr_gitops::context::{Clock, Context, Terminal};
use dcr_gitops::github::{Credentials, Error, Github, Place, Writer};
use dcr_gitops::propose::comment::{Comments, Owed, owed};
use dcr_gitops::rehearse::github::pull::Method;
use dcr_gitops::rehearse::wire::Fault;
use dcr_gitops::report::facts::Account;
use dcr_gitops::report::json::Line;
use dcr_gitops::report::scrub::Scrub;
use dcr_gitops::run::review::{Described, ReviewRequest, ReviewState, Standing};
use dcr_gitops::run::{Observation, Phase, Request, decide};
use jiff::SignedDuration;

use crate::review::stage::{Stage, TOKEN};
use crate::world::*;

const POST: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
const EDIT: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
const BOT: &str = "dcr[bot]";

/// The program's client, as it was just started.
fn writer(stage: &Stage) -> Writer {
    let now = stage.clock.reader();
    let variables = [
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_REPOSITORY", "acme/deployment"),
        ("GITHUB_API_URL", &stage.url),
    ];
    let context = Context {
        env: variables.map(|(name, value)| (OsString::from(name), OsString::from(value))).into(),
        clock: Clock::new(move || now()),
        cwd: "/".into(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    };
    let place = Place::find(&context, None).unwrap();
    let credentials = Credentials::find(&context).unwrap().unwrap();
    Writer::new(Github::new(&context, place, credentials, SignedDuration::ZERO).unwrap())
}

/// Delivers with a program that was just started; what went wrong.
async fn deliver(stage: &Stage, owed: &Owed) -> Vec<Error> {
    let mut comments = Comments::default();
    let troubles =
        comments.deliver(&writer(stage), std::slice::from_ref(owed), stage.clock.now()).await;
    troubles.into_iter().map(|(_, error)| error).collect()
}

/// What this look owes.
fn owing(seen: &Observation) -> Option<Owed> {
    let decision = decide(seen, &Request::Observe).unwrap();
    let line = Line::new(seen, &decision, None);
    owed(&Account { seen, decision: &decision, line: &line }, &Scrub::default()).unwrap()
}

/// A run in this phase whose steps have the requests 1, 2, …
fn reviewed(phase: Phase) -> Observation {
    let mut seen = met(phase);
    cluster(&mut seen).pods[0].ready = false;
    for step in 1..=usual_step(phase) {
        seen.world.review.requests.push(ReviewRequest {
            number: u64::from(step),
            url: format!("https://git.example.com/acme/deployment/pull/{step}"),
            run: 7,
            step,
            head: "c".repeat(40),
            state: ReviewState::Merged,
            opened: landed_at(),
            intent: None,
            standing: Standing { describes: Described::Nothing, ..Standing::default() },
        });
    }
    seen
}

/// A stage with this many requests.
fn staged(requests: u32) -> Stage {
    let stage = Stage::new();
    for number in 1..=requests {
        let head = format!("work-{number}");
        let files = [(format!("work/{number}"), "x".to_owned())];
        let origin = stage.repo.origin();
        stage.repo.sandbox.git(&origin, &["branch", &head, "main"]);
        stage.repo.sandbox.land(&origin, &head, "Work", &files);
        stage.github.open(BOT, &head, "Work", "").unwrap();
    }
    stage
}

fn bodies(stage: &Stage, number: u64) -> Vec<String> {
    stage.github.comments(number).into_iter().map(|comment| comment.body).collect()
}

#[test]
fn it_is_made_once_and_edited_only_for_news() {
    let stage = staged(2);
    stage.runtime.block_on(async {
        let mut seen = reviewed(Phase::FarmUp);
        assert_eq!(deliver(&stage, &owing(&seen).unwrap()).await, []);
        let [body] = &bodies(&stage, 2)[..] else { panic!("{:?}", bodies(&stage, 2)) };
        assert!(
            body.starts_with("<!-- dcr-gitops: state of den/tenant-105858-prod/system6, run 7 ("),
            "{body}"
        );
        assert!(
            body.contains(
                "**In `farm-up`**, next is `rebuild`. Waiting:\n\n- `nodes`: the synchronizer"
            ),
            "{body}"
        );
        assert!(body.contains("Farmers: 4 of 4 ready."), "{body}");
        // Hours later nothing else has changed.
        seen.at += SignedDuration::from_hours(5);
        assert_eq!(deliver(&stage, &owing(&seen).unwrap()).await, []);
        let now = bodies(&stage, 2);
        assert_eq!(
            (stage.count("POST", POST), stage.count("PATCH", EDIT)),
            (1, 0),
            "{now:?}{body}"
        );
        // A node has.
        cluster(&mut seen).pods[1].ready = false;
        assert_eq!(deliver(&stage, &owing(&seen).unwrap()).await, []);
        let [body] = &bodies(&stage, 2)[..] else { panic!("{:?}", bodies(&stage, 2)) };
        assert!(body.contains("Farmers: 3 of 4 ready."), "{body}");
        assert_eq!((stage.count("POST", POST), stage.count("PATCH", EDIT)), (1, 1));
        // One process doesn't even ask again.
        let (owed, writer) = (owing(&seen).unwrap(), writer(&stage));
        let mut comments = Comments::default();
        let mut requests = Vec::new();
        for _ in 0..3 {
            let owed = std::slice::from_ref(&owed);
            assert_eq!(comments.deliver(&writer, owed, stage.clock.now()).await, []);
            requests.push(stage.github.wire().log().len());
        }
        assert_eq!(requests[0], requests[2]);
    });
}

#[test]
fn it_moves_on_with_the_run() {
    let stage = staged(3);
    stage.runtime.block_on(async {
        assert_eq!(deliver(&stage, &owing(&reviewed(Phase::FarmUp)).unwrap()).await, []);
        let later = owing(&reviewed(Phase::Rebuild)).unwrap();
        for _ in 0..2 {
            assert_eq!(deliver(&stage, &later).await, []);
        }
        let [before] = &bodies(&stage, 2)[..] else { panic!("{:?}", bodies(&stage, 2)) };
        assert!(
            before.contains("is told on [#3](https://git.example.com/acme/deployment/pull/3) now"),
            "{before}"
        );
        assert_eq!(bodies(&stage, 3).len(), 1);
        assert_eq!((stage.count("POST", POST), stage.count("PATCH", EDIT)), (2, 1));
    });
}

#[test]
fn ours_is_found_on_any_page_and_nobody_elses_is_taken_for_it() {
    let stage = staged(2);
    stage.runtime.block_on(async {
        let mut seen = reviewed(Phase::FarmUp);
        let theirs = format!("{} (0123456789ab) -->\nx", owing(&seen).unwrap().marker);
        stage.github.comment(2, "ann", &theirs).unwrap();
        (0..120)
            .for_each(|n| drop(stage.github.comment(2, "ben", &format!("comment {n}")).unwrap()));
        assert_eq!(deliver(&stage, &owing(&seen).unwrap()).await, []);
        cluster(&mut seen).pods[1].ready = false;
        assert_eq!(deliver(&stage, &owing(&seen).unwrap()).await, []);
        let all = bodies(&stage, 2);
        assert_eq!((all.len(), &all[0]), (122, &theirs));
        assert!(all[121].contains("Farmers: 3 of 4 ready."), "{}", all[121]);
    });
}

#[test]
fn racing_watchers_end_up_with_one() {
    let stage = staged(2);
    stage.runtime.block_on(async {
        let owed = owing(&reviewed(Phase::FarmUp)).unwrap();
        stage.github.wire().fail_next("POST", POST, 2, Fault::Slow(Duration::from_millis(100)));
        let both = tokio::join!(deliver(&stage, &owed), deliver(&stage, &owed));
        assert_eq!(both, (vec![], vec![]));
        assert_eq!(stage.count("POST", POST), 2, "they did race");
        assert_eq!(bodies(&stage, 2).len(), 1);
    });
}

#[test]
fn whatever_goes_wrong_it_is_there_in_the_end_and_once() {
    for fault in
        [Fault::Lost(502), Fault::Cut, Fault::Refused(500), Fault::Refused(403), Fault::Reset]
    {
        let stage = staged(2);
        stage.runtime.block_on(async {
            let owed = owing(&reviewed(Phase::FarmUp)).unwrap();
            stage.github.wire().fail_next("POST", POST, 1, fault);
            let troubles = deliver(&stage, &owed).await;
            // What may have been done is looked at and, if it wasn't, done at once; what was refused is told.
            let refused = matches!(fault, Fault::Refused(403));
            assert_eq!(troubles.len(), usize::from(refused), "{fault:?}");
            assert!(!troubles.iter().any(|it| it.to_string().contains(TOKEN)), "{troubles:?}");
            assert_eq!(bodies(&stage, 2).len(), usize::from(!refused), "{fault:?}");
            assert_eq!(deliver(&stage, &owed).await, [], "{fault:?}");
            assert_eq!(bodies(&stage, 2).len(), 1, "{fault:?}");
        });
    }
}

#[test]
fn words_of_others_are_shown_as_they_are() {
    let hostile = "--> @everyone </details> ![x](http://evil.example) | `x` password=hunter22";
    let mut seen = reviewed(Phase::FarmUp);
    cluster(&mut seen).pods[0].trouble = Some(hostile.into());
    let body = owing(&seen).unwrap().body;
    let line = body.lines().find(|line| line.contains("everyone")).unwrap();
    assert!(line.contains(r"--&gt; @&#8203;everyone &lt;/details&gt; \!\[x\]\("), "{body}");
    assert!(!body.contains("hunter22"), "{body}");
    assert_eq!(owing(&met(Phase::FarmUp)), None, "without a request there is nowhere to say it");
}

#[test]
fn the_program_says_it_on_the_request_it_opens() {
    let stage = Stage::new();
    let opened = stage.next(&[], 0);
    assert_eq!(opened["outcome"], "opened");
    let [body] = &bodies(&stage, 1)[..] else { panic!("{:?}", bodies(&stage, 1)) };
    assert!(
        body.contains("**Not begun**, next is `history-update`, because a run was asked for"),
        "{body}"
    );
    // Once it is merged the next look says what it waits for.
    stage.merge(1, Method::Squash);
    stage.next(&[], 10);
    let [body] = &bodies(&stage, 1)[..] else { panic!("{:?}", bodies(&stage, 1)) };
    assert!(body.contains("**In `history-update`**, next is `farm-up`. Waiting:"), "{body}");
    // What only looks says nothing.
    let requests = stage.count("POST", POST) + stage.count("PATCH", EDIT);
    stage.run(&["status", "system6"]).ends(0);
    stage.run(&["plan", "system6"]).ends(0);
    assert_eq!(stage.count("POST", POST) + stage.count("PATCH", EDIT), requests);
}
