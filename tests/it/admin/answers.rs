//! Any sequence of answers: at most one command, and none that isn't allowed.
use dcr_gitops::admin::Kind;
use proptest::prelude::*;

use super::{job, run, without_echo};
use crate::node::{Node, Reply, State, ok};

/// A status answer, and what it lets an attempt do, said in another way than the rule says it.
#[derive(Debug, Clone)]
struct Said {
    state: &'static str,
    echo: Option<(u32, Option<u32>)>,
    broken: Option<Reply>,
}

impl Said {
    fn reply(&self) -> Reply {
        let run = match self.echo {
            None => "null".to_owned(),
            Some((run, None)) => format!("{run}"),
            Some((run, Some(attempt))) => format!("\"{run}-{attempt}\""),
        };
        let said = ok(&format!(r#"{{"state":"{}","run":{run}}}"#, self.state));
        self.broken.clone().unwrap_or(said)
    }

    fn allows(&self, attempt: u32, echo: bool) -> bool {
        let known = if echo { self.echo } else { None };
        match (self.state, known) {
            ("RUNNING" | "ODD", _) => false,
            (_, Some((7, None))) => attempt > 1 && matches!(self.state, "" | "FAILED"),
            (_, Some((run, number))) => (run, number.unwrap_or(0)) < (7, attempt),
            (state, None) => state.is_empty() || (state == "FAILED" && attempt > 1),
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let state =
        prop::sample::select(vec!["", "", "RUNNING", "COMPLETE", "FAILED", "NOTHING", "ODD"]);
    let echo = prop::option::of((6_u32..9, prop::option::of(1_u32..4)));
    let broken = prop::sample::select(vec![
        None,
        None,
        None,
        Some(Reply::Closed),
        Some(Reply::Garbage),
        Some(Reply::Cut("{}".to_owned())),
        Some(Reply::Answer(503, "{}".to_owned())),
        Some(ok("<html>")),
    ]);
    (state, echo, broken).prop_map(|(state, echo, broken)| Said { state, echo, broken })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_most_one_command_and_none_that_isnt_allowed(
        answers in prop::collection::vec(said(), 1..6),
        attempt in 1_u32..4,
        echo: bool,
        deaf: bool,
        command in prop::sample::select(vec![None, Some(Reply::Closed), Some(Reply::Answer(500, String::new()))]),
        again in 0_usize..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let node = Node::start(State {
                status: answers.iter().map(Said::reply).collect(),
                command: command.clone(),
                deaf,
                ..State::default()
            })
            .await;
            let job = job(&node, attempt);
            let job = if echo { job } else { without_echo(job) };
            let outcome = run(Kind::Trigger, &job).await;
            let usable = answers.iter().find(|said| said.broken.is_none());
            let allowed = usable.is_some_and(|said| said.allows(attempt, echo));
            prop_assert_eq!(node.commands().len(), usize::from(allowed), "{:?}", outcome);
            if allowed && command.is_none() {
                prop_assert_eq!(outcome.exit, 0);
            }
            // From here on the node says what it knows, and that is enough for every Job to come.
            if allowed && !deaf && echo {
                node.state.lock().unwrap().status.clear();
                for _ in 0..again {
                    prop_assert_eq!(run(Kind::Trigger, &job).await.exit, 0);
                }
                prop_assert_eq!(node.commands().len(), 1);
            }
            Ok(())
        })?;
    }
}
