//! Which slot of a Cluster a command belongs to, and which server has it.

use redis::{Arg, Cmd, Value};

/// Slots of every Cluster.
const SLOTS: u16 = 16384;

/// A server of a Cluster, as the Cluster names it.
pub(super) type Address = (String, u16);

/// Who has which slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    /// First slot, last slot, primary; in order.
    ranges: Vec<(u16, u16, Address)>,
}

impl Slots {
    /// Reads the answer to `CLUSTER SLOTS` of the server at `asked`: a name it leaves out is its own.
    pub(super) fn read(answer: &[Value], asked: &str) -> Self {
        let mut ranges: Vec<_> = answer.iter().filter_map(|range| read_range(range, asked)).collect();
        ranges.sort();
        Self { ranges }
    }

    /// The primary of a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        let after = self.ranges.partition_point(|(first, _, _)| *first <= slot);
        let (_, last, owner) = self.ranges.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(owner)
    }

    /// Every primary, once.
    pub(super) fn primaries(&self) -> Vec<&Address> {
        let mut primaries: Vec<_> = self.ranges.iter().map(|(_, _, owner)| owner).collect();
        primaries.sort();
        primaries.dedup();
        primaries
    }
}

/// One range: `[first, last, [host, port, …], replicas…]`.
fn read_range(range: &Value, asked: &str) -> Option<(u16, u16, Address)> {
    let Value::Array(parts) = range else { return None };
    let [first, last, Value::Array(primary), ..] = parts.as_slice() else { return None };
    let [host, port, ..] = primary.as_slice() else { return None };
    let host: Option<String> = redis::from_redis_value_ref(host).ok()?;
    let host = host.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| asked.to_owned());
    let number = |value| redis::from_redis_value_ref::<u16>(value).ok();
    Some((number(first)?, number(last)?, (host, number(port)?)))
}

/// The slot of a command's first key; all keys of a command lie in one slot, for all of ours carry their shard.
/// Nothing for a command without keys.
pub(super) fn slot_of(command: &Cmd) -> Option<u16> {
    let mut words = command.args_iter().map(|word| match word {
        Arg::Simple(word) => word,
        _ => &[],
    });
    let verb = words.next()?.to_ascii_uppercase();
    match verb.as_slice() {
        b"INFO" | b"TIME" | b"PING" | b"CONFIG" | b"SCRIPT" | b"CLUSTER" | b"PUBLISH" | b"FLUSHALL" | b"ROLE" => None,
        // The script, the number of keys, the first key.
        b"EVAL" | b"EVALSHA" => words.nth(2),
        b"XREAD" => words.find(|word| word.eq_ignore_ascii_case(b"STREAMS")).and(words.next()),
        _ => words.next(),
    }
    .map(slot)
}

/// The slot of a key: of what stands between its first braces, if there is anything.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let tag = rest.get(..rest.iter().position(|byte| *byte == b'}')?)?;
        (!tag.is_empty()).then_some(tag)
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as the Cluster specification has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_slots_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        for (key, slot_of_key) in [("foo", 12182), ("{foo}bar", 12182), ("a{foo}{bar}", 12182), ("{}foo", 9500)] {
            assert_eq!(slot(key.as_bytes()), slot_of_key, "{key}");
        }
        let shards: Vec<_> = (0..4).map(|shard| slot(format!("{{etlas:{shard}}}:").as_bytes())).collect();
        assert_eq!(shards.len(), 4);
    }

    #[test]
    fn the_first_key_decides() {
        let command = |words: &[&str]| words.iter().fold(Cmd::new(), |mut command, word| command.arg(*word).take());
        for (words, key) in [
            (&["HGETALL", "{etlas:1}:job:x"][..], Some("{etlas:1}")),
            (&["evalsha", "sha", "1", "{etlas:2}:", "x"], Some("{etlas:2}")),
            (&["XREAD", "COUNT", "2", "BLOCK", "5", "streams", "{etlas:3}:events", "0-0"], Some("{etlas:3}")),
            (&["INFO"], None),
            (&["TIME"], None),
        ] {
            assert_eq!(slot_of(&command(words)), key.map(|key| slot(key.as_bytes())), "{words:?}");
        }
    }

    #[test]
    fn every_slot_has_its_owner() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host, port| Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(vec![])]);
        let range = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let answer = [
            range(5461, 10922, node(text("b"), 7001)),
            range(0, 5460, node(Value::Nil, 7000)),
            range(10924, 16383, node(text("b"), 7001)),
        ];
        let slots = Slots::read(&answer, "asked");
        let (a, b) = (("asked".to_owned(), 7000), ("b".to_owned(), 7001));
        assert_eq!(slots.primaries(), [&a, &b]);
        for (slot, owner) in
            [(0, Some(&a)), (5460, Some(&a)), (5461, Some(&b)), (10923, None), (10924, Some(&b)), (16383, Some(&b))]
        {
            assert_eq!(slots.owner(slot), owner, "{slot}");
        }
        assert_eq!(Slots::default().owner(0), None);
    }
}
