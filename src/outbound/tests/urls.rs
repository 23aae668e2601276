//! What a URL alone says.

use super::*;

/// The rule that a URL breaks, by its text.
fn broken(policy: &Policy, text: &str) -> Option<Rule> {
    policy.admit(&url(text)).err().map(|refusal| refusal.rule)
}

#[test]
fn tricks_are_seen_through() {
    let policy = Policy::new(&network(true, &[]));
    for (texts, rule) in [
        ("http://127.0.0.1 http://127.1 http://0x7f.1 http://0x7f000001 http://2130706433", Rule::Loopback),
        ("http://0177.0.0.1 http://127.0.0.1. http://127.0.0.1:8080 http:127.0.0.1 http:\\\\127.0.0.1", Rule::Loopback),
        ("http://１２７.0.0.1 http://①②⑦.0.0.1 http://127。0。0。1 http://%31%32%37.0.0.1", Rule::Loopback),
        ("http://[::1] http://[0:0:0:0:0:0:0:1] http://[::ffff:127.0.0.1] http://[::ffff:7f00:1]", Rule::Loopback),
        ("http://127.0.0.1#@example.org http://127.0.0.1?@example.org http://127.0.0.1/@example.org", Rule::Loopback),
        (
            "http://localhost http://LOCALHOST http://localhost. http://a.b.localhost http://x.LocalHost.",
            Rule::Localhost,
        ),
        ("http://0 http://0.0.0.0 http://[::] http://0.1.2.3", Rule::Unspecified),
        ("http://10.0.0.1 http://0xa.1 http://012.1 http://167772161 http://[::ffff:a00:1]", Rule::Private),
        ("http://172.16.0.1 http://192.168.1.1 http://3232235777", Rule::Private),
        ("http://169.254.169.254 http://0xa9fea9fe http://2852039166 http://169.254.169.254.", Rule::Metadata),
        ("http://[::ffff:169.254.169.254] http://[::a9fe:a9fe] http://[64:ff9b::a9fe:a9fe]", Rule::Metadata),
        ("http://[2002:a9fe:a9fe::] http://[2001:0:a9fe:a9fe::] http://[fd00:ec2::254]", Rule::Metadata),
        ("http://168.63.129.16 http://100.100.100.200 http://[fd20:ce::254] http://169.254.170.2", Rule::Metadata),
        ("http://[64:ff9b::7f00:1] http://[64:ff9b::808:808] http://[64:ff9b:1::a00:1]", Rule::Nat64),
        ("http://[2002:7f00:1::] http://192.88.99.1", Rule::SixToFour),
        ("http://[2001:0:808:808::]", Rule::Teredo),
        ("http://[::7f00:1] http://[::8.8.8.8]", Rule::Ipv4Compatible),
        ("http://[fc00::1] http://[fd12::1]", Rule::UniqueLocal),
        ("http://[fe80::1]", Rule::LinkLocal),
        ("http://[fec0::1]", Rule::SiteLocal),
        ("http://user@8.8.8.8 http://:pw@8.8.8.8 http://example.org@127.0.0.1 http://a:b@example.org", Rule::Userinfo),
        ("http://8.8.8.8:0 http://8.8.8.8:22 https://example.org:25 http://example.org:1023", Rule::Port),
        ("ftp://8.8.8.8 file:///etc/passwd gopher://8.8.8.8 data:,x javascript:1 ws://8.8.8.8", Rule::Scheme),
        ("http://a..b http://example.org.. http://.", Rule::Host),
    ] {
        for text in texts.split(' ') {
            assert_eq!(broken(&policy, text), Some(rule), "{text}");
        }
    }
    let long = format!("http://8.8.8.8/{}", "x".repeat(8 << 10));
    assert_eq!(broken(&policy, &long), Some(Rule::TooLong));
    let name = format!("http://{}.org", vec!["x".repeat(63); 4].join("."));
    assert_eq!(broken(&policy, &name), Some(Rule::Host));
    for text in
        "http://8.8.8.8 https://8.8.8.8:8443/a?b http://[2606:4700::1111] http://example.org https://a-b.example.org. \
                 http://mylocalhost http://localhost.example.org http://example.org\\@127.0.0.1"
            .split_whitespace()
    {
        assert_eq!(broken(&policy, text), None, "{text}");
    }
}

#[test]
fn each_world_has_its_addresses() {
    let here = Policy::new(&network(false, &[]));
    let public = Policy::new(&network(true, &[]));
    let exceptions = ["10.2.0.0/16", "127.0.0.1/32", "fd00::/8", "169.254.0.0/16"];
    let (both, close) = (Policy::new(&network(true, &exceptions)), Policy::new(&network(false, &["10.2.0.0/16"])));
    for (address, in_here, in_public, in_both, in_close) in [
        ("127.0.0.1", None, Some(Rule::Loopback), None, None),
        ("127.0.0.2", None, Some(Rule::Loopback), Some(Rule::Loopback), None),
        ("::1", None, Some(Rule::Loopback), Some(Rule::Loopback), None),
        ("::ffff:127.0.0.1", None, Some(Rule::Loopback), None, None),
        ("8.8.8.8", Some(Rule::Public), None, None, Some(Rule::Public)),
        ("10.2.255.1", Some(Rule::Private), Some(Rule::Private), None, None),
        ("::ffff:10.2.0.1", Some(Rule::Private), Some(Rule::Private), None, None),
        ("10.3.0.1", Some(Rule::Private), Some(Rule::Private), Some(Rule::Private), Some(Rule::Private)),
        ("fd12::1", Some(Rule::UniqueLocal), Some(Rule::UniqueLocal), None, Some(Rule::UniqueLocal)),
        ("169.254.1.1", Some(Rule::LinkLocal), Some(Rule::LinkLocal), None, Some(Rule::LinkLocal)),
        ("169.254.169.254", Some(Rule::Metadata), Some(Rule::Metadata), Some(Rule::Metadata), Some(Rule::Metadata)),
        ("fd00:ec2::254", Some(Rule::Metadata), Some(Rule::Metadata), Some(Rule::Metadata), Some(Rule::Metadata)),
    ] {
        for (policy, expected) in [(&here, in_here), (&public, in_public), (&both, in_both), (&close, in_close)] {
            let found = policy.judge(ip(address)).err().map(|refusal| refusal.rule);
            assert_eq!(found, expected, "{address} under {policy:?}");
        }
    }
}

/// However an address is written, the verdict is the same; and however it is wrapped, it is not let through.
#[test]
fn every_spelling_is_one_address() {
    let policies = [network(false, &[]), network(true, &[]), network(true, &["10.0.0.0/8"])].map(|it| Policy::new(&it));
    let ranges = [0x0a00_0000, 0x7f00_0000, 0xa9fe_0000, 0xac10_0000, 0xc0a8_0000, 0xe000_0000, 0x0808_0000];
    for n in 0..3000_usize {
        let near = |range: u32| range ^ (rand::random::<u32>() & 0x00ff_ffff);
        let bits = if n % 2 == 0 { rand::random() } else { near(ranges[n % ranges.len()]) };
        let [a, b, c, d] = bits.to_be_bytes();
        let low = bits & 0x00ff_ffff;
        let spellings = [
            format!("{a}.{b}.{c}.{d}"),
            format!("{a}.{b}.{c}.{d}."),
            format!("{bits}"),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{a}.{low}"),
            format!("{a:#x}.0{b:o}.{}", low & 0xffff),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
            format!("[0:0:0:0:0:ffff:{:x}:{:x}]", bits >> 16, bits & 0xffff),
        ];
        let [top, bottom] = [bits >> 16, bits & 0xffff];
        let wrappings = [
            format!("[64:ff9b::{top:x}:{bottom:x}]"),
            format!("[2002:{top:x}:{bottom:x}::1]"),
            format!("[2001:0:{top:x}:{bottom:x}::1]"),
            format!("[::{top:x}:{bottom:x}]"),
        ];
        for policy in &policies {
            let verdict = policy.judge(bits.to_be_bytes().into()).map_err(|refusal| refusal.rule);
            for spelling in &spellings {
                assert_eq!(broken(policy, &format!("http://{spelling}/")), verdict.err(), "{spelling}");
            }
            for wrapping in &wrappings {
                assert!(broken(policy, &format!("http://{wrapping}/")).is_some() || bits == 1, "{wrapping}");
            }
        }
    }
}

#[test]
fn an_allowed_translator_hides_nothing() {
    let policy = Policy::new(&network(true, &["64:ff9b::/96", "2002::/16", "10.2.0.0/16"]));
    for (address, expected) in [
        ("64:ff9b::808:808", None),
        ("64:ff9b::a02:1", None),
        ("64:ff9b::a03:1", Some(Rule::Private)),
        ("64:ff9b::7f00:1", Some(Rule::Loopback)),
        ("64:ff9b::a9fe:a9fe", Some(Rule::Metadata)),
        ("2002:a00:1::1", Some(Rule::Private)),
        ("2002:808:808::1", None),
        ("64:ff9b:1::808:808", Some(Rule::Nat64)),
    ] {
        assert_eq!(policy.judge(ip(address)).err().map(|refusal| refusal.rule), expected, "{address}");
    }
}

#[test]
fn names_are_looked_up_only_where_that_can_help() {
    let here = Policy::new(&network(false, &[]));
    for (text, expected) in [
        ("http://localhost:9000", None),
        ("http://a.localhost.", None),
        ("http://example.org", Some(Rule::Name)),
        ("http://redis", Some(Rule::Name)),
    ] {
        assert_eq!(broken(&here, text), expected, "{text}");
    }
    assert_eq!(broken(&Policy::new(&network(false, &["10.2.0.0/16"])), "http://intern"), None);
    let six = Policy::new(&network(true, &["::1/128"]));
    assert_eq!(six.local().collect::<Vec<_>>(), [ip("::1")], "localhost is what of it is allowed");
    let ports = config::Network { ports: config::List(vec!["8080".parse().unwrap()]), ..network(true, &[]) };
    assert_eq!(broken(&Policy::new(&ports), "http://8.8.8.8"), Some(Rule::Port));
    assert_eq!(broken(&Policy::new(&ports), "http://8.8.8.8:8080"), None);
}

#[test]
fn a_url_is_called_as_it_was_judged() {
    let policy = Policy::new(&network(true, &[]));
    for (given, called) in [
        ("http://Example.ORG.:80/a?b#c", "http://example.org/a?b"),
        ("https://1.1", "https://1.0.0.1/"),
        ("http://example.org:8080", "http://example.org:8080/"),
    ] {
        assert_eq!(policy.admit(&url(given)).unwrap().as_str(), called);
    }
}

#[test]
fn every_rule_has_its_word_in_the_contract() {
    let document: serde_json::Value = serde_saphyr::from_str(include_str!("../../../openapi.yaml")).unwrap();
    let listed = &document["components"]["schemas"]["UrlVerdict"]["properties"]["rule"]["enum"];
    let listed: Vec<Option<String>> = serde_json::from_value(listed.clone()).unwrap();
    let words = Rule::ALL.iter().map(|rule| Some(rule.word()));
    let expected: Vec<_> = [None, Some("unresolved".to_owned())].into_iter().chain(words).collect();
    assert_eq!(listed, expected);
}
