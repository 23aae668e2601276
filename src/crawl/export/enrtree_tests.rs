use std::collections::{BTreeMap, BTreeSet};

use secp256k1::ecdsa::RecoveryId;

use super::*;
use crate::crawl::samples::full_record;

/// The entries of EIP-1459's example, by name.
const EXAMPLE: [(&str, &str); 5] = [
    (
        "C7HRFPF3BLGF3YR4DY5KX3SMBE",
        "enrtree://AM5FCQLWIZX2QFPNJAP7VUERCCRNGRHWZG3YYHIUV7BVDQ5FDPRT2@morenodes.example.org",
    ),
    (
        "JWXYDBPXYWG6FX3GMDIBFA6CJ4",
        "enrtree-branch:2XS2367YHAXJFGLZHVAWLQD4ZY,H4FHT4B454P6UXFD7JCYQ5PWDY,MHTDO6TMUBRIA2XWG5LUDACK24",
    ),
    (
        "2XS2367YHAXJFGLZHVAWLQD4ZY",
        "enr:-HW4QOFzoVLaFJnNhbgMoDXPnOvcdVuj7pDpqRvh6BRDO68aVi5ZcjB3vzQRZH2IcLBGHzo8uUN3snqmgTiE56CH3AMBgmlkgnY0iXNlY3AyNTZrMaECC2_24YYkYHEgdzxlSNKQEnHhuNAbNlMlWJxrJxbAFvA",
    ),
    (
        "H4FHT4B454P6UXFD7JCYQ5PWDY",
        "enr:-HW4QAggRauloj2SDLtIHN1XBkvhFZ1vtf1raYQp9TBW2RD5EEawDzbtSmlXUfnaHcvwOizhVYLtr7e6vw7NAf6mTuoCgmlkgnY0iXNlY3AyNTZrMaECjrXI8TLNXU0f8cthpAMxEshUyQlK-AM0PW2wfrnacNI",
    ),
    (
        "MHTDO6TMUBRIA2XWG5LUDACK24",
        "enr:-HW4QLAYqmrwllBEnzWWs7I5Ev2IAs7x_dZlbYdRdMUx5EyKHDXp7AV5CkuPGUPdvbv1_Ms1CPfhcGCvSElSosZmyoqAgmlkgnY0iXNlY3AyNTZrMaECriawHKWdDRk2xeZkrOXBQ0dfMFLHY4eENZwdufn1S1o",
    ),
];
const EXAMPLE_ROOT: &str = "enrtree-root:v1 e=JWXYDBPXYWG6FX3GMDIBFA6CJ4 l=C7HRFPF3BLGF3YR4DY5KX3SMBE seq=1 sig=o908WmNp7LibOfPsr4btQwatZJ5URBr2ZAuxvK4UWHlsB9sUOTJQaGAlLPVAhM__XJesCHxLISo94z5Z2a463gA";
/// The key that it is signed with, which the EIP does not name: that of go-ethereum's tests.
const EXAMPLE_KEY: &str = "AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2";

/// Who signed a root, in base32.
fn signed_by(root: &str) -> String {
    let (content, signature) = root.split_once(" sig=").expect("a signature");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let (recovery, compact) = signature.split_last().expect("65 bytes");
    let recovery = RecoveryId::try_from(i32::from(*recovery)).expect("0 to 3");
    let signature = RecoverableSignature::from_compact(compact, recovery).expect("a signature");
    let message = Message::from_digest(Keccak256::digest(content).into());
    BASE32_NOPAD.encode(&signature.recover(message).expect("a key").serialize())
}

#[test]
fn names_branches_and_signatures_are_those_of_eip_1459() {
    for (wanted, text) in EXAMPLE {
        assert_eq!(name(text), wanted);
    }
    let leaves: Vec<String> = EXAMPLE[2..].iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut branches = Vec::new();
    assert_eq!(join(leaves, &mut branches), EXAMPLE[1].0);
    assert_eq!(branches, [EXAMPLE[1].1]);
    assert_eq!(signed_by(EXAMPLE_ROOT), EXAMPLE_KEY);
}

#[test]
fn a_tree_of_any_size_can_be_walked_from_its_signed_root() {
    let (signer, domain): (_, Domain) =
        (Signer::new([7; 32]).expect("a key"), "Nodes.Example.org.".parse().expect("one"));
    let all: Vec<Record> = (1..=200).map(full_record).collect();
    for count in [0, 1, 2, 13, 14, 27, 169, 170, 200] {
        let records = &all[..count];
        let tree = Tree::of(records.iter(), 9, &signer);
        let lines = records.iter().map(|record| record_line(record, &domain));
        let zone = tree.head(&domain, &signer) + &lines.collect::<String>();
        let mut lines = zone.lines();
        let link_line = lines.next().and_then(|comment| comment.strip_prefix("; ")).expect("the link");
        let mut texts = BTreeMap::new();
        for line in lines {
            let (name, strings) = line.split_once(" TXT ").expect("a TXT record");
            let strings: Vec<&str> = strings.trim_matches('"').split("\" \"").collect();
            assert!(strings.iter().all(|string| string.len() <= 255), "{line}");
            let text = strings.concat();
            assert!(!text.starts_with("enrtree-branch:") || text.len() <= 370, "{text}");
            assert_eq!(texts.insert(name.to_owned(), text), None, "{name} stands twice");
        }
        let root = texts.remove("nodes.example.org.").expect("the root");
        assert_eq!(link_line, format!("enrtree://{}@nodes.example.org", signed_by(&root)));
        assert!(root.contains(" seq=9 sig="));
        let field = |name: &str| root.split(' ').find_map(|part| part.strip_prefix(name)).expect("a field");
        let mut found = BTreeSet::new();
        let (mut todo, no_links) = (vec![field("e=").to_owned()], field("l="));
        assert_eq!(texts.get(&format!("{no_links}.nodes.example.org.")).map(String::as_str), Some("enrtree-branch:"));
        while let Some(at) = todo.pop() {
            let text = &texts[&format!("{at}.nodes.example.org.")];
            assert_eq!(name(text), at, "an entry's name is its hash");
            match text.strip_prefix("enrtree-branch:") {
                Some("") => {}
                Some(children) => todo.extend(children.split(',').map(str::to_owned)),
                None => assert!(found.insert(text.clone())),
            }
        }
        assert_eq!(found, records.iter().map(ToString::to_string).collect());
    }
}

#[test]
fn a_domain_is_safe_in_a_zone() {
    for good in ["a", "nodes.example.org", "a-1.b", "EXAMPLE.org."] {
        assert!(good.parse::<Domain>().is_ok(), "{good}");
    }
    for bad in ["", ".", "a..b", "-a", "a-", "a b", "a\nb", "a;b", "\"", "ä.org", &"a".repeat(64), &"a.".repeat(120)] {
        assert!(bad.parse::<Domain>().is_err(), "{bad}");
    }
}
