//! `amc report` from outside: what it writes about runs and experiments, what it refuses, and how its pages open
//! in a browser.

#[path = "report/browser.rs"]
mod browser;
#[path = "report/folders.rs"]
mod folders;

use std::fs;
use std::path::{Path, PathBuf};

use folders::{amc, damage, experiment, killed, ladders, particles, seal, tiny, untidy_summary};

/// What a report was asked for and wrote.
struct Made {
    page: String,
    /// Names and texts of the figures.
    figures: Vec<(String, String)>,
    folder: PathBuf,
    /// The name of the folder of figures.
    links: String,
}

fn report(arguments: &[&str], folder: &Path) -> Made {
    let output = amc(&[&["report", "--json"], arguments].concat(), folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let path = |value: &serde_json::Value| folder.join(value.as_str().unwrap());
    let figures = written["figures"].as_array().unwrap().iter();
    let figures = figures.map(|figure| {
        let png = fs::read(path(&figure["png"])).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 1000);
        (
            figure["name"].as_str().unwrap().to_owned(),
            fs::read_to_string(path(&figure["svg"])).unwrap(),
        )
    });
    let page = path(&written["page"]);
    let links = path(&written["figures"][0]["svg"]);
    let links = links.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    Made {
        links,
        figures: figures.collect(),
        folder: page.parent().unwrap().to_owned(),
        page: fs::read_to_string(page).unwrap(),
    }
}

impl Made {
    fn names(&self) -> Vec<&str> {
        self.figures.iter().map(|(name, _)| &**name).collect()
    }

    fn figure(&self, name: &str) -> &str {
        &self.figures.iter().find(|(other, _)| other == name).unwrap().1
    }

    /// What holds for every report.
    fn check(&self) {
        assert_balanced(&self.page);
        for text in self.figures.iter().map(|(_, svg)| svg).chain([&self.page]) {
            assert_balanced(text);
            assert!(!text.contains("NaN") && !text.contains("Infinity"));
            let outside = text.replace("http://www.w3.org/2000/svg", "");
            for word in ["http:", "https:", "url(", "@import", "<script", "src="] {
                assert!(!outside.contains(word), "{word}");
            }
        }
        for (name, svg) in &self.figures {
            let link = format!("href=\"{}/{name}.svg\"", self.links);
            assert!(svg.contains("<title>") && self.page.contains(&link), "{link}");
            assert!(self.page.contains(&format!("<figure id=\"{name}\">")));
        }
    }
}

/// Panics unless every tag is closed in order and text holds no bare `<`.
fn assert_balanced(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in text.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("not escaped: <{part}"));
        let name = tag.split([' ', '\n', '/']).next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed)),
            None if ["meta", "link", "!DOCTYPE"].contains(&name) || tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

/// Fails if a figure of an annealed run or of replica exchange is missing, a page is not whole in itself, or
/// the same folder gives another report.
#[test]
fn every_figure_of_a_run_is_there() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "annealed");
    ladders(folder.path(), "ladders");
    let made = report(&["annealed"], folder.path());
    made.check();
    assert_eq!(made.names(), ["log-z", "levels", "schedule", "mode-weights", "particles"]);
    assert!(made.figure("levels").contains("ESS / N"));
    assert!(made.figure("particles").matches("<text").count() > 12);
    assert!(made.figure("particles").contains("level 0, t = 0, target"));
    assert_eq!(made.folder, folder.path().join("annealed"));
    assert!(
        made.links == "figures"
            && made.figure("levels").contains(">t of the level (not a linear scale)<")
    );
    let again = report(&["annealed"], folder.path());
    assert!(again.page == made.page && again.figures == made.figures);
    let made = report(&["ladders"], folder.path());
    made.check();
    assert_eq!(
        made.names(),
        ["log-z", "levels", "schedule", "mode-weights", "particles", "replicas"]
    );
    assert!(made.figure("levels").contains("rejection rate of swaps"));
    // All 8 ladders after each of 30 rounds, of which few leave the frame, and 16 states in the other panel.
    assert!(made.page.contains("240 samples of the target"));
    assert!(made.figure("particles").matches("h.01").count() > 16 + 200);
    assert!(made.page.contains("Verdict") && made.page.contains("[sampler]"));
    assert!(made.page.contains(">240, of every round<"));
}

/// Fails if runs do not share figures and table, one of them is lost, or two folders of one name are confused.
#[test]
fn runs_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "a/same");
    ladders(folder.path(), "b/same");
    tiny(folder.path(), "one");
    let made = report(&["a/same", "b/same", "one", "--out", "all.html"], folder.path());
    made.check();
    for shared in ["log-z", "levels", "schedule", "mode-weights", "wasserstein-cost"] {
        assert_eq!(made.names().iter().filter(|name| **name == shared).count(), 1, "{shared}");
    }
    // Modes of other targets are not compared.
    assert!(made.names().contains(&"mode-weights-2"), "{:?}", made.names());
    let cost = made.figure("wasserstein-cost");
    assert!(cost.contains("many-modes") && !cost.contains(">one<"));
    for unit in ["evaluations per particle", "evaluations per ladder and round"] {
        assert!(cost.contains(&format!(">{unit}<")), "{unit}");
    }
    assert!(made.figure("levels").contains(">level as a share of all, 0 the target<"));
    for own in ["particles-a-same", "particles-b-same", "particles-one", "replicas-b-same"] {
        assert!(made.names().contains(&own), "{own}: {:?}", made.names());
    }
    for name in ["a/same", "b/same", "one"] {
        assert!(made.figure("log-z").contains(&format!(">{name}</text>")), "{name}");
        assert!(made.page.contains(&format!("<th class=\"number\">{name}</th>")), "{name}");
    }
}

/// Fails if one level, one mode, one dimension or a single particle breaks a report, or a number that is missing
/// is drawn, not said, or breaks the table; or if a name from a file breaks the page.
#[test]
fn degenerate_runs_have_reports() {
    let folder = tempfile::tempdir().unwrap();
    tiny(folder.path(), "tiny");
    report(&["tiny"], folder.path()).check();
    particles(folder.path(), "untidy");
    untidy_summary(&folder.path().join("untidy"));
    let made = report(&["untidy"], folder.path());
    made.check();
    assert!(made.figure("log-z").contains(">no value<"));
    assert!(made.figure("mode-weights").contains("1 without a value"));
    assert!(
        made.page.contains("&lt;script&gt;alert(&quot;&#39;&amp;")
            && made.page.contains("✗ suspect")
    );
}

/// Fails if a panel, a measure, a claim or a row of an experiment is lost, a value that is missing is drawn, or
/// texts of an experiment break the page.
#[test]
fn experiments_have_figures_claims_and_rows() {
    let folder = tempfile::tempdir().unwrap();
    experiment(folder.path(), "study");
    let made = report(&["study"], folder.path());
    made.check();
    let expected =
        ["measures-ais-two-modes-16-5", "cost-ais-two-modes-16-5", "measures-smc-b", "cost-smc-b"];
    assert_eq!(made.names(), expected);
    let over_axis = made.figure("measures-ais-two-modes-16-5");
    assert_eq!(over_axis.matches("rotate(270").count(), 3, "log Z, ESS, sliced Wasserstein");
    assert!(over_axis.contains("1 without a value") && over_axis.contains(">second order<"));
    assert!(made.figure("measures-smc-b").contains("plain &lt;row&gt;"));
    for text in ["✓ holds", "✗ fails", "? undecided", "2 (1 failed)", "0.98"] {
        assert!(made.page.contains(text), "{text}");
    }
    // Numbers have their errors, costs alone do not, and all have proper names.
    for cell in [
        ">0.9800\u{a0}±\u{a0}0.0040<",
        ">−0.06\u{a0}±\u{a0}0.10<",
        ">0.500<",
        ">log Z<",
        ">ESS / N<",
    ] {
        assert!(made.page.contains(cell), "{cell}");
    }
    particles(folder.path(), "run");
    let both = report(&["study", "run", "--out", "both.html"], folder.path());
    both.check();
    assert_eq!(both.figures.len(), 4 + 5);
    let bridges = "A study of &lt;bridges&gt;";
    for heading in ["1 run, 1 experiment", "Figures: run", &format!("Figures: {bridges}")] {
        assert!(both.page.contains(&format!(">{heading}</h")), "{heading}");
    }
}

/// Fails if a folder that is unfinished, damaged or something else gets a report, or the message names neither
/// the file nor what to do.
#[test]
fn what_is_no_result_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "run");
    let run = folder.path().join("run");
    let refuse = |arguments: &[&str], words: &[&str]| {
        let output = amc(&[&["report"], arguments].concat(), folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
    };
    refuse(&["absent"], &["absent", "amc run --out"]);
    refuse(&["run/config.toml"], &["config.toml", "is a file"]);
    refuse(&["run", "--coordinates", "0,3"], &["--coordinates", "0,3", "0 to 2"]);
    refuse(&["run", "--coordinates", "1,1"], &["two different coordinates"]);
    refuse(&["run", "--out", "page.txt"], &["--out", ".html"]);
    refuse(&["run", "--out", "missing/page.html"], &["missing/page.html"]);
    assert!(!run.join("report.html").exists() && !run.join("figures").exists());
    report(&["run", "--coordinates", "2,0"], folder.path()).check();

    for file in ["summary.json", "snapshots.npz", "config.toml"] {
        particles(folder.path(), "damaged");
        damage(&folder.path().join("damaged").join(file));
        refuse(&["damaged"], &[file, "SHA-256"]);
    }
    fs::write(run.join("summary.json"), "{}").unwrap();
    refuse(&["run"], &["summary.json", "2 bytes"]);
    seal(&run);
    refuse(&["run"], &["summary.json", "is not what this version of amc writes"]);
    // What the manifest does not know is not read, as nothing vouches for it.
    fs::write(run.join("results.json"), "{}").unwrap();
    refuse(&["run"], &["is not in manifest.json"]);
    fs::remove_file(run.join("results.json")).unwrap();
    damage(&run.join("manifest.json"));
    refuse(&["run"], &["manifest.json was damaged", "repeat the run, or restore it"]);
    fs::remove_file(run.join("manifest.json")).unwrap();
    refuse(&["run"], &["manifest.json is missing: the run did not end", "repeat the run"]);
    // Killed as it began: `amc resume` would refuse it.
    fs::create_dir(run.join("checkpoint")).unwrap();
    refuse(&["run"], &["repeat the run"]);
    fs::remove_file(run.join("summary.json")).unwrap();
    refuse(&["run"], &["is no finished run"]);
    killed(folder.path(), "run");
    fs::remove_file(run.join("manifest.json")).unwrap_or_default();
    refuse(&["run"], &["amc resume run"]);
    fs::write(run.join("plan.json"), "{\"name\": \"rank\", \"preset\": \"full\"}").unwrap();
    refuse(&["run"], &["`amc experiment run rank --preset full --out run`"]);
}

/// Fails if a page that this program did not write is replaced, or one of its own is not.
#[test]
fn the_page_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    tiny(folder.path(), "run");
    let mine = folder.path().join("mine.html");
    fs::write(&mine, "<!DOCTYPE html><title>mine</title>").unwrap();
    let refused = amc(&["report", "run", "--out", "mine.html"], folder.path());
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("mine.html: is there already") && message.contains("--out"));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "<!DOCTYPE html><title>mine</title>");
    assert!(!folder.path().join("mine-figures").exists());
    for _ in 0..2 {
        report(&["run", "--out", "own.html"], folder.path()).check();
    }
}

/// Fails if reports of two names in one folder share figures, or one is written into the other's folder.
#[test]
fn reports_of_other_names_have_their_own_figures() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "run");
    ladders(folder.path(), "other");
    let first = report(&["run", "--out", "first.html"], folder.path());
    let second = report(&["other", "--out", "second.html"], folder.path());
    assert_eq!((&*first.links, &*second.links), ("first-figures", "second-figures"));
    let kept = fs::read_to_string(folder.path().join("first-figures/levels.svg")).unwrap();
    assert!(kept == first.figure("levels") && kept != second.figure("levels"));
}

/// Fails if figures of an earlier report stay in the folder, a file of somebody else there goes, or what a killed report left
/// stays; or if a report at work loses what it writes.
#[test]
fn a_report_takes_the_place_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "run");
    experiment(folder.path(), "study");
    report(&["study", "--out", "page.html"], folder.path());
    let figures = folder.path().join("page-figures");
    fs::write(figures.join("own.svg"), "mine").unwrap();
    let part = |number: &str| folder.path().join(format!(".page-figures.{number}.part"));
    for number in ["1", "2", "x"] {
        fs::create_dir(part(number)).unwrap();
        fs::write(part(number).join("page.html"), "").unwrap();
    }
    let at_work = amc_harness::storage::Lock::take(&part("2")).unwrap().unwrap();
    let made = report(&["run", "--out", "page.html"], folder.path());
    drop(at_work);
    let names = |path: &Path| {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let drawn = made.names().into_iter();
    let mut expected: Vec<String> =
        drawn.flat_map(|name| [format!("{name}.png"), format!("{name}.svg")]).collect();
    expected.push("own.svg".into());
    expected.sort();
    assert_eq!(names(&figures), expected);
    assert_eq!([part("1"), part("2"), part("x")].map(|path| path.exists()), [false, true, true]);
    // Nothing else is left beside the page.
    let hidden = names(folder.path()).into_iter().filter(|name| name.starts_with('.')).count();
    assert_eq!(hidden, 2, "{:?}", names(folder.path()));
}

/// Fails if a series of an experiment with many is in no figure, or a figure has more than can be told apart.
#[test]
fn no_series_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    experiment(folder.path(), "study");
    let file = folder.path().join("study/results.json");
    let mut results: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let one = results["rows"][0].clone();
    let named = |index: usize| {
        let mut row = one.clone();
        row["series"] = format!("series-{index:02}").into();
        row["label"] = format!("label {index}").into();
        row
    };
    results["rows"] = (0..57).map(named).collect();
    fs::write(&file, results.to_string()).unwrap();
    seal(&folder.path().join("study"));
    let made = report(&["study"], folder.path());
    made.check();
    for kind in ["measures", "cost"] {
        let figures: Vec<&String> = made
            .figures
            .iter()
            .filter(|(name, _)| name.starts_with(kind))
            .map(|(_, svg)| svg)
            .collect();
        for index in 0..57 {
            let name = format!(">series-{index:02}<");
            let shown = figures.iter().filter(|svg| svg.contains(&name)).count();
            assert_eq!(shown, 1, "{kind}: {name}");
        }
        let most = figures.iter().map(|svg| svg.matches(">series-").count()).max();
        assert_eq!((figures.len(), most), (3, Some(28)), "{kind}");
    }
}

/// Fails if a finished run has no report while a later one into its folder is unfinished, that goes unsaid, or the command
/// that is advised does not go on with it; or if what a process leaves that is killed as it begins passes for a run.
#[test]
fn an_unfinished_run_in_the_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "run");
    let run = folder.path().join("run");
    fs::create_dir(run.join("checkpoint")).unwrap();
    fs::write(run.join("checkpoint/.run.1.part"), "").unwrap();
    let reported = || {
        let output = amc(&["report", "run"], folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{message}");
        message
    };
    assert_eq!(reported(), "");

    killed(folder.path(), "run");
    assert!(run.join("manifest.json").exists(), "the finished run is no longer there");
    let message = reported();
    assert!(message.contains("warning") && message.contains("amc resume run"), "{message}");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("is not finished"));
    let resumed = amc(&["resume", "run", "--checkpoint-every", "1h", "--quiet"], folder.path());
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(reported(), "");
}

/// Fails if a disk without room is taken for a wrong call, the message has no remedy, or anything is left behind: files
/// may get no larger than 32 KiB here, which the figures as PNG exceed.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    particles(folder.path(), "run");
    let before = fs::read_dir(folder.path().join("run")).unwrap().count();
    let command =
        format!("trap '' XFSZ; ulimit -f 64; exec {} report run", env!("CARGO_BIN_EXE_amc"));
    let limited = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(1), "{message}");
    assert!(message.contains("make room") && message.contains("report.html"), "{message}");
    assert_eq!(fs::read_dir(folder.path().join("run")).unwrap().count(), before);
}
