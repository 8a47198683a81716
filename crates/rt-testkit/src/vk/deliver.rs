//! New rows and messages, and who is told of them.

use serde_json::{Value, json};

use super::log::has_pts;
use super::rows::{Message, message};
use super::seen::Account;
use super::state::State;

impl State {
    /// A row as the test wrote it.
    pub(super) fn push_row(&mut self, account: Account, row: Value) {
        let cmid = match (row[0].as_i64(), row[3].as_i64()) {
            (Some(4), Some(peer)) => self.next_cmid(account, peer),
            _ => 0,
        };
        if row[0] == 4 {
            self.messages = self.messages.max(row[1].as_i64().unwrap_or_default());
        }
        let has_pts = has_pts(&row);
        self.push(account, row, has_pts, cmid);
    }

    /// A new message in a conversation of the user, or of a community, which hears of it in both
    /// ways. Its id.
    pub(super) fn deliver(
        &mut self,
        group: Option<i64>,
        peer: i64,
        from: i64,
        text: &str,
        random_id: i64,
    ) -> i64 {
        self.messages += 1;
        let id = self.messages;
        let me = group.map_or(self.config.me, |group| -group);
        let out = from == me;
        let row = Message { id, peer, from, out, text, random_id }.row();
        let Some(group) = group else {
            self.push_row(Account::User, row);
            return id;
        };
        let account = Account::Community(group);
        let cmid = self.next_cmid(account, peer);
        let object = message(&row, me, cmid).unwrap_or_default();
        self.push(account, row, true, cmid);
        if out {
            self.push_bot(group, "message_reply", object);
        } else {
            let client_info = json!({
                "button_actions": ["text", "callback"], "keyboard": true, "inline_keyboard": true,
                "carousel": true, "lang_id": 0,
            });
            let object = json!({ "message": object, "client_info": client_info });
            self.push_bot(group, "message_new", object);
        }
        id
    }

    fn next_cmid(&mut self, account: Account, peer: i64) -> u64 {
        let count = self.conversations.entry((account, peer)).or_default();
        *count += 1;
        *count
    }
}
