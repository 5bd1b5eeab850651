//! Runs in their hundreds, each with troubles of its own drawn from a seed. `DCR_SIMULATIONS=20000` plays more of them,
//! `DCR_SEED=7` only the one.
mod killed;
mod schedule;
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use schedule::Schedule;
use stage::Met;

const SIMULATIONS: u64 = 1_000;

/// From how many on everything has to have been met.
const ALL_MET_BY: u64 = 1_000;

/// What so many simulations have to have met.
const MET: [&str; 36] = [
    "a Job is deleted",
    "a clock jumps",
    "a commit comes late",
    "a commit is adopted",
    "a farmer boots slowly",
    "a farmer crashes",
    "a farmer's pod is deleted",
    "a foreign commit is on an open branch",
    "a namespace is restored",
    "a node babbles",
    "a node is lost",
    "a status lies",
    "a step is reverted",
    "a tick comes twice",
    "a tick is missed",
    "an abort is asked for",
    "an open branch is deleted",
    "another version of the program takes over",
    "more farmers are asked for",
    "somebody else was faster",
    "somebody scales by hand",
    "the API server is away",
    "the API server stumbles",
    "the admin ports are away",
    "the base is rewound",
    "the base was taken back",
    "the deadline is shortened",
    "the deadline passed",
    "the frontends have no rows",
    "the hub is away",
    "the inputs are changed",
    "the rebuild failed",
    "the rebuild was lost",
    "the reviewer declines",
    "the synchronizer's pod is deleted",
    "two watch at once",
];

#[test]
fn whatever_happens_no_rule_is_broken() {
    let number = |name: &str| {
        let (_, value) = std::env::vars().find(|(known, _)| known == name)?;
        Some(value.parse::<u64>().unwrap())
    };
    if let Some(seed) = number("DCR_SEED") {
        return assert_eq!(story(&Schedule::new(seed)), None);
    }
    let (next, last) = (AtomicU64::new(1), number("DCR_SIMULATIONS").unwrap_or(SIMULATIONS));
    let (met, failed) = (Mutex::new(Met::new()), Mutex::new(Vec::new()));
    let work = || {
        while let seed @ 1.. = next.fetch_add(1, Ordering::Relaxed)
            && seed <= last
            && failed.lock().unwrap().len() < 3
        {
            match played(&Schedule::new(seed)) {
                Ok(more) => {
                    let mut met = met.lock().unwrap();
                    more.into_iter()
                        .for_each(|(what, times)| *met.entry(what).or_default() += times);
                }
                Err(_) => {
                    failed.lock().unwrap().push(seed);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    let stories = failed.into_iter().filter_map(|seed| story(&shrunk(Schedule::new(seed))));
    let stories: Vec<String> = stories.collect();
    assert!(stories.is_empty(), "{}", stories.join("\n\n"));
    let met = met.into_inner().unwrap();
    let missed: Vec<_> = MET.into_iter().filter(|what| !met.contains_key(what)).collect();
    assert!(missed.is_empty() || last < ALL_MET_BY, "never met: {missed:?}");
}

/// Plays it in a runtime of its own; a panic is a failure, too.
fn played(schedule: &Schedule) -> Result<Met, String> {
    // Where memory can be written to like a disk, thousands of small files cost less there.
    let memory = Path::new("/dev/shm");
    let within = memory.is_dir().then(|| tempfile::tempdir_in(memory).unwrap());
    let root = within.as_ref().map(|within| within.path().to_owned());
    let play = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(stage::play(schedule, root))
    };
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned())
    })
}

/// The schedule with as few troubles as still fail.
fn shrunk(schedule: Schedule) -> Schedule {
    let shorter = schedule.shorter().find(|shorter| played(shorter).is_err());
    shorter.map_or(schedule, shrunk)
}

/// What went wrong in a schedule, if anything did, and how to see it again.
fn story(schedule: &Schedule) -> Option<String> {
    let why = played(schedule).err()?;
    let again = format!("DCR_SEED={} cargo test --test it simulation::whatever", schedule.seed);
    Some(format!("{schedule:#?}\n{why}\n\n{again}"))
}
