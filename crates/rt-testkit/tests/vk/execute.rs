//! execute.

use rt_testkit::vk::{Account, Step, Vk};
use serde_json::{Value, json};

use crate::client::Client;

fn execute(client: &mut Client, code: &str) -> Value {
    client.call("execute", &[("code", code)])
}

#[test]
fn the_calls_of_a_code_are_answered_in_their_order() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    vk.on_call("a.b", |params| Ok(json!({ "n": params.get("n"), "o": params.get("o") })));
    let code = r#"return [API.a.b({"n":1,"o":")],"}),API.users.get(), API.a.b({"o":{"x":[2]}}) ];"#;
    let answer = execute(&mut client, code);
    assert_eq!(answer["response"][0], json!({ "n": "1", "o": ")]," }));
    assert_eq!(answer["response"][1][0]["id"], 1);
    assert_eq!(answer["response"][2], json!({ "n": null, "o": r#"{"x":[2]}"# }));
    assert_eq!(answer.get("execute_errors"), None);
    assert_eq!(vk.call_count(), 1);
    assert_eq!(execute(&mut client, r#"return API.a.b({"n":2});"#)["response"]["n"], "2");
    assert_eq!(execute(&mut client, "return [];"), json!({ "response": [] }));
}

#[test]
fn a_call_that_fails_is_false_and_its_error_stands_beside() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    vk.script_calls("users.get", [Step::error(7), Step::Response(json!("given"))]);
    let code = "return [API.users.get({}),API.users.get(),API.x.y({}),API.users.get({})];";
    let answer = execute(&mut client, code);
    assert_eq!(answer["response"][0], false);
    assert_eq!(answer["response"][1], "given");
    assert_eq!(answer["response"][2], false);
    assert_eq!(answer["response"][3][0]["id"], 1);
    let errors = answer["execute_errors"].as_array().unwrap();
    let told: Vec<_> = errors.iter().map(|it| (&it["method"], &it["error_code"])).collect();
    assert_eq!(told, [(&json!("users.get"), &json!(7)), (&json!("x.y"), &json!(3))]);
}

#[test]
fn more_than_25_calls_are_an_error_of_the_whole() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let call = r#"API.messages.send({"peer_id":7,"message":"a","random_id":0})"#;
    let code = |count| format!("return [{}];", vec![call; count].join(","));
    let all = execute(&mut client, &code(25))["response"].as_array().unwrap().len();
    assert_eq!((all, vk.ts(Account::User)), (25, 1_025));
    let answer = execute(&mut client, &code(26));
    assert_eq!(answer["error"]["error_code"], 13);
    assert_eq!(vk.ts(Account::User), 1_025);
}

#[test]
fn a_code_of_another_form_does_not_compile() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    for code in [
        "",
        "1",
        "return [API.a.b({}]",
        "return [API.a.b({}) API.c.d({})];",
        "return [a.b({})];",
        "return API.a.b({}),API.a.b({});",
        "return [API.a.b(7)];",
        "return [API.a b({})];",
    ] {
        assert_eq!(execute(&mut client, code)["error"]["error_code"], 12, "{code}");
    }
    assert_eq!(client.error("execute", &[]), 100);
}
