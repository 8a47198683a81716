//! Rows as each mode shows them.

use rt_testkit::vk::{Vk, has_pts};
use serde_json::{Value, json};

use crate::client::{Client, Session};

/// The row as a poll with this mode gets it.
fn shown(row: &Value, mode: u32) -> Value {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.push(row.clone());
    let session = Session { more: format!("&mode={mode}&version=3"), ..session };
    session.poll(&mut client)["updates"][0].clone()
}

#[test]
fn attachments_come_with_mode_2_and_random_id_with_mode_128() {
    let (extra, attached) = (json!({ "from": "7" }), json!({ "attach1_type": "photo" }));
    let whole = json!([4, 1, 8193, 2_000_000_001, 5, "a", extra, attached, 99]);
    assert_eq!(shown(&whole, 0), json!([4, 1, 8193, 2_000_000_001, 5, "a", extra]));
    assert_eq!(shown(&whole, 2), json!([4, 1, 8193, 2_000_000_001, 5, "a", extra, attached]));
    assert_eq!(shown(&whole, 128), json!([4, 1, 8193, 2_000_000_001, 5, "a", extra, 99]));
    assert_eq!(shown(&whole, 130), whole);
    let edited = json!([5, 1, 1, 7, 5, "a", extra, attached]);
    assert_eq!(shown(&edited, 0), json!([5, 1, 1, 7, 5, "a", extra]));
    let short = json!([4, 1, 17, -7]);
    assert_eq!(shown(&short, 0), short);
}

#[test]
fn the_platform_comes_with_mode_64_and_settings_as_an_object_with_mode_8() {
    assert_eq!(shown(&json!([8, -5, 7, 100]), 0), json!([8, -5, 0, 100]));
    assert_eq!(shown(&json!([8, -5, 7, 100]), 64), json!([8, -5, 7, 100]));
    let settings = json!([114, { "peer_id": 5, "sound": 1, "disabled_until": -1 }]);
    assert_eq!(shown(&settings, 0), json!([114, 5, 1, -1]));
    assert_eq!(shown(&settings, 8), settings);
}

#[test]
fn odd_rows_come_as_they_were_pushed() {
    for row in [json!([]), json!("x"), json!([null, 1]), json!([4]), json!([999, {}]), json!({})] {
        assert_eq!(shown(&row, 0), row);
    }
}

#[test]
fn rows_about_messages_and_conversations_have_a_pts() {
    let with: Vec<_> = (0..700).filter(|code| has_pts(&json!([code]))).collect();
    let expected = [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 18, 19, 20, 21, 51, 52];
    assert_eq!(with, expected);
    assert!(!has_pts(&json!([])) && !has_pts(&json!("x")));
}

#[test]
fn a_message_is_a_whole_row_in_its_direction() {
    let vk = Vk::builder().me(9).start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    let ids = [
        vk.message(7, 7, "a <b> & \"c\"\nd"),
        vk.message(7, 9, "own"),
        vk.message(2_000_000_003, 7, "chat"),
    ];
    let [a, b, c] = ids;
    assert!(a < b && b < c);
    let updates = session.poll(&mut client)["updates"].clone();
    let title = json!({ "title": " ... " });
    let date = |id: i64| 1_700_000_000 + id;
    let text = "a &lt;b&gt; &amp; &quot;c&quot;<br>d";
    assert_eq!(
        updates,
        json!([
            [4, a, 1, 7, date(a), text, title, {}, 0],
            [4, b, 2, 7, date(b), "own", title, {}, 0],
            [4, c, 8193, 2_000_000_003, date(c), "chat", { "from": "7" }, {}, 0],
        ])
    );
}

#[test]
fn ids_go_on_after_those_of_pushed_rows() {
    let vk = Vk::start();
    vk.push(json!([4, 500, 1, 7]));
    assert_eq!(vk.message(7, 7, "a"), 501);
}
