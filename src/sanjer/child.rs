//! One sanjer as its supervisor sees it: a child process, the pipes to it, and the news from it.

use std::{
    collections::VecDeque,
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Split},
    process::{ChildStderr, ChildStdin, ChildStdout},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tracing::warn;
use wait4::{ResUse, Wait4 as _};

use super::{
    PROCESS_COMMAND,
    certificate::Certificate,
    orders::{self, Start, Word},
};
use crate::queue::Lane;

/// Lines of its standard error that are kept, and bytes of each.
const TAIL: (usize, usize) = (20, 300);
/// How long a dead process's pipes may stay open: a process that it started may hold them.
const LAST_LINES: Duration = Duration::from_millis(500);
/// What Linux calls the program of whoever asks, wherever its file is now.
const RUNNING_PROGRAM: &str = "/proc/self/exe";

/// The last lines of a process.
type Tail = Arc<Mutex<VecDeque<String>>>;

/// One living process.
pub(super) struct Child {
    pub(super) name: String,
    pub(super) lane: Lane,
    pub(super) started: Instant,
    pub(super) stage: Stage,
    /// Whether it has said that it runs several jobs at once.
    pub(super) shares: bool,
    /// Whether another one shall take its place.
    pub(super) outdated: bool,
    /// Why its supervisor killed it.
    pub(super) killed_because: Option<&'static str>,
    pid: u32,
    stdin: ChildStdin,
}

/// How far it is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It has not reached Redis yet.
    Starting,
    /// It claims jobs.
    Up,
    /// It has been told to go once its jobs have ended.
    Retiring,
}

/// What happens to a process.
pub(super) enum News {
    /// It has said something.
    Said { pid: u32, word: Word },
    /// It has ended.
    Died { pid: u32, death: Box<Death> },
}

/// How it ended.
pub(super) struct Death {
    pub(super) certificate: Certificate,
    /// Whether it said that it ends by its own decision, and did.
    pub(super) left: bool,
}

/// The program that sanjers run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Where it was when this process began.
    path: PathBuf,
    /// Whether what stands there now is to be run, whatever it is.
    renewed: bool,
}

impl Program {
    pub(super) fn own() -> io::Result<Self> {
        Ok(Self { path: std::env::current_exe()?, renewed: false })
    }

    /// From now on, what stands there is run: an upgrade.
    pub(super) fn renew(&mut self) {
        self.renewed = true;
    }

    /// This binary. After an upgrade another one stands in its place, or none: then what runs here is started once
    /// more, until the new one is asked for.
    fn file(&self) -> PathBuf {
        let is_ours = std::env::current_exe().is_ok_and(|now| now == self.path);
        if (is_ours || self.renewed) && self.path.exists() { self.path.clone() } else { RUNNING_PROGRAM.into() }
    }
}

impl Child {
    /// Starts one and tells it who it is; what happens to it goes to `news`.
    pub(super) async fn spawn(program: &Program, start: &Start, news: mpsc::Sender<News>) -> io::Result<(u32, Self)> {
        let mut child = Command::new(program.file())
            .arg(PROCESS_COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in the terminal must reach the supervisor alone.
            .process_group(0)
            .spawn()?;
        let pid = child.id();
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the new process has no pipes"));
        };
        let (mut stdin, stdout) = (ChildStdin::from_std(stdin)?, ChildStdout::from_std(stdout)?);
        let stderr = ChildStderr::from_std(stderr)?;
        let name = orders::name(&orders::host(), pid, start.started_at);
        let started = Instant::now();
        let (ended_in, ended) = oneshot::channel();
        std::thread::Builder::new().name(format!("wait {pid}")).stack_size(128 << 10).spawn(move || {
            // Nobody waits for it any more when the supervisor has ended.
            ended_in.send(child.wait4()).ok();
        })?;
        let tail = Tail::default();
        let (words, relayed) = (listen(stdout, pid, news.clone()), relay(stderr, tail.clone()));
        let heard = async move {
            let left = timeout(LAST_LINES, async { (words.await, relayed.await) }).await;
            let left = left.is_ok_and(|(left, _)| left.unwrap_or(false));
            (left, tail.lock().map(|mut tail| tail.drain(..).collect()).unwrap_or_default())
        };
        tokio::spawn(watch(pid, name.clone(), started, ended, heard, news));
        let introduction = serde_json::to_string(start)? + "\n";
        stdin.write_all(introduction.as_bytes()).await?;
        Ok((
            pid,
            Self {
                name,
                lane: start.lane,
                started,
                stage: Stage::Starting,
                shares: false,
                outdated: false,
                killed_because: None,
                pid,
                stdin,
            },
        ))
    }

    /// Gives it an order.
    pub(super) async fn tell(&mut self, order: &str) {
        // One that cannot hear is dying: its death is on its way.
        if let Err(error) = self.stdin.write_all(format!("{order}\n").as_bytes()).await {
            warn!(sanjer = self.name, order, error = %error, "a sanjer cannot be told");
        }
    }

    /// Sends it a signal.
    pub(super) fn signal(&mut self, signal: Signal, because: &'static str) {
        self.killed_because.get_or_insert(because);
        let target = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(target) = target
            && let Err(error) = kill_process(target, signal)
        {
            warn!(sanjer = self.name, error = %error, "cannot kill a process");
        }
    }
}

/// Tells of its death, once it is waited for and has been heard to its end.
async fn watch(
    pid: u32,
    name: String,
    started: Instant,
    ended: oneshot::Receiver<io::Result<ResUse>>,
    heard: impl Future<Output = (bool, Vec<String>)>,
    news: mpsc::Sender<News>,
) {
    let ended = ended.await.unwrap_or_else(|_| Err(io::Error::other("nobody waited for it")));
    let (status, usage): (io::Result<ExitStatus>, _) = match ended {
        Ok(ResUse { status, rusage }) => (Ok(status), Some(rusage)),
        Err(error) => (Err(error), None),
    };
    let mut certificate = Certificate::new(name, &status, usage, started.elapsed());
    let (left, stderr) = heard.await;
    certificate.stderr = stderr;
    let left = left && certificate.exit_code.is_some();
    news.send(News::Died { pid, death: Box::new(Death { certificate, left }) }).await.ok();
}

/// Hears its words until it ends; whether it said that it leaves. Whatever else is printed there is passed on.
fn listen(stdout: ChildStdout, pid: u32, news: mpsc::Sender<News>) -> JoinHandle<bool> {
    tokio::spawn(async move {
        let (mut left, mut lines) = (false, BufReader::new(stdout).split(b'\n'));
        while let Some(line) = next(&mut lines).await {
            match Word::ALL.into_iter().find(|word| word.as_str() == line) {
                Some(Word::Leaving) => left = true,
                Some(word) => news.send(News::Said { pid, word }).await.unwrap_or_default(),
                None => eprintln!("{line}"),
            }
        }
        left
    })
}

/// Passes its standard error on, line by line, as it is, and keeps the last of it.
fn relay(stderr: ChildStderr, tail: Tail) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).split(b'\n');
        while let Some(mut line) = next(&mut lines).await {
            eprintln!("{line}");
            line.truncate(line.floor_char_boundary(TAIL.1));
            if let Ok(mut tail) = tail.lock() {
                if tail.len() == TAIL.0 {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
        }
    })
}

/// The next line, whatever it is.
async fn next<R: AsyncBufRead + Unpin>(lines: &mut Split<R>) -> Option<String> {
    let line = lines.next_segment().await.ok().flatten()?;
    Some(String::from_utf8_lossy(&line).into_owned())
}
