//! A decoder as naive as can be: the whole stream at once, line by line, as the specification says.

/// What a decoder reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Event { event: String, data: String, id: String },
    Comment(String),
    Retry(u64),
    TooLarge,
}

/// What a whole stream amounts to, and the last event id at its end.
pub fn oracle(stream: &[u8], id: &str, max: usize) -> (Vec<Seen>, String) {
    let mut block = Block { id: id.into(), ..Block::default() };
    let mut last_id = id.to_owned();
    let mut seen = Vec::new();
    let mut rest = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, after) = match end {
            Some(end) if rest[end..].starts_with(b"\r\n") => (&rest[..end], &rest[end + 2..]),
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        if block.over_bound(line, max, &mut seen) {
            continue;
        }
        if end.is_none() {
            break;
        }
        if line.is_empty() {
            last_id.clone_from(&block.id);
            let done =
                std::mem::replace(&mut block, Block { id: last_id.clone(), ..Block::default() });
            if let (Some(data), false) = (done.data, done.skip) {
                let event = if done.event.is_empty() { "message".into() } else { done.event };
                seen.push(Seen::Event { event, data, id: done.id });
            }
        } else {
            block.line(line, &mut seen);
        }
    }
    (seen, last_id)
}

#[derive(Default)]
struct Block {
    data: Option<String>,
    event: String,
    id: String,
    size: usize,
    skip: bool,
}

impl Block {
    /// Each comment has the bound to itself, the other lines of a block have it together; a line
    /// that crosses it is thrown away, and after it the data and type of the block.
    fn over_bound(&mut self, line: &[u8], max: usize, seen: &mut Vec<Seen>) -> bool {
        if line.first() == Some(&b':') {
            if line.len() > max {
                seen.push(Seen::TooLarge);
                return true;
            }
            return false;
        }
        if line.is_empty() {
            return false;
        }
        let before = if self.skip { 0 } else { self.size };
        if before + line.len() + 1 > max {
            if !self.skip {
                seen.push(Seen::TooLarge);
            }
            self.skip = true;
            return true;
        }
        self.size = before + line.len() + 1;
        false
    }

    fn line(&mut self, line: &[u8], seen: &mut Vec<Seen>) {
        let line = String::from_utf8_lossy(line);
        if let Some(comment) = line.strip_prefix(':') {
            seen.push(Seen::Comment(comment.into()));
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.into()),
            },
            "event" => self.event = value.into(),
            "id" if !value.contains('\0') => self.id = value.into(),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                seen.push(Seen::Retry(value.parse().unwrap_or(u64::MAX)));
            }
            _ => {}
        }
    }
}
