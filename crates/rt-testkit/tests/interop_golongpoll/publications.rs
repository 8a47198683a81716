//! The publications of the table.
use crate::requests::Case;

/// Adds them all.
pub fn add(cases: &mut Vec<Case>) {
    bodies(cases);
    datas(cases);
}

/// A publication whose body has `{C}` where its category stands, which is read afterwards.
fn publish(cases: &mut Vec<Case>, name: &str, body: impl AsRef<[u8]>) {
    let category = format!("p{}", cases.len());
    let mut text = Vec::new();
    let mut rest = body.as_ref();
    while let Some(at) = rest.windows(3).position(|part| part == b"{C}") {
        text.extend_from_slice(&rest[..at]);
        text.extend_from_slice(category.as_bytes());
        rest = &rest[at + 3..];
    }
    text.extend_from_slice(rest);
    cases.push(Case {
        name: format!("publish: {name}"),
        method: "POST",
        target: "/publish".into(),
        headers: "Content-Type: application/json\r\n",
        body: text,
        then_read: Some(category),
    });
}

fn bodies(cases: &mut Vec<Case>) {
    for (name, body) in [
        ("empty body", ""),
        ("white space alone", " \r\n\t "),
        ("not JSON", "hello"),
        ("cut short", r#"{"category":"{C}","data":1"#),
        ("a comma too many", r#"{"category":"{C}","data":1,}"#),
        ("a comment", r#"{"category":"{C}",/* x */"data":1}"#),
        ("single quotes", "{'category':'{C}','data':1}"),
        ("keys without quotes", r#"{category:"{C}",data:1}"#),
        ("NaN", r#"{"category":"{C}","data":NaN}"#),
        ("a BOM first", "\u{feff}{\"category\":\"{C}\",\"data\":1}"),
        ("white space around", " \r\n{ \"category\" :\t\"{C}\" , \"data\" : 1 }\n\n"),
        ("data after the value", r#"{"category":"{C}","data":1} x"#),
        ("a brace after the value", r#"{"category":"{C}","data":1}}"#),
        ("a second value", r#"{"category":"{C}","data":1}{"category":"{C}","data":2}"#),
        ("an empty object", "{}"),
        ("an array", "[]"),
        ("an array of a pair", r#"["{C}",1]"#),
        ("a string", r#""{C}""#),
        ("a number", "1"),
        ("null", "null"),
        ("true", "true"),
        ("category missing", r#"{"data":1}"#),
        ("category empty", r#"{"category":"","data":1}"#),
        ("category null", r#"{"category":null,"data":1}"#),
        ("category a number", r#"{"category":1,"data":1}"#),
        ("category an array", r#"{"category":["{C}"],"data":1}"#),
        ("category bad, data too", r#"{"category":"","data":null}"#),
        ("category a number, then cut", r#"{"category":1,"data":1"#),
        ("data missing", r#"{"category":"{C}"}"#),
        ("data null", r#"{"category":"{C}","data":null}"#),
        ("keys in another case", r#"{"CATEGORY":"{C}","Data":1}"#),
        ("both cases, the other last", r#"{"category":"{C}","data":1,"DATA":2}"#),
        ("both cases, the other first", r#"{"DATA":2,"category":"{C}","data":1}"#),
        ("category twice", r#"{"category":"no","category":"{C}","data":1}"#),
        ("data twice", r#"{"category":"{C}","data":1,"data":2}"#),
        ("data twice, null last", r#"{"category":"{C}","data":1,"data":null}"#),
        ("data twice, objects", r#"{"category":"{C}","data":{"a":1},"data":{"b":2}}"#),
        ("category twice, null last", r#"{"category":"{C}","category":null,"data":1}"#),
        ("category twice, a number last", r#"{"category":"{C}","category":1,"data":1}"#),
        ("keys escaped", r#"{"c\u0061tegory":"{C}","d\u0061ta":1}"#),
        ("keys nobody knows", r#"{"category":"{C}","data":1,"id":"x","timestamp":5,"event":"e"}"#),
        ("a key that is empty", r#"{"":0,"category":"{C}","data":1}"#),
    ] {
        publish(cases, name, body);
    }
    for (name, length) in [("1,024", 1_024), ("1,025", 1_025)] {
        let category = "y".repeat(length);
        publish(
            cases,
            &format!("category of {name} bytes"),
            format!(r#"{{"category":"{category}","data":1}}"#),
        );
    }
    let wide = "\u{e9}".repeat(513);
    publish(
        cases,
        "category of 513 characters of 2 bytes",
        format!(r#"{{"category":"{wide}","data":1}}"#),
    );
    publish(cases, "category not UTF-8", b"{\"category\":\"{C}\xff\",\"data\":1}");
    publish(cases, "key not UTF-8", b"{\"\xff\":0,\"category\":\"{C}\",\"data\":1}");
    publish(cases, "category with a lone surrogate", r#"{"category":"{C}\ud800","data":1}"#);
    for (name, headers) in [
        ("no content type", ""),
        ("content type text/plain", "Content-Type: text/plain\r\n"),
        ("content type of a form", "Content-Type: application/x-www-form-urlencoded\r\n"),
        ("content type nonsense", "Content-Type: ,;\r\n"),
        ("Expect: 100-continue", "Expect: 100-continue\r\n"),
    ] {
        publish(cases, name, r#"{"category":"{C}","data":1}"#);
        if let Some(case) = cases.last_mut() {
            case.headers = headers;
        }
    }
    publish(cases, "with a query", r#"{"category":"{C}","data":1}"#);
    if let Some(case) = cases.last_mut() {
        case.target = "/publish?category=other&data=2;".into();
    }
}

fn datas(cases: &mut Vec<Case>) {
    for data in [
        "false",
        "true",
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1.5",
        "1e2",
        "1E+2",
        "1e-7",
        "1e21",
        "100000000000000000000",
        "9007199254740993",
        "12345678901234567890",
        "0.1",
        "1e400",
        "1e-400",
        "01",
        "+1",
        ".5",
        "1.",
        "\"\"",
        "\"x\"",
        "{}",
        "[]",
        "[null]",
        "{\"a\":null}",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":2}",
        "[1,[2,[3]]]",
        "\"<&>\u{2028}\u{2029}\"",
        "\"\\u003c\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
        "\"\\ud83d\\ude00\"",
        "\"\u{1f600}\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\ud800x\"",
        "\"\\u0000\"",
        "\"\u{7f}\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "nul",
        "[1,]",
        "{\"a\"}",
        "\"{\\\"a\\\":1}\"",
        "{ \"a\" : [ 1 , 2 ] }",
    ] {
        publish(cases, &format!("data {data}"), format!(r#"{{"category":"{{C}}","data":{data}}}"#));
    }
    publish(cases, "data not UTF-8", b"{\"category\":\"{C}\",\"data\":\"a\xffb\xc3\"}");
    publish(cases, "data an overlong form", b"{\"category\":\"{C}\",\"data\":\"\xc0\xaf\"}");
    publish(
        cases,
        "data an encoded surrogate",
        b"{\"category\":\"{C}\",\"data\":\"\xed\xa0\x80\"}",
    );
    for depth in [100, 127, 128, 9_998, 9_999, 10_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        publish(
            cases,
            &format!("data of {depth} arrays"),
            format!(r#"{{"category":"{{C}}","data":{nested}}}"#),
        );
    }
    publish(
        cases,
        "data of 70,000 bytes",
        format!(r#"{{"category":"{{C}}","data":"{}"}}"#, "z".repeat(70_000)),
    );
}
