//! Pages in headless Chromium: nothing on its console, nothing asked of the network, everything on the screen.
//!
//! Where there is no Chromium the test says so and passes, unless `AMC_REQUIRE_CHROMIUM` is set.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::folders::{amc, experiment, ladders, particles};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A Chromium that can be started, if there is one.
fn browser() -> Option<&'static str> {
    let starts = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
    };
    let found = BROWSERS.into_iter().find(|name| starts(name));
    let required = std::env::var_os("AMC_REQUIRE_CHROMIUM").is_some();
    assert!(
        found.is_some() || !required,
        "AMC_REQUIRE_CHROMIUM is set, but none of {BROWSERS:?} starts"
    );
    if found.is_none() {
        eprintln!(
            "skipped: none of {BROWSERS:?} starts; AMC_REQUIRE_CHROMIUM makes that a failure"
        );
    }
    found
}

/// What happened when a page was opened.
struct Opened {
    /// Lines of the console.
    console: Vec<String>,
    /// What was asked of the network, by the page and not by the browser for itself.
    asked: Vec<String>,
    /// The size of the picture in bytes.
    picture: u64,
}

fn open(browser: &str, page: &Path, (width, scheme): (u32, u32)) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    // Whatever goes to the network goes through this proxy, or nowhere.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let picture = folder.path().join("picture.png");
    let output: Output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--v=0", "--timeout=20000", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--proxy-server=http://{}", proxy.local_addr().unwrap()))
        .arg("--proxy-bypass-list=<-loopback>")
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--window-size={width},2400"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    let picture = fs::metadata(&picture).map(|file| file.len());
    let picture = picture.unwrap_or_else(|error| panic!("no picture ({error}): {log}"));
    Opened { console, asked: requests(&proxy), picture }
}

/// The first lines of all requests that wait at the proxy, without those to the browser's maker: it looks for news
/// of its own, and no page of ours would know those hosts.
fn requests(proxy: &TcpListener) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok((mut stream, _)) = proxy.accept() {
        let mut start = [0; 400];
        stream.set_nonblocking(true).unwrap();
        let length = stream.read(&mut start).unwrap_or(0);
        let text = String::from_utf8_lossy(&start[..length]).into_owned();
        lines.extend(text.lines().next().map(str::to_owned));
    }
    let own = ["google.com", "googleapis.com", "gvt1.com", "gstatic.com"];
    lines.retain(|line| !own.iter().any(|host| line.contains(host)));
    lines
}

/// Fails if a page complains on the console, asks for anything over the network, or shows nothing, light or dark, wide
/// or narrow; or if this test would not notice, as a page that does both shows.
#[test]
fn pages_open_without_complaint() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "a");
    ladders(folder.path(), "b");
    experiment(folder.path(), "study");
    let output = amc(&["report", "a", "b", "study", "--out", "page.html"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = folder.path().join("page.html");
    let verified =
        amc(&["verify", "--only", "stream::tails", "--html", "verify.html"], folder.path());
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    let bad = "<script>console.error('planted')</script><img src=\"http://planted.invalid/x.png\">";
    let (planted, shielded) = (folder.path().join("bad.html"), folder.path().join("shielded.html"));
    fs::write(&planted, format!("<!DOCTYPE html><title>t</title>{bad}")).unwrap();
    let text = fs::read_to_string(&page).unwrap();
    fs::write(&shielded, text.replace("<main>", &format!("<main>{bad}"))).unwrap();

    // Each in a browser of its own: most of the time one waits for its network.
    let verified = folder.path().join("verify.html");
    let looks = [
        (page.as_path(), (1200, 1)),
        (&page, (480, 0)),
        (&verified, (1200, 0)),
        (&planted, (1200, 1)),
        (&shielded, (1200, 1)),
    ];
    let opened = std::thread::scope(|scope| {
        let start = |(page, look): (_, _)| scope.spawn(move || open(browser, page, look));
        looks.map(start).map(|opening| opening.join().unwrap())
    });
    let [wide, narrow, verified, planted, shielded] = opened;
    for (look, opened) in [("wide", wide), ("narrow", narrow)] {
        assert!(opened.console.is_empty(), "{look}: {:?}", opened.console);
        assert!(opened.asked.is_empty(), "{look}: {:?}", opened.asked);
        assert!(opened.picture > 30_000, "{look}: a picture of {} bytes", opened.picture);
    }
    assert!(verified.console.is_empty() && verified.asked.is_empty(), "{:?}", verified.console);
    let (console, asked) = (planted.console, planted.asked);
    assert!(console.iter().any(|line| line.contains("planted")), "{console:?}");
    assert!(asked.iter().any(|line| line.contains("planted.invalid")), "{asked:?}");
    // The rule that our pages carry keeps even planted content from the network.
    assert!(shielded.asked.is_empty() && !shielded.console.is_empty(), "{:?}", shielded.asked);
}

/// How many pages a page takes on paper.
fn pages_on_paper(browser: &str, page: &Path) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let paper = folder.path().join("paper.pdf");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--no-pdf-header-footer",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--print-to-pdf={}", paper.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let bytes = fs::read(&paper).unwrap_or_else(|error| {
        panic!("nothing printed ({error}): {}", String::from_utf8_lossy(&output.stderr))
    });
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count()
}

/// Fails if what is folded on the screen, here the configurations of two runs, is missing on paper; or if this test would
/// not notice, as the same page without them shows.
#[test]
fn folded_parts_are_printed() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "a");
    ladders(folder.path(), "b");
    let output = amc(&["report", "a", "b", "--out", "page.html"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = folder.path().join("page.html");
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("<details><summary>a: "));
    let folded = pages_on_paper(browser, &page);
    fs::write(&page, text.replace("<details>", "<details open>")).unwrap();
    assert_eq!(folded, pages_on_paper(browser, &page));
    fs::write(&page, text.replace("<pre>", "<pre hidden>")).unwrap();
    assert!(pages_on_paper(browser, &page) < folded);
}
