//! The `dcr-gitops` program: takes what it needs from the process, and leaves the rest to the library.
use std::io::IsTerminal;
use std::process::ExitCode;

use dcr_gitops::context::{Clock, Context, Terminal};

fn main() -> ExitCode {
    let mut context = Context {
        env: std::env::vars_os().collect(),
        clock: Clock::new(now),
        cwd: std::env::current_dir().unwrap_or_else(|_| ".".into()),
        out: Box::new(std::io::stdout()),
        err: Box::new(std::io::stderr()),
        terminal: Terminal {
            out: std::io::stdout().is_terminal(),
            err: std::io::stderr().is_terminal(),
        },
        actions: None,
    };
    ExitCode::from(dcr_gitops::commands::main(&mut context, std::env::args_os()))
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system's clock")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
