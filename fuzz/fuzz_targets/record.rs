//! A record: read as it is, and with its content signed, so that the input gets past the signature.
#![no_main]

use collector::discv5::Record;
use libfuzzer_sys::fuzz_target;
use secp256k1::SecretKey;

fuzz_target!(|input: &[u8]| {
    if let Ok(record) = Record::decode(input) {
        check(&record);
        assert_eq!(record.rlp(), input);
    }
    // A name and its value, up to the next mark.
    let pairs: Vec<(&[u8], Vec<u8>)> = input
        .split(|byte| *byte == b'\n')
        .map(|pair| pair.split_at(pair.len().min(3)))
        .map(|(name, value)| (name.trim_ascii(), value.to_vec()))
        .collect();
    let secret = SecretKey::from_secret_bytes([7; 32]).expect("a key");
    if let Ok(record) = Record::sign(&secret, 1, &pairs) {
        check(&record);
    }
});

fn check(record: &Record) {
    assert_eq!(record.to_string().parse::<Record>().as_ref(), Ok(record));
    let keys: Vec<_> = record.keys().collect();
    assert!(keys.windows(2).all(|pair| pair[0].0 < pair[1].0), "keys are sorted");
    assert!(keys.iter().all(|(key, value)| record.get(key) == Some(value)), "every key has its value");
    assert_ne!(record.udp4_socket().map(|socket| socket.port()), Some(0));
    assert_ne!(record.udp6_socket().map(|socket| socket.port()), Some(0));
    let _ = (record.tcp4(), record.tcp6());
}
