//! What a run's tracing events say goes to its job's log too: events of the platform and of whatever it uses, as long as
//! they are made within the run's span.
//!
//! Nothing here waits: an event that there is no room for is dropped, and the log says how many were.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::{
    Event, Level, Metadata, Span, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::{FilterExt as _, FilterFn, LevelFilter, filter_fn},
    layer::{Context as Around, Filter},
    registry::LookupSpan,
};

use crate::platform::{Context, Event as Traced};

/// The target of the span that a run is in. It stands in no log of the process: its events name their job where it matters.
const SPAN: &str = "collector::run";
/// Events of one run that its log takes in a second.
const A_SECOND: u32 = 50;
/// Bytes of an event that are looked at.
const LONGEST: usize = 64 << 10;

/// One run that can be heard.
#[derive(Clone, Debug)]
pub(super) struct Voice(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    job: Context,
    pace: Mutex<Pace>,
}

/// How much was said lately.
#[derive(Debug)]
struct Pace {
    since: Instant,
    lines: u32,
    dropped: u64,
    /// What a run leaves behind must not write about its job any more.
    ended: bool,
}

impl Voice {
    /// The voice of one run, and the span to run it in: one that costs nothing if nobody listens.
    pub(super) fn of(job: Context) -> (Self, Span) {
        let pace = Pace { since: Instant::now(), lines: 0, dropped: 0, ended: false };
        let voice = Self(Arc::new(Inner { job, pace: Mutex::new(pace) }));
        // Of the most severe level, so that no level of the log hides it.
        let span = tracing::error_span!(target: SPAN, "run");
        span.with_subscriber(|(id, subscriber)| {
            let registry = subscriber.downcast_ref::<Registry>();
            if let Some(span) = registry.and_then(|registry| registry.span(id)) {
                span.extensions_mut().insert(voice.clone());
            }
        });
        (voice, span)
    }

    /// The run is over: the last word is how much is missing.
    pub(super) async fn end(&self) {
        let dropped = {
            let mut pace = self.pace();
            pace.ended = true;
            std::mem::take(&mut pace.dropped)
        };
        if dropped > 0 {
            self.0.job.traced(missing(dropped)).await;
        }
    }

    fn hear(&self, event: &Event<'_>) {
        if !self.pace().may_speak(Instant::now()) {
            return;
        }
        // Without the lock: how foreign values are written is up to them, and may be worth an event itself.
        let mut text = Text::default();
        event.record(&mut text);
        let meta = event.metadata();
        let said = Traced { level: word(*meta.level()), target: meta.target().to_owned(), line: text.whole() };
        let mut pace = self.pace();
        if pace.dropped > 0 && self.0.job.try_traced(missing(pace.dropped)) {
            pace.dropped = 0;
        }
        if !pace.ended && !self.0.job.try_traced(said) {
            pace.dropped += 1;
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.0.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    /// Whether another line may be said in this second; counts it if not.
    fn may_speak(&mut self, now: Instant) -> bool {
        if self.ended {
            return false;
        }
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.lines) = (now, 0);
        }
        let has_room = self.lines < A_SECOND;
        if has_room {
            self.lines += 1;
        } else {
            self.dropped += 1;
        }
        has_room
    }
}

fn missing(dropped: u64) -> Traced {
    let line = format!(
        "{dropped} tracing events are missing here: a log takes {A_SECOND} a second, and only what can be written"
    );
    Traced { level: "warn", target: module_path!().to_owned(), line }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// An event as a line: its message, then its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn whole(self) -> String {
        if self.message.is_empty() { self.fields.trim_start().to_owned() } else { self.message + &self.fields }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let room = LONGEST.saturating_sub(self.message.len() + self.fields.len());
        // A value that does not fit is cut; what writes itself cannot fail otherwise.
        if field.name() == "message" {
            write!(Bounded(&mut self.message, room), "{value:?}").ok();
        } else {
            write!(Bounded(&mut self.fields, room), " {}={value:?}", field.name()).ok();
        }
    }
}

/// A text that grows by so many bytes at most.
struct Bounded<'a>(&'a mut String, usize);

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.floor_char_boundary(self.1);
        self.0.push_str(text.get(..end).unwrap_or_default());
        self.1 -= end;
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Hears what is said in runs.
struct Listener;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, around: Around<'_, S>) {
        let Some(mut scope) = around.event_scope(event) else { return };
        let voice = scope.find_map(|span| span.extensions().get::<Voice>().cloned());
        if let Some(voice) = voice {
            voice.hear(event);
        }
    }
}

/// The part of a process' logging that brings events of runs, from `level` on, to the logs of their jobs.
pub fn listener<S>(level: LevelFilter) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let ours = move |meta: &Metadata<'_>| if meta.is_span() { is_run(meta) } else { *meta.level() <= level };
    Listener.with_filter(filter_fn(ours).with_max_level_hint(level))
}

/// Keeps the spans of runs out of a log.
pub fn without_runs<S>(filter: impl Filter<S>) -> impl Filter<S> {
    filter.and(FilterFn::new(|meta: &Metadata<'_>| !is_run(meta)))
}

fn is_run(meta: &Metadata<'_>) -> bool {
    meta.is_span() && meta.target() == SPAN
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;
    use tracing::Instrument as _;
    use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _};

    use super::*;
    use crate::{
        job::{JobId, Shard},
        outbound::Client,
        platform::{Envelope, Network, Report, Run},
        secret::Redactor,
    };

    fn job(room: usize) -> (Context, mpsc::Receiver<Envelope>) {
        let (reports, said) = mpsc::channel(room);
        let config = crate::config::load(None, Vec::new()).unwrap();
        let run = Run::unrecorded(JobId::new(Shard(0)), Network::default(), Client::new(&config.network), None);
        let secrets = Redactor::new(["hunter2".to_owned()]);
        (Context::new(run, CancellationToken::new(), reports).hiding(secrets), said)
    }

    fn lines(said: &mut mpsc::Receiver<Envelope>) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        while let Ok(envelope) = said.try_recv() {
            let Report::Traced(event) = envelope.report else { panic!("{envelope:?}") };
            lines.push((event.level.to_owned(), event.line));
        }
        lines
    }

    /// With a log of errors alone and jobs' logs from info on.
    fn listening() -> tracing::subscriber::DefaultGuard {
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let log = log.with_filter(without_runs(EnvFilter::new("error")));
        let subscriber = tracing_subscriber::registry().with(log).with(listener(LevelFilter::INFO));
        tracing::subscriber::set_default(subscriber)
    }

    #[tokio::test]
    async fn a_run_is_heard_without_its_secrets_and_nobody_else_is() {
        let _guard = listening();
        let ((one, mut of_one), (other, mut of_other)) = (job(100), job(100));
        let ((voice, span), (_, second)) = (Voice::of(one), Voice::of(other));
        tracing::warn!("in no run");
        async {
            tracing::info!(count = 3, name = "x y", "says hunter2");
            tracing::debug!("too detailed");
            tracing::error!(why = ?Some("hunter2"));
            tracing::info_span!("deeper").in_scope(|| tracing::warn!("from below"));
        }
        .instrument(span.clone())
        .await;
        async { tracing::info!("{}", "é".repeat(40_000)) }.instrument(second).await;
        let expected =
            [("info", "says •••• count=3 name=x y"), ("error", "why=Some(\"••••\")"), ("warn", "from below")];
        assert_eq!(lines(&mut of_one), expected.map(|(level, line)| (level.to_owned(), line.to_owned())));
        let long = lines(&mut of_other);
        assert!(long.len() == 1 && long[0].1.len() <= 2000 && long[0].1.ends_with('…'));
        voice.end().await;
        span.in_scope(|| tracing::warn!("a task that was left behind"));
        assert_eq!(lines(&mut of_one), []);
    }

    #[tokio::test]
    async fn a_value_may_say_something_while_it_is_written() {
        /// Tracing lets no event through from within another where a subscriber is a thread's own, as it is here.
        struct Talkative(Voice);
        impl fmt::Debug for Talkative {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if self.0.0.pace.try_lock().is_ok() { "can be heard" } else { "would wait for itself" })
            }
        }
        let _guard = listening();
        let (job, mut said) = job(100);
        let (voice, span) = Voice::of(job);
        span.in_scope(|| tracing::info!(value = ?Talkative(voice), "it"));
        assert_eq!(lines(&mut said), [("info".to_owned(), "it value=can be heard".to_owned())]);
    }

    #[tokio::test]
    async fn too_many_are_dropped_and_counted() {
        let _guard = listening();
        for (room, events, kept) in [(1000, 200, A_SECOND as usize), (10, 40, 10)] {
            let (job, mut said) = job(room);
            let (voice, span) = Voice::of(job);
            span.in_scope(|| (0..events).for_each(|n| tracing::info!(n, "again")));
            let mut all = lines(&mut said);
            assert_eq!(all.len(), kept);
            voice.end().await;
            all.extend(lines(&mut said));
            let last = all.last().unwrap();
            assert!(last.1.starts_with(&format!("{} tracing events are missing", events - kept)), "{last:?}");
        }
    }
}
