//! `GET /metrics`: everything that `/queue/stats` knows, as Prometheus reads it.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use prometheus::{
    TEXT_FORMAT, TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram as Family, LabelPair, Metric, MetricFamily, MetricType},
};

use crate::{
    api::{Api, problem::Problem, query::Query},
    broker::Health,
    watch::{BOUNDS_MS, ENDS, Histogram, Now, State as Does, TROUBLES, Trouble, troubles},
};

/// All figures.
pub(in crate::api) async fn metrics(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    query.only(&[])?;
    let broker = api.jobs.queue().broker();
    let (now, redis) = tokio::try_join!(api.watch.now(None), Health::ask(broker))?;
    let troubles = troubles(&now, &redis);
    let mut families = Families::default();
    families.build(env!("CARGO_PKG_VERSION"));
    families.of_queues(&now);
    families.of_sanjers(&now);
    families.of_work(&now);
    families.of_redis(&redis);
    families.of_troubles(&troubles);
    let text = TextEncoder::new().encode_to_string(&families.0).map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}

/// What is told, by name.
#[derive(Default)]
struct Families(Vec<MetricFamily>);

/// Labels and a value.
type Sample<'a, T> = (Vec<(&'static str, &'a str)>, T);

impl Families {
    fn add(&mut self, name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) {
        // One without a sample says nothing, and the encoder refuses it.
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("collector_{name}"));
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }

    fn gauge<'a>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample<'a, f64>>) {
        let metrics = samples.into_iter().map(|(labels, value)| {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            let mut metric = labelled(labels);
            metric.set_gauge(gauge);
            metric
        });
        self.add(name, help, MetricType::GAUGE, metrics.collect());
    }

    fn counter<'a>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample<'a, u64>>) {
        let metrics = samples.into_iter().map(|(labels, value)| {
            let mut counter = Counter::default();
            counter.set_value(float(value));
            let mut metric = labelled(labels);
            metric.set_counter(counter);
            metric
        });
        self.add(name, help, MetricType::COUNTER, metrics.collect());
    }

    fn times<'a>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample<'a, Histogram>>) {
        let metrics = samples.into_iter().map(|(labels, times)| {
            let mut metric = labelled(labels);
            metric.set_histogram(cumulative(&times));
            metric
        });
        self.add(name, help, MetricType::HISTOGRAM, metrics.collect());
    }

    fn build(&mut self, version: &str) {
        self.gauge("build_info", "The version that answers.", [(vec![("version", version)], 1.0)]);
    }

    fn of_queues(&mut self, now: &Now) {
        let of = |value: fn(&crate::watch::PoolNow) -> u64| {
            now.pools.iter().map(move |(name, pool)| (pool_label(name), float(value(pool))))
        };
        self.gauge("jobs_queued", "Jobs that wait for a free slot.", of(|pool| pool.queued));
        self.gauge("jobs_suspect", "Jobs of those that wait for a process of their own.", of(|pool| pool.alone));
        self.gauge("jobs_delayed", "Jobs that wait for a time.", of(|pool| pool.delayed));
        self.gauge("jobs_running", "Jobs that run.", of(|pool| pool.running));
        self.gauge("slots", "Jobs that serving sanjers can run at once.", of(|pool| pool.slots));
        let age = |since: Option<u64>| since.map_or(0.0, |since| float(now.at_ms.saturating_sub(since)) / 1000.0);
        let oldest = now.pools.iter().map(|(name, pool)| (pool_label(name), age(pool.oldest_ms)));
        self.gauge("oldest_job_age_seconds", "How long the oldest waiting job has waited.", oldest);
        let kept = ENDS.iter().zip(now.kept).map(|(end, n)| (vec![("status", end.as_str())], float(n)));
        self.gauge("jobs_kept", "Finished jobs that can be read.", kept);
    }

    fn of_sanjers(&mut self, now: &Now) {
        let states = now.pools.iter().flat_map(|(name, pool)| {
            Does::ALL
                .into_iter()
                .map(|state| (vec![("pool", name.as_str()), ("state", state.as_str())], float(pool.of(state))))
        });
        self.gauge("sanjers", "Sanjers that renewed their lease.", states);
        let wanted =
            now.pools.iter().map(|(name, pool)| (pool_label(name), float(pool.wanted.unwrap_or(pool.alive()))));
        self.gauge("sanjers_wanted", "Sanjers that hosts are configured to run, spares left out.", wanted);
        let rss = now.pools.keys().map(|name| {
            let theirs = now.sanjers.iter().filter(|sanjer| sanjer.pool == *name);
            (pool_label(name), float(theirs.filter_map(|sanjer| sanjer.rss_bytes).sum()))
        });
        self.gauge("sanjer_rss_bytes", "Resident memory of all sanjers of a pool.", rss);
        let crashes = now
            .pools
            .keys()
            .map(|name| (pool_label(name), now.totals.pools.get(name).map_or(0, |totals| totals.deaths)));
        self.counter("crashes_total", "Sanjers that died.", crashes);
    }

    fn of_work(&mut self, now: &Now) {
        let totals = &now.totals.pools;
        let finished = now.pools.keys().flat_map(|name| {
            let ended = totals.get(name).map_or([0; 5], |totals| totals.ended);
            ENDS.iter().zip(ended).map(move |(end, n)| (vec![("pool", name.as_str()), ("status", end.as_str())], n))
        });
        self.counter("jobs_finished_total", "Jobs that ended.", finished);
        let runs = now.pools.keys().filter_map(|name| totals.get_key_value(name)).flat_map(|(name, totals)| {
            totals
                .runs
                .iter()
                .map(move |(outcome, n)| (vec![("pool", name.as_str()), ("outcome", outcome.as_str())], *n))
        });
        self.counter("attempts_total", "Runs that ended, whether their job did or not.", runs);
        let of = |times: fn(&crate::watch::PoolTotals) -> Histogram| {
            now.pools
                .keys()
                .map(move |name| (pool_label(name), totals.get(name).map_or_else(Histogram::default, times)))
        };
        let help = "How long jobs had waited in their queue when a sanjer took them.";
        self.times("pickup_latency_seconds", help, of(|totals| totals.pickup));
        self.times("job_duration_seconds", "How long runs took.", of(|totals| totals.duration));
        let help = "Late writes of outdated leases that were refused.";
        self.counter("refused_writes_total", help, [(Vec::new(), now.refused_writes)]);
    }

    fn of_redis(&mut self, redis: &Health) {
        let one = |value: f64| [(Vec::new(), value)];
        let latency = redis.latency_ms.unwrap_or(0.0) / 1000.0;
        self.gauge("redis_latency_seconds", "Of one round trip to Redis.", one(latency));
        let used = float(redis.used_memory_bytes.unwrap_or(0));
        self.gauge("redis_used_memory_bytes", "Memory that Redis holds.", one(used));
        let limit = float(redis.maxmemory_bytes.unwrap_or(0));
        self.gauge("redis_maxmemory_bytes", "Memory that Redis may hold; 0 means no limit.", one(limit));
        let writes = redis.last_write_status.as_deref().is_none_or(|status| status == "ok");
        self.gauge("redis_write_ok", "Whether Redis could write its file.", one(f64::from(u8::from(writes))));
    }

    fn of_troubles(&mut self, troubles: &[Trouble]) {
        let count = |code: &str| troubles.iter().filter(|trouble| trouble.code == code).count();
        let counts = TROUBLES.iter().map(|code| (vec![("code", *code)], float(count(code) as u64)));
        self.gauge("troubles", "Troubles that GET /queue/stats tells of.", counts);
    }
}

fn pool_label(name: &str) -> Vec<(&'static str, &str)> {
    vec![("pool", name)]
}

fn labelled(labels: Vec<(&'static str, &str)>) -> Metric {
    let pairs = labels.into_iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    });
    Metric::from_label(pairs.collect())
}

/// In seconds, each bucket with all below it.
fn cumulative(times: &Histogram) -> Family {
    let mut count = 0;
    let buckets = times.counts().iter().zip(BOUNDS_MS).map(|(n, bound)| {
        count += n;
        let mut bucket = Bucket::default();
        bucket.set_cumulative_count(count);
        bucket.set_upper_bound(float(bound) / 1000.0);
        bucket
    });
    let mut family = Family::default();
    family.set_bucket(buckets.collect());
    family.set_sample_count(times.count());
    family.set_sample_sum(float(times.sum_ms()) / 1000.0);
    family
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows nothing but doubles")]
fn float(n: u64) -> f64 {
    n as f64
}
