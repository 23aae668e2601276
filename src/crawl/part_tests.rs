use super::*;
use crate::crawl::samples::{candidate, node};

fn part() -> Part {
    Part::new(3, 1, 5, 4, HashMap::default())
}

fn writes(part: &mut Part) -> Vec<Batch> {
    std::mem::take(&mut part.writes).into()
}

/// How often a name is counted in a write.
fn counted(write: &Batch, wanted: &str) -> u64 {
    let counts = write.changes.iter().filter_map(|change| match change {
        Change::Count(name, n) if *name == wanted => Some(*n),
        _ => None,
    });
    counts.sum()
}

fn live_in(write: &Batch) -> u64 {
    write.changes.iter().filter(|change| matches!(change, Change::Node(..))).count() as u64
}

#[test]
fn a_count_is_written_with_what_was_counted() {
    let mut part = part();
    for number in 1..=250 {
        let node = node(number, 1);
        let id = node.enr.id();
        part.insert(id, Entry::Live(Box::new(node)));
        part.count_of(id, "found", 1);
        part.count_of(id, "partial", 0);
        part.also(id, Change::Edges(id, vec![0; 32]));
    }
    part.prepare_heard();
    assert!(part.write().is_none(), "nobody was only heard of");
    part.prepare(State::Idle);
    let writes = writes(&mut part);
    assert!(writes.len() > 3, "{}", writes.len());
    for write in &writes {
        assert_eq!(counted(write, "found"), live_in(write));
        assert_eq!(counted(write, "partial"), 0);
        assert!(write.changes.len() <= PIECE + 3, "{}", write.changes.len());
    }
    assert_eq!(writes.iter().map(live_in).sum::<u64>(), 250);
    let (last, before) = writes.split_last().expect("one");
    assert_eq!(last.state, State::Idle);
    assert!(before.iter().all(|write| write.state == State::Busy && write.read == 0));
}

#[test]
fn what_was_heard_is_written_before_who_told_of_it() {
    let mut part = part();
    let (teller, heard) = (node(1, 1), candidate(2));
    let (id, other) = (teller.enr.id(), heard.enr.id());
    part.insert(id, Entry::Live(Box::new(teller)));
    part.also(id, Change::Edges(id, other.0.to_vec()));
    part.insert(other, Entry::Candidate(heard.clone()));
    part.tell(9, &candidate(3).enr);
    part.add_read(7);
    assert_eq!(part.unwritten(), std::slice::from_ref(&heard.enr));
    part.prepare_heard();
    let first = part.write().expect("a write").clone();
    assert!(matches!(first.changes.as_slice(), [Change::Tell(9, _), Change::Candidate(..)]), "{first:?}");
    // What it was read for is done once everything is.
    assert_eq!((first.read, first.state, part.unwritten()), (0, State::Busy, vec![heard.enr]));
    part.written();
    assert!(part.unwritten().is_empty());
    part.prepare(State::Idle);
    let second = part.write().expect("a write");
    assert!(matches!(second.changes.as_slice(), [Change::Edges(..), Change::Node(..)]), "{second:?}");
    assert_eq!((second.read, second.number, second.state), (7, 2, State::Idle));
    part.written();
    part.prepare(State::Idle);
    assert!(part.write().is_none(), "that was said");
}

#[test]
fn who_leaves_does_it_in_one_write() {
    let mut part = part();
    let (was, is) = (node(1, 0), candidate(1));
    let id = was.enr.id();
    part.insert(id, Entry::Candidate(is));
    part.also(id, Change::Gone(id, "{}".into()));
    part.also(id, Change::Session(1));
    part.count_of(id, "left", 1);
    part.tracked = 5;
    part.prepare_heard();
    part.prepare(State::Busy);
    let writes = writes(&mut part);
    let [write] = writes.as_slice() else { panic!("{writes:?}") };
    let changes = write.changes.as_slice();
    assert!(matches!(changes, [Change::Gone(..), Change::Session(1), Change::Candidate(..), _]), "{write:?}");
    assert_eq!((counted(write, "left"), write.state), (1, State::Tracked));
}

#[test]
fn who_is_forgotten_and_heard_of_again_stays() {
    let mut part = part();
    let heard = candidate(1);
    let id = heard.enr.id();
    part.insert(id, Entry::Candidate(heard.clone()));
    part.forget(id);
    part.insert(id, Entry::Candidate(heard));
    part.prepare_heard();
    let changes = part.write().map(|write| write.changes.clone()).unwrap_or_default();
    assert!(matches!(changes.as_slice(), [Change::Forget(_), Change::Candidate(..)]), "{changes:?}");
    part.forget(id);
    part.prepare(State::Busy);
    let last = writes(&mut part).pop().expect("a write");
    assert!(matches!(last.changes.as_slice(), [Change::Forget(_)]), "{last:?}");
}
