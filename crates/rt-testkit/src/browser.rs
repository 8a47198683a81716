//! A headless Chromium, driven through WebDriver. `chromedriver` and `chromium` are on the path.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, number_after};

/// How long a page may take until it is as expected.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A browser with a fresh profile and one window of 1280 by 800; it dies with its handle, and its
/// profile is removed.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    // Dropped in this order: nothing writes to the folder while it is removed.
    _driver: Process,
    _folder: TempDir,
}

impl Browser {
    /// Starts a driver on a free port, and a browser.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("chromedriver");
        let command = command.arg("--port=0").stderr(Stdio::null());
        // Else both leave folders in the home and among the temporary files of who runs the tests.
        let command = command.env("HOME", folder.path()).env("TMPDIR", folder.path());
        let mut driver = Process::start(command);
        let line = driver.line_with("started successfully on port ");
        let url = format!("http://127.0.0.1:{}", number_after(&line, "on port "));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&folder.path().join("profile").to_string_lossy()))
            .connect(&url)
            .await
            .expect("chromedriver starts chromium");
        Self { client, _driver: driver, _folder: folder }
    }

    /// What is not told here: elements, windows, pictures.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Goes to a page and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("a page");
    }

    /// Opens a second page in a window of its own and goes on in it; the handle of the first one
    /// leads back by [`Client::switch_to_window`].
    pub async fn open_beside(&self, url: &str) -> fantoccini::wd::WindowHandle {
        let first = self.client.window().await.expect("a window");
        let second = self.client.new_window(false).await.expect("a second window");
        self.client.switch_to_window(second.handle).await.expect("the second window");
        self.open(url).await;
        first
    }

    /// The value of a JavaScript expression on the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        let value = self.client.execute(&script, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Awaits a JavaScript expression that is a promise, for at most 30 s.
    pub async fn eval_async(&self, expression: &str, argument: Value) -> Value {
        let script = format!(
            "const argument = arguments[0], done = arguments[1];
            ({expression}).then(done, (error) => done(`failed: ${{error.stack}}`))"
        );
        let value = self.client.execute_async(&script, vec![argument]).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until the expression has this value.
    ///
    /// # Panics
    /// If it has not within [`PATIENCE`], with the value it had last.
    pub async fn until(&self, expression: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        until(expression, async || {
            // An element that is not there yet is an error of the script: there is nothing to see yet.
            let value = self.client.execute(&format!("return ({expression})"), Vec::new()).await;
            let value = value.map_err(|error| error.to_string())?;
            if value == wanted { Ok(()) } else { Err(format!("{value} is not {wanted}")) }
        })
        .await;
    }

    /// Clicks on the element that this CSS selector finds.
    pub async fn click(&self, css: &str) {
        let element = self.client.find(Locator::Css(css)).await.expect(css);
        element.click().await.expect(css);
    }

    /// Chooses the option with this value.
    pub async fn choose(&self, css: &str, value: &str) {
        let element = self.client.find(Locator::Css(css)).await.expect(css);
        element.select_by_value(value).await.expect(css);
    }

    /// Types into a field as a user does, in place of what it holds.
    pub async fn fill(&self, css: &str, text: &str) {
        let element = self.client.find(Locator::Css(css)).await.expect(css);
        element.clear().await.expect(css);
        element.send_keys(text).await.expect(css);
    }

    /// What the browser has logged since this was last asked: the console, errors of scripts,
    /// violations of a Content-Security-Policy, requests that failed.
    pub async fn log(&self) -> Vec<Value> {
        let entries = self.client.issue_cmd(BrowserLog).await.expect("the browser's log");
        entries.as_array().expect("a list of entries").clone()
    }
}

/// Looks again and again until there is something to give.
///
/// # Panics
/// If that takes longer than [`PATIENCE`], with what was seen last instead.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) if Instant::now() > deadline => panic!("{what}: last seen: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn capabilities(profile: &str) -> Capabilities {
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--force-device-scale-factor=1",
        "--window-size=1280,800",
        &format!("--user-data-dir={profile}"),
    ];
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "script": 30_000, "pageLoad": 30_000 },
    });
    capabilities.as_object().expect("an object").clone()
}

/// Chromedriver's own command.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
