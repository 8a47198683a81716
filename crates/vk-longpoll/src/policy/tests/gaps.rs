//! What was missed: where it is read from, what comes twice, what is told as lost.
use super::*;

#[test]
fn after_failed_1_it_goes_on_from_the_new_ts_and_reads_the_gap() {
    let mut policy = polling(ALL);
    assert_eq!(refused(&mut policy, 1, Some(150)), Duration::ZERO);
    assert_eq!(told(&mut policy), ["failed 1 100/1000"]);
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1000)));
    history(&mut policy, 1005, &[1, 2], true);
    assert_eq!(told(&mut policy), ["1", "2", "recovered 100/1005"]);
    assert_eq!(policy.ask().unwrap(), Ask::History(recovering(100, 1005)));
    history(&mut policy, 1009, &[3], false);
    assert_eq!(told(&mut policy), ["3", "live gap after 100", "recovered 150/1009"]);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    // 3 happened after the new ts was given, and before the history was read.
    updates(&mut policy, 152, 1010, &[3, 4]);
    assert_eq!(told(&mut policy), ["4", "152/1010"]);
    // Once past the end of the history, the same is something new.
    updates(&mut policy, 153, 1011, &[3]);
    assert_eq!(told(&mut policy), ["3", "153/1011"]);
}

#[test]
fn nothing_is_missing_where_nothing_lies_between() {
    let mut policy = polling(BOT);
    refused(&mut policy, 1, Some(100));
    assert_eq!(told(&mut policy), ["failed 1 100/1000"]);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
}

#[test]
fn after_failed_3_it_takes_the_servers_ts_and_reads_the_gap() {
    let mut policy = polling(ALL);
    refused(&mut policy, 3, None);
    served(&mut policy, at(7, 1020));
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1000)));
    history(&mut policy, 1020, &[1], false);
    assert_eq!(
        told(&mut policy),
        ["failed 3 100/1000", "1", "live gap after 100", "recovered 7/1020"]
    );
    // Nothing had happened since the server was given: the same again is something new.
    updates(&mut policy, 8, 1021, &[1]);
    assert_eq!(told(&mut policy), ["1", "8/1021"]);
    // A failed 1 that does not say from where is no better.
    refused(&mut policy, 1, None);
    assert_eq!(policy.ask().unwrap(), Ask::Server);
}

#[test]
fn where_there_is_no_history_the_gap_is_told() {
    let mut policy = polling(BOT);
    refused(&mut policy, 1, Some(150));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    assert_eq!(told(&mut policy), ["failed 1 100/1000", "gap after 100", "150/-1"]);
    refused(&mut policy, 3, None);
    served(&mut policy, Position::new(7));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(7));
    assert_eq!(told(&mut policy), ["failed 3 150/-1", "gap after 150", "7/-1"]);
    assert_eq!(policy.position(), Some(Position::new(7)));
}

#[test]
fn a_saved_position_is_polled_and_the_history_read_only_if_the_server_has_forgotten_it() {
    let mut policy = policy(ALL, Some(at(50, 900)));
    assert_eq!(policy.position(), Some(at(50, 900)));
    served(&mut policy, at(100, 1000));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(50));
    updates(&mut policy, 60, 903, &[1, 2]);
    assert_eq!(told(&mut policy), ["1", "2", "60/903"]);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(60));

    let mut policy = self::policy(ALL, Some(at(50, 900)));
    served(&mut policy, at(100, 1000));
    refused(&mut policy, 1, Some(100));
    assert_eq!(policy.ask().unwrap(), Ask::History(at(50, 900)));
    history(&mut policy, 950, &[1], true);
    assert_eq!(told(&mut policy), ["failed 1 50/900", "1", "recovered 50/950"]);
    assert_eq!(policy.position(), Some(recovering(50, 950)));
}

#[test]
fn a_history_that_was_being_read_is_read_on_after_a_restart() {
    // A poll from its `ts` would bring what the pages so far had.
    let mut policy = policy(ALL, Some(recovering(50, 950)));
    served(&mut policy, at(100, 1000));
    assert_eq!(policy.ask().unwrap(), Ask::History(recovering(50, 950)));
    history(&mut policy, 1000, &[2], false);
    assert_eq!(told(&mut policy), ["2", "live gap after 50", "recovered 100/1000"]);
    assert_eq!(policy.position(), Some(at(100, 1000)));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
    let saved = serde_json::to_string(&recovering(50, 950)).unwrap();
    assert_eq!(saved, r#"{"ts":50,"pts":950,"recovering":true}"#);
    assert_eq!(serde_json::from_str::<Position>(&saved).unwrap(), recovering(50, 950));
    // A bot has no history to read on.
    let mut bot = self::policy(BOT, Some(recovering(50, 950)));
    served(&mut bot, Position::new(100));
    assert_eq!(bot.ask().unwrap(), Ask::Poll(50));
}

#[test]
fn a_history_without_an_event_between_two_equal_ts_lacks_nothing() {
    let mut policy = polling(ALL);
    refused(&mut policy, 3, None);
    served(&mut policy, at(100, 1000));
    history(&mut policy, 1000, &[], false);
    assert_eq!(told(&mut policy), ["failed 3 100/1000", "recovered 100/1000"]);
}

#[test]
fn a_bot_goes_on_from_its_saved_ts() {
    let mut policy = policy(BOT, Some(Position::new(50)));
    served(&mut policy, Position::new(100));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(50));
}

#[test]
fn a_history_that_is_too_old_is_told_and_done_without() {
    for code in [ApiError::POSITION_TOO_OLD, ApiError::POSITION_TOO_NEW, 7, 15] {
        let mut policy = polling(ALL);
        refused(&mut policy, 1, Some(150));
        told(&mut policy);
        fail(&mut policy, refusal(code)).unwrap();
        assert_eq!(told(&mut policy), ["gap after 100", "150/-1"]);
        assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
        updates(&mut policy, 151, 1300, &[]);
        assert_eq!(policy.position().or(policy.head()), Some(Position::new(150)));
        assert_eq!(policy.head(), Some(at(151, 1300)));
    }
    // Any other error says nothing of the history: it is told, and nothing is passed over.
    for code in [5, 14, 17, 24, 100] {
        let mut policy = polling(ALL);
        refused(&mut policy, 1, Some(150));
        told(&mut policy);
        assert_eq!(fail(&mut policy, refusal(code)).unwrap_err().api().unwrap().code(), code);
        assert_eq!(policy.position(), Some(at(100, 1000)));
    }
}

#[test]
fn what_may_come_twice_is_forgotten_in_time() {
    let mut repeats = Repeats::default();
    for n in 0..12_000 {
        repeats.add(n.to_string(), None);
    }
    repeats.add("11999".into(), None);
    assert!(!repeats.take("1", None) && repeats.take("11999", None));
    assert!(repeats.take("11999", None) && !repeats.take("11999", None));
    assert!(repeats.take("7000", None));
    repeats.until(Some(10));
    repeats.passed(Some(9));
    assert!(!repeats.take("11998", Some(11)), "past the end of the history");
    assert!(repeats.take("11998", Some(10)));
    repeats.passed(Some(10));
    assert!(repeats.is_empty());
    // What the server had counted before it gave the `ts` does not come again.
    repeats.begin_at(Some(5));
    repeats.add("old".into(), Some(5));
    repeats.add("new".into(), Some(6));
    assert!(!repeats.take("old", Some(6)) && repeats.take("new", Some(6)));
}

#[test]
fn the_same_again_is_new_where_the_numbers_say_so() {
    // After failed 1 nobody says where the new ts is in the history.
    let mut policy = polling(ALL);
    refused(&mut policy, 1, Some(150));
    history(&mut policy, 1002, &[7, 8], false);
    told(&mut policy);
    // 8 happened after the ts was given, and 8 happened again.
    updates(&mut policy, 153, 1003, &[8, 8]);
    assert_eq!(told(&mut policy), ["8", "153/1003"]);

    let mut policy = polling(ALL);
    refused(&mut policy, 1, Some(150));
    history(&mut policy, 1002, &[7, 8], false);
    told(&mut policy);
    updates(&mut policy, 151, 1003, &[8]);
    assert_eq!(told(&mut policy), ["8", "151/1003"]);

    // After a restart the server says it.
    let mut policy = self::policy(ALL, Some(recovering(50, 900)));
    served(&mut policy, at(100, 902));
    history(&mut policy, 903, &[7, 8, 9], false);
    told(&mut policy);
    updates(&mut policy, 103, 905, &[9, 7, 8]);
    assert_eq!(told(&mut policy), ["7", "8", "103/905"]);
}

#[test]
fn a_history_that_leads_nowhere_ends_with_a_gap() {
    for pts in [1000, 999] {
        let mut policy = polling(ALL);
        refused(&mut policy, 1, Some(150));
        told(&mut policy);
        history(&mut policy, pts, &[1], true);
        let told = told(&mut policy);
        assert_eq!((told[0].as_str(), told[1].as_str()), ("1", "gap after 100"));
        assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    }
}

#[test]
fn a_history_that_is_behind_the_server_is_asked_again() {
    let mut policy = policy(ALL, Some(recovering(50, 900)));
    served(&mut policy, at(100, 1000));
    let behind = |policy: &mut Policy<u32>| {
        let answer = Answer::History { events: vec![1], pts: Some(950), more: false };
        policy.answered(answer, Instant::now(), WAITED).unwrap()
    };
    assert!(behind(&mut policy) >= Duration::from_millis(100));
    assert_eq!(policy.ask().unwrap(), Ask::History(recovering(50, 950)));
    history(&mut policy, 1000, &[2], false);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
    assert_eq!(
        told(&mut policy),
        ["1", "recovered 50/950", "2", "live gap after 50", "recovered 100/1000"]
    );
}

#[test]
fn a_position_goes_back_to_what_was_handled() {
    let mut policy = polling(ALL);
    updates(&mut policy, 103, 1002, &[1, 2]);
    told(&mut policy);
    policy.go_back(Some(at(100, 1000)));
    assert_eq!(policy.position(), Some(at(100, 1000)));
    // The server may still hold all of it, and only a poll brings the events of all kinds.
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
    let mut bot = polling(BOT);
    bot.go_back(Some(Position::new(90)));
    assert_eq!(bot.ask().unwrap(), Ask::Poll(90));
    let mut session = polling(SESSION);
    session.go_back(Some(Position::new(90)));
    assert_eq!(session.ask().unwrap(), Ask::Poll(90));
}
