//! `target.kind = "shared-library"`: densities that a C compiler made, with the C interface of BridgeStan 2.

#[path = "shared_library/compile.rs"]
mod compile;

use std::f64::consts::PI;
use std::path::Path;

use amc_harness::config::RunConfig;
use amc_harness::embed::{BatchTarget, Derivatives, LibraryError, SharedLibrary};
use amc_harness::run::{Begin, RunError, Summary, Training, run};
use amc_harness::sampler::Silent;
use compile::compile;

const SMC: &str = "[kernel]\nsteps = 3\n[sampler]\nkind = \"smc\"\nparticles = 2048\n";
const TEMPERING: &str = "[path]\nkind = \"tempering\"\nlevels = 24\n";

/// A mixture near the model's density: its modes, with equal weights and other widths.
const BACKBONE: &str = r#"{"name":"near","dim":2,"weights":[0.5,0.5],"means":[[-2.0,1.0],[2.5,0.0]],
    "covariances":[{"kind":"isotropic","variance":0.4},{"kind":"isotropic","variance":0.9}]}"#;

fn config(folder: &Path, target: &str, rest: &str) -> Result<RunConfig, String> {
    let text = format!("[target]\nkind = \"shared-library\"\n{target}\n{rest}");
    RunConfig::from_toml(&text, "run.toml", folder, &[]).map_err(|error| error.to_string())
}

fn summary(folder: &Path, target: &str, rest: &str) -> Result<Summary, String> {
    let config = config(folder, target, rest)?;
    run(&config, &mut Silent).map(|run| run.summary).map_err(|error| error.to_string())
}

fn assert_log_z(summary: &Summary, most_error: f64) {
    let truth = (2.0 * PI * (3.0 * 0.25 + 0.64)).ln();
    let (log_z, error) = (summary.log_z, summary.log_z_std_error);
    assert!(error > 0.0 && error < most_error, "{log_z} +- {error}");
    assert!((log_z - truth).abs() < 5.0 * error, "{log_z} +- {error}, truth {truth}");
}

/// Fails if the density of the library is not the one that is sampled, along either path, with the model's own scores
/// and with its products of the Hessian, or a truth is claimed that nobody knows.
#[test]
fn the_evidence_of_a_compiled_model() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "model.so", &[]);
    std::fs::write(folder.path().join("near.json"), BACKBONE).unwrap();
    let wide = "library = \"model.so\"\nreference_scale = 4.0";
    let tempered = summary(folder.path(), wide, &format!("{TEMPERING}{SMC}")).unwrap();
    assert_log_z(&tempered, 0.1);
    assert_eq!((tempered.target.as_str(), tempered.dim), ("model", 2));
    assert!(tempered.true_mode_weights.is_empty() && tempered.mode_weight_error.is_nan());
    let near = "library = \"model.so\"\nbackbone = \"near.json\"";
    for bridge in ["ddpm", "second-order"] {
        let path = format!("[path]\nlevels = 24\n[bridge]\nkind = \"{bridge}\"\n{SMC}");
        assert_log_z(&summary(folder.path(), near, &path).unwrap(), 0.1);
    }
}

/// Fails if a density and its derivatives do not belong together, or to the model.
#[test]
fn values_are_those_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "model.so", &[]);
    let model = SharedLibrary::load(&folder.path().join("model.so"), None, 0).unwrap();
    assert_eq!((model.dim(), model.offers(2)), (2, Derivatives::HessianProduct));
    let (x, v, h) = ([0.3, 0.7], [0.6, -1.1], 1e-5);
    let by_hand = (3.0 * (-(2.3f64.powi(2) + 0.09) / 0.5).exp()
        + (-(2.2f64.powi(2) + 0.49) / 1.28).exp())
    .ln();
    let (mut value, mut score, mut product) = ([0.0], [0.0; 2], [0.0; 2]);
    model.log_densities(&x, 2, &mut value).unwrap();
    assert!((value[0] - by_hand).abs() < 1e-13);
    model.log_densities_and_scores(&x, 2, &mut value, &mut score).unwrap();
    assert!((value[0] - by_hand).abs() < 1e-13);
    model.hessian_products(&x, &v, 2, &mut product).unwrap();
    let moved: Vec<f64> = [-h, h].iter().flat_map(|h| [x[0] + h * v[0], x[1] + h * v[1]]).collect();
    let (mut values, mut scores) = ([0.0; 2], [0.0; 4]);
    model.log_densities_and_scores(&moved, 2, &mut values, &mut scores).unwrap();
    let slope = (values[1] - values[0]) / (2.0 * h);
    assert!((slope - score[0] * v[0] - score[1] * v[1]).abs() < 1e-8);
    for j in 0..2 {
        assert!(((scores[2 + j] - scores[j]) / (2.0 * h) - product[j]).abs() < 1e-7);
    }
}

/// Fails if a library that is none, lacks functions or has another interface is not refused by name, with its remedy.
#[test]
fn other_libraries_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, data: Option<&str>| {
        SharedLibrary::load(&folder.path().join(name), data, 0).map(|_| ()).unwrap_err()
    };
    std::fs::write(folder.path().join("text.so"), "no library").unwrap();
    assert!(matches!(load("text.so", None), LibraryError::Unloadable { .. }));
    let absent = load("absent.so", None).to_string();
    assert!(
        absent.contains("absent.so: cannot be loaded: ") && absent.contains("No such file"),
        "{absent}"
    );
    compile(folder.path(), "lacking.so", &["WITHOUT_DENSITY"]);
    let message = load("lacking.so", None).to_string();
    assert!(message.contains("has no bs_log_density;"), "{message}");
    compile(folder.path(), "old.so", &["VERSION=1"]);
    assert!(matches!(load("old.so", None), LibraryError::Version { found: 1, .. }));
    compile(folder.path(), "empty.so", &["DIM=0"]);
    assert!(matches!(load("empty.so", None), LibraryError::NoParameters { found: 0, .. }));
    compile(folder.path(), "model.so", &[]);
    let message = load("model.so", Some("[1, 2]")).to_string();
    assert!(message.ends_with("the model cannot be made: the data are no object"), "{message}");
    assert_eq!(load("model.so", Some("{\0}")), LibraryError::Data);
    assert!(SharedLibrary::load(&folder.path().join("model.so"), Some("{\"n\": 1}"), 7).is_ok());
}

/// Fails if a model without gradient is differentiated unasked, cannot be at all, or what it lacks is not said.
#[test]
fn what_a_library_lacks_is_said() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "bare.so", &["WITHOUT_GRADIENT", "WITHOUT_PRODUCTS"]);
    let target = "library = \"bare.so\"\nreference_scale = 4.0";
    let refused = summary(folder.path(), target, &format!("{TEMPERING}{SMC}")).unwrap_err();
    assert!(refused.contains("mala") && refused.contains("score"), "{refused}");
    let asked = format!("{target}\nfinite_differences = 1e-4");
    assert_log_z(&summary(folder.path(), &asked, &format!("{TEMPERING}{SMC}")).unwrap(), 0.1);
    let walk = format!("{TEMPERING}{}", SMC.replace("steps", "kind = \"rwm\"\nsteps"));
    assert_log_z(&summary(folder.path(), target, &walk).unwrap(), 0.2);
    compile(folder.path(), "first.so", &["WITHOUT_PRODUCTS"]);
    let first = SharedLibrary::load(&folder.path().join("first.so"), None, 0).unwrap();
    assert_eq!(first.offers(2), Derivatives::Score);
}

/// Fails if an error of the model is swallowed, loses its message or keeps its line break.
#[test]
fn an_error_of_the_model_ends_the_run_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "model.so", &[]);
    let far = "library = \"model.so\"\nreference_scale = 999999.0";
    let message = summary(folder.path(), far, &format!("{TEMPERING}{SMC}")).unwrap_err();
    assert!(message.contains("Exception: x is too large"), "{message}");
    assert!(message.contains("code -1") && message.lines().count() == 1, "{message}");
}

/// Fails if failures that are to be rejected end the run or shift the evidence: the model fails where next to nothing of
/// its mass is.
#[test]
fn failures_are_points_of_density_zero_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "near.so", &["LIMIT=10"]);
    let model = SharedLibrary::load(&folder.path().join("near.so"), None, 0).unwrap();
    let (mut values, mut scores) = ([1.0; 2], [1.0; 4]);
    let far = [0.3, 0.7, 11.0, 0.0];
    assert!(model.log_densities(&far, 2, &mut values).is_err());
    let model = model.reject_failures(true);
    model.log_densities_and_scores(&far, 2, &mut values, &mut scores).unwrap();
    assert!(values[0].is_finite() && values[1] == f64::NEG_INFINITY && scores[2..] == [0.0, 0.0]);
    let wide = "library = \"near.so\"\nreference_scale = 5.0";
    assert!(summary(folder.path(), wide, &format!("{TEMPERING}{SMC}")).is_err());
    let wide = format!("{wide}\nreject_failures = true");
    assert_log_z(&summary(folder.path(), &wide, &format!("{TEMPERING}{SMC}")).unwrap(), 0.1);
}

/// Fails if threads meet in a model that says it bears one at a time: it reports an error where they do.
#[test]
fn a_model_for_one_thread_is_asked_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "single.so", &["ONE_AT_A_TIME"]);
    let model = SharedLibrary::load(&folder.path().join("single.so"), None, 0).unwrap();
    std::thread::scope(|scope| {
        let ask = || {
            let (x, mut values) = (vec![0.5; 2 * 4096], vec![0.0; 4096]);
            (0..20).try_for_each(|_| model.log_densities(&x, 2, &mut values))
        };
        let threads = [scope.spawn(ask), scope.spawn(ask), scope.spawn(ask)];
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    });
}

/// Fails if settings that cannot work are found out late, or a mixture's knowledge is asked of a library.
#[test]
fn settings_are_checked_first() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "model.so", &[]);
    std::fs::write(folder.path().join("near.json"), BACKBONE).unwrap();
    let three = BACKBONE
        .replace("\"dim\":2", "\"dim\":3")
        .replace("1.0]", "1.0,0.0]")
        .replace("0.0]]", "0.0,0.0]]");
    std::fs::write(folder.path().join("three.json"), three).unwrap();
    let refused = |target: &str, rest: &str| summary(folder.path(), target, rest).unwrap_err();
    assert!(refused("", "").contains("target.library is missing"));
    assert!(refused("library = \"model.so\"", "").contains("target.backbone is missing"));
    assert!(refused("library = \"model.so\"\nseed = 4294967296", TEMPERING).contains("4294967295"));
    let both = "library = \"model.so\"\nbackbone = \"near.json\"\nreference_scale = 2.0";
    assert!(refused(both, "").contains("target.reference_scale"));
    let other = refused("library = \"model.so\"\nbackbone = \"three.json\"", "");
    assert!(other.contains("has 3 coordinates, and the target 2"), "{other}");
    let fine = config(folder.path(), "library = \"model.so\"", TEMPERING).unwrap();
    let training = Training::prepare(&fine, &folder.path().join("out"), Begin::Over);
    assert!(matches!(training.map(|_| ()), Err(RunError::NoMixture { .. })));
    let again = RunConfig::from_toml(&fine.to_toml(), "again.toml", Path::new("/"), &[]);
    assert_eq!(again, Ok(fine));
}

/// Fails if the program cannot sample a library, or its table or report claims to know what nobody does: that log Z is 0,
/// or the weights of modes.
#[test]
fn the_program_claims_no_truth() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "model.so", &[]);
    let text = format!(
        "[target]\nkind = \"shared-library\"\nlibrary = \"model.so\"\nreference_scale = 4.0\n{TEMPERING}{SMC}"
    );
    std::fs::write(folder.path().join("run.toml"), text).unwrap();
    let amc = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amc"));
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let table = amc(&["run", "run.toml", "--out", "out", "--quiet"]);
    let line = table.lines().find(|line| line.contains("log Z")).unwrap();
    assert!(line.contains("± 0.0") && line.trim_end().ends_with("┆                   │"), "{line}");
    assert!(!table.contains("Wasserstein") && !table.contains("truth") && !table.contains("NaN"));
    amc(&["report", "out"]);
    let page = std::fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(page.contains("Estimates of log Z. AIS"), "no figure of log Z");
    assert!(!page.contains("whose truth is 0") && !page.contains("Weights of the modes"));
}
