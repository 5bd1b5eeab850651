//! What watching costs: requests in an hour, bytes kept for each object, and how long a change takes to be seen.
//! Counted, not only timed: it prints a table. See `README.md` beside this file.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench may stop where it stands"
)]
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dcr_gitops::config::Settings;
use dcr_gitops::context::Clock;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::kubernetes::{Kubernetes, Timing};
use dcr_gitops::run::SystemRef;
use dcr_gitops::run::cluster::ClusterView;
use kube::Client;
use serde_json::json;
use tokio::sync::Notify;

const CLUSTERS: usize = 10;
const OBJECTS: usize = 4;

/// Counts the bytes that are allocated.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator can't be written without")]
// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ten clusters with so many systems, each with its objects.
struct Fleet {
    clusters: Vec<Kubernetes>,
    systems: Vec<SystemRef>,
    clock: WorldClock,
}

impl Fleet {
    fn of(systems: usize) -> Self {
        let clock = WorldClock::standing("2026-11-22T17:00:00Z".parse().unwrap());
        let clusters: Vec<_> = (0..CLUSTERS)
            .map(|_| Kubernetes::new(clock.reader(), clock.pace(), Timing::default()))
            .collect();
        let systems: Vec<_> = (0..systems)
            .map(|n| SystemRef {
                cluster: format!("cluster{}", n % CLUSTERS),
                namespace: format!("tenant-{}", n / CLUSTERS),
                system: format!("system{n}"),
            })
            .collect();
        for (n, system) in systems.iter().enumerate() {
            for object in 0..OBJECTS {
                clusters[n % CLUSTERS].apply(&service(system, object)).unwrap();
            }
        }
        Fleet { clusters, systems, clock }
    }

    fn watched(&self) -> Clusters {
        let clients = self.clusters.iter().enumerate();
        let clients: BTreeMap<_, _> = clients
            .map(|(n, kubernetes)| {
                (format!("cluster{n}"), Client::new(kubernetes.clone(), "default"))
            })
            .collect();
        let clock = self.clock.clone();
        let clusters =
            Clusters::over(clients, &Settings::default(), Clock::new(move || clock.now()));
        clusters.follow(&self.systems);
        clusters
    }

    fn requests(&self) -> u64 {
        self.clusters.iter().flat_map(|cluster| cluster.requests().into_values()).sum()
    }
}

/// As large as the real ones: managed fields and annotations that nobody here reads.
fn service(of: &SystemRef, number: usize) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": format!("{}-{number}", of.system), "namespace": of.namespace,
            "labels": {"app.kubernetes.io/managed-by": "dcr-gitops", "dcr-gitops/system": of.system,
                "dcr-gitops/run": "7", "app.kubernetes.io/component": "farmer"},
            "annotations": {"dcr-gitops/digest": format!("sha256:{}", "0".repeat(64)),
                "notes": "x".repeat(3_000)}},
        "spec": {"clusterIP": "None", "ports": [{"port": 9100}]},
    })
}

async fn all_read(clusters: &Clusters, systems: &[SystemRef], changed: &Notify) {
    while !systems.iter().all(|system| clusters.is_read(system)) {
        changed.notified().await;
    }
}

/// Virtual time: how many lists and watches there are in an hour, and what is kept meanwhile.
fn an_hour(systems: usize) -> (u64, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let fleet = Fleet::of(systems);
        let changed = Notify::new();
        // What is left when this is gone was kept by it: the fleet itself grows with what it is asked.
        let clusters = fleet.watched();
        let watching = async {
            all_read(&clusters, &fleet.systems, &changed).await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
        };
        tokio::select! {
            () = clusters.watch(&changed) => {}
            () = watching => {}
        }
        let requests = fleet.requests();
        let with = LIVE.load(Ordering::Relaxed);
        drop(clusters);
        (requests, with.saturating_sub(LIVE.load(Ordering::Relaxed)))
    })
}

/// Real time, without a socket: from an object's deletion to the view that shows it, the slowest of ten.
fn reaction(systems: usize) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let fleet = Fleet::of(systems);
        let changed = Notify::new();
        let clusters = fleet.watched();
        let story = async {
            all_read(&clusters, &fleet.systems, &changed).await;
            let objects = |system: &SystemRef| match clusters.cluster(system, fleet.clock.now()) {
                ClusterView::Seen(seen) => seen.objects.len(),
                other => panic!("{other:?}"),
            };
            let mut slowest = Duration::ZERO;
            for (n, system) in fleet.systems.iter().enumerate().take(10) {
                let began = tokio::time::Instant::now();
                let name = format!("{}-0", system.system);
                let how = dcr_gitops::rehearse::kubernetes::Propagation::Background;
                let kind = dcr_gitops::rehearse::kubernetes::kind::Kind::Service;
                assert!(fleet.clusters[n % CLUSTERS].delete(kind, &system.namespace, &name, how));
                while objects(system) == OBJECTS {
                    changed.notified().await;
                }
                slowest = slowest.max(began.elapsed());
            }
            slowest
        };
        tokio::select! {
            () = clusters.watch(&changed) => unreachable!(),
            slowest = story => slowest,
        }
    })
}

fn main() {
    println!("{CLUSTERS} clusters, {OBJECTS} objects a system");
    println!(
        "| systems | lists and watches in an hour | bytes kept an object | slowest of ten reactions |"
    );
    println!("| ---: | ---: | ---: | ---: |");
    for systems in [10, 100, 1_000] {
        let (requests, bytes) = an_hour(systems);
        let each = bytes / (systems * OBJECTS);
        let slowest = reaction(systems);
        println!("| {systems} | {requests} | {each} | {:.1} ms |", slowest.as_secs_f64() * 1_000.0);
    }
}
