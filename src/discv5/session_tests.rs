use super::*;

/// Bytes of hexadecimal digits.
pub(in crate::discv5) fn bytes(hex: &str) -> Vec<u8> {
    let hex = hex.as_bytes();
    assert!(hex.len().is_multiple_of(2), "half a byte");
    hex.chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16).expect("a digit"))
        .collect()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().expect("the right size")
}

fn secret(hex: &str) -> SecretKey {
    SecretKey::from_secret_bytes(array(hex)).expect("a key")
}

fn point(hex: &str) -> PublicKey {
    PublicKey::from_byte_array_compressed(array(hex)).expect("a point")
}

// The test vectors of the protocol.
const A: &str = "aaaa8419e9f49d0083561b48287df592939a8d19947d8c0ef88f2a4856a69fbb";
const B: &str = "bbbb9d047f0488c0b5a93c1c3f2d8bafc7c8ff337024a55434a0d0555de64db9";
const EPHEMERAL: &str = "fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736";
const CHALLENGE: &str = "000000000000000000000000000000006469736376350001010102030405060708090a0b0c00180102030405060708090a0b0c0d0e0f100000000000000000";

#[test]
fn key_agreement_is_that_of_the_vectors() {
    let theirs = point("039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231");
    let shared = "033b11a2a1f214567e1537ce5e509ffd9b21373247f2a3ff6841f4976f53165e7e";
    assert_eq!(agree(&theirs, &secret(EPHEMERAL)), array(shared));
}

#[test]
fn derived_keys_are_those_of_the_vectors() {
    let to = point("0317931e6e0840220642f230037d285d122bc59063221ef3226b1f403ddc69ca91");
    let shared = agree(&to, &secret(EPHEMERAL));
    let keys = derive(&shared, NodeId(array(A)), NodeId(array(B)), &array(CHALLENGE));
    assert_eq!(keys, (array("dccc82d81bd610f4f76d3ebe97a40571"), array("ac74bb8773749920b0d3a8881c173ec5")));
}

#[test]
fn the_signature_is_that_of_the_vectors() {
    let ephemeral = array("039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231");
    let signature =
        sign_challenge(&signer(&secret(EPHEMERAL)).expect("a key"), &array(CHALLENGE), &ephemeral, NodeId(array(B)));
    assert_eq!(
        signature,
        array(
            "94852a1e2318c4e5e9d422c98eaf19d1d90d876b29cd06ca7cb7546d0fff7b484fe86c09a064fe72bdbef73ba8e9c34df0cd2b53e9d65528c2c7f336d5dfc6e6"
        )
    );
}

#[test]
fn the_seal_is_that_of_the_vectors() {
    let (key, nonce) = (array("9f2d77db7004bf8a1a85107ac686990b"), array("27b5af763c446acd2749fe8e"));
    let head = bytes("93a7400fa0d6a694ebc24d5cf570f65d04215b6ac00757875e3f3a5f42107903");
    let sealed = seal(&key, &nonce, &head, &bytes("01c20101")).expect("sealed");
    assert_eq!(sealed, bytes("a5d12a2d94b8ccb3ba55558229867dc13bfa3648"));
    assert_eq!(open(&key, &nonce, &head, &mut sealed.clone()), Ok(bytes("01c20101").as_slice()));
}

#[test]
fn what_was_not_sealed_so_does_not_open_and_is_not_changed() {
    let (key, nonce) = ([1; 16], [2; 12]);
    let sealed = seal(&key, &nonce, b"head", b"a message").expect("sealed");
    let mut changed = sealed.clone();
    changed[3] ^= 1;
    for (key, nonce, head, sealed) in [
        ([9; 16], nonce, b"head", sealed.clone()),
        (key, [9; 12], b"head", sealed.clone()),
        (key, nonce, b"hear", sealed.clone()),
        (key, nonce, b"head", changed),
        (key, nonce, b"head", sealed[..15].to_vec()),
        (key, nonce, b"head", vec![]),
    ] {
        let mut bytes = sealed.clone();
        assert_eq!(open(&key, &nonce, head, &mut bytes), Err(SessionError::Sealed));
        assert_eq!(bytes, sealed);
    }
}

#[test]
fn both_sides_get_the_same_keys() {
    let [one, two, three] = [(); 3].map(|()| Identity::anonymous().expect("an identity"));
    let challenge: Challenge = [7; 63];
    let Handshake { keys, signature, ephemeral } =
        initiate(&one, two.record(), &challenge, &Ephemeral::new(random_secret()));
    let accepted = accept(&two, one.id(), one.record(), &challenge, &signature, &ephemeral).expect("accepted");
    assert_eq!((keys.write, keys.read), (accepted.read, accepted.write));
    assert_ne!(keys.write, keys.read);

    let refused = |me, from: &Identity, record: &Identity, challenge, signature, ephemeral| {
        accept(me, from.id(), record.record(), challenge, signature, ephemeral).err()
    };
    let other_challenge = [8; 63];
    let other_ephemeral = PublicKey::from_secret_key(&random_secret()).serialize();
    let wrong = Some(SessionError::Signature);
    assert_eq!(refused(&two, &one, &three, &challenge, &signature, &ephemeral), Some(SessionError::Sender));
    assert_eq!(refused(&two, &three, &three, &challenge, &signature, &ephemeral), wrong, "another's signature");
    assert_eq!(refused(&three, &one, &one, &challenge, &signature, &ephemeral), wrong, "for another recipient");
    assert_eq!(refused(&two, &one, &one, &other_challenge, &signature, &ephemeral), wrong, "another challenge");
    assert_eq!(refused(&two, &one, &one, &challenge, &signature, &other_ephemeral), wrong, "another key");
    assert_eq!(refused(&two, &one, &one, &challenge, &[0xff; 64], &ephemeral), wrong, "no signature");

    // Signed as it should be, over a key that is off the curve.
    let signature = sign_challenge(&one.signer, &challenge, &[5; 33], two.id());
    let off = refused(&two, &one, &one, &challenge, &signature, &[5; 33]);
    assert_eq!(off, Some(SessionError::Ephemeral));
}
