//! Server-sent events: bytes in, events out.

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its id, to go on after it.
    pub(super) id: Option<String>,
    /// Its kind; `message` if it names none.
    pub(super) name: String,
    /// Its text.
    pub(super) data: String,
}

/// The longest event that is kept in memory.
const MAX_EVENT: usize = 4 << 20;

/// A stream that is not one of events, or sends one that is too long.
#[derive(Debug, thiserror::Error)]
#[error("an event is longer than 4 MiB")]
pub(super) struct TooLong;

/// Collects bytes until events are complete.
#[derive(Debug, Default)]
pub(super) struct Parser {
    pending: Vec<u8>,
    event: Event,
}

impl Parser {
    /// Takes the next bytes and gives the events that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        self.pending.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            events.extend(self.line(line.trim_end_matches(['\n', '\r'])));
        }
        if self.pending.len() + self.event.data.len() > MAX_EVENT {
            return Err(TooLong);
        }
        Ok(events)
    }

    /// Takes one line; an empty one completes an event.
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // One without data is a keep-alive.
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments (an empty field name) and `retry` are of no use here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_any_cut() {
        let stream = ": hello\n\nid: 0-1\nevent: log\ndata: {\"line\":\"é\"}\n\r\ndata: a\r\ndata:b\n\nretry: 5\n\n";
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            let events: Vec<_> = stream.as_bytes().chunks(size).flat_map(|cut| parser.feed(cut).unwrap()).collect();
            let log = Event { id: Some("0-1".into()), name: "log".into(), data: "{\"line\":\"é\"}".into() };
            let two = Event { id: None, name: String::new(), data: "a\nb".into() };
            assert_eq!(events, [log, two], "cut at {size}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let mut feed = || parser.feed(&vec![b'x'; 1 << 20]).is_err();
        assert!((0..5).any(|_| feed()));
    }
}
