//! Whatever is published, polled, read and restarted.

use super::tests::{batch, event, quiet_at, strict};
use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// What a naive server holds, oldest first.
struct Log {
    events: Vec<Event>,
    strict: bool,
    /// The most events an answer has, in the stricter form.
    most: usize,
}

impl Log {
    /// Answers a poll as golongpoll does, or by cursors that count events.
    fn answer(&self, position: &Position, now: i64) -> Content {
        if self.strict {
            let after = match (&position.cursor, position.last_id) {
                (Some(cursor), _) => cursor.parse().unwrap(),
                (None, Some(id)) => 1 + self.events.iter().position(|e| e.id == id).unwrap(),
                (None, None) => 0,
            };
            let end = self.events.len().min(after + self.most);
            let events = self.events[after..end].to_vec();
            let more = end < self.events.len();
            return Content { more, ..strict(events, &end.to_string()) };
        }
        let since = position.since.unwrap();
        let newest_first = self.events.iter().rev().take_while(|event| {
            event.timestamp > since
                || event.timestamp == since && position.last_id.is_some_and(|id| id != event.id)
        });
        let mut events: Vec<_> = newest_first.cloned().collect();
        events.reverse();
        match events.is_empty() {
            true => quiet_at(now),
            false => batch(events),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Time passes, in milliseconds, and events come, each in one of the categories.
    Publish(i64, Vec<u8>),
    /// A poll of 1 s or longer, if nothing waits to be handed out.
    Poll,
    /// Some are handed out.
    Read(usize),
    /// The process ends and starts again from the saved text.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (prop_oneof![Just(0), 0..3_i64, 0..2_000_i64], proptest::collection::vec(0..3_u8, 0..6))
            .prop_map(|(time, events)| Step::Publish(time, events)),
        Just(Step::Poll),
        (0..8_usize).prop_map(Step::Read),
        Just(Step::Restart),
    ]
}

proptest! {
    /// However it is polled, read and restarted, each event is handed out once, in order (of
    /// several categories: in the order of each).
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(
        steps in proptest::collection::vec(step(), 0..60),
        is_strict: bool,
        several: bool,
        most in 1..7_usize,
    ) {
        let strict = is_strict || several;
        let categories = if several { 3 } else { 1 };
        let mut log = Log { events: Vec::new(), strict, most };
        let retry = RetryPolicy::new().seed(1);
        let start = if strict { Position::now() } else { Position::oldest() };
        let mut policy = Policy::new(start, categories, retry.clone());
        let mut clock = 1_000_000_i64;
        let mut seen: Vec<Event> = Vec::new();
        let read = |policy: &mut Policy, seen: &mut Vec<Event>, most: usize| {
            for _ in 0..most {
                match policy.next() {
                    Some(News::Event(event)) => seen.push(event),
                    Some(_) => {}
                    None => break,
                }
            }
        };
        let poll = |policy: &mut Policy, log: &Log, clock: &mut i64| {
            let content = log.answer(&policy.ask(SECOND).0, *clock + 1_000);
            if content.is_quiet() {
                *clock += 1_000;
            }
            policy.answered(content, Instant::now(), SECOND).unwrap();
        };
        for step in steps {
            match step {
                Step::Publish(time, events) => {
                    clock += time;
                    for category in events {
                        let category = if several { ["a", "b", "c"][usize::from(category)] } else { "a" };
                        let id = log.events.len() as u128 + 1;
                        log.events.push(event(clock, category, id));
                    }
                }
                Step::Poll if policy.waiting() == 0 => poll(&mut policy, &log, &mut clock),
                Step::Poll => {}
                Step::Read(most) => read(&mut policy, &mut seen, most),
                Step::Restart => {
                    let saved = policy.position().to_string().parse().unwrap();
                    policy = Policy::new(saved, categories, retry.clone());
                }
            }
        }
        for _ in 0..=log.events.len() {
            read(&mut policy, &mut seen, usize::MAX);
            poll(&mut policy, &log, &mut clock);
        }
        read(&mut policy, &mut seen, usize::MAX);
        for category in ["a", "b", "c"] {
            let of = |events: &[Event]| -> Vec<_> {
                events.iter().filter(|event| event.category == category).map(|event| event.id).collect()
            };
            prop_assert_eq!(of(&seen), of(&log.events));
        }
    }

    /// Whatever a server answers, the follower takes it, and its position can be saved.
    #[test]
    fn any_answers_are_taken(
        answers in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec((0..i64::MAX, 0..9_u128), 0..4), any::<bool>(),
                proptest::option::of("\\PC{1,9}"), proptest::option::of(0..i64::MAX), 0..2_000_u64),
            0..20,
        ),
        several: bool,
    ) {
        let mut policy = Policy::new(Position::now(), if several { 2 } else { 1 }, RetryPolicy::new());
        for (strict, events, more, cursor, timestamp, took) in answers {
            let events = events.into_iter().map(|(timestamp, id)| event(timestamp, "a", id)).collect();
            let cursor = cursor.filter(|_| strict);
            let content = Content { strict, events, gaps: Vec::new(), cursor, more, timestamp };
            let took = Duration::from_millis(took);
            if policy.answered(content, Instant::now(), took).is_err() {
                prop_assert!(several && !strict);
                break;
            }
            while let Some(news) = policy.next() {
                drop(news);
                let position = policy.position();
                prop_assert_eq!(&position.to_string().parse::<Position>().unwrap(), position);
            }
        }
    }
}
