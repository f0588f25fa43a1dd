//! What is refused, with which words, and that no text whatever brings the reader down.

use super::{read, read_ok};

/// Fails when a bad configuration is accepted, or when its message does not say all the parts
/// listed here: the field, the value, what is allowed.
#[test]
fn bad_input_is_named_with_its_remedy() {
    for (sets, parts) in BAD {
        let message = read("", sets).expect_err(&format!("{sets:?}")).to_string();
        for part in *parts {
            assert!(message.contains(part), "{sets:?} gives\n{message}\nwithout\n{part}");
        }
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

/// `--set` arguments on an empty file, and the parts that the message must have.
#[rustfmt::skip]
const BAD: &[(&[&str], &[&str])] = &[
    (&["seed=-1"], &["seed = -1", "from 0"]),
    (&["seed=abc"], &["seed = \"abc\" is a string", "expected an integer"]),
    (&["sede=1"], &["sede is not known", "did you mean seed?"]),
    (&["brige.kind=ddpm"], &["--set: brige", "did you mean [bridge]?"]),
    (&["particles=5"], &["particles is not known", "belongs to [sampler]"]),
    (&["target=3"], &["target = 3 is an integer", "[target]"]),
    (&["target=3", "target.dim=3"], &["target = 3 is an integer", "[target]"]),
    (&["target.kind=two-mode"], &["target.kind = \"two-mode\"", "did you mean \"two-modes\"?", "many-modes, gmm40, file"]),
    (&["target.kind=7"], &["target.kind = 7 is an integer", "two-modes"]),
    (&["target.dim=0"], &["target.dim = 0", "from 1"]),
    (&["target.dim=-3"], &["target.dim = -3", "from 1"]),
    (&["target.dim=2.5"], &["target.dim = 2.5 is a float", "integer"]),
    (&["target.dim=99999999"], &["target.dim = 99999999", "1048576"]),
    (&["target.separation=nan"], &["target.separation = nan", "above 0"]),
    (&["target.separation=inf"], &["target.separation = inf", "above 0"]),
    (&["target.separation=wide"], &["target.separation = \"wide\" is a string", "a number"]),
    (&["target.rotate=1"], &["target.rotate = 1 is an integer", "true or false"]),
    (&["target.rotate=true", "target.dim=100000"], &["target.dim = 100000", "8 GiB"]),
    (&["target.conditioning=easy"], &["target.conditioning = \"easy\"", "none, medium, hard"]),
    (&["target.kind=many-modes", "target.separation=5"], &["target.separation does not apply to target.kind = \"many-modes\" (it belongs to two-modes)"]),
    (&["target.kind=many-modes", "target.components=0"], &["target.components = 0", "from 1"]),
    (&["target.kind=many-modes", "target.components=1000000", "target.dim=1000000"], &["target.components = 1000000", "8 GiB"]),
    (&["target.seed=3"], &["target.seed does not apply", "many-modes, gmm40"]),
    (&["target.kind=file"], &["target.path is missing", "mixture.json"]),
    (&["target.kind=file", "target.path="], &["target.path is missing"]),
    (&["target.kind=file", "target.path=3"], &["target.path = 3 is an integer", "a string"]),
    (&["target.kind=file", "target.path=a", "target.dim=3"], &["target.dim does not apply"]),
    (&["path.levels=0"], &["path.levels = 0", "from 1"]),
    (&["path.t_min=0"], &["path.t_min = 0", "above 0"]),
    (&["path.t_max=1.5"], &["path.t_max = 1.5", "at most 1"]),
    (&["path.t_min=0.5", "path.t_max=0.5"], &["path.t_min = 0.5", "path.t_max = 0.5"]),
    (&["path.schedule=vp-cosine", "path.t_max=1"], &["path.t_max = 1", "below 1"]),
    (&["path.schedule=vp"], &["path.schedule = \"vp\"", "vp-linear, vp-cosine, ve"]),
    (&["path.schedule=ve", "path.beta_min=1"], &["path.beta_min does not apply to path.schedule = \"ve\"", "vp-linear"]),
    (&["path.sigma_max=1"], &["path.sigma_max does not apply to path.schedule = \"vp-linear\" (it belongs to ve)"]),
    (&["path.beta_min=3", "path.beta_max=2"], &["path.beta_min = 3", "path.beta_max = 2"]),
    (&["path.beta_min=0"], &["path.beta_min = 0", "above 0 and at most 700"]),
    (&["path.beta_max=701"], &["path.beta_max = 701", "above 0 and at most 700"]),
    (&["path.beta_min=5e-324", "path.beta_max=0"], &["path.beta_max = 0", "above 0"]),
    (&["path.schedule=ve", "path.sigma_max=1e151"], &["path.sigma_max = 1000", "from 1e-150 to 1e150"]),
    (&["path.schedule=ve", "path.sigma_min=80"], &["path.sigma_min = 80", "path.sigma_max = 80"]),
    (&["path.times=[1]"], &["path.times does not apply to path.spacing = \"uniform\" (it belongs to list)"]),
    (&["path.spacing=list"], &["path.times is missing", "times = ["]),
    (&["path.spacing=list", "path.times=[]"], &["path.times has 0 noisy levels", "times = ["]),
    (&["path.spacing=list", "path.times=[0]"], &["path.times has 0 noisy levels"]),
    (&["path.spacing=list", "path.times=[0.5, 0.1, 1]"], &["path.times must increase strictly", "0.1 follows 0.5"]),
    (&["path.spacing=list", "path.times=[0.5, 0.5]"], &["path.times must increase strictly"]),
    (&["path.spacing=list", "path.times=[0, 0, 0.5]"], &["path.times must increase strictly", "0 follows 0"]),
    (&["path.spacing=list", "path.times=[0.5, 1.5]"], &["path.times[1] = 1.5", "from 0 to 1"]),
    (&["path.spacing=list", "path.times=[0.5, nan]"], &["path.times[1] = nan"]),
    (&["path.spacing=list", "path.times=[0.5, 'x']"], &["path.times[1] = \"x\" is a string"]),
    (&["path.spacing=list", "path.times=0.5"], &["path.times = 0.5 is a float", "a list of numbers"]),
    (&["path.spacing=list", "path.times=[0.5, 1]", "path.levels=3"], &["path.levels = 3", "2 noisy levels", "drop path.levels"]),
    (&["path.spacing=list", "path.times=[0.5, 1]", "path.t_max=0.9"], &["path.times leaves", "t_max = 0.9"]),
    (&["path.spacing=list", "path.times=[1]", "path.schedule=vp-cosine"], &["path.times ends at 1", "0.999"]),
    (&["path.kind=tempering", "path.spacing=log-snr"], &["path.spacing = \"log-snr\"", "uniform"]),
    (&["path.kind=tempering", "path.schedule=ve"], &["path.schedule does not apply to path.kind = \"tempering\" (it belongs to diffusion)"]),
    (&["path.kind=tempering", "path.beta_max=3"], &["path.beta_max does not apply to path.kind = \"tempering\" (it belongs to diffusion)"]),
    (&["path.kind=tempering", "path.t_min=0.1"], &["path.t_min does not apply to path.kind"]),
    (&["path.kind=tempering", "path.spacing=list", "path.times=[0.5]"], &["path.times must end at 1", "append 1.0"]),
    (&["path.kind=tempering", "bridge.kind=ddpm"], &["bridge.kind = \"ddpm\"", "path.kind = \"tempering\"", "use bridge.kind = \"identity\""]),
    (&["bridge.kind=ddmp"], &["bridge.kind = \"ddmp\"", "did you mean \"ddpm\"?", "second-order"]),
    (&["bridge.variance=scaled"], &["bridge.variance does not apply to bridge.kind = \"second-order\" (it belongs to ddpm)"]),
    (&["bridge.kind=ddpm", "bridge.variance=big"], &["bridge.variance = \"big\"", "noise, scaled, posterior"]),
    (&["bridge.map=ddim"], &["bridge.map does not apply to bridge.kind = \"second-order\" (it belongs to flow-map)"]),
    (&["bridge.kind=flow-map", "bridge.map=huen"], &["bridge.map = \"huen\"", "did you mean \"heun\"?"]),
    (&["bridge.kind=flow-map", "bridge.rank=4"], &["bridge.rank does not apply", "(it belongs to low-rank)"]),
    (&["bridge.kind=flow-map", "bridge.n_iter=0", "bridge.newton=0"], &["bridge.n_iter = 0", "bridge.newton = 0", "at least 1"]),
    (&["bridge.kind=flow-map", "bridge.n_iter=-1"], &["bridge.n_iter = -1", "from 0"]),
    (&["bridge.kind=flow-map", "path.kind=tempering"], &["bridge.kind = \"flow-map\"", "path.kind = \"tempering\""]),
    (&["bridge.kind=flow-map", "logdet.estimator=structured"], &["bridge.map has several stages", "use bridge.map = \"ddim\""]),
    (&["bridge.kind=low-rank", "bridge.rank=0"], &["bridge.rank = 0", "from 1 to 32"]),
    (&["bridge.kind=low-rank", "bridge.rank_tolerance=2"], &["bridge.rank_tolerance = 2", "below 1"]),
    (&["logdet.estimator=hutchp"], &["logdet.estimator = \"hutchp\"", "did you mean \"hutchpp\"?"]),
    (&["logdet.n_hutch=3"], &["logdet.n_hutch = 3", "from 8"]),
    (&["logdet.estimator=lanczos", "logdet.n_hutch=1"], &["logdet.n_hutch = 1", "from 2"]),
    (&["logdet.n_trunc=33"], &["logdet.n_trunc = 33", "from 1 to 32"]),
    (&["logdet.estimator=power-series", "logdet.n_trunc=65"], &["logdet.n_trunc = 65", "from 1 to 64"]),
    (&["logdet.penalty=yes"], &["logdet.penalty = \"yes\"", "closed-form, series, none"]),
    (&["logdet.probe=gaussian"], &["logdet.probe is not known", "did you mean logdet.probes?"]),
    (&["kernel.steps=0"], &["kernel.steps = 0", "kernel.kind = \"none\""]),
    (&["kernel.kind=none", "kernel.steps=2"], &["kernel.steps = 2", "kernel.kind = \"none\"", "mala"]),
    (&["kernel.kind=none", "kernel.adapt=online"], &["kernel.adapt does not apply"]),
    (&["kernel.kind=nuts"], &["kernel.kind = \"nuts\"", "none, rwm, mala, hmc"]),
    (&["kernel.leapfrog_steps=3"], &["kernel.leapfrog_steps does not apply to kernel.kind = \"mala\" (it belongs to hmc)"]),
    (&["kernel.step_size=0"], &["kernel.step_size = 0", "above 0"]),
    (&["kernel.target_acceptance=1"], &["kernel.target_acceptance = 1", "below 1"]),
    (&["kernel.adapt=never"], &["kernel.adapt = \"never\"", "frozen, online"]),
    (&["sampler.particles=0"], &["sampler.particles = 0", "from 1"]),
    (&["sampler.particles=1000000000"], &["sampler.particles = 1000000000", "target.dim = 16", "8 GiB"]),
    (&["sampler.particles=9223372036854775807"], &["sampler.particles = 9223372036854775807", "to 1073741824"]),
    (&["sampler.kind=sms"], &["sampler.kind = \"sms\"", "did you mean \"smc\"?"]),
    (&["sampler.kind=smc", "sampler.ess_threshold=1.5"], &["sampler.ess_threshold = 1.5", "from 0 to 1"]),
    (&["sampler.ess_treshold=0.5"], &["sampler.ess_treshold is not known", "did you mean sampler.ess_threshold?"]),
    (&["model.score=learned"], &["model.file is missing", "amc train"]),
    (&["model.score=learned", "model.file="], &["model.file is missing"]),
    (&["model.density=lerned", "model.file=m"], &["model.density = \"lerned\"", "did you mean \"learned\"?"]),
    (&["model.density=learned", "model.file=m", "path.kind=tempering"], &["model.density", "path.kind = \"tempering\"", "use path.kind = \"diffusion\""]),
    (&["model.score=learned", "model.file=m", "bridge.kind=exact"], &["model.score", "bridge.kind = \"exact\"", "second-order"]),
    (&["model.density=learned", "model.file=m", "path.spacing=lambda"], &["model.density", "path.spacing = \"lambda\"", "log-snr"]),
    (&["model.precision=f16"], &["model.precision = \"f16\"", "f32, f64"]),
    (&["train.network=score", "train.classification=bi-level"], &["train.classification", "train.network = \"score\"", "energy"]),
    (&["train.classes=3"], &["train.classes does not apply to train.classification = \"none\" (it belongs to multi-level)"]),
    (&["train.classification=bi-level", "train.classes=3"], &["train.classes does not apply", "multi-level"]),
    (&["train.weight=3"], &["train.weight does not apply", "bi-level, multi-level"]),
    (&["train.classification=multi-level", "train.classes=9"], &["train.classes = 9", "from 2 to 8"]),
    (&["train.batch=100"], &["train.batch = 100", "from 128"]),
    (&["train.batch=200"], &["train.batch = 200", "multiple of 128", "use 256"]),
    (&["train.classification=bi-level", "train.classified=129"], &["train.classified = 129", "use 256"]),
    (&["train.samples=1"], &["train.samples = 1", "from 2"]),
    (&["train.samples=5", "train.data=a.csv"], &["train.samples = 5", "train.data", "drop one"]),
    (&["train.data="], &["train.data", "path of a file"]),
    (&["train.blocks=9"], &["train.blocks = 9", "from 1 to 8"]),
    (&["train.channels=0"], &["train.channels = 0", "from 1"]),
    (&["train.learning_rate=1"], &["train.learning_rate = 1", "below 1"]),
    (&["train.clip=0"], &["train.clip = 0", "above 0"]),
    (&["train.average=1"], &["train.average = 1", "from 0 to 0.9999"]),
    (&["train.validation=0.6"], &["train.validation = 0.6", "from 0 to 0.5"]),
    (&["train.patience=2", "train.validation=0"], &["train.patience", "train.validation = 0"]),
    (&["train.epoch=3"], &["train.epoch is not known", "did you mean train.epochs?"]),
    (&["sampler.resampling=sistematic"], &["sampler.resampling = \"sistematic\"", "did you mean \"systematic\"?"]),
];

/// Fails when a syntax error is not placed, or when a message does not say where a value is from.
#[test]
fn messages_say_where_the_text_is() {
    for (text, sets, start) in [
        ("seed = 1\n[target\n", &[][..], "run.toml:2:8: not valid TOML: "),
        ("a = 1\nü = 2", &[], "run.toml:2:1: not valid TOML: "),
        ("seed = 1\nseed = 2", &[], "run.toml:2:1: not valid TOML: duplicate key"),
        ("[bridge]\nkind = 'x'", &[], "run.toml: bridge.kind = "),
        ("[bridge]\nkind = 'exact'", &["bridge.kind=x"], "--set: bridge.kind = "),
        (
            "[target]\nseparation = 5",
            &["target.kind=gmm40"],
            "run.toml: target.separation does not apply to target.kind = \"gmm40\" \
             (it belongs to two-modes); target.kind comes from --set",
        ),
    ] {
        let message = read(text, sets).expect_err(text).to_string();
        assert!(message.starts_with(start), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

/// Fails when some text makes the reader panic, or gives a message of several lines.
///
/// The texts are a good file with bytes replaced, cut out or doubled at random.
#[test]
fn damaged_files_never_panic() {
    let sets = ["path.schedule=ve", "sampler.kind=smc", "kernel.kind=hmc"];
    let good = read_ok("", &sets).to_toml().into_bytes();
    let alphabet = b"\"'=[]{}.,#\n\\-+_0123456789eainfx\xc3\xbc\0 ";
    let mut state = 1_u64;
    let mut below = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % end
    };
    for _ in 0..5_000 {
        let mut bytes = good.clone();
        for _ in 0..=below(6) {
            let at = below(bytes.len());
            match below(3) {
                0 => bytes[at] = alphabet[below(alphabet.len())],
                1 => drop(bytes.drain(at..bytes.len().min(at + below(9)))),
                _ => bytes.insert(at, alphabet[below(alphabet.len())]),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Err(error) = read(&text, &[]) {
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}
