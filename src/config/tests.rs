//! What each mistake is answered with, word for word.

use std::{fs, path::PathBuf};

use super::{Config, load::merge};

/// A private directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn with(toml: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("collector-config-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("collector.toml"), toml).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn from(toml: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
    let scratch = Scratch::with(toml);
    let file = scratch.0.join("collector.toml");
    merge(Some(&file), pairs(env).into_iter(), pairs(flags)).map_err(|error| {
        // The file is named relative to the working directory, which the test does not know.
        let text = error.to_string();
        match text.find("collector.toml") {
            Some(at) => text[at..].to_owned(),
            None => text,
        }
    })
}

#[test]
fn the_defaults_are_a_configuration() {
    let config = from("", &[], &[]).unwrap();
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:8900");
    assert_eq!(config.sanjers.pools.keys().collect::<Vec<_>>(), ["fetch", "heavy", "light", "standing"]);
    let shown = config.to_toml().unwrap();
    let again = from(&shown, &[], &[]).unwrap();
    assert_eq!(again.to_toml().unwrap(), shown, "what show prints can be read again");
}

#[test]
fn later_sources_win() {
    let toml = "[api]\nlisten = \"127.0.0.1:1\"\nmax_streams = 1\ntimeout = \"1s\"\n";
    let env = [("COLLECTOR_API__LISTEN", "127.0.0.1:2"), ("COLLECTOR_API__MAX_STREAMS", "2"), ("HOME", "/")];
    let config = from(toml, &env, &[("api.listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:3");
    assert_eq!(config.api.max_streams, 2);
    assert_eq!(config.api.timeout.to_string(), "1s");
    let config = from("", &[("COLLECTOR_API_URL", "x"), ("COLLECTOR_DATA_DIR", "/d")], &[]).unwrap();
    assert_eq!(config.data_dir.to_str(), Some("/d"));
}

#[test]
fn lists_have_two_forms() {
    let toml = "[network]\nallow = [\"10.2.0.0/16\"]\nports = [\"80\", \"8000-8999\"]";
    let shown = |config: &Config| serde_json::to_value(&config.network).unwrap();
    let config = from(toml, &[], &[]).unwrap();
    assert_eq!(shown(&config)["allow"], serde_json::json!(["10.2.0.0/16"]));
    assert_eq!(shown(&config)["ports"], serde_json::json!(["80", "8000-8999"]));
    let env = [("COLLECTOR_NETWORK__ALLOW", "10.0.0.0/8, fd00::/8"), ("COLLECTOR_NETWORK__PORTS", "443")];
    let config = from(toml, &env, &[]).unwrap();
    assert_eq!(shown(&config)["allow"], serde_json::json!(["10.0.0.0/8", "fd00::/8"]));
    assert_eq!(shown(&config)["ports"], serde_json::json!(["443"]));
    let config = from(toml, &[("COLLECTOR_NETWORK__ALLOW", "")], &[]).unwrap();
    assert_eq!(shown(&config)["allow"], serde_json::json!([]));
}

#[test]
fn the_last_source_that_names_pools_names_them_all() {
    let toml = "[sanjers]\npools = { heavy = \"4x1\", own = \"1x2\" }";
    let pools = |config: Config| config.sanjers.pools.keys().cloned().collect::<Vec<_>>();
    assert_eq!(pools(from(toml, &[], &[]).unwrap()), ["heavy", "own"]);
    let env = [("COLLECTOR_SANJERS__POOLS__LIGHT", "1x1")];
    assert_eq!(pools(from(toml, &env, &[]).unwrap()), ["light"]);
    assert_eq!(pools(from(toml, &env, &[("sanjers.pools.heavy", "2x1")]).unwrap()), ["heavy"]);
}

#[test]
fn mistakes_in_the_file_are_one_sentence() {
    let table = [
        ("api = 5", "api = 5: expected a section of keys"),
        (
            "[api]\nport = 80",
            "api.port: there is no such key; there are allow_insecure, header_timeout, hosts, idempotency_ttl, listen, max_body, max_connections, max_depth, max_streams, read_only, timeout",
        ),
        (
            "[rediss]\nurl = \"x\"",
            "rediss: there is no such key; there are api, callbacks, data_dir, jobs, log, network, providers, queue, redis, requests, sanjers, secrets",
        ),
        ("data_dir = \"\"", "data_dir = \"\": expected a directory"),
        ("data_dir = 5", "data_dir = 5: expected text in quotes"),
        ("[api]\nlisten = \"localhost\"", "api.listen = \"localhost\": invalid socket address syntax"),
        (
            "[api]\nlisten = \"0.0.0.0:8900\"",
            "api.listen = \"0.0.0.0:8900\": other machines can reach this address and the API has no access control; listen on a loopback address or set api.allow_insecure = true",
        ),
        ("[api]\nallow_insecure = \"maybe\"", "api.allow_insecure = \"maybe\": expected true or false"),
        (
            "[api]\nmax_body = \"1MB\"",
            "api.max_body = \"1MB\": expected a size like \"512B\", \"64KiB\", \"1MiB\" or \"2GiB\"",
        ),
        ("[api]\nmax_body = \"1B\"", "api.max_body = \"1B\": expected 1KiB to 64MiB"),
        ("[api]\nmax_depth = 1000", "api.max_depth = 1000: expected 1 to 128"),
        ("[api]\nmax_streams = 0", "api.max_streams = 0: expected at least 1"),
        ("[api]\ntimeout = \"0s\"", "api.timeout = \"0s\": expected 100ms to 1h"),
        (
            "[redis]\ntimeout = \"10\"",
            "redis.timeout = \"10\": expected a duration like \"250ms\", \"10s\", \"5m\", \"2h\" or \"7d\"",
        ),
        (
            "[redis]\nurl = \"http://:pw@host\"",
            "redis.url = \"http://:••••@host\": expected a redis://, rediss:// or unix:// URL, redis+sentinel://HOST:PORT,…/MASTER-NAME or redis+cluster://HOST:PORT,…",
        ),
        (
            "[redis]\nurl = \"redis+sentinel://:pw@one,two\"",
            "redis.url = \"redis+sentinel://:••••@one,two\": which primary of the Sentinels? their addresses are followed by its name: …/mymaster",
        ),
        (
            "[redis]\nurl = \"redis+cluster://:pw@one,two:x\"",
            "redis.url = \"redis+cluster://:••••@one,two:x\": \"two:x\" in the list is no HOST:PORT",
        ),
        ("[queue]\nshards = 0", "queue.shards = 0: expected 1 to 1024"),
        ("[queue]\nshards = 70000", "queue.shards = 70000: expected an unsigned 16 bit integer"),
        ("[queue]\nshards = -1", "queue.shards = -1: expected an unsigned 64 bit or less integer"),
        ("[queue]\nshards = 1.5", "queue.shards = 1.5: expected a whole number"),
        ("[queue]\nlease = \"500ms\"", "queue.lease = \"500ms\": expected 1s to 1h"),
        ("[sanjers]\npools = \"2x1\"", "sanjers.pools = \"2x1\": expected a section of keys"),
        (
            "[sanjers]\npools = { heavy = \"2\" }",
            "sanjers.pools.heavy = \"2\": expected PROCESSESxSLOTS like \"2x64\", 1-64 processes of 1-1024 slots",
        ),
        (
            "[sanjers]\npools = { Heavy = \"2x1\" }",
            "sanjers.pools = { Heavy = \"2x1\" }: a pool's name is lower-case letters, digits, - and _, starting with a letter, at most 40 characters",
        ),
        (
            "[network]\nallow = [\"10.2.0.0/16\", \"10.3.0.0\"]",
            "network.allow = [\"10.2.0.0/16\", \"10.3.0.0\"]: \"10.3.0.0\" in the list: invalid IP address syntax",
        ),
        ("[network]\nallow = [1]", "network.allow = [1]: expected a list of texts in quotes"),
        ("[network]\nallow = true", "network.allow = true: expected a list of texts in quotes"),
        (
            "[network]\nports = [\"80-\"]",
            "network.ports = [\"80-\"]: \"80-\" in the list: expected a port like \"443\" or ports like \"1024-65535\"",
        ),
        (
            "[network.retry]\nfetch = [\"1 sec\"]",
            "network.retry.fetch = [\"1 sec\"]: \"1 sec\" in the list: expected a duration like \"250ms\", \"10s\", \"5m\", \"2h\" or \"7d\"",
        ),
        (
            "[network.retry]\ncallback = [\"8d\"]",
            "network.retry.callback = [\"8d\"]: expected at most 100 waits of 1ms to 7d",
        ),
        ("[network.breaker]\nfailed_percent = 101", "network.breaker.failed_percent = 101: expected 1 to 100"),
        ("[network.breaker]\nmin_requests = 0", "network.breaker.min_requests = 0: expected at least 1"),
        ("[network.breaker]\nmax_endpoints = 0", "network.breaker.max_endpoints = 0: expected 1 to 1000000"),
        ("[network.breaker]\nopen = \"1ms\"", "network.breaker.open = \"1ms\": expected 10ms to 1d"),
        ("[network]\nports = []", "network.ports = []: expected at least one port"),
        ("[network]\nmax_body = \"0B\"", "network.max_body = \"0B\": expected 1B to 256MiB"),
        ("[log]\nformat = \"xml\"", "log.format = \"xml\": expected \"text\" or \"json\""),
        (
            "[log]\nlevel = \"a=b=c\"",
            "log.level = \"a=b=c\": expected error, warn, info, debug, trace, off, or a filter like info,collector::queue=debug",
        ),
        ("[api", "TOML parse error at line 1, column 5: unclosed table, expected `]`"),
    ];
    for (toml, message) in table {
        assert_eq!(from(toml, &[], &[]).unwrap_err(), format!("collector.toml: {message}"), "{toml}");
    }
}

#[test]
fn other_sources_are_named() {
    let env = [("COLLECTOR_QUEUE__SHARDS", "many")];
    let error = from("", &env, &[]).unwrap_err();
    assert_eq!(error, "COLLECTOR_QUEUE__SHARDS: queue.shards = \"many\": expected a whole number");
    let error = from("", &[("COLLECTOR_LISTEN", "x")], &[]).unwrap_err();
    assert!(error.starts_with("COLLECTOR_LISTEN: listen: there is no such key; "), "{error}");
    let error = from("", &[], &[("api.listen", "[::]:1")]).unwrap_err();
    assert!(error.starts_with("command line: api.listen = \"[::]:1\": other machines"), "{error}");
    let error = merge(Some("/no/such.toml".as_ref()), [].into_iter(), vec![]).unwrap_err();
    assert_eq!(error.to_string(), "/no/such.toml: there is no such file");
}
