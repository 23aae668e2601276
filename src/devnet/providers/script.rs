//! What a provider does, one question after the other.

use std::{str::FromStr, time::Duration};

/// Steps of a script.
const MAX: usize = 64;

/// What a provider does; the last step stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(Vec<Step>);

/// One answer, or what there is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// 200 with JSON.
    Json,
    /// 200 with text.
    Text,
    /// 200 with lines of JSON.
    Ndjson,
    /// 200 with a table.
    Csv,
    /// 200 with bytes.
    Bytes,
    /// 200 with JSON of this many bytes.
    Large(usize),
    /// 200 with a body that is not the JSON it says it is.
    Wrong,
    /// A status, and after how many seconds to come back.
    Status(u16, Option<u64>),
    /// 200 whose body comes byte by byte over this long.
    Slow(Duration),
    /// 200 whose body never ends.
    Endless,
    /// The connection is accepted, and nothing is said.
    Silent,
    /// The connection is reset in the middle of the body.
    Reset,
    /// A redirect to the same place without a script.
    Redirect,
}

/// Not a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?}: expected up to {MAX} of ok, text, ndjson, csv, bytes, large:BYTES, wrong, 500, 429:SECONDS, slow:MS, endless, \
     silent, reset, redirect, parted by commas; 500x3 stands for three"
)]
pub struct ScriptError(String);

impl Script {
    /// Answers.
    pub fn good() -> Self {
        Self(vec![Step::Json])
    }

    /// One of those that fail and then answer; `n` says which. None asks to be left alone: everybody would have to.
    pub fn failing(n: usize) -> Self {
        use Step::{Json, Reset, Slow, Status, Wrong};

        let scripts: [&[Step]; 6] = [
            &[Status(500, None), Status(502, None), Json],
            &[Status(503, None), Json],
            &[Reset, Json],
            &[Wrong, Json],
            &[Status(408, None), Slow(Duration::from_millis(300))],
            &[Status(404, None), Json],
        ];
        Self(scripts.get(n % scripts.len()).map(|steps| steps.to_vec()).unwrap_or_default())
    }

    /// What is done about the question with this number, from 0.
    pub fn step(&self, number: usize) -> Step {
        self.0.get(number).or(self.0.last()).copied().unwrap_or(Step::Json)
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut steps = Vec::new();
        for word in text.split(',') {
            let wrong = || ScriptError(word.to_owned());
            let (word, times) = match word.split_once('x') {
                Some((before, times)) if !before.is_empty() && times.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (before, times.parse().map_err(|_| wrong())?)
                }
                _ => (word, 1),
            };
            let step = step(word).ok_or_else(wrong)?;
            if times == 0 || steps.len() + times > MAX {
                return Err(wrong());
            }
            steps.extend(std::iter::repeat_n(step, times));
        }
        Ok(Self(steps))
    }
}

fn step(word: &str) -> Option<Step> {
    let (name, number) = match word.split_once(':') {
        Some((name, number)) => (name, Some(number.parse::<u64>().ok()?)),
        None => (word, None),
    };
    Some(match (name, number) {
        ("ok" | "json", None) => Step::Json,
        ("text", None) => Step::Text,
        ("ndjson", None) => Step::Ndjson,
        ("csv", None) => Step::Csv,
        ("bytes", None) => Step::Bytes,
        ("wrong", None) => Step::Wrong,
        ("endless", None) => Step::Endless,
        ("silent", None) => Step::Silent,
        ("reset", None) => Step::Reset,
        ("redirect", None) => Step::Redirect,
        ("large", Some(bytes @ 1..=16_777_216)) => Step::Large(usize::try_from(bytes).ok()?),
        ("slow", Some(ms @ 1..=600_000)) => Step::Slow(Duration::from_millis(ms)),
        (status, after) => {
            let status: u16 = status.parse().ok().filter(|status| (200..=599).contains(status))?;
            Step::Status(status, after)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_walked_and_its_last_step_stays() {
        let script: Script = "500x2,429:7,slow:20,ok".parse().unwrap();
        let steps: Vec<Step> = (0..6).map(|number| script.step(number)).collect();
        let (failed, slow) = (Step::Status(500, None), Step::Slow(Duration::from_millis(20)));
        assert_eq!(steps, [failed, failed, Step::Status(429, Some(7)), slow, Step::Json, Step::Json]);
        for n in 0..12 {
            assert!(matches!(Script::failing(n).step(9), Step::Json | Step::Slow(_)), "it answers in the end");
            assert_ne!(Script::failing(n).step(0), Step::Json, "it fails at first");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "no", "99", "600", "slow", "slow:x", "ok:1", "ok,,ok", "500x0", "500x65", "large:99999999999"]
        {
            assert!(text.parse::<Script>().is_err(), "{text}");
        }
    }
}
