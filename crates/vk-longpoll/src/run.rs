//! A loop with handlers.
use std::pin::{Pin, pin};

use futures_core::Stream;
use tokio::time::{Sleep, sleep};

use crate::kind::Kind;
use crate::poller::Poller;
use crate::{Error, Handlers, Item};

mod work;

use work::Work;

impl<K: Kind> Poller<K>
where
    Self: Unpin,
{
    /// Polls for ever, and calls the handlers, until it is [shut down](Poller::shutdown).
    ///
    /// The next poll is made while events are still handled; it waits where too many of them wait for
    /// their turn. Dropping this gives up the handlers that are under way, too.
    ///
    /// ```no_run
    /// # async fn run(token: String) -> Result<(), vk_longpoll::Error> {
    /// use vk_longpoll::user::{Handlers, LongPoll};
    ///
    /// let handlers = Handlers::new()
    ///     .on_new_message(|message| async move {
    ///         println!("{:?}", message.text_decoded());
    ///         std::io::Result::Ok(())
    ///     })
    ///     .on_error(|error| eprintln!("{error}"))
    ///     .concurrent(8);
    /// let mut long_poll = LongPoll::builder(token).build()?;
    /// let shutdown = long_poll.shutdown();
    /// tokio::spawn(async move {
    ///     tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    ///     shutdown.shut_down();
    /// });
    /// long_poll.run(handlers).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// When it ends, [`Poller::position`] is after the last answer whose events were all handled. It can
    /// be run again, whatever it ended with: it resumes from there. After the error of a handler, the
    /// events of that answer are polled again; only those that the server has forgotten meanwhile are
    /// read from the history.
    ///
    /// After a shutdown it makes no more polls. It returns once the events of the responses that were
    /// received are handled, and their [`on_response`](Handlers::on_response) has been called, or after
    /// [`shutdown_timeout`](Handlers::shutdown_timeout): handlers that have not finished by then are
    /// dropped, and the position is before their events. A shutdown before the run ends it at once.
    ///
    /// # Errors
    /// What ends the loop (see [`Poller`]), after the handlers of all that came before; and the error of
    /// a handler ([`Error::is_handler`]), after those under way, unless
    /// [`on_error`](Handlers::on_error) takes it. A handler that panics has failed.
    pub async fn run(&mut self, handlers: Handlers<K::Event>) -> Result<(), Error> {
        self.restart();
        let begin = self.position();
        let mut work = Work::new(handlers);
        let ended = self.run_with(&mut work).await;
        // What was handed out and not handled comes again.
        self.go_back(work.handled().or(begin));
        ended
    }

    async fn run_with(&mut self, work: &mut Work<K::Event>) -> Result<(), Error> {
        let shutdown = self.shutdown();
        let mut stopped = pin!(shutdown.said());
        let mut deadline = pin!(None);
        let mut ended = None;
        loop {
            if work.is_idle()
                && let Some(ended) = ended
            {
                return ended;
            }
            tokio::select! {
                biased;
                () = &mut stopped, if deadline.is_none() => {
                    deadline.set(Some(sleep(work.handlers().shutdown_timeout)));
                }
                () = expired(deadline.as_mut()), if deadline.is_some() => {
                    tracing::warn!("handlers have not finished within the shutdown's timeout");
                    shutdown.reset();
                    return ended.unwrap_or(Ok(()));
                }
                handled = work.one(), if work.is_running() => if let Err(error) = handled {
                    // Events that wait come again with the next run; the first error is returned.
                    work.drop_waiting();
                    if !matches!(ended, Some(Err(_))) {
                        ended = Some(Err(error));
                    }
                },
                item = next(self), if ended.is_none() && work.has_room() => match item {
                    Some(Ok(Item::Event(event))) => work.add(event),
                    Some(Ok(Item::Answered(answered))) => work.answered(answered),
                    Some(Ok(Item::Gap(gap))) => work.handlers().tell_gap(&gap),
                    Some(Ok(Item::Disconnected(lost))) => work.handlers().tell_disconnected(&lost),
                    Some(Err(error)) => ended = Some(Err(error)),
                    // It was shut down.
                    None => {
                        ended = Some(Ok(()));
                        deadline.set(Some(sleep(work.handlers().shutdown_timeout)));
                    }
                },
            }
        }
    }
}

async fn expired(deadline: Pin<&mut Option<Sleep>>) {
    if let Some(deadline) = deadline.as_pin_mut() {
        deadline.await;
    }
}

async fn next<K: Kind>(poller: &mut Poller<K>) -> Option<Result<Item<K::Event>, Error>>
where
    Poller<K>: Unpin,
{
    std::future::poll_fn(|cx| Pin::new(&mut *poller).poll_next(cx)).await
}
