//! The end of the stand-in, and of waiting for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rt_testkit::vk::{Step, Vk};

use crate::client::{Client, Session, get};

/// Long past what an end takes, far below what the waits would.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn dropping_it_ends_what_waits_and_what_hangs() {
    let vk = Vk::start();
    let mut waiting = Client::new(&vk);
    let session = Session::user(&mut waiting);
    waiting.send(&get(&session.target(90))).unwrap();
    vk.wait_for_waiting(1);
    vk.script_polls([Step::Hang, Step::Late(Duration::from_secs(90))]);
    let mut others = [Client::new(&vk), Client::new(&vk)];
    for (n, other) in others.iter_mut().enumerate() {
        other.send(&get(&session.target(90))).unwrap();
        vk.wait_for_polls(n + 2);
    }
    let idle = Client::new(&vk);
    let start = Instant::now();
    drop(vk);
    assert!(start.elapsed() < SOON);
    assert!(waiting.answer().is_err());
    for mut other in others {
        assert!(other.answer().is_err());
    }
    drop(idle);
}

#[test]
fn a_panic_of_an_answer_comes_out_when_it_is_dropped() {
    let vk = Vk::start();
    vk.on_call("a.b", |_| panic!("on purpose"));
    assert!(Client::new(&vk).try_call("a.b", &[("v", "5.199")]).is_err());
    // All else goes on.
    assert!(Client::new(&vk).call("users.get", &[])["response"].is_array());
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(vk)));
    assert!(dropped.is_err());
}

#[test]
fn a_panic_comes_out_also_if_its_thread_was_long_over() {
    let vk = Vk::start();
    vk.on_call("a.b", |_| panic!("on purpose"));
    assert!(Client::new(&vk).try_call("a.b", &[("v", "5.199")]).is_err());
    for _ in 0..50 {
        Client::new(&vk).call("users.get", &[]);
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(vk))).is_err());
}

#[test]
fn waiting_for_what_does_not_come_panics_with_what_came() {
    let vk = Vk::builder().patience(Duration::from_millis(20)).start();
    Client::new(&vk).call("users.get", &[]);
    let waited = catch_unwind(AssertUnwindSafe(|| vk.wait_for_calls(2))).unwrap_err();
    assert_eq!(waited.downcast_ref::<String>().unwrap(), "1 calls instead of 2 after 20ms");
    assert!(catch_unwind(AssertUnwindSafe(|| vk.wait_for_polls(1))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| vk.wait_for_waiting(1))).is_err());
    assert_eq!(vk.wait_for_calls(1).len(), 1);
}

#[test]
fn waiting_returns_as_soon_as_it_came() {
    let vk = Vk::start();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| vk.wait_for_calls(3));
        let mut client = Client::new(&vk);
        for _ in 0..3 {
            client.call("users.get", &[]);
        }
        assert_eq!(waits.join().unwrap().len(), 3);
    });
}

#[test]
fn thousands_of_connections_leave_nothing_behind() {
    let vk = Vk::start();
    let session = Session::user(&mut Client::new(&vk));
    // More than the files that a process may have open by default.
    for n in 0..3_000 {
        if n % 2 == 0 {
            vk.script_polls([Step::Reset]);
        }
        assert_eq!(Client::new(&vk).get(&session.target(0)).is_err(), n % 2 == 0);
    }
}
