//! The contract, against a DynamoDB of its own: `dynalite`, installed from npm into a directory of this test.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use uuid::Uuid;

use super::*;
use crate::{config, requests::store::contract};

/// The package as it stands in the repository.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/partners/dynamodb");

/// A DynamoDB that runs until this is dropped.
struct Dynalite {
    server: Child,
    dir: PathBuf,
    url: String,
}

impl Dynalite {
    fn start() -> Self {
        let dir = env::temp_dir().join(format!("collector-dynalite-{}", Uuid::now_v7()));
        fs::create_dir(&dir).unwrap();
        for file in ["package.json", "package-lock.json", "serve.cjs"] {
            fs::copy(Path::new(PACKAGE).join(file), dir.join(file)).unwrap();
        }
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        let installed = Command::new("npm").args(install).current_dir(&dir).output();
        let installed = installed.expect("npm is missing: apt-get install nodejs npm");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        let mut server =
            Command::new("node").arg("serve.cjs").current_dir(&dir).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { server, dir, url: url.trim().to_owned() }
    }
}

impl Drop for Dynalite {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
        fs::remove_dir_all(&self.dir).ok();
    }
}

#[tokio::test]
async fn dynamodb_is_a_store() {
    let dynalite = Dynalite::start();
    let key = ("requests.dynamodb_url".to_owned(), dynalite.url.clone());
    let mut requests = config::load(None::<&Path>, vec![key]).unwrap().requests;
    requests.table = "contract".into();
    let store = DynamoStore::open(&requests).await.unwrap();
    contract::holds(&store).await;
    // A second host finds the table there.
    let other = DynamoStore::open(&requests).await.unwrap();
    assert!(!other.list(None, 10).await.unwrap().is_empty());
}
