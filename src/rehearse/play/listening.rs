//! The embedded GitHub and Jira on ports of the loopback interface, and how a program is told where they are.
use std::io;
use std::net::TcpListener;

use crate::rehearse::github::WEB;
use crate::rehearse::loopback::Loopback;
use crate::rehearse::world::{GITHUB_TOKEN, JIRA_TOKEN, JIRA_USER, World};

/// Both of them, as long as this is kept.
pub struct Listening {
    github: Loopback,
    _jira: Option<Loopback>,
}

impl Listening {
    /// `jira` is the port that the settings name.
    pub async fn new(world: &World, jira: Option<&TcpListener>) -> io::Result<Self> {
        let jira = match (&world.jira, jira) {
            (Some(jira), Some(port)) => Some(Loopback::serve_on(port.try_clone()?, jira.clone())?),
            _ => None,
        };
        Ok(Listening { github: world.github.listen().await?, _jira: jira })
    }

    /// The variables that tell a program of them, as GitHub Actions sets them.
    pub fn environment(&self, world: &World) -> Vec<(&'static str, String)> {
        let url = self.github.url();
        let mut environment = vec![
            ("GITHUB_TOKEN", GITHUB_TOKEN.to_owned()),
            ("GITHUB_REPOSITORY", world.github.repository()),
            ("GITHUB_SERVER_URL", WEB.to_owned()),
            ("GITHUB_API_URL", format!("{url}/api/v3")),
            ("GITHUB_GRAPHQL_URL", format!("{url}/api/graphql")),
        ];
        if world.jira.is_some() {
            environment.push(("JIRA_TOKEN", JIRA_TOKEN.to_owned()));
            environment.push(("JIRA_USER", JIRA_USER.to_owned()));
        }
        environment
    }
}
