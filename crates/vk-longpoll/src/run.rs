//! A loop with handlers.
use std::pin::{Pin, pin};

use futures_core::Stream;

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
    /// When it ends, [`Poller::position`] is after the last answer whose events were all handled. After
    /// the error of a handler it can be run again: it goes on from there, and the events of that answer
    /// come again.
    ///
    /// After a shutdown it returns as soon as the handlers under way have finished: it waits neither
    /// for the poll nor for events that no handler has begun with, and before those the position has
    /// not moved. One said before the run holds.
    ///
    /// # Errors
    /// What ends the loop (see [`Poller`]), after the handlers of all that came before; and the error of
    /// a handler ([`Error::is_handler`]), after those under way, unless
    /// [`on_error`](Handlers::on_error) takes it. A handler that panics has failed.
    pub async fn run(&mut self, handlers: Handlers<K::Event>) -> Result<(), Error> {
        let begin = self.position();
        let mut work = Work::new(handlers);
        let ended = self.run_with(&mut work).await;
        // What was handed out and not handled comes again.
        self.go_back(work.handled().or(begin));
        ended
    }

    async fn run_with(&mut self, work: &mut Work<K::Event>) -> Result<(), Error> {
        let mut stopped = pin!(self.shutdown().said());
        let mut ended = None;
        loop {
            if ended.is_some() && work.is_idle() {
                return ended.unwrap_or(Ok(()));
            }
            tokio::select! {
                biased;
                () = &mut stopped => return work.finish().await,
                ended = work.one(), if work.is_running() => if let Err(error) = ended {
                    // The first error is the one that is told.
                    let _ = work.finish().await;
                    return Err(error);
                },
                item = next(self), if ended.is_none() && work.has_room() => match item {
                    Some(Ok(Item::Event(event))) => work.add(event),
                    Some(Ok(Item::Answered(answered))) => work.answered(answered),
                    Some(Ok(Item::Gap(gap))) => work.handlers().tell_gap(&gap),
                    Some(Ok(Item::Disconnected(lost))) => work.handlers().tell_disconnected(&lost),
                    Some(Err(error)) => ended = Some(Err(error)),
                    None => ended = Some(Ok(())),
                },
            }
        }
    }
}

async fn next<K: Kind>(poller: &mut Poller<K>) -> Option<Result<Item<K::Event>, Error>>
where
    Poller<K>: Unpin,
{
    std::future::poll_fn(|cx| Pin::new(&mut *poller).poll_next(cx)).await
}
