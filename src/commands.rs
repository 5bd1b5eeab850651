//! The commands: each turns its arguments into a request, has it observed, decided, rendered and proposed
//! by the modules that answer for that, and reports.
mod admin;
mod advance;
mod check;
mod complete;
mod describe;
mod desk;
mod emit;
mod init;
mod logging;
mod look;
mod memory;
mod moves;
mod plan;
mod rehearse;
mod schema;
mod session;
mod status;
mod systems;
mod tell;
mod watch;

use std::ffi::OsString;

use clap::Parser;

use crate::cli::{Cli, Command, Common, Output};
use crate::context::Context;
pub use crate::exit;
use crate::report::actions::Actions;
use crate::report::error::Invalid;
use crate::report::{Style, error};
use crate::run::Decision;

/// Runs the program with these arguments (the first is its own name) and returns its exit code.
pub fn main(context: &mut Context, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(code) = complete::run(context, arguments.iter().cloned()) {
        return code;
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(context, &error),
    };
    let common = cli.common;
    if let Some(clock) = &common.clock {
        context.clock = context.clock.scaled(clock.start, clock.since, clock.scale);
    }
    let style = Style::choose(context, common.color, context.terminal.err);
    logging::start(context, &common);
    context.actions = Actions::around(context);
    let decides = decides(&cli.command);
    let code = match run(context, &common, cli.command) {
        Ok(code) => code,
        Err(error) => fail(context, &common, "dcr-gitops", &error),
    };
    if let Some(actions) = context.actions.take() {
        context.command(&actions.annotations());
        let written = if decides { actions.write(code) } else { Ok(()) };
        for trouble in written.err().unwrap_or_default() {
            context.complain(&error::warning(&trouble, style));
        }
    }
    code
}

/// Whether a command's result is for a workflow to go on with.
fn decides(command: &Command) -> bool {
    match command {
        Command::NextPhase(_) | Command::Plan(_) | Command::Watch(_) | Command::Status(_) => true,
        Command::Scale(_) | Command::Retry(_) | Command::Abort(_) | Command::Synchronizer(_) => {
            true
        }
        Command::Rehearse(_) | Command::Schema(_) | Command::Completions { .. } => false,
        Command::Man { .. } | Command::Admin(_) | Command::Systems(_) => false,
        Command::Init(_) | Command::Check(_) => false,
    }
}

/// Says what went wrong with something, by its name, and gives the exit code that it comes to.
fn fail(context: &mut Context, common: &Common, name: &str, error: &anyhow::Error) -> u8 {
    let style = Style::choose(context, common.color, context.terminal.err);
    context.complain(&error::text(error, style));
    if let Some(actions) = &context.actions {
        actions.fail(name, &error::text(error, Style::default()));
    }
    error::code(error)
}

fn run(context: &mut Context, common: &Common, command: Command) -> anyhow::Result<u8> {
    if matches!(common.output, Output::Yaml | Output::Html)
        && !matches!(command, Command::Status(_))
    {
        let hint = "only `status` writes YAML and HTML; `-o json` goes with every command";
        return Err(Invalid::usage("this command has no such output").hint(hint).into());
    }
    if common.output == Output::Sarif && !matches!(command, Command::Check(_)) {
        let hint = "only `check` writes SARIF; `-o json` goes with every command";
        return Err(Invalid::usage("this command has no such output").hint(hint).into());
    }
    match command {
        Command::Check(arguments) => check::run(context, common, &arguments),
        Command::Init(arguments) => init::run(context, common, &arguments),
        Command::NextPhase(arguments) => moves::next_phase(context, common, arguments),
        Command::Plan(arguments) => plan::run(context, common, &arguments),
        Command::Watch(arguments) => watch::run(context, common, &arguments),
        Command::Status(arguments) => status::run(context, common, &arguments),
        Command::Scale(arguments) => moves::scale(context, common, &arguments),
        Command::Retry(arguments) => moves::retry(context, common, &arguments),
        Command::Abort(arguments) => moves::abort(context, common, arguments),
        Command::Synchronizer(asked) => moves::synchronizer(context, common, asked),
        Command::Rehearse(arguments) => rehearse::run(context, common, &arguments),
        Command::Schema(arguments) => schema::run(context, &arguments),
        Command::Completions { shell } => describe::completions(context, shell),
        Command::Man { command } => describe::man(context, &command),
        Command::Admin(job) => admin::run(context, job),
        Command::Systems(asked) => systems::run(context, common, &asked),
    }
}

/// Help and version go to standard output, complaints to standard error.
fn usage(context: &mut Context, error: &clap::Error) -> u8 {
    let stderr = error.use_stderr();
    let terminal = if stderr { context.terminal.err } else { context.terminal.out };
    let style = Style::choose(context, crate::cli::Color::Auto, terminal);
    let text = error.render();
    let text = if style.colored { text.ansi().to_string() } else { text.to_string() };
    if stderr {
        context.complain(&text);
        exit::USAGE
    } else {
        match context.print(&text) {
            Ok(()) => exit::OK,
            Err(_) => exit::UNEXPECTED,
        }
    }
}

/// What a decision ends a command with that was to go on.
fn code(decision: &Decision) -> u8 {
    match decision {
        Decision::Propose(_) | Decision::Withdraw(_) => exit::OK,
        Decision::Finished(_) | Decision::Idle(_) => exit::OK,
        Decision::Wait(_) => exit::WAITING,
        Decision::Halt(_) => exit::HALTED,
    }
}

/// Whether text for people goes to standard output.
fn for_people(common: &Common) -> bool {
    common.output == Output::Text && !common.quiet
}
