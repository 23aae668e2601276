//! Which distances to ask a node for: one at a time while its buckets are full, because an answer holds 16 records at
//! most however many distances it was asked for; all the rest in one question once they are sparse.

/// The farthest bucket: half of the network.
const FARTHEST: u16 = 256;
/// The nearest bucket that anybody is in by chance: among 50,000 nodes one pair in a thousand networks is nearer.
const NEAREST: u16 = 217;
/// Records that an answer holds at most; the asked node's own may come on top.
const FULL: usize = 16;
/// A bucket with fewer has nearer ones that fit into one answer together: each is half as full as the one before.
const SPARSE: usize = 12;

/// Which distances to ask for next.
#[derive(Debug)]
pub(super) struct Descent {
    questions: Vec<Question>,
}

/// Distances asked for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// One bucket, and then the nearer ones.
    Down(u16),
    /// From the first down to the second, and nothing after them.
    Span(u16, u16),
}

impl Question {
    /// What is asked for.
    pub(super) fn distances(self) -> impl Iterator<Item = u16> {
        let (far, near) = match self {
            Self::Down(distance) => (distance, distance),
            Self::Span(far, near) => (far, near),
        };
        (near..=far).rev()
    }
}

impl Descent {
    pub(super) fn new() -> Self {
        Self { questions: vec![Question::Down(FARTHEST)] }
    }

    /// The next question, unless it is enough.
    pub(super) fn next(&mut self) -> Option<Question> {
        self.questions.pop()
    }

    /// A question brought this many records.
    pub(super) fn answered(&mut self, question: Question, records: usize) {
        match question {
            Question::Down(NEAREST) => {}
            Question::Down(distance) if records < SPARSE => self.questions.push(Question::Span(distance - 1, NEAREST)),
            Question::Down(distance) => self.questions.push(Question::Down(distance - 1)),
            // More than one answer can carry: the two farthest, which hold most of it, by themselves.
            Question::Span(far, near) if records >= FULL && far > near => {
                let last = if far - near > 1 { far - 1 } else { far };
                self.questions.extend([Question::Span(last - 1, near), Question::Span(far, last)]);
            }
            Question::Span(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The questions to a node whose buckets hold this many, from the farthest on.
    fn asked(buckets: &[usize]) -> Vec<(u16, u16)> {
        let held = |distance: u16| buckets.get(usize::from(FARTHEST - distance)).copied().unwrap_or(0);
        let (mut descent, mut asked) = (Descent::new(), Vec::new());
        while let Some(question) = descent.next() {
            let distances: Vec<u16> = question.distances().collect();
            let records = distances.iter().map(|distance| held(*distance)).sum::<usize>().min(FULL);
            asked.push((distances[0], *distances.last().expect("one at least")));
            descent.answered(question, records);
        }
        asked
    }

    #[test]
    fn full_buckets_are_asked_one_by_one_and_sparse_ones_together() {
        assert_eq!(asked(&[]), [(256, 256), (255, 217)]);
        assert_eq!(asked(&[16, 16, 8, 4, 1]), [(256, 256), (255, 255), (254, 254), (253, 217)]);
        assert_eq!(asked(&[13, 12, 11]), [(256, 256), (255, 255), (254, 254), (253, 217)]);
        // Luck may fill what is usually sparse.
        let pieces = [(255, 217), (255, 254), (255, 255), (254, 254), (253, 217)];
        assert_eq!(asked(&[3, 9, 9]), [[(256, 256)].as_slice(), &pieces].concat());
    }
}
