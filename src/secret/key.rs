//! The key file: base64 of 32 random bytes, readable by its owner only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chacha20poly1305::{Key, aead::Generate as _};

use super::SealError;

/// Bytes of a key.
pub const BYTES: usize = 32;

/// Reads the 32 bytes of the key in a file, or makes one (mode 0600) if there is none.
pub fn load(path: &Path) -> Result<[u8; BYTES], SealError> {
    let failed = |why: String| SealError(format!("key file {}: {why}", path.display()));
    let missing = match fs::metadata(path) {
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error.to_string())),
    };
    if missing {
        create(path).map_err(|error| failed(format!("cannot be created: {error}")))?;
    }
    let mode = fs::metadata(path).map_err(|error| failed(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(failed(format!("others may read it (mode {mode:04o}); run: chmod 600 {}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let key = BASE64.decode(text.trim()).map_err(|_| failed(format!("must hold the base64 of {BYTES} bytes")))?;
    let length = key.len();
    key.try_into().map_err(|_| failed(format!("must hold the base64 of {BYTES} bytes, and holds {length}")))
}

/// Makes it whole under another name first: no process ever reads half a key, and the first of two makers wins.
fn create(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let draft = parent.join(format!(".key.{}", uuid::Uuid::now_v7()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = writeln!(file, "{}", BASE64.encode(Key::generate())).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    fs::remove_file(&draft)?;
    linked
}
