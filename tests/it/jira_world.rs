//! The embedded Jira, asked over HTTP as its clients do.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::jira::{Access, Jira, Kind, check_document, plain};
use dcr_gitops::rehearse::wire::Fault;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TOKEN: &str = "rehearsalTOKEN-of-the-ticket-writer";
const READER: &str = "rehearsalTOKEN-of-a-reader";
const MAIL: &str = "dcr@example.com";

struct World {
    clock: WorldClock,
    jira: Jira,
}

impl World {
    fn new(kind: Kind) -> Self {
        let clock = WorldClock::standing("2026-11-22T12:00:00Z".parse().unwrap());
        let jira = Jira::new(clock.reader(), kind);
        jira.add_user(MAIL, TOKEN, Access::Comment).unwrap();
        jira.add_user("reader@example.com", READER, Access::Read).unwrap();
        jira.add_ticket("DCR-1", "Rebuild system6");
        World { clock, jira }
    }

    /// Status, headers' Retry-After, and body; status 0 where the connection breaks.
    async fn ask_as(&self, who: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !who.is_empty() {
            request = request.header("authorization", who);
        }
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = request.body(Full::new(body)).unwrap();
        let Ok(response) = self.jira.clone().oneshot(request).await else {
            return (0, Value::Null);
        };
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let who = match self.jira.kind() {
            Kind::DataCenter => format!("Bearer {TOKEN}"),
            Kind::Cloud => format!("Basic {}", STANDARD.encode(format!("{MAIL}:{TOKEN}"))),
        };
        self.ask_as(&who, method, path, body).await
    }
}

const COMMENTS: &str = "/rest/api/2/issue/DCR-1/comment";

fn document(text: &str) -> Value {
    let paragraph = json!({"type": "paragraph", "content": [{"type": "text", "text": text}]});
    json!({"type": "doc", "version": 1, "content": [paragraph]})
}

#[tokio::test]
async fn a_comment_is_written_found_and_written_anew() {
    let world = World::new(Kind::DataCenter);
    let (status, made) = world.ask("POST", COMMENTS, json!({"body": "h3. Begun"})).await;
    assert_eq!(
        (status, &made["body"], &made["author"]["name"]),
        (201, &json!("h3. Begun"), &json!("dcr"))
    );
    let one = format!("{COMMENTS}/{}", made["id"].as_str().unwrap());
    world.clock.forward(SignedDuration::from_hours(1));
    let (status, changed) = world.ask("PUT", &one, json!({"body": "h3. Done"})).await;
    assert_eq!((status, &changed["body"]), (200, &json!("h3. Done")));
    assert_eq!(changed["created"], "2026-11-22T12:00:00.000+0000");
    assert_eq!(changed["updated"], "2026-11-22T13:00:00.000+0000");
    let (_, listed) = world.ask("GET", COMMENTS, Value::Null).await;
    assert_eq!((&listed["total"], &listed["comments"][0]["id"]), (&json!(1), &made["id"]));
    assert_eq!(world.jira.ticket("DCR-1").unwrap().comments[0].body, "h3. Done");
    assert_eq!(
        world.jira.wire().counts()["PUT /rest/api/2/issue/{issueIdOrKey}/comment/{commentId}"],
        1
    );
}

/// Data Center gives everything unless told otherwise; Cloud gives a page.
#[tokio::test]
async fn comments_come_in_pages_where_they_are_asked_for() {
    for (kind, all) in [(Kind::DataCenter, 130), (Kind::Cloud, 100)] {
        let world = World::new(kind);
        for number in 0..130 {
            world.jira.comment("DCR-1", "ann@example.com", format!("{number}").into()).unwrap();
        }
        let count = |listed: &Value| listed["comments"].as_array().unwrap().len();
        let (_, listed) = world.ask("GET", COMMENTS, Value::Null).await;
        assert_eq!((count(&listed), &listed["total"]), (all, &json!(130)), "{kind:?}");
        let path = format!("{COMMENTS}?startAt=120&maxResults=50&orderBy=-created");
        let (_, listed) = world.ask("GET", &path, Value::Null).await;
        assert_eq!((count(&listed), &listed["comments"][0]["body"]), (10, &json!("9")), "{kind:?}");
    }
}

#[tokio::test]
async fn texts_have_a_limit_in_units_of_utf_16() {
    let world = World::new(Kind::DataCenter);
    let fits = "é".repeat(32_767);
    assert_eq!(world.ask("POST", COMMENTS, json!({"body": fits})).await.0, 201);
    let too_long = "\u{1f600}".repeat(16_384);
    let (status, refused) = world.ask("POST", COMMENTS, json!({"body": too_long})).await;
    assert_eq!(status, 400);
    assert_eq!(
        refused,
        json!({"errorMessages": [], "errors": {
            "comment": "The entered text is too long. It exceeds the allowed limit of 32767 characters.",
        }})
    );
    let world = World::new(Kind::Cloud);
    let body = json!({"body": document(&"x".repeat(32_767))});
    let (status, refused) = world.ask("POST", "/rest/api/3/issue/DCR-1/comment", body).await;
    assert_eq!((status, &refused["errorMessages"][0]), (400, &json!("CONTENT_LIMIT_EXCEEDED")));
}

#[tokio::test]
async fn cloud_takes_documents_and_data_center_has_no_v3() {
    let path = "/rest/api/3/issue/DCR-1/comment";
    let world = World::new(Kind::Cloud);
    let (status, made) = world.ask("POST", path, json!({"body": document("Begun")})).await;
    assert_eq!((status, plain(&made["body"]).as_str()), (201, "Begun\n"));
    let (status, refused) = world.ask("POST", path, json!({"body": "h3. Begun"})).await;
    assert_eq!(
        (status, &refused["errors"]["comment"]),
        (400, &json!("Comment body is not valid!"))
    );
    let odd = json!({"type": "doc", "version": 1, "content": [{"type": "text", "text": "bare"}]});
    let (status, refused) = world.ask("POST", path, json!({"body": odd})).await;
    assert_eq!((status, &refused["errorMessages"][0]), (400, &json!("INVALID_INPUT")));
    let world = World::new(Kind::DataCenter);
    assert_eq!(world.ask("GET", path, Value::Null).await.0, 404);
}

#[test]
fn what_is_no_document() {
    let text = |more: Value| {
        let mut text = json!({"type": "text", "text": "x"});
        text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]})
    };
    let block = |block: Value| json!({"type": "doc", "version": 1, "content": [block]});
    let link = json!({"marks": [{"type": "link", "attrs": {"href": "https://example.com"}}]});
    assert_eq!(check_document(&text(link)), Ok(()));
    let wrong = [
        json!("text"),
        json!({"type": "doc", "content": []}),
        text(json!({"text": ""})),
        text(json!({"marks": [{"type": "bold"}]})),
        text(json!({"marks": [{"type": "link"}]})),
        text(json!({"colour": "red"})),
        block(json!({"type": "heading", "attrs": {"level": 7}, "content": []})),
        block(json!({"type": "bulletList", "content": []})),
        block(json!({"type": "bulletList", "content": [{"type": "paragraph", "content": []}]})),
        block(json!({"type": "panel", "attrs": {"panelType": "loud"}, "content": []})),
        block(json!({"type": "marquee", "content": []})),
    ];
    for wrong in wrong {
        assert!(check_document(&wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let world = World::new(Kind::DataCenter);
    let body = || json!({"body": "text"});
    for nobody in ["", "Bearer wrong", &format!("Basic {TOKEN}")] {
        assert_eq!(world.ask_as(nobody, "POST", COMMENTS, body()).await.0, 401, "{nobody}");
    }
    let reader = format!("Bearer {READER}");
    assert_eq!(world.ask_as(&reader, "GET", COMMENTS, Value::Null).await.0, 200);
    assert_eq!(world.ask_as(&reader, "POST", COMMENTS, body()).await.0, 403);
    let id = world.jira.comment("DCR-1", "ann@example.com", "hers".into()).unwrap();
    assert_eq!(world.ask("PUT", &format!("{COMMENTS}/{id}"), body()).await.0, 403);
    let (status, missing) = world.ask("GET", "/rest/api/2/issue/DCR-2", Value::Null).await;
    assert_eq!((status, &missing["errorMessages"][0]), (404, &json!("Issue Does Not Exist")));
    assert_eq!(world.ask("PUT", &format!("{COMMENTS}/1"), body()).await.0, 404);
    let (_, me) = world.ask("GET", "/jira/rest/api/2/myself", Value::Null).await;
    assert_eq!(me["emailAddress"], MAIL);
}

#[tokio::test]
async fn a_link_is_there_once_and_properties_hang_on_a_comment() {
    let world = World::new(Kind::DataCenter);
    let path = "/rest/api/2/issue/DCR-1/remotelink";
    let link = |title: &str| json!({"globalId": "pull/1", "object": {"url": "https://example.com/1", "title": title}});
    let (first, made) = world.ask("POST", path, link("one")).await;
    let (second, again) = world.ask("POST", path, link("two")).await;
    assert_eq!((first, second, &made["id"]), (201, 200, &again["id"]));
    let links = world.jira.ticket("DCR-1").unwrap().links;
    assert_eq!((links.len(), &links[0].object["title"]), (1, &json!("two")));
    let (_, found) = world.ask("GET", &format!("{path}?globalId=pull/1"), Value::Null).await;
    assert_eq!(found["object"]["title"], "two");
    assert_eq!(world.ask("POST", path, json!({"object": {"url": "x"}})).await.0, 400);

    let (_, comment) = world.ask("POST", COMMENTS, json!({"body": "text"})).await;
    let property =
        format!("/rest/api/2/comment/{}/properties/dcr", comment["id"].as_str().unwrap());
    assert_eq!(world.ask("GET", &property, Value::Null).await.0, 404);
    assert_eq!(world.ask("PUT", &property, json!({"run": 7})).await.0, 201);
    assert_eq!(world.ask("PUT", &property, json!({"run": 8})).await.0, 200);
    let (_, listed) = world.ask("GET", &format!("{COMMENTS}?expand=properties"), Value::Null).await;
    assert_eq!(listed["comments"][0]["properties"], json!([{"key": "dcr", "value": {"run": 8}}]));
    assert_eq!(world.ask("PUT", &property, json!("x".repeat(32_767))).await.0, 400);
}

#[tokio::test]
async fn it_can_be_down_lose_answers_and_want_to_be_left_alone() {
    let world = World::new(Kind::DataCenter);
    let wire = world.jira.wire();
    let now = world.clock.now();
    wire.down(now, now + SignedDuration::from_hours(1));
    let body = || json!({"body": "text"});
    assert_eq!(world.ask("POST", COMMENTS, body()).await.0, 503);
    world.clock.forward(SignedDuration::from_hours(1));
    let route = "/rest/api/2/issue/{issueIdOrKey}/comment";
    wire.fail_next("POST", route, 1, Fault::Lost(500));
    assert_eq!(world.ask("POST", COMMENTS, body()).await.0, 500);
    assert_eq!(world.jira.ticket("DCR-1").unwrap().comments.len(), 1, "it was done all the same");
    wire.fail_next("*", "*", 1, Fault::Limited { status: 429, retry_after: Some(7) });
    assert_eq!(world.ask("GET", COMMENTS, Value::Null).await.0, 429);
    wire.fail_next("GET", route, 1, Fault::Reset);
    assert_eq!(world.ask("GET", COMMENTS, Value::Null).await.0, 0);
    assert_eq!(world.ask("GET", COMMENTS, Value::Null).await.0, 200);
    assert_eq!(wire.log().last().unwrap().answer.as_ref().unwrap().0, 200);
}
