//! Reads the Argo CD Application of a system, wherever its Argo CD runs. Whatever goes wrong here is only
//! told: the cluster is read without it.
mod wire;

use std::fmt::Display;

use kube::api::GetParams;
use kube::core::Request;
use percent_encoding::utf8_percent_encode;

use super::clusters::{Clusters, LIMIT};
use super::nodes::ENCODED;
use super::rights::Read;
use super::unanswered::Unanswered;
use crate::config::Argocd;
use crate::run::SystemRef;
use crate::run::argocd::ApplicationView;

/// The Application that `argocd` names, by default the one named as the system.
pub async fn application(
    clusters: &Clusters,
    system: &SystemRef,
    argocd: &Argocd,
) -> ApplicationView {
    let name = argocd.application.as_deref().unwrap_or(&system.system);
    let called = format!("{}/{name}", argocd.namespace);
    let context = clusters.argocd_context(&system.cluster);
    let unseen = |why: &dyn Display| ApplicationView::Unseen {
        why: format!("the Application {called} can't be seen (context `{context}`): {why}"),
    };
    let client = match clusters.client(context).await {
        None => return unseen(&"there is no such context"),
        Some(Err(error)) => return unseen(&error),
        Some(Ok(client)) => client,
    };
    let namespace = utf8_percent_encode(&argocd.namespace, ENCODED);
    let url = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications");
    let request = utf8_percent_encode(name, ENCODED).to_string();
    let request = match Request::new(url).get(&request, &GetParams::default()) {
        Ok(request) => request,
        Err(error) => return unseen(&error),
    };
    let asked = Read::Application.asked("get", Some(&argocd.namespace));
    let answer = match tokio::time::timeout(LIMIT, client.request_text(request)).await {
        Err(_) => return unseen(&Unanswered::late(LIMIT, &asked)),
        Ok(answer) => answer,
    };
    let read = answer.and_then(|text| {
        wire::read(&text, called.clone(), system).map_err(kube::Error::SerdeError)
    });
    match read {
        Ok(application) => ApplicationView::Seen(Box::new(application)),
        Err(kube::Error::Api(status)) if is_about(&status, name) => {
            ApplicationView::Missing { name: called, context: context.to_owned() }
        }
        Err(error) => unseen(&Unanswered::new(error, &asked)),
    }
}

/// Whether it is the object that isn't there. A server that knows no Applications at all, because its Argo
/// CD is elsewhere or gone, also answers 404, but names none.
fn is_about(status: &kube::core::Status, name: &str) -> bool {
    status.code == 404 && status.details.as_ref().is_some_and(|details| details.name == name)
}
