use super::*;

/// EIP-778's example.
const EXAMPLE: &str = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";
const EXAMPLE_KEY: &str = "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291";
const EXAMPLE_ID: &str = "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7";

pub(in crate::discv5) fn secret() -> SecretKey {
    // A node id is 32 bytes in hexadecimal too.
    SecretKey::from_secret_bytes(EXAMPLE_KEY.parse::<NodeId>().expect("32 bytes").0).expect("a key")
}

/// A list of these items, each in RLP already, with a signature that is right for whatever they are.
pub(in crate::discv5) fn signed(items: &[&[u8]]) -> Vec<u8> {
    let content = items.concat();
    let signature = ecdsa::sign(digest(&content), &secret()).serialize_compact();
    list_of(&[alloy_rlp::encode(signature.as_slice()), content].concat())
}

pub(in crate::discv5) fn rlp(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

pub(in crate::discv5) fn public() -> Vec<u8> {
    rlp(&PublicKey::from_secret_key(&secret()).serialize())
}

#[test]
fn the_example_of_eip_778_is_read_and_made() {
    let record: Record = EXAMPLE.parse().expect("a record");
    assert_eq!(record.id().to_string(), EXAMPLE_ID);
    assert_eq!(record.seq(), 1);
    assert_eq!(record.udp4_socket(), Some("127.0.0.1:30303".parse().expect("an address")));
    assert_eq!((record.tcp4(), record.udp6_socket(), record.ip6()), (None, None, None));
    assert_eq!(record.to_string(), EXAMPLE);
    let keys: Vec<&[u8]> = record.keys().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"id".as_slice(), b"ip", b"secp256k1", b"udp"]);
    assert_eq!(record.get("udp"), Some([0x82, 0x76, 0x5f].as_slice()));
    assert_eq!(record.get("nothing"), None);

    let pairs: [(&[u8], _); 2] = [(b"udp", alloy_rlp::encode(30303_u16)), (b"ip", rlp(&[127, 0, 0, 1]))];
    let made = Record::sign(&secret(), 1, &pairs).expect("a record");
    // The example's signature has another nonce; the content is the same.
    assert_eq!(made.rlp()[68..], record.rlp()[68..]);
}

#[test]
fn records_of_mainnets_bootnodes_pass() {
    let mut count = 0;
    for line in include_str!("../crawl/mainnet_bootnodes.txt").lines().filter(|line| line.starts_with("enr:")) {
        let record: Record = line.trim().parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        let other: ::discv5::Enr = line.trim().parse().expect("a record");
        assert_eq!(record.id().0, other.node_id().raw());
        assert_eq!(record.udp4_socket(), other.udp4_socket().map(SocketAddr::from));
        assert_eq!(record.to_string(), line.trim());
        count += 1;
    }
    assert!(count > 0, "no bootnode was read");
}

#[test]
fn what_is_no_record_is_refused_by_its_cause() {
    let (id, v4, key, public) = (rlp(b"id"), rlp(b"v4"), rlp(b"secp256k1"), public());
    let right = [b"\x01".as_slice(), &id, &v4, &key, &public];
    assert!(Record::decode(&signed(&right)).is_ok(), "what the table varies must pass");

    let mut flipped = signed(&right);
    flipped[10] ^= 1;
    let mut changed = signed(&right);
    *changed.last_mut().expect("a byte") ^= 1;
    let trailing = [signed(&right), vec![0]].concat();
    let cut = signed(&right)[..100].to_vec();
    let other_key = rlp(&[5; 33]);
    let short_key = rlp(&[2; 32]);
    // Exactly one byte too many, and everything else right.
    let long = |size| signed(&[&right[..], &[&rlp(b"z"), &rlp(&vec![7; size])]].concat());
    let size = (0..200).find(|size| long(*size).len() == MAX_SIZE + 1).expect("a size");
    assert!(Record::decode(&long(size - 1)).is_ok(), "300 bytes are a record");

    let table: [(&str, Vec<u8>, RecordError); 16] = [
        ("nothing", vec![], RecordError::Rlp),
        ("a string", rlp(b"record"), RecordError::Rlp),
        ("an empty list", vec![0xc0], RecordError::Rlp),
        ("the first bytes", cut, RecordError::Rlp),
        ("a byte more", trailing, RecordError::Trailing),
        ("301 bytes", long(size), RecordError::TooLong),
        ("a flipped signature bit", flipped, RecordError::Signature),
        ("a changed key", changed, RecordError::Signature),
        ("scheme v5", signed(&[b"\x01", &id, &rlp(b"v5"), &key, &public]), RecordError::Scheme),
        ("no scheme", signed(&[b"\x01", &key, &public]), RecordError::Scheme),
        ("unsorted keys", signed(&[b"\x01", &key, &public, &id, &v4]), RecordError::Order),
        ("a key twice", signed(&[b"\x01", &id, &v4, &id, &v4, &key, &public]), RecordError::Order),
        ("no public key", signed(&[b"\x01", &id, &v4]), RecordError::Key),
        ("a key off the curve", signed(&[b"\x01", &id, &v4, &key, &other_key]), RecordError::Key),
        ("a short key", signed(&[b"\x01", &id, &v4, &key, &short_key]), RecordError::Key),
        ("a key without a value", signed(&[b"\x01", &id, &v4, &key, &public, &rlp(b"udp")]), RecordError::Rlp),
    ];
    for (name, bytes, error) in table {
        assert_eq!(Record::decode(&bytes).err(), Some(error), "{name}");
    }
    for (text, error) in [
        ("", RecordError::Text),
        ("enr:", RecordError::Rlp),
        ("enr:*", RecordError::Text),
        (&EXAMPLE[4..], RecordError::Text),
        (&format!("{EXAMPLE}="), RecordError::Text),
        (&format!("enr:{}", "A".repeat(401)), RecordError::TooLong),
    ] {
        assert_eq!(text.parse::<Record>().err(), Some(error), "{text}");
    }
}

#[test]
fn the_second_form_of_a_signature_is_refused() {
    let record: Record = EXAMPLE.parse().expect("a record");
    let mut bytes = record.rlp().to_vec();
    // The order of the curve minus s signs the same content.
    let order =
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse::<NodeId>().expect("32 bytes").0;
    let mut borrow = 0_i16;
    for (place, order) in (36..68).zip(order).rev() {
        let digit = i16::from(order) - i16::from(bytes[place]) - borrow;
        borrow = i16::from(digit < 0);
        bytes[place] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    assert_eq!(Record::decode(&bytes).err(), Some(RecordError::Signature));
}

#[test]
fn wrong_ports_and_addresses_are_none() {
    let table: [(&[u8], Vec<u8>); 7] = [
        (b"udp", alloy_rlp::encode(65536_u32)),
        (b"udp", alloy_rlp::encode(0_u16)),
        (b"udp", vec![0xc1, 0x07]),
        (b"udp", vec![0x83, 0, 0, 7]),
        (b"ip", rlp(&[1, 2, 3])),
        (b"ip", rlp(&[7; 16])),
        (b"ip", vec![0xc4, 1, 2, 3, 4]),
    ];
    for (key, value) in table {
        let ip: (&[u8], _) = (b"ip", rlp(&[1, 2, 3, 4]));
        let udp: (&[u8], _) = (b"udp", alloy_rlp::encode(9000_u16));
        let whole = Record::sign(&secret(), 1, &[ip.clone(), udp.clone()]).expect("a record");
        assert!(whole.udp4_socket().is_some());
        let wrong = (key, value);
        let pairs = if key == b"ip" { [wrong, udp] } else { [ip, wrong] };
        let record = Record::sign(&secret(), 1, &pairs).expect("a record");
        assert_eq!(record.udp4_socket(), None, "{pairs:?}");
    }
}

#[test]
fn unknown_keys_are_kept() {
    let client: (&[u8], _) = (b"client", list_of(&[rlp(b"lantern"), rlp(b"1")].concat()));
    let six: (&[u8], _) = (b"ip6", rlp(&Ipv6Addr::LOCALHOST.octets()));
    let port: (&[u8], _) = (b"udp6", alloy_rlp::encode(9_u16));
    let record = Record::sign(&secret(), u64::MAX, &[client.clone(), six, port]).expect("a record");
    assert_eq!(record.get("client"), Some(client.1.as_slice()));
    assert_eq!(record.udp6_socket(), Some("[::1]:9".parse().expect("an address")));
    assert_eq!(record.seq(), u64::MAX);
}
