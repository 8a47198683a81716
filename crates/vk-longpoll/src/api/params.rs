//! Parameters, as VK's API takes them.
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::Error;

/// The form of a call's parameters, with what each call has.
///
/// Lists become comma-separated, `true` and `false` become 1 and 0, objects JSON; what is null is
/// left out.
pub(super) fn form(
    params: &(impl Serialize + ?Sized),
    more: &[(&str, &str)],
) -> Result<String, Error> {
    let params = serde_json::to_value(params)
        .map_err(|error| Error::builder_from("the parameters cannot be written", error))?;
    let mut form = Serializer::new(String::new());
    match params {
        Value::Null => {}
        Value::Object(params) => {
            for (name, value) in params {
                if let Some(text) = text(&value) {
                    form.append_pair(&name, &text);
                }
            }
        }
        _ => return Err(Error::builder("the parameters must be an object: names and values")),
    }
    for (name, value) in more {
        form.append_pair(name, value);
    }
    Ok(form.finish())
}

fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(it) => u8::from(*it).to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(|one| !one.is_object() && !one.is_array()) => {
            list.iter().filter_map(text).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_value_is_written_as_vk_reads_it() {
        let params = json!({
            "ids": [1, "b,c", true],
            "flag": false,
            "none": null,
            "text": "a&b=ё",
            "number": -1.5,
            "object": {"a": [1]},
            "objects": [{"a": 1}],
        });
        let form = form(&params, &[("v", "5.199")]).unwrap();
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let expected = [
            ("flag", "0"),
            ("ids", "1,b,c,1"),
            ("number", "-1.5"),
            ("object", r#"{"a":[1]}"#),
            ("objects", r#"[{"a":1}]"#),
            ("text", "a&b=ё"),
            ("v", "5.199"),
        ];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn no_parameters_are_fine_and_a_list_is_none() {
        assert_eq!(form(&(), &[]).unwrap(), "");
        assert!(form(&[1], &[]).unwrap_err().is_builder());
        let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
        assert!(form(&unwritable, &[]).unwrap_err().is_builder());
    }
}
