//! The table of a run's nodes, as people read it.
use dcr_gitops::report::nodes::table;
use dcr_gitops::run::Phase;
use dcr_gitops::run::express::{AaGroup, Detail, Readiness};

use crate::world::*;

#[test]
fn every_node_that_should_be_there_has_a_line() {
    let mut seen = met(Phase::FarmUp);
    {
        let pods = &mut cluster(&mut seen).pods;
        pods.remove(2);
        pods[3].ready = false;
        pods[3].trouble = Some("CrashLoopBackOff: exit \u{1b}[31m137".into());
        pods[3].restarts = 4;
        pods[1].terminating = true;
    }
    let status = seen.world.admin.aa_status.as_mut().unwrap();
    status.rows.remove(1);
    let mut farmer = synchronized("system6-dcr-farmer-0", AaGroup::DynamicFarmers, HASH);
    farmer.state = None;
    farmer.readiness = Some(Readiness::Unreachable);
    let exception = "org.apache.thrift.transport.TTransportException";
    farmer.detail = Some(Detail::Exception(exception.into()));
    status.rows.push(farmer);
    insta::assert_snapshot!(table(&seen).unwrap(), @r"
    NODE                  POD                                              AGE  RESTARTS  A/A STATUS
    system6-dcr-sync-0    ready                                            3d   0         no row
    system6-dcr-farmer-0  terminating                                      3d   0         ? visible sync unreachable TTransportException
    system6-dcr-farmer-1  missing                                                         no row
    system6-dcr-farmer-2  ready                                            3d   0         no row
    system6-dcr-farmer-3  not ready: CrashLoopBackOff: exit \u{1b}[31m137  3d   4         no row
    system6-fe1                                                                           SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6
    system6-fe2                                                                           no row
    system6-fe3                                                                           SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6
    ");
}

#[test]
fn without_a_run_there_is_no_table() {
    assert_eq!(table(&untouched()), None);
}
