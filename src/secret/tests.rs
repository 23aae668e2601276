use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;
use crate::job::Shard;

fn sealer(byte: u8) -> Sealer {
    Sealer::from_key(&[byte; 32]).unwrap()
}

#[test]
fn opens_only_what_was_sealed_for_this_place_of_this_job_with_this_key() {
    let (job, other) = (JobId::new(Shard(0)), JobId::new(Shard(0)));
    let sealed = sealer(1).seal("hünter2", job, "/password").unwrap();
    assert!(sealed.starts_with("v1.") && !sealed.contains("nter2"));
    assert_eq!(sealer(1).open(&sealed, job, "/password").unwrap(), "hünter2");

    let cut = &sealed[..sealed.len() - 8];
    let swapped = if sealed.contains('A') { sealed.replace('A', "B") } else { sealed.replace('a', "b") };
    let table = [
        (sealer(1).open(&sealed, other, "/password"), "another job"),
        (sealer(1).open(&sealed, job, "/token"), "another setting"),
        (sealer(2).open(&sealed, job, "/password"), "this host has key"),
        (sealer(1).open(cut, job, "/password"), "was changed"),
        (sealer(1).open(&swapped, job, "/password"), "cannot be opened"),
        (sealer(1).open("hünter2", job, "/password"), "form"),
        (sealer(1).open(&format!("v1.{}.AAAA", sealer(1).fingerprint()), job, "/password"), "cut off"),
    ];
    for (outcome, part) in table {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("nter2"), "{error}");
    }
    let error = sealer(2).open(&sealed, job, "/x").unwrap_err().to_string();
    assert!(error.contains(&sealer(1).fingerprint()) && error.contains(&sealer(2).fingerprint()));
}

#[test]
fn hashes_differ_by_key_and_content() {
    assert_eq!(sealer(1).keyed_hash(b"a"), sealer(1).keyed_hash(b"a"));
    assert_ne!(sealer(1).keyed_hash(b"a"), sealer(1).keyed_hash(b"b"));
    assert_ne!(sealer(1).keyed_hash(b"a"), sealer(2).keyed_hash(b"a"));
    assert_eq!(sealer(1).keyed_hash(b"a").len(), 64);
}

#[test]
fn masks_wherever_something_is_sealed() {
    let mut stored = json!({ "a": { "$sealed": "v1.x.y" }, "b": [{ "c": { "$sealed": "v1" } }, 1], "d": "plain" });
    mask(&mut stored);
    assert_eq!(stored, json!({ "a": MASK, "b": [{ "c": MASK }, 1], "d": "plain" }));
}

#[test]
fn redacts_values_and_their_json_form() {
    let redactor = Redactor::new(["pass\"word".into(), "pass".into(), "abc".into()]);
    let table = [
        ("the pass\"word is", "the •••• is"),
        (r#"{"p":"pass\"word"}"#, r#"{"p":"••••"}"#),
        ("passport", "••••port"),
        ("abc is too short", "abc is too short"),
    ];
    for (text, expected) in table {
        assert_eq!(redactor.redact(text), expected);
    }
    assert!(!format!("{redactor:?}").contains("pass\""));
}

#[test]
fn the_key_file_is_made_once_and_refused_if_open_to_others() {
    let dir = std::env::temp_dir().join(format!("etlas-key-{}", JobId::new(Shard(0))));
    let path = dir.join("deep/key");
    let first = Sealer::load(&path).unwrap();
    assert_eq!(first.fingerprint(), Sealer::load(&path).unwrap().fingerprint());
    let mode = |bits| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    mode(0o640);
    assert!(Sealer::load(&path).unwrap_err().to_string().contains("chmod 600"));
    mode(0o600);
    for (content, part) in [("", "holds 0"), ("AAAA", "holds 3"), ("no base64!", "base64 of 32 bytes")] {
        std::fs::write(&path, content).unwrap();
        assert!(Sealer::load(&path).unwrap_err().to_string().contains(part));
    }
    std::fs::remove_dir_all(dir).unwrap();
}
