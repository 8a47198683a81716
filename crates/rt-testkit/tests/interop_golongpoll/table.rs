//! The same raw requests to golongpoll's server and to ours, and what golongpoll's answers.
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use crate::peers;
use crate::requests::{self, Case};
use crate::wire::{self, Answer};

/// What golongpoll answers is written down beside its programs; `GOLONGPOLL_RECORD=1` writes it
/// anew.
#[test]
fn golongpoll_answers_as_observed() {
    let server = peers::golongpoll(&[]);
    let cases = requests::all();
    let answers = all_answers(server.addr(), &cases);
    let lines: Vec<_> =
        cases.iter().zip(&answers).map(|(case, answers)| line(case, answers)).collect();
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../xtask/golongpoll/observed.jsonl");
    let text = lines.join("\n") + "\n";
    if std::env::var_os("GOLONGPOLL_RECORD").is_some() {
        std::fs::write(&path, &text).expect("the file is written");
    }
    let observed = std::fs::read_to_string(&path).expect("the file is there");
    for (line, observed) in text.lines().zip(observed.lines()) {
        assert_eq!(line, observed);
    }
    assert_eq!(text.lines().count(), observed.lines().count());
}

/// The answers, in the order of the requests; these go out at once, since many of them wait.
pub fn all_answers(server: SocketAddr, cases: &[Case]) -> Vec<Vec<Answer>> {
    let seeds = wire::seed(server);
    std::thread::scope(|scope| {
        let ask = |case| {
            let seeds = &seeds;
            scope.spawn(move || wire::ask(server, case, seeds))
        };
        let asked: Vec<_> = cases.iter().map(ask).collect();
        asked.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    })
}

fn line(case: &Case, answers: &[Answer]) -> String {
    let shown = |text: &str| match text.char_indices().nth(200) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
    };
    let answer = |answer: &Answer| {
        let mut answer = answer.clone();
        answer.body = shown(&answer.body);
        if answer.data.iter().any(|data| data.to_string().len() > 300) {
            answer.data = vec!["long".into()];
        }
        json!(answer)
    };
    let mut line = json!({
        "case": shown(&case.name),
        "request": format!("{} {}", case.method, shown(&case.target)),
        "answer": answer(&answers[0]),
    });
    if !case.headers.is_empty() && case.method != "POST" {
        line["headers"] = case.headers.trim_end().into();
    }
    if !case.body.is_empty() {
        line["body"] = shown(&case.body.escape_ascii().to_string().replace("\\\"", "\"")).into();
    }
    if let Some(read) = answers.get(1) {
        line["then read"] = answer(read);
    }
    line.to_string()
}
