//! Answers with a state: a field means what is written there, or nothing.
use dcr_gitops::config::{Field, Fields, States};
use dcr_gitops::observe::express::excerpt::{excerpt, printable};
use dcr_gitops::observe::express::probe::{self, ProbeError};
use dcr_gitops::run::express::{Echo, ProbeAnswer, ProbeState};
use jiff::Timestamp;
use proptest::prelude::*;

use super::at;

fn pointer(pointer: &str) -> Option<Field> {
    Some(Field::Pointer(pointer.to_owned()))
}

fn regex(regex: &str) -> Option<Field> {
    Some(Field::Regex { regex: regex.to_owned() })
}

fn fields() -> Fields {
    Fields { run: pointer("/run"), ..Fields::default() }
}

fn read(body: &str) -> Result<ProbeAnswer, ProbeError> {
    let states = States { not_needed: vec!["NOTHING TO DO".to_owned()], ..States::default() };
    probe::read(body.as_bytes(), &fields(), &states, "system6-dcr-sync-0", at())
}

#[test]
fn a_state_word_means_what_the_map_says() {
    let unmapped = |word: &str| ProbeState::Unmapped(word.to_owned());
    for (body, state) in [
        (r#"{"state":"RUNNING"}"#, ProbeState::Running),
        (r#"{"state":" COMPLETE\n"}"#, ProbeState::Complete),
        (r#"{"state":"FAILED"}"#, ProbeState::Failed),
        (r#"{"state":"NOTHING TO DO"}"#, ProbeState::NotNeeded),
        (r#"{"state":"  "}"#, ProbeState::None),
        (r#"{"state":null}"#, ProbeState::None),
        ("\u{feff}{}", ProbeState::None),
        ("[]", ProbeState::None),
        (r#"{"state":"Running"}"#, unmapped("Running")),
        (r#"{"state":"RUNNING 12%"}"#, unmapped("RUNNING 12%")),
        (r#"{"state":3}"#, unmapped("3")),
        (r#"{"state":false}"#, unmapped("false")),
        (r#"{"state":["RUNNING"]}"#, unmapped(r#"["RUNNING"]"#)),
        (r#"{"state":{}}"#, unmapped("{}")),
    ] {
        assert_eq!(read(body).unwrap().state, state, "{body}");
    }
}

#[test]
fn fields_are_read_as_written_or_absent() {
    let percent = |text: &str| read(&format!(r#"{{"percent":{text}}}"#)).unwrap().percent;
    for (text, value) in
        [("62.5", 62.5), ("0", 0.0), (r#""100""#, 100.0), (r#"" 62.5 %""#, 62.5), ("-0", 0.0)]
    {
        assert_eq!(percent(text), Some(value), "{text}");
    }
    for text in
        ["-1", "100.01", r#""NaN""#, r#""inf""#, r#""62,5""#, r#""""#, "null", "true", "[5]"]
    {
        assert_eq!(percent(text), None, "{text}");
    }
    let started = |text: &str| read(&format!(r#"{{"startedAt":{text}}}"#)).unwrap().started_at;
    let moment: Timestamp = "2024-02-07T10:00:00Z".parse().unwrap();
    for text in [
        r#""2024-02-07T10:00:00Z""#,
        r#""2024-02-07T12:00:00+02:00""#,
        "1707300000",
        "1707300000.0",
        "1707300000000",
        r#""1707300000""#,
    ] {
        assert_eq!(started(text), Some(moment), "{text}");
    }
    for text in
        ["0", "-5", "1e300", r#""2024-02-07T10:00:00""#, r#""yesterday""#, r#""nan""#, "null"]
    {
        assert_eq!(started(text), None, "{text}");
    }
    let error = |text: &str| read(&format!(r#"{{"error":{text}}}"#)).unwrap().error;
    for text in ["null", r#""""#, r#"" ""#, "[]", "{}", "false"] {
        assert_eq!(error(text), None, "{text}");
    }
    assert_eq!(error(r#""disk full""#).as_deref(), Some("disk full"));
    assert_eq!(error(r#"["disk full","slow"]"#).as_deref(), Some("disk full; slow"));
    assert_eq!(error(r#"{"code":7}"#).as_deref(), Some(r#"{"code":7}"#));
}

#[test]
fn the_run_an_answer_names_is_read_or_refused() {
    let of = |text: &str| read(&format!(r#"{{"run":{text}}}"#)).map(|answer| answer.of);
    let echo = |run, attempt| Ok(Some(Echo { run, attempt }));
    assert_eq!(of("7"), echo(7, None));
    assert_eq!(of(r#""7""#), echo(7, None));
    assert_eq!(of(r#"" 7-2 ""#), echo(7, Some(2)));
    assert_eq!(of(r#""7/2""#), echo(7, Some(2)));
    for none in ["null", r#""""#, "0"] {
        assert_eq!(of(none), Ok(None), "{none}");
    }
    for odd in [
        r#""x""#,
        r#""7-""#,
        r#""7-0""#,
        r#""-2""#,
        r#""+7""#,
        r#""7-2-1""#,
        "7.0",
        "-7",
        "99999999999",
    ] {
        assert!(matches!(of(odd), Err(ProbeError::Run { .. })), "{odd}: {:?}", of(odd));
    }
}

#[test]
fn what_is_no_answer_says_nothing() {
    let html = "<!DOCTYPE html><html><body>502</body></html>";
    for body in [
        "",
        html,
        "null",
        "42",
        r#""RUNNING""#,
        r#"{"state":"RUNNING""#,
        "{} {}",
        "{\"state\":1e999}",
    ] {
        assert!(matches!(read(body), Err(ProbeError::NotJson { .. })), "{body}: {:?}", read(body));
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(&deep), Err(ProbeError::NotJson { .. })));
    let huge = format!(r#"{{"state":"RUNNING"}}{}"#, " ".repeat(1 << 20));
    assert_eq!(read(&huge), Err(ProbeError::TooLong));
    let untold = Fields { state: None, ..Fields::default() };
    let read = |body: &str, fields: &Fields| {
        probe::read(body.as_bytes(), fields, &States::default(), "n", at())
    };
    assert_eq!(read("{}", &untold), Err(ProbeError::NoStateField));
    let strange = Fields { state: pointer("state"), ..Fields::default() };
    assert!(matches!(read("{}", &strange), Err(ProbeError::Field { field: "state", .. })));
    for odd in ["(", "no group", "(two)(groups)"] {
        let strange = Fields { percent: regex(odd), ..Fields::default() };
        assert!(matches!(read("{}", &strange), Err(ProbeError::Field { field: "percent", .. })));
    }
}

#[test]
fn an_answer_for_people_is_read_by_regular_expressions() {
    let fields = Fields {
        state: regex(r"Rebuild: *(\w*)"),
        percent: regex(r"([0-9.]+) *%"),
        started_at: regex(r"since (\S+)"),
        run: regex(r"run (\d+-\d+)"),
        error: regex(r"(?m)^Error: (.*)$"),
    };
    let read = |body: &str| probe::read(body.as_bytes(), &fields, &States::default(), "n", at());
    let answer = read(
        "Rebuild: RUNNING, run 7-2 since 2024-02-07T10:00:00Z\n62.5 % done\nError: disk full \n",
    )
    .unwrap();
    assert_eq!(answer.state, ProbeState::Running);
    assert_eq!(answer.of, Some(Echo { run: 7, attempt: Some(2) }));
    assert_eq!(answer.percent, Some(62.5));
    assert_eq!(answer.started_at, Some("2024-02-07T10:00:00Z".parse().unwrap()));
    assert_eq!(answer.error.as_deref(), Some("disk full"));
    assert_eq!(read("Rebuild: ").unwrap().state, ProbeState::None);
    // An error page is no "none", although the expression finds no state in it.
    for page in ["<html>Bad Gateway</html>", "", "Not found"] {
        assert!(matches!(read(page), Err(ProbeError::NoStateMatch { .. })), "{page}");
    }
    // Expressions and pointers together.
    let mixed = Fields { state: regex(r#""state" *: *"(\w*)""#), ..super::probe::fields() };
    let answer =
        probe::read(br#"{"state": "FAILED", "run": 7}"#, &mixed, &States::default(), "n", at());
    assert_eq!(answer.unwrap().state, ProbeState::Failed);
}

#[test]
fn an_excerpt_is_short_and_printable() {
    assert_eq!(excerpt(b"<html>\r\n\t<h1>Bad\x1b[31m</h1>"), "<html> <h1>Bad\\u{1b}[31m</h1>");
    assert_eq!(excerpt("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    assert_eq!(excerpt(&[b'x'; 1 << 20]).chars().count(), 161);
    assert!(excerpt(&[b'x'; 1 << 20]).ends_with('…'));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_gives_an_answer_or_an_error(text in any::<String>(), at_most in 0_usize..60) {
        let body = format!(r#"{{"state":{text:?},"run":{text:?},"percent":{at_most}}}"#);
        for body in [text.as_bytes(), body.as_bytes()] {
            if let Err(error) = probe::read(body, &fields(), &States::default(), "n", at()) {
                prop_assert!(!error.to_string().contains(|shown: char| shown.is_control()));
            }
        }
        prop_assert!(!printable(&text).contains(|shown: char| shown.is_control()));
    }
}
