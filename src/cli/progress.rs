//! What a person sees of a job that runs: a bar on a terminal, lines elsewhere; always on stderr.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// How fine the bar is.
const STEPS: u64 = 1000;

/// Lines without a terminal come at most once per so much progress.
const LINE_EVERY: f64 = 0.05;

/// Shows one job.
#[derive(Debug)]
pub(super) enum Progress {
    /// For a terminal.
    Bar(ProgressBar),
    /// For a file or a pipe: the last progress and message that were written.
    Lines(f64, String),
}

impl Progress {
    /// A bar if stderr is a terminal.
    pub(super) fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines(-1.0, String::new());
        }
        let bar = ProgressBar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        // The clock goes on while the job says nothing.
        bar.enable_steady_tick(Duration::from_secs(1));
        Self::Bar(bar)
    }

    /// The job is this far (0–1) and does this.
    pub(super) fn at(&mut self, fraction: f64, message: &str) {
        let message = printable(message);
        match self {
            Self::Bar(bar) => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=STEPS")]
                bar.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
                bar.set_message(message);
            }
            Self::Lines(last, said) => {
                // A job that has only begun has nothing to say yet.
                if fraction <= 0.0 && message.is_empty() {
                    return;
                }
                let far = fraction - *last >= LINE_EVERY || (fraction >= 1.0 && *last < 1.0);
                if far || (said.is_empty() && !message.is_empty()) {
                    eprintln!("{:>3.0} %  {message}", fraction * 100.0);
                    (*last, *said) = (fraction, message);
                }
            }
        }
    }

    /// Something else that is worth a line.
    pub(super) fn line(&self, line: &str) {
        let line = printable(line);
        match self {
            Self::Bar(bar) => bar.suspend(|| eprintln!("{line}")),
            Self::Lines(..) => eprintln!("{line}"),
        }
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Without control characters: the text comes from jobs, and the terminal would obey them.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
