//! The roles that are shipped are exactly what looking takes: with them all is seen, and without any one
//! rule it is said which.
use dcr_gitops::config::{Inputs, Settings};
use dcr_gitops::observe::rights::Read;
use dcr_gitops::rbac::{Form, Reach, Role, Subject};
use dcr_gitops::rehearse::kubernetes::access::User;
use dcr_gitops::rehearse::wiring::rules;
use dcr_gitops::rehearse::world::TOKEN;
use dcr_gitops::run::SystemRef;
use serde_json::{Value, json};

use crate::journey::base;
use crate::watch::stage::Stage;
use crate::world::{inputs, system};

const INPUTS: &str = "clusters/den/tenant-105858-prod/system6/dcr.yaml";

/// What the built-in sample takes, its nodes asked through both ways.
fn reach() -> Reach {
    let mut inputs = inputs();
    inputs.admin.rebuild_status.via = Some(dcr_gitops::config::Via::PortForward);
    let mut reach = Reach::default();
    reach.add(&system(), &inputs);
    reach.add_application(&system(), &inputs);
    reach
}

fn grant(stage: &Stage, roles: &[Role]) {
    let user = User::new("watcher", TOKEN).unwrap();
    stage.world.kubernetes.set_users(vec![user.limited_to(rules(roles))]);
}

/// What a look at the system sees and says.
async fn look(stage: &Stage) -> Value {
    stage.run(&["status", "system6", "-o", "json"]).await.ends(0).line()["observed"]["world"].take()
}

/// The same rule can't be missed twice: every one is taken away in turn.
#[tokio::test(flavor = "multi_thread")]
async fn no_rule_is_missing_and_none_is_too_much() {
    let stage = Stage::due().await;
    base::edit(&stage.folder.remote(), INPUTS, |inputs| {
        inputs["admin"]["rebuildStatus"]["via"] = json!("port-forward");
    });
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    for form in [Form::Namespaced, Form::ClusterWide] {
        let roles = reach().roles(form);
        grant(&stage, &roles);
        let seen = look(&stage).await;
        let cluster = &seen["cluster"]["seen"];
        assert!(!cluster["pods"].as_array().unwrap().is_empty(), "{seen}");
        assert!(seen["application"]["seen"].is_object(), "{seen}");
        assert_eq!(seen["admin"]["silent"], json!([]), "{seen}");
        assert_eq!(seen["admin"]["rebuild"].as_array().unwrap().len(), 4, "{seen}");
        assert!(seen["admin"]["aaStatus"].is_object(), "{seen}");
        // Of other namespaces nothing can be said where only some may be read.
        let limits = cluster["limits"].as_array().map_or(0, Vec::len);
        assert_eq!(limits, usize::from(form == Form::Namespaced), "{seen}");
        assert_eq!(stage.world.kubernetes.writes_refused(), 0);

        for (at, role) in roles.iter().enumerate() {
            for rule in 0..role.rules.len() {
                let mut without = roles.clone();
                let taken = without[at].rules.remove(rule);
                grant(&stage, &without);
                let said = look(&stage).await.to_string();
                let namespace = role.namespace.as_deref().unwrap_or(&system().namespace).to_owned();
                for part in [
                    format!("resources: [{}]", taken.resource),
                    format!("apiGroups: [\\\"{}\\\"]", taken.group),
                    format!("verbs: [{}]", taken.verbs.join(", ")),
                    format!("in namespace {namespace}"),
                ] {
                    assert!(said.contains(&part), "{form:?} without {taken:?}: {said}");
                }
            }
        }
    }
}

#[test]
fn every_read_has_its_rule() {
    let role = |form| reach().roles(form);
    for form in [Form::Namespaced, Form::ClusterWide] {
        let rules: Vec<_> = role(form).into_iter().flat_map(|role| role.rules).collect();
        assert_eq!(rules.len(), Read::ALL.len(), "{form:?}");
        for read in Read::ALL {
            let right = read.right();
            let is_it = |rule: &dcr_gitops::rbac::Rule| {
                (rule.group, rule.resource) == (right.group, right.resource)
            };
            assert_eq!(rules.iter().filter(|rule| is_it(rule)).count(), 1, "{form:?} {read:?}");
        }
        let writes = ["create", "update", "patch", "delete", "deletecollection", "*"];
        let writing = rules.iter().filter(|rule| rule.verbs.iter().any(|it| writes.contains(it)));
        let writing: Vec<_> = writing.map(|rule| rule.resource).collect();
        assert_eq!(writing, ["pods/portforward"], "which is how a connection is asked for");
        // What reaches into nodes is narrowed to those that are asked, wherever objects are listed.
        let nodes = rules.iter().filter(|rule| rule.resource.contains('/'));
        assert!(nodes.clone().count() == 2 && nodes.clone().all(|rule| rule.names.len() == 4));
    }
    let everywhere = &role(Form::ClusterWide)[0];
    assert!(everywhere.rules.iter().all(|rule| rule.verbs == ["list", "watch"]));
}

#[test]
fn what_isnt_asked_takes_no_right() {
    let mut by_url: Inputs = inputs();
    by_url.admin.via = dcr_gitops::config::Via::Url;
    by_url.argocd = None;
    let mut reach = Reach::default();
    reach.add(&system(), &by_url);
    reach.add_application(&system(), &by_url);
    let roles = reach.roles(Form::ClusterWide);
    assert_eq!(roles.len(), 1, "{roles:#?}");
    assert!(roles[0].rules.iter().all(|rule| !rule.resource.contains('/')));
}

#[test]
fn applications_are_read_where_the_hub_is() {
    let text = "apiVersion: dcr-gitops/v1\nclusters: {den: {context: den-admin, argocd: {context: hub}}}\n";
    let settings: Settings = crate::git_repo::settings(text).unwrap();
    let ams = SystemRef { cluster: "ams".into(), ..system() };
    let inputs = inputs();
    let reaches = Reach::by_context(&settings, [(&system(), &inputs), (&ams, &inputs)]);
    let kinds = reaches.iter().map(|(context, reach)| {
        let roles = reach.roles(Form::ClusterWide).into_iter();
        let roles = roles.map(|role| role.namespace.unwrap_or_else(|| "everywhere".to_owned()));
        (context.as_str(), roles.collect::<Vec<_>>())
    });
    let argocd = || vec!["argocd".to_owned()];
    let own = || vec!["everywhere".to_owned(), "tenant-105858-prod".to_owned()];
    let expected = [
        (
            "ams",
            vec!["everywhere".to_owned(), "argocd".to_owned(), "tenant-105858-prod".to_owned()],
        ),
        ("den-admin", own()),
        ("hub", argocd()),
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}

#[test]
fn the_manifest_says_the_same_as_the_roles() {
    let subject = Subject::ServiceAccount { name: "watcher".into(), namespace: "ci".into() };
    for form in [Form::Namespaced, Form::ClusterWide] {
        let text = reach().manifest(form, &subject).unwrap();
        let documents: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
        let roles = reach().roles(form);
        assert_eq!(documents.len(), 2 * roles.len(), "{text}");
        for (role, pair) in roles.iter().zip(documents.chunks(2)) {
            let rules: Vec<Value> = role
                .rules
                .iter()
                .map(|rule| {
                    let mut said = json!({"apiGroups": [rule.group], "resources": [rule.resource],
                        "verbs": rule.verbs});
                    if !rule.names.is_empty() {
                        said["resourceNames"] = json!(rule.names);
                    }
                    said
                })
                .collect();
            assert_eq!(pair[0]["rules"], json!(rules), "{text}");
            assert_eq!(
                (&pair[0]["kind"], &pair[1]["roleRef"]["kind"]),
                (&json!(role.kind), &json!(role.kind))
            );
            assert_eq!(pair[0]["metadata"]["namespace"], json!(role.namespace));
            assert_eq!(pair[1]["metadata"], pair[0]["metadata"]);
            assert_eq!(pair[1]["subjects"][0]["name"], "watcher");
        }
    }
    let group = Subject::Group("platform: \"x\"\n- evil".into());
    let text = reach().manifest(Form::ClusterWide, &group).unwrap();
    let documents: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
    assert_eq!(documents[1]["subjects"][0]["name"], "platform: \"x\"\n- evil");
    insta::assert_snapshot!(text.lines().take(15).collect::<Vec<_>>().join("\n"), @r#"
    # What `dcr-gitops` reads, and nothing else. Objects in all namespaces at once, so that all runs of the cluster are counted.
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: "ClusterRole"
    metadata:
      name: "dcr-gitops"
    rules:
      # whether the farm's nodes are up, and why not
      - apiGroups: [""]
        resources: ["pods"]
        verbs: ["list", "watch"]
      # whether the farm is applied
      - apiGroups: ["apps"]
        resources: ["statefulsets"]
        verbs: ["list", "watch"]
    "#);
}
