//! Runnable clients; see the folders beside this one. What they share.
pub mod position_file;

/// How to write JSON as an argument, for whom wrote this. A bare word is what people type; the shell
/// has taken its quotes.
pub fn how_to_write_json(text: &str) -> String {
    match text.contains(['{', '[', '"', '\'', '\n']) || text.is_empty() {
        false => {
            let quoted = serde_json::Value::from(text).to_string();
            format!(
                "a text is JSON in double quotes, kept from the shell by single ones: '{quoted}'"
            )
        }
        true => {
            r#"the data is JSON, kept from the shell by single quotes: '{"n":1}', '"text"'"#.into()
        }
    }
}
