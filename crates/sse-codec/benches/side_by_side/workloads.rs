//! What is decoded.

use bytes::Bytes;

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) chunks: Vec<Bytes>,
    /// How many events it holds: what every contestant has to find.
    pub(crate) events: usize,
}

impl Workload {
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }
}

const TCP: usize = 1460;
const KIB_16: usize = 16 << 10;

pub(crate) fn all() -> Vec<Workload> {
    let tokens: Vec<String> = (0..4000).map(|n| token(n, " token", "\n")).collect();
    let crlf: Vec<String> = (0..4000).map(|n| token(n, " token", "\r\n")).collect();
    let text: Vec<String> = (0..2000).map(multibyte).collect();
    let long: Vec<String> = (0..4).map(|_| format!("data: {}\n\n", "x".repeat(1 << 20))).collect();
    let tiny = vec!["data:x\n\n".to_owned(); 100_000];
    let mixed: Vec<String> = (0..5000).map(mixed).collect();
    let keep_alives = vec![": keep-alive\n\n".to_owned(); 50_000];
    let comments: Vec<String> = (0..20_000).map(comment).collect();
    vec![
        workload("model tokens, an event a chunk", &tokens, None),
        workload("model tokens, 1,460 B chunks", &tokens, Some(TCP)),
        workload("1 MiB lines, 16 KiB chunks", &long, Some(KIB_16)),
        workload("`data:x`, 16 KiB chunks", &tiny, Some(KIB_16)),
        workload("model tokens, 1-byte chunks", &tokens[..1000], Some(1)),
        workload("id, event, 2 data, comment, 1,460 B", &mixed, Some(TCP)),
        workload("keep-alives only, 1,460 B", &keep_alives, Some(TCP)),
        workload("varied comments, 1,460 B", &comments, Some(TCP)),
        workload("multibyte text, 1,460 B", &text, Some(TCP)),
        workload("model tokens with CRLF, 1,460 B", &crlf, Some(TCP)),
    ]
}

/// The pieces as they are, or their bytes in chunks of one size.
fn workload(name: &'static str, pieces: &[String], size: Option<usize>) -> Workload {
    let chunks = match size {
        None => pieces.iter().map(|piece| Bytes::from(piece.clone())).collect(),
        Some(size) => {
            let all = Bytes::from(pieces.concat());
            (0..all.len()).step_by(size).map(|at| all.slice(at..all.len().min(at + size))).collect()
        }
    };
    let events = pieces.iter().filter(|piece| !piece.starts_with(':')).count();
    Workload { name, chunks, events }
}

fn token(n: usize, content: &str, end: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-{n:08}\",\"object\":\"chat.completion.chunk\",\"created\":17{n:08},\
         \"model\":\"some-model\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\
         \"finish_reason\":null}}]}}{end}{end}"
    )
}

fn multibyte(n: usize) -> String {
    let text =
        ["実時間のイベント", "Ответ модели по частям", "großzügige Übergröße", "🚀 готово 完了"];
    format!("data: {{\"n\":{n},\"text\":\"{}\"}}\n\n", text[n % 4].repeat(1 + n % 5))
}

fn mixed(n: usize) -> String {
    format!(
        "id: {n}\nevent: update\ndata: {{\"user\":{n},\"name\":\"someone\"}}\n\
         data: {{\"state\":\"online\"}}\n: trace {n:x}\n\n"
    )
}

/// Comments of all lengths, alone or several in a block, by a fixed pseudo-random sequence.
fn comment(n: usize) -> String {
    let dice = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let text = "the quick brown fox jumps over the lazy dog and goes on for quite a while after it";
    let line = |len: u64| format!(": {}\n", &text[..len as usize % text.len()]);
    let lines = 1 + dice % 3;
    (0..lines).map(|i| line(dice >> (3 + 4 * i))).collect::<String>() + "\n"
}
