//! The same raw requests to golongpoll's server and to ours, and what golongpoll's answers.
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

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

/// Where ours is meant to differ, and why.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "timeout \"\\\"1\\\"\"",
        "a raw quote has no place in a request target: 400 before anything is read",
    ),
    (
        "category of 1,024 bytes that are not UTF-8",
        "each byte becomes a replacement character of three, which is too long a name",
    ),
    (
        "category that is a NUL",
        "a category is a zone of the gateway, without control characters: 400",
    ),
    ("category with a line break", "the same"),
    (
        "category that is not UTF-8",
        "a zone is UTF-8: each protocol would make another name of such bytes, so that a publication \
         reached only one of them",
    ),
    ("publish: category not UTF-8", "the same"),
    ("publish: category with a lone surrogate", "the same"),
    ("since_time \"9223372036854775807\"", "there it overflows; ahead of the clock counts as now"),
    ("last_id of the last, long ago", "an id that is held decides, not the time beside it"),
];

/// Status, the headers that matter and the body to the byte; the events' data as JSON values.
#[test]
fn the_gateway_answers_as_golongpoll() {
    let cases: Vec<_> = requests::all();
    let theirs = all_answers(peers::golongpoll(&[]).addr(), &cases);
    let ours = all_answers(peers::gateway(&[]).addr(), &cases);
    let mut differ = Vec::new();
    for ((case, theirs), ours) in cases.iter().zip(&theirs).zip(&ours) {
        let meant = OTHERWISE.iter().any(|(name, _)| *name == case.name);
        let same = theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(a, b)| same(a, b));
        if meant == same {
            let (theirs, ours) = (line(case, theirs), line(case, ours));
            differ.push(format!("{}\n  theirs {theirs}\n  ours   {ours}", case.name));
        }
    }
    assert!(differ.is_empty(), "{} not as expected:\n{}", differ.len(), differ.join("\n"));
    for (name, _) in OTHERWISE {
        assert!(cases.iter().any(|case| case.name == *name), "no case {name:?}");
    }
}

fn same(theirs: &Answer, ours: &Answer) -> bool {
    let (mut theirs, mut ours) = (theirs.clone(), ours.clone());
    if ours.status == 405 {
        // Such an answer has to name what is allowed (RFC 9110, section 15.5.6).
        ours.headers.remove("allow");
    }
    if ours.headers.get("content-length").is_some_and(|length| length == "N") {
        // Above some size golongpoll's answers are chunked.
        theirs.headers.entry("content-length".into()).or_insert("N".into());
    }
    for answer in [&mut theirs, &mut ours] {
        answer.data = std::mem::take(&mut answer.data).into_iter().map(in_floats).collect();
    }
    theirs == ours
}

/// golongpoll reads every number as a float and writes it anew; ours stays as it came.
fn in_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().map(|float| float + 0.0)),
        Value::Array(values) => values.into_iter().map(in_floats).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, in_floats(value))).collect(),
        other => other,
    }
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
