//! Reads a body that may be endless, or small and a thousand times larger once it is unpacked.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use reqwest::{Response, header};

use super::Error;

/// Why a body cannot be read.
pub(super) enum Fault {
    /// It is too large, or packed in an unknown way.
    Own(Error),
    /// The connection.
    Client(reqwest::Error),
}

/// The whole body, unpacked, if neither what is sent nor what it becomes has more than `limit` bytes.
pub(super) async fn read(mut response: Response, limit: u64) -> Result<Bytes, Fault> {
    let too_large = || Fault::Own(Error::BodyTooLarge { limit });
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let encodings = response.headers().get_all(header::CONTENT_ENCODING).iter();
    let encoding: Vec<_> =
        encodings.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase()).collect();
    // An answer without a body (to HEAD, 204, 304) says of what kind and length it would have been.
    let is_empty = response.status().is_informational() || matches!(response.status().as_u16(), 204 | 304);
    if !is_empty && response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let capped = Capped { bytes: Vec::new(), most };
    let mut sink = match encoding.join(",").trim() {
        "" | "identity" => Sink::Plain(capped),
        "gzip" | "x-gzip" => Sink::Gzip(MultiGzDecoder::new(capped)),
        other => return Err(Fault::Own(Error::Encoding(other.chars().take(100).collect()))),
    };
    let mut sent = 0_usize;
    while let Some(chunk) = response.chunk().await.map_err(Fault::Client)? {
        sent += chunk.len();
        if sent > most {
            return Err(too_large());
        }
        sink.take(&chunk).map_err(|error| unpacked(error, limit))?;
    }
    if sent == 0 {
        return Ok(Bytes::new());
    }
    sink.finish().map(Bytes::from).map_err(|error| unpacked(error, limit))
}

fn unpacked(error: io::Error, limit: u64) -> Fault {
    let is_full = error.get_ref().and_then(|inner| inner.downcast_ref::<Full>()).is_some();
    Fault::Own(if is_full { Error::BodyTooLarge { limit } } else { Error::Gzip(error) })
}

enum Sink {
    Plain(Capped),
    Gzip(MultiGzDecoder<Capped>),
}

impl Sink {
    fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(capped) => capped.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(capped) => Ok(capped.bytes),
            Self::Gzip(decoder) => Ok(decoder.finish()?.bytes),
        }
    }
}

/// Bytes up to a limit.
struct Capped {
    bytes: Vec<u8>,
    most: usize,
}

/// The limit is reached.
#[derive(Debug, thiserror::Error)]
#[error("full")]
struct Full;

impl Write for Capped {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + chunk.len() > self.most {
            return Err(io::Error::other(Full));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
