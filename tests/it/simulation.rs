//! A thousand runs, each with troubles of its own drawn from a seed. `DCR_SIMULATIONS=20000` plays more of them,
//! `DCR_SEED=7` only the one.
mod schedule;
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use schedule::Schedule;
use stage::Met;

const SIMULATIONS: u64 = 1000;

#[test]
fn whatever_happens_no_rule_is_broken() {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    if let Some(seed) = number("DCR_SEED") {
        return shown(&Schedule::new(seed));
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
                Err(_) => failed.lock().unwrap().push(seed),
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(&work))));
    for seed in failed.into_inner().unwrap() {
        shown(&shrunk(Schedule::new(seed)));
    }
    println!("{:#?}", met.lock().unwrap());
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

fn shown(schedule: &Schedule) {
    if let Err(why) = played(schedule) {
        let seed = schedule.seed;
        panic!("{schedule:#?}\n{why}\n\nDCR_SEED={seed} cargo test --test it simulation");
    }
}
