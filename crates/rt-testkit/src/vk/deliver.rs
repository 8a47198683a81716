//! New rows and messages, and who is told of them.

use serde_json::{Value, json};

use super::log::has_pts;
use super::rows::{Message, message};
use super::seen::Account;
use super::state::State;

impl State {
    /// A row as the test wrote it.
    pub(super) fn push_row(&mut self, account: Account, row: Value) {
        let id = row[1].as_i64().unwrap_or_default();
        match (row[0].as_i64(), row[3].as_i64()) {
            (Some(4), peer) => {
                self.messages = self.messages.max(id);
                let count =
                    self.conversations.entry((account, peer.unwrap_or_default())).or_default();
                *count += 1;
                self.numbers.insert((account, id), *count);
            }
            (Some(5), _) => {
                self.edits.insert((account, id), row.clone());
            }
            _ => {}
        }
        let has_pts = has_pts(&row);
        self.push(account, row, has_pts);
    }

    /// The message of a row of code 4 or 5 as it is now, if the row has enough.
    pub(super) fn message(&self, account: Account, row: &Value) -> Option<Value> {
        let id = row[1].as_i64()?;
        if let Some(own) = self.objects.get(&id) {
            return Some(own.clone());
        }
        let me = match account {
            Account::User => self.config.me,
            Account::Community(group) | Account::Bots(group) => -group,
        };
        let number = self.numbers.get(&(account, id)).copied().unwrap_or_default();
        let mut now = message(row, me, number)?;
        let edit = self.edits.get(&(account, id)).and_then(|row| message(row, me, number));
        if let Some(edit) = edit {
            for field in ["text", "attachments", "update_time"] {
                now[field] = edit[field].clone();
            }
        }
        Some(now)
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
        self.push_row(account, row.clone());
        let object = self.message(account, &row).unwrap_or_default();
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
}
