//! Long texts, hostile texts, and texts that hold a secret, in the formats of both Jiras.
use dcr_gitops::rehearse::jira::check_document;
use dcr_gitops::report::prose::{Block, Prose, Span, adf, wiki};
use serde_json::json;

use super::*;

fn paragraph(text: &str) -> Prose {
    Prose(vec![Block::Paragraph(vec![Span::Text(text.into())])])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_loses_its_beginning() {
    let words: String =
        (0..20_000).map(|n| format!("\tat com.example.Class{n} {{\"\\\n")).collect();
    let words = words + "Caused by: the end of it";
    for kind in [Kind::DataCenter, Kind::Cloud] {
        let world = World::new(kind).await;
        let owed = owing(&failed(&words)).unwrap();
        assert_eq!(world.deliver(&owed).await, []);
        let [comment] = &world.comments()[..] else { panic!("{:?}", world.comments().len()) };
        assert!(comment.contains("Caused by: the end of it"), "{comment}");
        assert!(comment.contains("the beginning is left out"), "{comment}");
        assert!(comment.contains("A person must look"), "{comment}");
        // Near to what fits, and found again.
        assert!(comment.len() > 20_000, "{}", comment.len());
        assert_eq!(world.deliver(&owed).await, []);
        assert_eq!((world.comments().len(), world.asked("PUT", "{commentId}")), (1, 0));
    }
}

#[test]
fn nothing_in_a_text_is_markup() {
    let hostile = "*b* _i_ -d- +u+ ^s^ ~s~ ??c?? {{m}} {code}x{code} {noformat} [~ann] [x|http://evil] !x.png! \
                   |a||b| # l h1. t \\\\ :) (x) :D ;-) &#123; <b> @ann %";
    let written = wiki(&paragraph(hostile));
    // Every special character stands behind a backslash of its own or is an entity.
    let mut previous = ' ';
    for c in written.chars() {
        if "*_-+^~?{}[]!|@%()".contains(c) {
            assert_eq!(previous, '\\', "{c} in {written}");
        }
        previous = c;
    }
    assert!(!written.contains("\\\\"), "{written}");
    assert!(!written.contains('<') && !written.contains('>'), "{written}");
    assert!(written.contains("&amp;\\#123;"), "{written}");
    assert!(!written.contains(":D"), "{written}");
    assert_eq!(wiki(&paragraph("h1. x")), "h1&#46; x");
    assert_eq!(wiki(&paragraph("a\nh1. x\n* y")), "a&#92;nh1. x&#92;n\\* y");

    let document = adf(&paragraph(hostile));
    check_document(&document).unwrap();
    assert_eq!(
        document["content"],
        json!([{"type": "paragraph", "content": [{"type": "text", "text": hostile}]}])
    );
}

#[test]
fn a_block_of_words_is_ended_by_nothing_in_it() {
    let words = "a {noformat} b {NoFormat:title=x}\n{code}\n{noformat}";
    let written = wiki(&Prose(vec![Block::Code(words.into())]));
    assert_eq!(written.to_lowercase().matches("{noformat").count(), 2, "{written}");
    assert!(written.starts_with("{noformat}\n") && written.ends_with("\n{noformat}"), "{written}");
    assert!(written.contains("{code}"), "{written}");
}

#[test]
fn only_web_addresses_are_links() {
    let link = |to: &str| {
        Prose(vec![Block::Paragraph(vec![Span::Link { link: "x".into(), to: to.into() }])])
    };
    assert_eq!(wiki(&link("https://a/b?c=d|e]f g")), "[x|https://a/b?c=d%7Ce%5Df%20g]");
    for to in ["javascript:alert(1)", "", "//a", "[x|http://a]"] {
        assert_eq!(wiki(&link(to)), "x");
        assert_eq!(adf(&link(to))["content"][0]["content"][0].get("marks"), None);
    }
    check_document(&adf(&link("https://a/b"))).unwrap();
}

#[test]
fn many_short_texts_are_cut_too_and_the_last_line_stays() {
    let mut blocks: Vec<Block> =
        (0..1_000).map(|n| Block::Paragraph(vec![Span::Text(format!("line {n}"))])).collect();
    blocks.push(Block::Paragraph(vec![Span::Text("last".into())]));
    let cut = Prose(blocks).within(500, |prose| wiki(prose).len());
    assert!(wiki(&cut).len() <= 500);
    assert!(wiki(&cut).starts_with("line 0\n\n") && wiki(&cut).ends_with("\n\nlast"));
    // There is an end to it, even where nothing would do.
    assert_eq!(paragraph("last").within(1, |_| 2), paragraph("last"));
}

#[test]
fn secrets_are_taken_out() {
    let clock = dcr_gitops::context::Clock::new(landed_at);
    let context = context(&[("JIRA_TOKEN", "hunter22-of-jira"), ("GITHUB_TOKEN", "x")], clock);
    let scrub = Scrub::new(&context);
    let secret = [
        "hunter22-of-jira",
        "ghs_abcdefghijklmnopqrstuvwxyz0123456789",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
        "AKIAABCDEFGHIJKLMNOP",
        "s3cr3t-value",
    ];
    let text = format!(
        "got {} and {} from https://user:{}@host/x; Authorization: Bearer {} {} password=\"{}\", db.token: {}",
        secret[0], secret[1], secret[4], secret[2], secret[3], secret[4], secret[4]
    );
    let scrubbed = scrub.text(&text);
    for secret in secret {
        assert!(!scrubbed.contains(secret), "{scrubbed}");
    }
    assert!(scrubbed.contains("https://***@host/x"), "{scrubbed}");
    let harmless = "3 of 4 farmers are ready; commit 495ff4b96e; hash 5f5e38d65f5e38d6; x=y; a: b";
    assert_eq!(scrub.text(harmless), harmless);
    assert!(!format!("{scrub:?}").contains("hunter"));

    // And so they don't reach a ticket.
    let seen = failed("cannot log in: password=hunter22, Bearer eyJhbGciOiJSUzI1NiJ9.e30xxxx.yyy");
    let owed = owing(&seen).unwrap();
    let text = wiki(&owed.tidings[0].prose);
    assert!(text.contains("cannot log in"), "{text}");
    assert!(!text.contains("hunter22") && !text.contains("eyJ"), "{text}");
}
