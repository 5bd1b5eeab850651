//! `status -o html`: one page that needs nothing but itself, for a job's artifacts or Pages.
mod curve;

use jiff::Timestamp;
use serde::Serialize;
use tera::{Context, Tera};

use super::escape;
use super::overview::{Overview, Weight};
use super::time::{age, moment};
use crate::run::{Observation, PhaseSpan, SpanState};
use curve::Curve;

const NAME: &str = "status.html";
const TEMPLATE: &str = include_str!("../../templates/page/status.html.tera");

/// A system on the page.
pub struct Shown<'a> {
    pub overview: &'a Overview,
    pub seen: &'a Observation,
}

/// The page as HTML. Every word from outside is escaped by the template engine.
///
/// # Errors
/// The template doesn't fit what it is given.
pub fn page(systems: &[Shown<'_>], at: Timestamp) -> Result<String, tera::Error> {
    let mut tera = Tera::new();
    tera.autoescape_on([".html"]);
    tera.add_raw_template(NAME, TEMPLATE)?;
    let mut sections: Vec<(Weight, Section<'_>)> =
        systems.iter().map(|shown| (shown.overview.weight, Section::new(shown))).collect();
    sections.sort_by(|(a, one), (b, other)| (a, &one.name).cmp(&(b, &other.name)));
    let sections: Vec<Section<'_>> = sections.into_iter().map(|(_, section)| section).collect();
    let mut context = Context::new();
    context.insert("systems", &sections);
    context.insert("at", &moment(at));
    context.insert("version", env!("CARGO_PKG_VERSION"));
    tera.render(NAME, &context)
}

/// One system's part of the page, every time in words.
#[derive(Serialize)]
struct Section<'a> {
    name: String,
    id: String,
    weight: Weight,
    decision: &'static str,
    reason: String,
    run: Option<u32>,
    stand: Option<String>,
    forced: bool,
    next: Option<&'a str>,
    ticket: Option<&'a str>,
    phases: Vec<Part>,
    unmet: Vec<Wait>,
    attention: Vec<Told>,
    notices: Vec<String>,
    nodes: Vec<Node>,
    percent: Option<String>,
    eta: Option<String>,
    /// The two ends of the band around it.
    band: Option<[String; 2]>,
    deadline: Option<String>,
    time_left: Option<String>,
    links: Vec<Anchor<'a>>,
    curve: Option<Curve>,
    at: String,
    base: String,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    title: &'static str,
    state: SpanState,
    began: Option<String>,
    took: Option<String>,
}

#[derive(Serialize)]
struct Wait {
    gate: String,
    message: String,
    hint: Option<String>,
    /// For how long.
    waits: Option<String>,
}

#[derive(Serialize)]
struct Told {
    message: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    pod: String,
    /// `good`, `bad`, or nothing where it can't be said.
    tone: &'static str,
    age: Option<String>,
    restarts: Option<u32>,
    status: String,
}

#[derive(Serialize)]
struct Anchor<'a> {
    text: &'a str,
    /// Only what is a web address is made a link.
    url: Option<&'a str>,
}

impl<'a> Section<'a> {
    fn new(shown: &Shown<'a>) -> Self {
        let Shown { overview: view, seen } = shown;
        let clean = |text: &str| escape::line(text);
        let optional = |text: &Option<String>| text.as_deref().map(clean);
        Section {
            name: clean(&view.name),
            id: view
                .name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect(),
            weight: view.weight,
            decision: view.decision,
            reason: clean(&view.reason),
            run: view.run,
            stand: view.stand(),
            forced: view.forced,
            next: view.next.as_deref(),
            ticket: view.ticket.as_deref(),
            phases: view.phases.iter().map(|span| Part::new(span, view.at)).collect(),
            unmet: view
                .unmet
                .iter()
                .map(|unmet| Wait {
                    gate: unmet.gate.clone(),
                    message: clean(&unmet.message),
                    hint: optional(&unmet.hint),
                    waits: unmet.since.map(|since| age(view.at.duration_since(since))),
                })
                .collect(),
            attention: view
                .attention
                .iter()
                .map(|it| Told { message: clean(&it.message), hint: optional(&it.hint) })
                .collect(),
            notices: view.notices.iter().map(|notice| clean(notice)).collect(),
            nodes: view
                .nodes
                .iter()
                .map(|row| Node {
                    name: clean(&row.node),
                    pod: clean(&row.pod),
                    tone: match row.well {
                        Some(true) => "good",
                        Some(false) => "bad",
                        None => "",
                    },
                    age: row.started.map(|started| age(view.at.duration_since(started))),
                    restarts: row.restarts,
                    status: clean(&row.status),
                })
                .collect(),
            percent: view.percent().map(|percent| format!("{percent:.1}")),
            eta: view.eta(),
            band: view.band.map(|(earliest, latest)| [earliest, latest].map(moment)),
            deadline: view.deadline.map(moment),
            time_left: view.time_left(),
            links: view
                .links
                .iter()
                .map(|link| Anchor {
                    text: &link.text,
                    url: Some(link.url.as_str())
                        .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
                })
                .collect(),
            curve: Curve::of(seen, view),
            at: moment(view.at),
            base: view.base.chars().take(10).collect(),
        }
    }
}

impl Part {
    fn new(span: &PhaseSpan, now: Timestamp) -> Self {
        let end = span.ended.or((span.state == SpanState::Now).then_some(now));
        let took = span.began.zip(end).map(|(began, end)| age(end.duration_since(began)));
        Part {
            name: span.phase.as_str(),
            title: span.phase.title(),
            state: span.state,
            began: span.began.map(|began| began.strftime("%b %-d, %H:%M").to_string()),
            took,
        }
    }
}
