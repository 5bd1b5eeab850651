//! The kubeconfig: where it is looked for, and that nothing of its secrets gets out.
use std::ffi::OsString;
use std::path::Path;

use dcr_gitops::config::Settings;
use dcr_gitops::context::{Context, Terminal};
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::observe::kubeconfig;
use dcr_gitops::rehearse::kubernetes::access::User;
use dcr_gitops::run::SystemRef;
use dcr_gitops::run::cluster::ClusterView;

use crate::farm::{Farm, system};

const TOKEN: &str = "rehearsalTOKEN-of-the-watcher";

fn context(cwd: &Path, env: &[(&str, OsString)]) -> Context {
    Context {
        env: env.iter().map(|(name, value)| (OsString::from(name), value.clone())).collect(),
        clock: Farm::new().clock(),
        cwd: cwd.to_owned(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    }
}

fn file(folder: &Path, name: &str, text: &str) -> OsString {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.into()
}

fn with_context(name: &str, server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncontexts: [{{name: {name}, context: {{cluster: {name}, user: \
         {name}}}}}]\nclusters: [{{name: {name}, cluster: {{server: '{server}'}}}}]\nusers: [{{name: \
         {name}, user: {user}}}]\n"
    )
}

fn names(context: &Context, named: Option<&Path>) -> Vec<String> {
    let read = kubeconfig::read(context, named).unwrap();
    read.contexts.into_iter().map(|context| context.name).collect()
}

#[test]
fn it_is_found_as_kubectl_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    file(at, "home/.kube/config", &with_context("of-home", "https://a", "{}"));
    let one = file(at, "one", &with_context("one", "https://a", "{}"));
    let two = file(at, "two", &with_context("two", "https://a", "{}"));
    let home = ("HOME", at.join("home").into_os_string());
    let list = std::env::join_paths([one, at.join("absent").into(), two]).unwrap();

    assert_eq!(names(&context(at, &[]), None), Vec::<String>::new());
    assert_eq!(names(&context(at, std::slice::from_ref(&home)), None), ["of-home"]);
    let both = context(at, &[home, ("KUBECONFIG", list)]);
    assert_eq!(names(&both, None), ["one", "two"]);
    assert_eq!(names(&both, Some(Path::new("two"))), ["two"], "relative to where we are");
    let error = kubeconfig::read(&both, Some(Path::new("absent"))).unwrap_err().to_string();
    assert!(error.contains("absent: No such file"), "{error}");
}

#[test]
fn a_broken_file_is_told_by_its_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("users:\n- name: u\n  user:\n    token: {TOKEN}\n   broken: [\n");
    file(folder.path(), "broken", &text);
    let broken = Path::new("broken");
    let error = kubeconfig::read(&context(folder.path(), &[]), Some(broken)).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("line ") && !told.contains(TOKEN), "{told}");
}

/// What becomes of a look with this user, against a server that knows one token.
async fn look(user: &str) -> Result<(), String> {
    let farm = Farm::new();
    farm.kubernetes.set_users(vec![User::new("watcher", TOKEN).unwrap()]);
    let server = farm.kubernetes.listen().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "config", &with_context("den", &server.url(), user));
    file(folder.path(), "token", TOKEN);
    let read = kubeconfig::read(&context(folder.path(), &[]), Some(Path::new("config"))).unwrap();
    let clusters = Clusters::new(read, &Settings::default(), farm.clock());
    let of: SystemRef = system("tenant-1", "system6");
    clusters.once(std::slice::from_ref(&of)).await;
    assert!(!format!("{clusters:?}").contains("rehearsalTOKEN"));
    match farm.view(&clusters, &of) {
        ClusterView::Seen(_) => Ok(()),
        ClusterView::Unreachable { why, .. } => Err(why),
        other => panic!("{other:?}"),
    }
}

/// A user of a credential plugin: a shell that does this.
fn plugin(script: &str) -> String {
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, \"{script}\"], \
         interactiveMode: Never}}}}"
    )
}

#[tokio::test]
async fn every_kind_of_credential_works() {
    assert_eq!(look(&format!("{{token: {TOKEN}}}")).await, Ok(()));
    assert_eq!(look("{tokenFile: token}").await, Ok(()));
    let credential = format!(
        "{{apiVersion: client.authentication.k8s.io/v1, kind: ExecCredential, status: {{token: {TOKEN}}}}}"
    );
    assert_eq!(look(&plugin(&format!("echo '{credential}'"))).await, Ok(()));
}

#[tokio::test]
async fn credentials_that_fail_are_not_shown() {
    assert_eq!(
        look("{token: rehearsalTOKEN-wrong}").await.unwrap_err(),
        "it doesn't accept the credentials (401)"
    );
    assert_eq!(
        look(&plugin(&format!("echo {TOKEN}; echo {TOKEN} >&2; exit 3"))).await.unwrap_err(),
        "the kubeconfig's credential plugin failed (exit status: 3)"
    );
    assert_eq!(
        look(&plugin(&format!("echo {TOKEN}: ["))).await.unwrap_err(),
        "the kubeconfig's credentials can't be used"
    );
    let absent = plugin("").replace("command: sh", "command: ./absent");
    let why = look(&absent).await.unwrap_err();
    assert!(why.contains("can't be started: No such file"), "{why}");
    let why = look("{tokenFile: absent}").await.unwrap_err();
    assert!(why.contains("the token file") && why.contains("No such file"), "{why}");
}

#[test]
fn a_proxy_comes_from_the_context_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let proxy = |server: &str, own: Option<&str>, env: &[(&'static str, &str)]| {
        let text = with_context("den", server, "{}");
        let mut config: serde_json::Value =
            serde_json::to_value(kube::config::Kubeconfig::from_yaml(&text).unwrap()).unwrap();
        if let Some(own) = own {
            config["clusters"][0]["cluster"]["proxy-url"] = own.into();
        }
        file(at, "config", &config.to_string());
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, (*value).into())).collect();
        let read = kubeconfig::read(&context(at, &env), Some(Path::new("config"))).unwrap();
        read.clusters[0].cluster.as_ref().unwrap().proxy_url.clone()
    };
    let far = "https://api.den.example.com:6443";
    let set = ("HTTPS_PROXY", "proxy.example.com:3128");
    let is = Some("http://proxy.example.com:3128".to_owned());
    assert_eq!(proxy(far, None, &[]), None);
    assert_eq!(proxy(far, None, &[set]), is);
    assert_eq!(proxy(far, None, &[("https_proxy", "http://proxy.example.com:3128")]), is);
    assert_eq!(proxy(far, None, &[("ALL_PROXY", "http://proxy.example.com:3128")]), is);
    let without = |what| proxy(far, None, &[set, ("NO_PROXY", what)]);
    // Held against the cluster, not against the proxy.
    assert_eq!(without("other.example.com, .den.example.com"), None);
    assert_eq!(without("*"), None);
    assert_eq!(without("proxy.example.com"), is);
    assert_eq!(proxy("https://10.1.2.3", None, &[set, ("no_proxy", "10.0.0.0/8")]), None);
    assert_eq!(proxy("https://127.0.0.1:6443", None, &[set]), None);
    assert_eq!(proxy("https://[::1]:6443", None, &[set]), None);
    assert_eq!(proxy(far, Some("socks5://own:1080"), &[set]), Some("socks5://own:1080".into()));
}

#[test]
fn a_stamp_tells_that_a_file_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let list = ("KUBECONFIG", std::env::join_paths(["one", "two"]).unwrap());
    let context = context(at, &[list]);
    let stamp = || kubeconfig::stamp(&context, None);
    let nothing = stamp();
    file(at, "one", "{}");
    let one = stamp();
    file(at, "two", "{}");
    let two = stamp();
    assert!(nothing != one && one != two && two == stamp());
    file(at, "two", "{users: []}");
    assert_ne!(stamp(), two);
    assert_eq!(kubeconfig::stamp(&context, Some(Path::new("absent"))), {
        kubeconfig::stamp(&context, Some(Path::new("gone")))
    });
}
