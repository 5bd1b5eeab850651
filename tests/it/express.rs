//! What nodes print and answer: read exactly where it is understood, reported where it isn't.
use std::time::Duration;

use dcr_gitops::config::{Field, Fields, States};
use dcr_gitops::observe::express::aa_status::parse;
use dcr_gitops::observe::express::excerpt::{excerpt, printable};
use dcr_gitops::observe::express::http::{Http, HttpError, Limits};
use dcr_gitops::observe::express::probe::{self, ProbeError};
use dcr_gitops::run::express::{
    AaGroup, AaRow, AaState, AaStatus, Detail, Echo, ProbeAnswer, ProbeState, Readiness,
};
use jiff::Timestamp;
use proptest::prelude::*;
use tokio::net::TcpSocket;

use crate::node::{Node, Reply, State, ok};

const DURING: &str = include_str!("../../fixtures/transcripts/aa-status-during-rebuild.txt");
const COMPLETE: &str = include_str!("../../fixtures/transcripts/aa-status-complete.txt");

fn at() -> Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

fn status(text: impl AsRef<[u8]>) -> AaStatus {
    parse(text, "systemdcrtest1-dcr-sync-0", at())
}

/// A status as a table, one row a line; what is absent or `?` is `-`.
fn table(status: &AaStatus) -> String {
    fn word<T: serde::Serialize>(value: &Option<T>) -> String {
        match serde_json::to_value(value).unwrap() {
            serde_json::Value::Null => "-".to_owned(),
            serde_json::Value::String(word) => word,
            serde_json::Value::Object(named) => {
                named.values().map(|value| value.as_str().unwrap()).collect()
            }
            other => other.to_string(),
        }
    }
    let row = |row: &AaRow| {
        let cells = [
            word(&row.group),
            row.node.clone(),
            word(&row.state),
            format!("visible={}", word(&row.visible)),
            format!("sync={}", word(&row.sync)),
            word(&row.version),
            word(&row.readiness),
            word(&row.detail),
        ];
        format!("{} {}\n", cells.join(" "), row.unknown.join("|")).trim_end().to_owned()
    };
    let unknown =
        status.unknown.iter().map(|unknown| format!("line {}: {}", unknown.line, unknown.word));
    status
        .rows
        .iter()
        .map(row)
        .chain(unknown)
        .map(|line| printable(&line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_transcript_of_a_rebuild_is_read_exactly() {
    insta::assert_snapshot!(table(&status(DURING)), @r"
    classic-frontends systemdcrtest1-fe1 SYNCHRONIZED visible=true sync=true e686.131 ready 5f5e38d65f5e38d6
    classic-frontends systemdcrtest1-fe2 SYNCHRONIZED visible=true sync=true e686.131 ready 5f5e38d65f5e38d6
    classic-frontends systemdcrtest1-fe3 SYNCHRONIZED visible=true sync=true e686.131 ready 5f5e38d65f5e38d6
    dynamic-synchronizers systemdcrtest1-dcr-sync-0 BOOTING visible=false sync=false - waiting inactive
    dynamic-farmers systemdcrtest1-dcr-farmer-0 - visible=- sync=- - unreachable org.apache.thrift.transport.TTransportException
    dynamic-farmers systemdcrtest1-dcr-farmer-1 DOWN visible=false sync=false - unreachable org.apache.thrift.transport.TTransportException
    dynamic-farmers systemdcrtest1-dcr-farmer-2 DOWN visible=false sync=false - unreachable org.apache.thrift.transport.TTransportException
    ");
}

#[test]
fn the_transcript_of_a_complete_rebuild_is_read_exactly() {
    insta::assert_snapshot!(table(&status(COMPLETE)), @r"
    dynamic-synchronizers systemdcrtest1-dcr-sync-0 SYNCHRONIZED visible=true sync=true - ready 5f5e38d65f5e38d6
    dynamic-farmers systemdcrtest1-dcr-farmer-0 DOWN visible=false sync=false - hidden inactive
    dynamic-farmers systemdcrtest1-dcr-farmer-1 DOWN visible=false sync=false - hidden inactive
    dynamic-farmers systemdcrtest1-dcr-farmer-2 DOWN visible=false sync=false - hidden inactive
    ");
}

#[test]
fn a_status_says_who_printed_it_and_when() {
    let status = status(COMPLETE);
    assert_eq!((status.node.as_str(), status.at), ("systemdcrtest1-dcr-sync-0", at()));
    let synchronizer = status.row("systemdcrtest1-dcr-sync-0").unwrap();
    assert_eq!(synchronizer.synchronized_hash(), Some("5f5e38d65f5e38d6"));
    assert_eq!(status.row("systemdcrtest1-dcr-farmer-0").unwrap().synchronized_hash(), None);
    assert_eq!(status.row("systemdcrtest1-fe1"), None, "an absent row is absent, not DOWN");
}

#[test]
fn layout_means_nothing() {
    let plain = "A/A Status:\nClassic Frontends:\nfe.1 : DOWN invisible not sync hidden Inactive\n\
                 DCR Dynamic Farmers\nf-0 : BOOTING visible sync 686.1-rc2 waiting NullPointerException\n";
    let expected = status(plain);
    assert_eq!(expected.unknown, []);
    assert_eq!(expected.rows.len(), 2);
    for same in [
        plain.replace('\n', "\r\n"),
        format!("\u{feff}{plain}"),
        plain.replace(' ', "\t \t"),
        plain.replace(" : ", ":"),
        plain.replace("Status:", "Status").replace("Frontends:", "Frontends"),
        plain.replace("Farmers", "Farmers :"),
        plain.replace("A/A Status:\n", ""),
        plain.replace("DOWN invisible not sync hidden", "hidden not sync DOWN invisible"),
    ] {
        assert_eq!(status(&same).rows, expected.rows, "{same:?}");
        assert_eq!(status(&same).unknown, [], "{same:?}");
    }
}

/// Lines that aren't understood, or only in part.
#[test]
fn what_isnt_understood_is_kept_with_its_line() {
    insta::assert_snapshot!(table(&status(
        "Classic Frontends\n\
         fe1 : SYNCHRONIZED visible sync DRAINING e686.131 ready 5f5e38d65f5e38d6\n\
         Spare Frontends:\n\
         fe2 : synchronized VISIBLE Sync 686 Ready 5f5e38d65f5e38d\n\
         DCR Dynamic Farmers\n\
         f-0 : DOWN not visible not-sync hidden Inactive\n\
         f-1 : DOWN DOWN BOOTING invisible not sync not sync sync hidden Inactive Inactive\n\
         f-2 :\n\
         f 3 : DOWN\n\
         \u{1b}[31mf-4\u{1b}[0m : DOWN invisible\n\
         f-5 : \u{1b}[31mDOWN\u{1b}[0m invisible\n\
         <tr><td>f-6 : DOWN</td></tr>\n\
         f-7 : ? ? ? ? java.net.ConnectException: refused\n\
         f-8 : DOWN not\n"
    )), @r"
    classic-frontends fe1 SYNCHRONIZED visible=true sync=true e686.131 ready 5f5e38d65f5e38d6 DRAINING
    - fe2 - visible=- sync=- - - - synchronized|VISIBLE|Sync|686|Ready|5f5e38d65f5e38d
    dynamic-farmers f-0 DOWN visible=- sync=- - hidden inactive not visible|not-sync
    dynamic-farmers f-1 DOWN visible=false sync=false - hidden inactive DOWN|BOOTING|not sync|sync|Inactive
    - f-5 - visible=false sync=- - - - \u{1b}[31mDOWN\u{1b}[0m
    - f-7 - visible=- sync=- - - - java.net.ConnectException:|refused
    - f-8 DOWN visible=- sync=- - - - not
    line 2: DRAINING
    line 3: Spare Frontends:
    line 4: synchronized
    line 4: VISIBLE
    line 4: Sync
    line 4: 686
    line 4: Ready
    line 4: 5f5e38d65f5e38d
    line 6: not visible
    line 6: not-sync
    line 7: DOWN
    line 7: BOOTING
    line 7: not sync
    line 7: sync
    line 7: Inactive
    line 8: f-2 :
    line 9: f 3 : DOWN
    line 10: \u{1b}[31mf-4\u{1b}[0m : DOWN invisible
    line 11: \u{1b}[31mDOWN\u{1b}[0m
    line 12: <tr><td>f-6 : DOWN</td></tr>
    line 13: java.net.ConnectException:
    line 13: refused
    line 14: not
    ");
}

#[test]
fn a_row_with_an_unknown_word_shows_nothing() {
    let row = "fe1 : SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6";
    assert!(status(row).row("fe1").unwrap().synchronized_hash().is_some());
    for odd in ["DRAINING", "not", "visible", "DOWN", "é"] {
        let status = status(format!("{row} {odd}"));
        assert_eq!(status.unknown.len(), 1, "{odd}");
        assert_eq!(status.row("fe1").unwrap().synchronized_hash(), None, "{odd}");
    }
}

#[test]
fn rows_that_contradict_each_other_are_no_row() {
    let row = "fe1 : SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6\n";
    assert!(status(row.repeat(2)).row("fe1").is_some());
    assert_eq!(status(format!("{row}fe1 : DOWN\n")).row("fe1"), None);
    assert_eq!(status(format!("{row}fe1 : DOWN\n")).rows.len(), 2);
}

/// One line of a transcript, taken apart by hand.
#[derive(Debug, Clone)]
enum Line {
    Heading(&'static str, Option<AaGroup>),
    Row(&'static str, Vec<String>, AaRow),
}

/// The lines of both transcripts, with what each row means spelled out again.
fn lines() -> Vec<Line> {
    let heading = |text, group| Line::Heading(text, Some(group));
    let row = |node: &'static str, words: &str| {
        let words: Vec<String> = words.split('|').map(str::to_owned).collect();
        let mut row = AaRow {
            group: None,
            node: node.to_owned(),
            state: None,
            visible: None,
            sync: None,
            version: None,
            readiness: None,
            detail: None,
            unknown: vec![],
        };
        for word in &words {
            match word.as_str() {
                "SYNCHRONIZED" => row.state = Some(AaState::Synchronized),
                "BOOTING" => row.state = Some(AaState::Booting),
                "DOWN" => row.state = Some(AaState::Down),
                "visible" | "invisible" => row.visible = Some(word == "visible"),
                "sync" | "not sync" => row.sync = Some(word == "sync"),
                "e686.131" => row.version = Some(word.clone()),
                "ready" => row.readiness = Some(Readiness::Ready),
                "waiting" => row.readiness = Some(Readiness::Waiting),
                "hidden" => row.readiness = Some(Readiness::Hidden),
                "unreachable" => row.readiness = Some(Readiness::Unreachable),
                "Inactive" => row.detail = Some(Detail::Inactive),
                "5f5e38d65f5e38d6" => row.detail = Some(Detail::Hash(word.clone())),
                "?" => {}
                exception => row.detail = Some(Detail::Exception(exception.to_owned())),
            }
        }
        Line::Row(node, words, row)
    };
    let serving = "SYNCHRONIZED|visible|sync|e686.131|ready|5f5e38d65f5e38d6";
    let booting = "unreachable|org.apache.thrift.transport.TTransportException";
    vec![
        Line::Heading("A/A Status:", None),
        heading("Classic Frontends", AaGroup::ClassicFrontends),
        row("systemdcrtest1-fe1", serving),
        row("systemdcrtest1-fe2", serving),
        row("systemdcrtest1-fe3", serving),
        heading("DCR Dynamic Synchronizers:", AaGroup::DynamicSynchronizers),
        row("systemdcrtest1-dcr-sync-0", "BOOTING|invisible|not sync|waiting|Inactive"),
        heading("DCR Dynamic Farmers:", AaGroup::DynamicFarmers),
        row("systemdcrtest1-dcr-farmer-0", &format!("?|?|?|{booting}")),
        row("systemdcrtest1-dcr-farmer-1", &format!("DOWN|invisible|not sync|{booting}")),
        row("systemdcrtest1-dcr-farmer-2", "DOWN|invisible|not sync|hidden|Inactive"),
        row("systemdcrtest1-dcr-sync-0", "SYNCHRONIZED|visible|sync|ready|5f5e38d65f5e38d6"),
    ]
}

fn gap() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec![' ', '\t', '\u{a0}']), 1..6)
        .prop_map(|gap| gap.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_status(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        status(bytes);
    }

    #[test]
    fn any_text_gives_a_status_and_an_answer(text in any::<String>()) {
        status(&text);
        let _ = probe::read(text.as_bytes(), &Fields::default(), &States::default(), "n", at());
        prop_assert!(!printable(&text).contains(|shown: char| shown.is_control()));
    }

    /// Nothing is dropped: each odd word turns up again, in the line it stands in.
    #[test]
    fn no_word_is_dropped(
        lines in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![
            "DOWN", "not", "sync", "visible", ":", "f-0", "f-1:", "?", "Classic", "Frontends:", "A/A", "odd!", "<b>",
        ]), 0..7), 0..8),
    ) {
        let text: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
        let status = status(text.join("\n"));
        for (line, words) in (1_u32..).zip(&lines) {
            let kept: Vec<&str> = status.unknown.iter()
                .filter(|unknown| unknown.line == line)
                .flat_map(|unknown| unknown.word.split_whitespace())
                .collect();
            for odd in ["odd!", "<b>"] {
                let count = |words: &[&str]| words.iter().filter(|word| **word == odd).count();
                prop_assert_eq!(count(words), count(&kept), "{:?}", text);
            }
        }
    }

    /// Transcripts with lines dropped, doubled and shuffled, spaced anew, and words replaced: every row
    /// without a replaced word has exactly its values, and every replaced word is reported, nothing else.
    #[test]
    fn a_mangled_transcript_is_read_as_far_as_it_is_whole(
        picks in prop::collection::vec(0_usize..12, 0..24),
        gaps in prop::collection::vec(gap(), 8),
        odd in prop::collection::vec(prop::option::weighted(0.1, (0_usize..7, "[A-Z!<&\u{e9}][a-z\u{1b}%]{3,9}!")), 24),
        colon: bool,
        end in prop::sample::select(vec!["\n", "\r\n", "  \n", "\n\n"]),
    ) {
        let known = lines();
        let mut text = String::new();
        let (mut rows, mut unknown, mut group) = (Vec::new(), Vec::new(), None);
        for (at, pick) in picks.into_iter().enumerate() {
            let line = 1 + text.lines().count();
            match &known[pick] {
                Line::Heading(heading, below) => {
                    group = *below;
                    let bare = heading.trim_end_matches(':');
                    text += &format!("{}{bare}{}", gaps[at % 8], if colon { ":" } else { "" });
                }
                Line::Row(node, words, row) => {
                    let mut words = words.clone();
                    let mut whole = Some(AaRow { group, ..row.clone() });
                    if let Some((word, odd)) = &odd[at] {
                        let word = word % words.len();
                        words[word] = odd.clone();
                        unknown.push((line, odd.clone()));
                        whole = None;
                    }
                    rows.push(whole);
                    text += &format!("{}{node}{}:", gaps[at % 8], gaps[(at + 1) % 8]);
                    for (gap, word) in gaps.iter().cycle().skip(at).zip(&words) {
                        text += gap;
                        text += &word.replace(' ', gap);
                    }
                }
            }
            text += end;
        }
        let status = status(&text);
        prop_assert_eq!(status.rows.len(), rows.len());
        for (found, expected) in status.rows.iter().zip(rows) {
            match expected {
                Some(expected) => prop_assert_eq!(found, &expected),
                None => prop_assert_eq!(found.unknown.len(), 1),
            }
        }
        let reported: Vec<(usize, String)> =
            status.unknown.iter().map(|word| (word.line as usize, word.word.clone())).collect();
        prop_assert_eq!(reported, unknown, "{:?}", text);
    }
}

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
    let mixed = Fields { state: regex(r#""state" *: *"(\w*)""#), ..self::fields() };
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

#[tokio::test]
async fn only_a_whole_answer_with_status_200_counts() {
    let http = Http::new(Limits::default()).unwrap();
    let node = Node::start(State { status: [ok("{}")].into(), ..State::default() }).await;
    let url = node.url("/.admin?cmd=rebuildStatus&CMD_CENTER_CSRF_TOKEN=s3cret");
    assert_eq!(http.ask(&url).await, Ok(b"{}".to_vec()));
    let status = |status| HttpError::Status { status, beginning: "no".to_owned() };
    for (reply, error) in [
        (Reply::Answer(201, "no".to_owned()), status(201)),
        (Reply::Answer(404, "no".to_owned()), status(404)),
        (Reply::Answer(500, "no".to_owned()), status(500)),
        (
            Reply::Redirect("/.admin?cmd=aaStatus".to_owned()),
            HttpError::Status { status: 302, beginning: String::new() },
        ),
        (ok(&"x".repeat((1 << 20) + 1)), HttpError::TooLong),
    ] {
        node.state.lock().unwrap().status = [reply].into();
        assert_eq!(http.ask(&url).await, Err(error));
    }
    for reply in [Reply::Closed, Reply::Cut("{}".to_owned()), Reply::Garbage] {
        node.state.lock().unwrap().status = [reply.clone()].into();
        let error = http.ask(&url).await.unwrap_err();
        assert!(matches!(error, HttpError::Lost(_)), "{reply:?}: {error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let asked = node.state.lock().unwrap().questions.clone();
    assert!(asked.iter().all(|path| path.contains("rebuildStatus")), "{asked:?}");
    assert_eq!(asked.len(), 9, "each was asked once, and no redirect followed");
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_was_lost() {
    let short = Duration::from_millis(300);
    let http = Http::new(Limits { connect: short, total: short }).unwrap();
    let node = Node::start(State { status: [Reply::Never].into(), ..State::default() }).await;
    let error = http.ask(&node.url("/.admin?cmd=rebuildStatus")).await.unwrap_err();
    assert!(matches!(error, HttpError::Lost(_)), "{error}");
    // Bound, but not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/?token=s3cret", socket.local_addr().unwrap());
    let error = Http::new(Limits::default()).unwrap().command(&url).await.unwrap_err();
    assert!(matches!(error, HttpError::NotConnected(_)), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
    let error = http.ask("http://:0:0/?token=s3cret").await.unwrap_err();
    assert!(matches!(error, HttpError::Url { .. }), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}
