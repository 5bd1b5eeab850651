//! One comment for each matter, whatever happens to the requests.
use std::time::Duration;

use dcr_gitops::rehearse::wire::Fault;
use dcr_gitops::run::review::ReviewState;
use jiff::SignedDuration;
use serde_json::json;

use super::*;

const BOTH: [Kind; 2] = [Kind::DataCenter, Kind::Cloud];

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_is_told_once_and_edited_when_it_changes() {
    for kind in BOTH {
        let world = World::new(kind).await;
        let owed = owing(&failed("OutOfMemoryError: heap")).unwrap();
        assert_eq!(world.deliver(&owed).await, []);
        let [comment] = &world.comments()[..] else { panic!("{:?}", world.comments()) };
        assert!(comment.contains("OutOfMemoryError"), "{comment}");
        // Another job, another day: nothing is written.
        assert_eq!(world.deliver(&owed).await, []);
        assert_eq!((world.comments().len(), world.asked("PUT", "{commentId}")), (1, 0));
        // The same matter, other words.
        let owed = owing(&failed("NullPointerException")).unwrap();
        assert_eq!(world.deliver(&owed).await, []);
        let [comment] = &world.comments()[..] else { panic!("{:?}", world.comments()) };
        assert!(comment.contains("NullPointerException"), "{comment}");
        assert_eq!((world.asked("POST", "/comment"), world.asked("PUT", "{commentId}")), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_clock_alone_changes_is_no_news() {
    let world = World::new(Kind::DataCenter).await;
    let mut seen = late();
    let mut tickets = world.tickets();
    let first = [owing(&seen).unwrap()];
    assert_eq!(tickets.deliver(&first).await, []);
    let requests = world.jira.wire().log().len();
    seen.at += SignedDuration::from_hours(5);
    let later = owing_from(&seen, Some("https://git.example.com/acme/d/actions/runs/8")).unwrap();
    // The same process asks nothing, and another one writes nothing.
    assert_eq!(tickets.deliver(std::slice::from_ref(&later)).await, []);
    assert_eq!(world.jira.wire().log().len(), requests);
    assert_eq!(world.deliver(&later).await, []);
    assert_eq!((world.comments().len(), world.asked("PUT", "{commentId}")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_matter_of_each_run_has_a_comment_of_its_own() {
    let world = World::new(Kind::Cloud).await;
    assert_eq!(world.deliver(&owing(&failed("x")).unwrap()).await, []);
    assert_eq!(world.deliver(&owing(&late()).unwrap()).await, []);
    let mut next_run = late();
    next_run.deployment.record.as_mut().unwrap().run = 8;
    next_run.deployment.history.landed.iter_mut().for_each(|landed| landed.run = 8);
    let owed = owing(&next_run).unwrap();
    assert_eq!(owed.tidings.len(), 1);
    assert_eq!(world.deliver(&owed).await, []);
    assert_eq!(world.comments().len(), 3, "{:?}", world.comments());
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_is_found_on_any_page_and_nobody_elses_is_taken_for_it() {
    for kind in BOTH {
        let world = World::new(kind).await;
        let owed = owing(&failed("x")).unwrap();
        let tiding = &owed.tidings[0];
        let line = format!("{} (0123456789ab)", tiding.marker);
        let body = |text: &str| match kind {
            Kind::DataCenter => json!(text),
            Kind::Cloud => {
                let text = json!({"type": "text", "text": text});
                json!({"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": [text]}]})
            }
        };
        // Somebody has copied our last line.
        let theirs = world.jira.comment(KEY, "eve@example.com", body(&line)).unwrap();
        (0..150).for_each(|n| {
            world.jira.comment(KEY, "ann@example.com", body(&format!("comment {n}")));
        });
        assert_eq!(world.deliver(&owed).await, []);
        let other = owing(&failed("y")).unwrap();
        assert_eq!(world.deliver(&other).await, []);
        let ticket = world.jira.ticket(KEY).unwrap();
        assert_eq!(ticket.comments.len(), 152);
        assert_eq!(ticket.comments[0].id, theirs);
        assert_eq!(ticket.comments[0].body, body(&line));
        assert_eq!(ticket.comments[151].author, MAIL);
        assert_eq!((world.asked("POST", "/comment"), world.asked("PUT", "{commentId}")), (1, 1));
        let pages = world.jira.wire().log().into_iter().filter(|asked| asked.method == "GET");
        let pages: Vec<_> = pages.filter(|asked| asked.route.ends_with("/comment")).collect();
        assert!(pages.iter().all(|asked| asked.query.contains_key("maxResults")), "{pages:?}");
        assert!(pages.iter().any(|asked| asked.query["startAt"] == "100"), "{pages:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_racing_watchers_end_up_with_one_comment() {
    for kind in BOTH {
        let world = World::new(kind).await;
        let owed = owing(&failed("x")).unwrap();
        // Both look before either has written.
        let slow = Fault::Slow(Duration::from_millis(100));
        world.jira.wire().fail_next("POST", &world.route("comment"), 2, slow);
        let (one, other) = tokio::join!(world.deliver(&owed), world.deliver(&owed));
        assert_eq!((one, other), (vec![], vec![]));
        assert_eq!(world.asked("POST", "/comment"), 2, "they did race");
        assert_eq!(world.comments().len(), 1, "{:?}", world.comments());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_it_is_there_in_the_end_and_once() {
    let lost = [Fault::Lost(502), Fault::Cut];
    let before = [
        Fault::Refused(500),
        Fault::Refused(503),
        Fault::Reset,
        Fault::Limited { status: 429, retry_after: Some(30) },
        Fault::Limited { status: 429, retry_after: None },
        Fault::Refused(401),
        Fault::Refused(403),
        Fault::Refused(404),
    ];
    let owed = owing(&failed("x")).unwrap();
    for fault in lost.into_iter().chain(before) {
        for (method, below) in [("GET", "comment"), ("POST", "comment")] {
            let world = World::new(Kind::DataCenter).await;
            world.jira.wire().fail_next(method, &world.route(below), 1, fault);
            let troubles = world.deliver(&owed).await;
            assert_eq!(troubles.len(), 1, "{fault:?} on {method}");
            assert!(!troubles[0].to_string().contains(TOKEN), "{troubles:?}");
            assert_eq!(world.deliver(&owed).await, [], "{fault:?} on {method}");
            assert_eq!(world.comments().len(), 1, "{fault:?} on {method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jira_that_is_down_for_a_day_is_left_alone_and_then_told() {
    let world = World::new(Kind::DataCenter).await;
    let day = SignedDuration::from_hours(24);
    world.jira.wire().down(world.clock.now(), world.clock.now() + day);
    let mut tickets = world.tickets();
    let owed = [owing(&failed("x")).unwrap()];
    let mut warnings = std::collections::BTreeSet::new();
    for _ in 0..24 * 60 * 2 {
        for (_, error) in tickets.deliver(&owed).await {
            warnings.insert(error.to_string());
        }
        world.clock.forward(SignedDuration::from_secs(30));
    }
    let requests = world.jira.wire().log().len();
    assert!(requests < 110, "{requests} requests in a day");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    world.clock.forward(SignedDuration::from_mins(16));
    assert_eq!(tickets.deliver(&owed).await, []);
    assert_eq!(world.comments().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_for_one_issue_holds_up_no_other() {
    let world = World::new(Kind::DataCenter).await;
    let mut elsewhere = failed("x");
    elsewhere.deployment.system.system = "system5".into();
    let record = elsewhere.deployment.record.as_mut().unwrap();
    record.system.system = "system5".into();
    record.ticket = Some("GONE-1".into());
    let owed = [owing(&elsewhere).unwrap(), owing(&failed("x")).unwrap()];
    let troubles = world.tickets().deliver(&owed).await;
    let [(system, error)] = &troubles[..] else { panic!("{troubles:?}") };
    assert_eq!(system.system, "system5");
    assert_eq!(error.to_string(), "GONE-1 isn't there, or this token may not see it");
    assert_eq!(world.comments().len(), 1);
    // A token that may only read is told so, for each look anew.
    let world = World::new(Kind::DataCenter).await;
    world.jira.add_user("reader@example.com", "rehearsalTOKEN-reader", Access::Read).unwrap();
    let context = world.context(&[("JIRA_TOKEN", "rehearsalTOKEN-reader")]);
    let mut tickets = Tickets::new(&context, Jira::new(&context, &world.settings()).unwrap());
    let owed = [owing(&failed("x")).unwrap()];
    let troubles = tickets.deliver(&owed).await;
    assert_eq!(
        troubles[0].1.hint(),
        Some("the token's user needs to browse the project, comment and link issues")
    );
    assert_eq!(tickets.deliver(&owed).await, troubles);
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_requests_are_linked_once_each() {
    let world = World::new(Kind::Cloud).await;
    let mut seen = ticketed(Phase::FarmUp);
    let content = dcr_gitops::run::deployment::StepContent::Empty;
    open(&mut seen, content);
    request(&mut seen, ReviewState::Open);
    let linked = owing(&seen).unwrap();
    assert_eq!(linked.tidings.len(), 0);
    for _ in 0..3 {
        assert_eq!(world.deliver(&linked).await, []);
    }
    let link = |world: &World| {
        let links = world.jira.ticket(KEY).unwrap().links;
        assert_eq!(links.len(), 1);
        links[0].object.clone()
    };
    assert_eq!(link(&world)["url"], "https://git.example.com/org/deployments/pull/12");
    assert_eq!(link(&world)["status"]["resolved"], false);
    assert_eq!(world.asked("POST", "/remotelink"), 1);
    // Nothing to tell, so no comment was ever asked for.
    assert_eq!(world.asked("GET", "/comment"), 0);
    seen.world.review.requests[0].state = ReviewState::Merged;
    assert_eq!(world.deliver(&owing(&seen).unwrap()).await, []);
    assert_eq!(link(&world)["status"]["resolved"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_asked() {
    let world = World::new(Kind::Cloud).await;
    for variables in [&[("JIRA_USER", MAIL)][..], &[("JIRA_TOKEN", TOKEN)], &[("JIRA_TOKEN", " ")]]
    {
        let context = world.context(variables);
        let error = Jira::new(&context, &world.settings()).err().unwrap();
        assert!(error.to_string().ends_with(" isn't set: the ticket isn't told"), "{error}");
    }
    assert_eq!(world.jira.wire().log().len(), 0);
}
