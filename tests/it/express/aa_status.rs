//! The A/A status: read exactly where it is understood, reported where it isn't.
use dcr_gitops::observe::express::aa_status::parse;
use dcr_gitops::observe::express::excerpt::printable;
use dcr_gitops::run::express::{AaGroup, AaRow, AaState, AaStatus, Detail, Readiness};
use proptest::prelude::*;

use super::at;

const DURING: &str = include_str!("../../../fixtures/transcripts/aa-status-during-rebuild.txt");
const COMPLETE: &str = include_str!("../../../fixtures/transcripts/aa-status-complete.txt");

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
    for odd in ["DRAINING", "not", "visible", "DOWN", "Error", "é"] {
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
    fn any_text_gives_a_status(text in any::<String>()) {
        status(&text);
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
