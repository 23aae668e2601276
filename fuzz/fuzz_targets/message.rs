//! An opened message: what is read can be written and read again.
#![no_main]

use collector::discv5::{Records, codec::Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(message) = Message::decode(input) else { return };
    let encoded = message.encode();
    match &message {
        Message::Nodes { records, .. } => {
            let mut cache = Records::new(16);
            for record in records {
                if let Ok(record) = cache.verify(record) {
                    assert_eq!(cache.verify(record.rlp()).as_ref(), Ok(&record));
                }
            }
        }
        // An IPv4 address inside an IPv6 one becomes the former.
        Message::Pong { .. } => assert_eq!(Message::decode(&encoded).as_ref(), Ok(&message)),
        _ => assert_eq!(encoded, input),
    }
});
