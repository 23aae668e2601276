//! A datagram, given unmasked: whatever its header says, it is a packet or an error.
#![no_main]

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use collector::discv5::{NodeId, packet::Packet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let to = NodeId([7; 32]);
    let mut datagram = input.to_vec();
    if let Some((iv, rest)) = datagram.split_first_chunk_mut::<16>() {
        ctr::Ctr128BE::<aes::Aes128>::new(&[7; 16].into(), (&*iv).into()).apply_keystream(rest);
    }
    if let Ok(packet) = Packet::decode(&mut datagram, to) {
        assert_eq!(packet.head.len() + packet.message.len(), input.len());
        assert_eq!(packet.head, &input[..packet.head.len()], "the head is what was masked");
    }
});
