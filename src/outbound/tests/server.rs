//! A server that answers as a test wants, well or badly.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is sent, and then.
#[derive(Clone)]
pub(super) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone)]
enum Then {
    Close,
    Silence,
    Repeat(Vec<u8>),
    Trickle,
}

impl Reply {
    /// A whole answer: status line and headers, then the body with its length.
    pub(super) fn new(head: &str, body: &[u8]) -> Self {
        Self::raw(&[format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat())
    }

    /// These bytes, and the end.
    pub(super) fn raw(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), then: Then::Close }
    }

    /// And then nothing, for ever.
    pub(super) fn silent(self) -> Self {
        Self { then: Then::Silence, ..self }
    }

    /// And then this, for ever.
    pub(super) fn repeating(self, bytes: &[u8]) -> Self {
        Self { then: Then::Repeat(bytes.to_vec()), ..self }
    }

    /// And then a byte at a time, for ever.
    pub(super) fn trickling(self) -> Self {
        Self { then: Then::Trickle, ..self }
    }
}

/// A listening server, gone when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", reply).await
    }

    /// Answers every request by its head.
    pub(super) async fn at(address: &str, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let (reply, seen) = (Arc::new(reply), heads.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, seen) = (reply.clone(), seen.clone());
                tokio::spawn(async move {
                    let (mut stream, head) = head(stream).await;
                    seen.lock().unwrap().push(head.clone());
                    // Clients that have enough go away.
                    send(&mut stream, reply(&head)).await.ok();
                });
            }
        });
        Self { address, heads, task }
    }

    /// What it was asked.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(super) fn url(&self, path: &str) -> url::Url {
        super::url(&format!("http://{}{path}", self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn head(mut stream: TcpStream) -> (TcpStream, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    (stream, String::from_utf8(head).unwrap())
}

async fn send(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    stream.write_all(&reply.bytes).await?;
    match reply.then {
        Then::Close => stream.shutdown().await,
        Then::Silence => std::future::pending().await,
        Then::Repeat(bytes) => loop {
            stream.write_all(&bytes).await?;
        },
        Then::Trickle => loop {
            stream.write_all(b"x").await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        },
    }
}
