//! `status` for people: one system in detail, many as a table, and both as a page.
use dcr_gitops::report::detail::detail;
use dcr_gitops::report::json::Line;
use dcr_gitops::report::overview::Overview;
use dcr_gitops::report::page::{Shown, page};
use dcr_gitops::report::{Style, systems};
use dcr_gitops::run::journal::Sample;
use dcr_gitops::run::{Observation, Phase, Request, SpanState, decide, spans};
use jiff::SignedDuration;

use crate::world::*;

fn view(seen: &Observation) -> Overview {
    let decision = decide(seen, &Request::Observe).unwrap();
    Overview::new(seen, &decision, &Line::new(seen, &decision, None))
}

fn html(seen: &[&Observation]) -> String {
    let views: Vec<Overview> = seen.iter().map(|seen| view(seen)).collect();
    let shown = seen.iter().zip(&views).map(|(seen, overview)| Shown { overview, seen });
    page(&shown.collect::<Vec<_>>(), seen[0].at).unwrap()
}

/// A rebuild that is on, with the samples of a day.
fn rebuilding() -> Observation {
    let mut seen = met(Phase::Rebuild);
    for answer in &mut seen.world.admin.rebuild {
        answer.state = dcr_gitops::run::express::ProbeState::Running;
        answer.percent = Some(62.5);
    }
    for hour in 0..24 {
        seen.world.journal.samples.push(Sample {
            run: 7,
            attempt: 1,
            at: seen.at - SignedDuration::from_hours(24 - hour),
            percent: 2.0 * hour as f64,
        });
    }
    seen
}

#[test]
fn the_phases_of_a_run_are_read_from_the_history_of_the_base() {
    let seen = met(Phase::Rebuild);
    let spans = spans(&seen);
    let states: Vec<SpanState> = spans.iter().map(|span| span.state).collect();
    use SpanState::{Done, Now, ToCome};
    assert_eq!(states, [Done, Done, Now, ToCome, ToCome]);
    assert_eq!(spans[0].ended, spans[1].began);
    assert_eq!((spans[2].began.is_some(), spans[2].ended), (true, None));
    assert_eq!((spans[3].began, spans[3].ended), (None, None));
    // An abort leaves the phases out that never began; where the history is cut short nobody knows.
    let mut seen = met(Phase::Teardown);
    seen.deployment.history.landed.retain(|landed| landed.phase != Phase::Propagate);
    let state = |seen: &Observation| dcr_gitops::run::spans(seen)[3].state;
    assert_eq!(state(&seen), SpanState::LeftOut);
    seen.deployment.history.truncated = true;
    assert_eq!(state(&seen), Done);
    assert_eq!(dcr_gitops::run::spans(&untouched()), []);
}

#[test]
fn a_system_in_detail() {
    insta::assert_snapshot!(detail(&view(&rebuilding()), Style::default()), @r"
    phases: history-update 1d > farm-up 1d > [rebuild 3d] > propagate > teardown
    rebuild: 62.5 % done, complete in 18h45m (2026-11-24T04:15:00Z)
    ");
    let terminal = Style { colored: false, on_terminal: true };
    let text = detail(&view(&rebuilding()), terminal);
    assert!(text.contains("[###################-----------] 62.5 % done"), "{text}");
}

#[test]
fn many_systems_the_worst_first() {
    let mut halted = rebuilding();
    halted.deployment.system.system = "system9".into();
    halted.at += SignedDuration::from_hours(24 * 30);
    let mut quiet = untouched();
    quiet.deployment.system.system = "system1".into();
    let views = [view(&quiet), view(&rebuilding()), view(&halted)];
    insta::assert_snapshot!(systems::table(&views, Style::default()), @r"
       SYSTEM                          RUN  PHASE    DONE  ETA        WHAT
    x  den/tenant-105858-prod/system9  7    rebuild  62%              halt: the rebuild isn't complete, and its deadline 2026-12-04T09:30:00…
    ~  den/tenant-105858-prod/system6  7    rebuild  62%   in 18h45m  rebuild: the rebuild is running, 62 % (system6-fe1)
       den/tenant-105858-prod/system1                                 idle: no run was ever started
    ");
}

#[test]
fn the_page_needs_nothing_but_itself_and_believes_nobody() {
    let mut seen = rebuilding();
    let evil = "</td><script>alert(1)</script>\u{202e}";
    cluster(&mut seen).limits.push(evil.into());
    seen.deployment.system.system = "sys\"><img src=x onerror=alert(1)>".into();
    seen.deployment.record.as_mut().unwrap().ticket = Some("<b>".into());
    let page = html(&[&seen]);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"), "{page}");
    assert!(page.contains("&lt;script"), "{page}");
    assert!(!page.contains('\u{202e}'));
    // Nothing is loaded from anywhere: no address but the links to requests.
    for word in ["src=", "url(", "@import", "<link"] {
        assert!(!page.replace("src=x onerror", "").contains(word), "{word}");
    }
    assert!(page.contains("<path class=\"done\""), "the curve");
    assert!(page.contains("62.5 % done"), "{page}");
}

/// What is drawn stays on the drawing, however late the end may be.
#[test]
fn the_band_around_the_estimate_is_on_the_drawing() {
    let mut seen = rebuilding();
    for (at, sample) in seen.world.journal.samples.iter_mut().enumerate() {
        // All but still for half of the day.
        sample.percent = 0.01 * at as f64 + 4.0 * (at as f64 - 12.0).max(0.0);
    }
    let page = html(&[&seen]);
    let band = page.split("<path class=\"band\" d=\"").nth(1).expect("a band");
    let band = band.split('"').next().unwrap();
    let numbers = band.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    let numbers: Vec<f64> =
        numbers.filter(|it| !it.is_empty()).map(|it| it.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 8, "{band}");
    for (at, number) in numbers.iter().enumerate() {
        let most = if at % 2 == 0 { 640.0 } else { 160.0 };
        assert!((0.0..=most).contains(number), "{band}");
    }
    assert!(page.contains("complete between "), "{page}");
}

#[test]
fn a_link_is_made_of_a_web_address_only() {
    let mut seen = rebuilding();
    let branch = dcr_gitops::run::deployment::StepContent::Empty;
    open(&mut seen, branch);
    request(&mut seen, dcr_gitops::run::review::ReviewState::Open);
    assert!(html(&[&seen]).contains("<a href=\"https://git.example.com/"));
    seen.world.review.requests[0].url = "javascript:alert(1)".into();
    assert!(!html(&[&seen]).contains("javascript:"));
}

/// What an estimate is worth depends on how old it is, and a run that nobody watches says so.
#[test]
fn how_old_it_is_is_said() {
    let mut seen = rebuilding();
    seen.world.journal.last_tick = Some(seen.at - SignedDuration::from_mins(12));
    assert!(!view(&seen).eta().unwrap().contains("by what was seen"));
    seen.world.admin.rebuild.clear();
    let said = view(&seen).eta().unwrap();
    assert!(said.ends_with(", by what was seen 1h ago"), "{said}");
    let said = detail(&view(&seen), Style::default());
    assert!(said.contains("\n  watched: last 12m ago\n"), "{said}");
}
