//! Every file of every step of one run, for people to read, and what each object has to carry.
use super::*;

#[test]
fn every_file_of_a_whole_run() {
    let inputs = inputs();
    let mut base = empty();
    let mut account = String::new();
    for step in whole_run() {
        let change = render(&step, &base, &inputs).expect("the step renders");
        account.push_str(&format!("######## step {}\n\n", step.record.step));
        account.push_str(
            &message(&step, &change, Some("Jo Doe <jo@example.com>")).expect("a message"),
        );
        for file in &change.files {
            match &file.after {
                Some(text) => account.push_str(&format!("\n#### {}\n{text}", file.path)),
                None => account.push_str(&format!("\n#### {} (removed)\n", file.path)),
            }
        }
        account.push('\n');
        base = change.apply(&base);
    }
    insta::assert_snapshot!(account);
}
