//! The one task that owns the sockets and the engine.

use std::time::Instant;

use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};

use super::{
    ask::{AskError, Peer, Question},
    counters::Counters,
    engine::Engine,
    sockets::{BATCH, BUFFER, Sockets},
};

/// Questions on their way to the driver.
pub(super) type Asked = (Peer, Question);

pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) sockets: Sockets,
    pub(super) questions: mpsc::Receiver<Asked>,
    pub(super) counters: watch::Sender<Counters>,
    /// Open questions from which on no more are taken.
    pub(super) limit: usize,
}

/// What woke the driver.
enum Event {
    Readable,
    Alarm,
    Asked(Option<Asked>),
}

impl Driver {
    /// Runs until the last handle is gone. Open questions end with it.
    pub(super) async fn run(mut self) {
        let mut buffer = [0; BUFFER];
        let alarm = sleep_until(tokio::time::Instant::now());
        tokio::pin!(alarm);
        loop {
            let due = self.engine.next_alarm();
            if let Some(due) = due.map(tokio::time::Instant::from_std)
                // A sleep that ends too early costs one wake-up; setting it anew costs something every time.
                && (due < alarm.deadline() || alarm.is_elapsed())
            {
                alarm.as_mut().reset(due);
            }
            // Sockets first: what waits there is lost when their buffers are full.
            let event = tokio::select! {
                biased;
                _ = self.sockets.readable() => Event::Readable,
                () = &mut alarm, if due.is_some() => Event::Alarm,
                asked = self.questions.recv(), if self.engine.open() < self.limit => Event::Asked(asked),
            };
            let now = Instant::now();
            let mut count = 0;
            let first = match event {
                Event::Readable => {
                    count += self.read(now, &mut buffer);
                    None
                }
                Event::Alarm => None,
                Event::Asked(asked) => asked,
            };
            // Whatever woke it: a flood on the sockets keeps neither questions nor alarms waiting.
            count += self.take_questions(now, first);
            self.engine.tick(now);
            self.send().await;
            if self.questions.is_closed() && self.questions.is_empty() {
                break;
            }
            if count >= BATCH {
                tokio::task::yield_now().await;
            }
        }
    }

    fn read(&mut self, now: Instant, buffer: &mut [u8; BUFFER]) -> usize {
        let Self { sockets, engine, .. } = self;
        sockets.read(buffer, |from, datagram| {
            engine.counters.packets_received += 1;
            engine.counters.bytes_received += u64::try_from(datagram.len()).unwrap_or(0);
            engine.receive(now, from, datagram);
        })
    }

    /// Takes this question, if there is one, and others that wait.
    fn take_questions(&mut self, now: Instant, first: Option<Asked>) -> usize {
        let mut next = first;
        let mut count = 0;
        while count < BATCH {
            if next.is_none() && self.engine.open() < self.limit {
                next = self.questions.try_recv().ok();
            }
            let Some((peer, question)) = next.take() else { break };
            count += 1;
            if self.sockets.serves(peer.address) {
                self.engine.ask(now, &peer, question);
            } else {
                question.fail(AskError::NoSocket);
            }
        }
        count
    }

    async fn send(&mut self) {
        for (to, packet) in self.engine.take_packets() {
            let counters = &mut self.engine.counters;
            match self.sockets.send(to, &packet).await {
                Ok(()) => {
                    counters.packets_sent += 1;
                    counters.bytes_sent += u64::try_from(packet.len()).unwrap_or(0);
                }
                // As good as lost on the way: the question times out.
                Err(_) => counters.packets_refused += 1,
            }
        }
        self.counters.send_replace(self.engine.counters());
    }
}
