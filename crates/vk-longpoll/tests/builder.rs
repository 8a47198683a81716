//! What is said of an API in the wrong place is not lost without a word.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

use vk_longpoll::user::{LongPoll, LongPollBuilder, Session};
use vk_longpoll::{Api, HttpClient, bots};

fn http() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

fn api() -> Api {
    Api::builder("t").http_client(http()).build().unwrap()
}

fn alone() -> LongPollBuilder {
    LongPoll::with_session(Session::new("im.vk.com/nim", "key", 5)).http_client(http())
}

#[test]
fn an_address_or_a_captcha_callback_for_no_api_of_the_loops_own_is_an_error() {
    let given = "was given with `api`";
    let address = "`api_address` has no effect: ";
    let captcha = "`on_captcha` has no effect: ";
    let nobody = |_| std::future::ready(None);
    let of_token = || LongPoll::builder("t").http_client(http());
    for (builder, whose, why) in [
        (of_token().api(api()).api_address("https://api.vk.ru"), address, given),
        (of_token().api(api()).api_address("no address"), address, given),
        (of_token().api_address("https://api.vk.ru").api(api()), address, given),
        (of_token().api(api()).on_captcha(nobody), captcha, given),
        (of_token().on_captcha(nobody).api(api()), captcha, given),
        (alone().api_address("https://api.vk.ru"), address, "there is no token"),
        (alone().on_captcha(nobody), captcha, "there is no token"),
        (alone().on_captcha(nobody).api(api()), captcha, given),
    ] {
        let error = builder.build().unwrap_err();
        let told = error.to_string();
        assert!(error.is_builder() && told.starts_with(whose) && told.contains(why), "{told}");
    }
    let bot = bots::LongPoll::builder("t", 7).api(api()).on_captcha(nobody).build().unwrap_err();
    assert!(bot.to_string().ends_with("`Api::builder(token).on_captcha(…)`"), "{bot}");
}

#[test]
fn elsewhere_they_are_fine() {
    let nobody = |_| std::future::ready(None);
    let of_token = LongPoll::builder("t").http_client(http());
    let _ = of_token.api_address("https://api.vk.ru").on_captcha(nobody).build().unwrap();
    let _ = LongPoll::builder("t").api(api()).http_client(http()).user_agent("x").build().unwrap();
    let _ = alone().api(api()).build().unwrap();
    let _ = alone().build().unwrap();
}
