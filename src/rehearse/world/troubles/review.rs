//! Troubles that begin when a step is put in review.
use super::{Troubles, delete};
use crate::rehearse::github::GitHub;
use crate::rehearse::kubernetes::Kubernetes;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::reviewer::Act;
use crate::rehearse::scenario::Trouble;
use crate::rehearse::wire::Fault;

/// What goes wrong with the next requests to a flaky GitHub: method, route, and how.
const FLAKY: [(&str, &str, Fault); 7] = [
    ("POST", "/repos/{owner}/{repo}/pulls", Fault::Lost(502)),
    ("GET", "/repos/{owner}/{repo}/pulls", Fault::Refused(502)),
    ("GET", "/repos/{owner}/{repo}/pulls", Fault::Reset),
    ("GET", "/repos/{owner}/{repo}/pulls", Fault::Stale(2)),
    ("POST", "/graphql repository", Fault::Refused(500)),
    ("POST", "/repos/{owner}/{repo}/statuses/{sha}", Fault::Cut),
    ("*", "*", Fault::Limited { status: 403, retry_after: Some(60) }),
];

impl Troubles {
    /// Makes GitHub flaky from the beginning, where it is to be.
    pub fn begin(&self, github: &GitHub) {
        if self.to_come.contains(&Trouble::GitHubFlaky) {
            for (method, route, fault) in FLAKY {
                github.wire().fail_next(method, route, 1, fault);
            }
        }
    }

    /// What the opening of a pull request brings about; says what that is.
    pub fn opened(&mut self, act: &Act, kubernetes: &Kubernetes, github: &GitHub) -> Vec<String> {
        let Act::Opened(request) = act else { return Vec::new() };
        // The next step meets all of it again.
        self.begin(github);
        let its = self.to_come.iter().position(
            |trouble| matches!(trouble, Trouble::FarmersAway { phase, .. } if request.begins(*phase)),
        );
        let Some(Trouble::FarmersAway { farmers, length, .. }) =
            its.map(|its| self.to_come.remove(its))
        else {
            return Vec::new();
        };
        let pods = farmers.iter().map(|farmer| format!("{}-{farmer}", self.system.farmer_set()));
        let away = pods.filter_map(|pod| {
            kubernetes.delay_boot(&self.system.namespace, &pod, length);
            delete(kubernetes, Kind::Pod, &self.system, &pod)
        });
        away.collect()
    }
}
