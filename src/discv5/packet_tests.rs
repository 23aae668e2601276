use secp256k1::SecretKey;

use super::*;
use crate::discv5::{
    codec::{Message, RequestId},
    session::{self, Identity, tests::bytes},
};

// The identities and packets of the protocol's test vectors.
const A: &str = "eef77acb6c6a6eebc5b363a475ac583ec7eccdb42b6481424c60f59aa326547f";
const B: &str = "66fb62bfbd66b9177a138c1e5cddbe4f7c30c343e94e68df8769459cb1cde628";
const EPHEMERAL: &str = "0288ef00023598499cb6c940146d050d2b1fb914198c327f76aad590bead68b6";
const NONCE: Nonce = [0xff; 12];
const PING: &str = "00000000000000000000000000000000088b3d4342774649325f313964a39e55ea96c005ad52be8c7560413a7008f16c9e6d2f43bbea8814a546b7409ce783d34c4f53245d08dab84102ed931f66d1492acb308fa1c6715b9d139b81acbdcc";
const WHOAREYOU: &str = "00000000000000000000000000000000088b3d434277464933a1ccc59f5967ad1d6035f15e528627dde75cd68292f9e6c27d6b66c8100a873fcbaed4e16b8d";
const HANDSHAKE: &str = "00000000000000000000000000000000088b3d4342774649305f313964a39e55ea96c005ad521d8c7560413a7008f16c9e6d2f43bbea8814a546b7409ce783d34c4f53245d08da4bb252012b2cba3f4f374a90a75cff91f142fa9be3e0a5f3ef268ccb9065aeecfd67a999e7fdc137e062b2ec4a0eb92947f0d9a74bfbf44dfba776b21301f8b65efd5796706adff216ab862a9186875f9494150c4ae06fa4d1f0396c93f215fa4ef524f1eadf5f0f4126b79336671cbcf7a885b1f8bd2a5d839cf8";
const HANDSHAKE_WITH_RECORD: &str = "00000000000000000000000000000000088b3d4342774649305f313964a39e55ea96c005ad539c8c7560413a7008f16c9e6d2f43bbea8814a546b7409ce783d34c4f53245d08da4bb23698868350aaad22e3ab8dd034f548a1c43cd246be98562fafa0a1fa86d8e7a3b95ae78cc2b988ded6a5b59eb83ad58097252188b902b21481e30e5e285f19735796706adff216ab862a9186875f9494150c4ae06fa4d1f0396c93f215fa4ef524e0ed04c3c21e39b1868e1ca8105e585ec17315e755e6cfc4dd6cb7fd8e1a1f55e49b4b5eb024221482105346f3c82b15fdaae36a3bb12a494683b4a3c7f2ae41306252fed84785e2bbff3b022812d0882f06978df84a80d443972213342d04b9048fc3b1d5fcb1df0f822152eced6da4d3f6df27e70e4539717307a0208cd208d65093ccab5aa596a34d7511401987662d8cf62b139471";
const RECORD: &str = "enr:-H24QBfhsHORjaMtZAZCx2LA4ngWmOSXH4qzmnd0atrYPwHnb_yHTFkkgIu-fFCJCILCuKASh6CwgxLR1ToX1Rf16ycBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQMT0UIR4Ch7I2GhYViQqbUhIIBUbQoleuTP-Wz1NJksuQ";

fn secret(hex: &str) -> SecretKey {
    SecretKey::from_secret_bytes(bytes(hex).try_into().expect("32 bytes")).expect("a key")
}

fn identity(hex: &str) -> Identity {
    Identity::new(secret(hex), 1, &[]).expect("an identity")
}

fn ping(seq: u64) -> Vec<u8> {
    Message::Ping { id: RequestId::new(&[0, 0, 0, 1]).expect("an id"), seq }.encode()
}

/// The challenge of the vectors, with the number of A's record that B has.
fn challenge(seq: u64) -> Challenge {
    let id_nonce = std::array::from_fn(|place| u8::try_from(place + 1).expect("small"));
    let nonce = std::array::from_fn(|place| u8::try_from(place + 1).expect("small"));
    *Head::whoareyou([0; 16], &nonce, id_nonce, seq).challenge().expect("a challenge")
}

#[test]
fn whoareyou_is_that_of_the_vectors() {
    let to = identity(B).id();
    let challenge = challenge(0);
    assert_eq!(Head(challenge.to_vec()).mask(to, &[]), Ok(bytes(WHOAREYOU)));
    let mut datagram = bytes(WHOAREYOU);
    let packet = Packet::decode(&mut datagram, to).expect("a packet");
    assert_eq!(packet.kind, Kind::WhoAreYou { challenge: &challenge, seq: 0 });
    assert_eq!(packet.nonce, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
}

#[test]
fn ping_is_that_of_the_vectors() {
    let (from, to) = (identity(A).id(), identity(B).id());
    let head = Head::ordinary([0; 16], &NONCE, from);
    let sealed = session::seal(&[0; 16], &NONCE, head.bytes(), &ping(2)).expect("sealed");
    assert_eq!(head.mask(to, &sealed), Ok(bytes(PING)));
    let mut datagram = bytes(PING);
    let Packet { nonce, kind, head, message } = Packet::decode(&mut datagram, to).expect("a packet");
    assert_eq!((nonce, kind), (NONCE, Kind::Ordinary { from }));
    assert_eq!(session::open(&[0; 16], &nonce, head, message), Ok(ping(2).as_slice()));
}

#[test]
fn handshakes_are_those_of_the_vectors() {
    let (a, b) = (identity(A), identity(B));
    let record: Record = RECORD.parse().expect("a record");
    for (vector, seq, record, key) in [
        (HANDSHAKE, 1, None, "4f9fac6de7567d1e3b1241dffe90f662"),
        (HANDSHAKE_WITH_RECORD, 0, Some(&record), "53b1c075f41876423154e157470c2f48"),
    ] {
        let challenge = challenge(seq);
        let shaken = session::initiate(&a, b.record(), &challenge, &session::Ephemeral::new(secret(EPHEMERAL)));
        assert_eq!(shaken.keys.write.to_vec(), bytes(key));
        let head = Head::handshake([0; 16], &NONCE, a.id(), &shaken.signature, &shaken.ephemeral, record);
        let sealed = session::seal(&shaken.keys.write, &NONCE, head.bytes(), &ping(1)).expect("sealed");
        assert_eq!(head.mask(b.id(), &sealed), Ok(bytes(vector)));

        let mut datagram = bytes(vector);
        let packet = Packet::decode(&mut datagram, b.id()).expect("a packet");
        let Kind::Handshake { from, signature, ephemeral, record: sent } = packet.kind else {
            panic!("{:?}", packet.kind)
        };
        assert_eq!((from, sent), (a.id(), record.map(Record::rlp)));
        let keys = session::accept(&b, from, a.record(), &challenge, signature, ephemeral).expect("accepted");
        assert_eq!(session::open(&keys.read, &packet.nonce, packet.head, packet.message), Ok(ping(1).as_slice()));
    }
}

/// A packet for B with this header, whatever it says.
fn crafted(flag: u8, claimed: u16, authentication: &[u8], message: &[u8]) -> Vec<u8> {
    let mut head = Head::new([3; 16], flag, &NONCE, &[authentication]);
    head.0[FIXED - 2..FIXED].copy_from_slice(&claimed.to_be_bytes());
    head.mask(identity(B).id(), message).expect("a size")
}

#[test]
fn what_is_no_packet_is_refused_by_its_cause() {
    let to = identity(B).id();
    let sizes = |signature, key, rest: usize| [&[0; 32][..], &[signature, key], &vec![0; rest]].concat();
    let table: [(&str, Vec<u8>, PacketError); 16] = [
        ("nothing", vec![], PacketError::Size(0)),
        ("62 bytes", vec![0; 62], PacketError::Size(62)),
        ("63 bytes", vec![0; 63], PacketError::Protocol),
        ("1280 bytes", vec![0; 1280], PacketError::Protocol),
        ("1281 bytes", vec![0; 1281], PacketError::Size(1281)),
        ("another flag", crafted(3, 32, &[0; 32], &[0; 16]), PacketError::Flag(3)),
        ("a short id", crafted(ORDINARY, 31, &[0; 31], &[0; 16]), PacketError::Authentication),
        ("a long id", crafted(ORDINARY, 33, &[0; 33], &[0; 16]), PacketError::Authentication),
        ("more than there is", crafted(ORDINARY, u16::MAX, &[0; 32], &[]), PacketError::Authentication),
        ("less than there is", crafted(super::WHOAREYOU, 23, &[0; 24], &[]), PacketError::Authentication),
        ("whoareyou with a message", crafted(super::WHOAREYOU, 24, &[0; 24], &[0]), PacketError::Message),
        ("a short handshake", crafted(super::HANDSHAKE, 33, &[0; 33], &[]), PacketError::Authentication),
        ("a short signature", crafted(super::HANDSHAKE, 130, &sizes(63, 33, 96), &[]), PacketError::Authentication),
        ("a long key", crafted(super::HANDSHAKE, 132, &sizes(64, 34, 98), &[]), PacketError::Authentication),
        ("no key", crafted(super::HANDSHAKE, 98, &sizes(64, 33, 64), &[]), PacketError::Authentication),
        ("sizes of nothing", crafted(super::HANDSHAKE, 34, &sizes(255, 255, 0), &[]), PacketError::Authentication),
    ];
    for (name, mut datagram, error) in table {
        assert_eq!(Packet::decode(&mut datagram, to).err(), Some(error), "{name}");
    }
    let other = identity(A).id();
    assert_eq!(Packet::decode(&mut bytes(PING), other).err(), Some(PacketError::Protocol), "for somebody else");
    let head = Head::ordinary([0; 16], &NONCE, to);
    assert_eq!(head.clone().mask(to, &[0; 1209]).map(|packet| packet.len()), Ok(1280));
    assert_eq!(head.mask(to, &[0; 1210]), Err(PacketError::Size(1281)));
}
