//! Trouble with the API server itself, as the real client feels it.
use std::time::Duration;

use dcr_gitops::rehearse::kubernetes::fault::Fault;
use futures::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams};
use kube::{Client, Config};
use serde_json::json;
use tower::ServiceExt;

use super::{Lab, NAMESPACE, config_map};

/// A client that doesn't try again by itself.
async fn client(lab: &Lab, url: &str) -> Client {
    let mut config = Config::new(url.parse().unwrap());
    config.default_namespace = NAMESPACE.to_owned();
    config.default_retry = false;
    lab.apply(&config_map("a", json!({})));
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn requests_fail_as_often_as_asked_and_no_more() {
    let lab = Lab::new();
    let server = lab.kubernetes.listen().await.unwrap();
    let api: Api<ConfigMap> = Api::default_namespaced(client(&lab, &server.url()).await);
    let code = async || match api.list(&ListParams::default()).await {
        Ok(list) => format!("{} maps", list.items.len()),
        Err(kube::Error::Api(status)) => format!("{} {}", status.code, status.reason),
        Err(_) => "broken".to_owned(),
    };
    let kubernetes = &lab.kubernetes;
    kubernetes.fail_next("list", "configmaps", 2, Fault::TooManyRequests { retry_after: 1 });
    kubernetes.fail_next("watch", "configmaps", 1, Fault::InternalError);
    kubernetes.fail_next("*", "*", 1, Fault::Unavailable);
    kubernetes.fail_next("list", "*", 1, Fault::InternalError);
    kubernetes.fail_next("list", "configmaps", 1, Fault::Gone);
    kubernetes.fail_next("list", "configmaps", 1, Fault::Reset);
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(code().await);
    }
    assert_eq!(
        seen,
        [
            "429 TooManyRequests",
            "429 TooManyRequests",
            "503 ServiceUnavailable",
            "500 InternalError",
            "410 Expired",
            "broken",
            "1 maps",
        ]
    );
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let lab = Lab::new();
    lab.kubernetes.fail_next("list", "pods", 1, Fault::TooManyRequests { retry_after: 7 });
    let request = Request::get("/api/v1/pods").body(String::new()).unwrap();
    let response = lab.kubernetes.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "7");
}

#[tokio::test]
async fn a_slow_answer_is_right_but_not_there_yet() {
    let lab = Lab::new();
    lab.kubernetes.fail_next("list", "pods", 1, Fault::Slow(Duration::from_secs(3600)));
    let request = || Request::get("/api/v1/pods").body(String::new()).unwrap();
    assert!(lab.kubernetes.clone().oneshot(request()).now_or_never().is_none());
    assert!(lab.kubernetes.clone().oneshot(request()).now_or_never().is_some());
}

#[tokio::test]
async fn a_list_that_may_be_old_can_be_old() {
    let lab = Lab::new();
    for name in ["a", "b", "c"] {
        lab.apply(&config_map(name, json!({})));
    }
    lab.kubernetes.fail_next("list", "configmaps", 2, Fault::Stale(2));
    let count = async |query: &str| {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps{query}");
        let request = Request::get(path).body(String::new()).unwrap();
        let response = lab.kubernetes.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(count("?resourceVersion=0").await, 1);
    assert_eq!(count("").await, 3, "the newest is the newest");
    assert_eq!(count("?resourceVersion=0").await, 3);
}
