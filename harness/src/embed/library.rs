//! A density that other tools compiled: a shared library with the C interface of BridgeStan 2.
//!
//! Used are `bs_model_construct`, `bs_model_destruct`, `bs_free_error_msg`, `bs_param_unc_num`, `bs_log_density` and,
//! where they are there, `bs_log_density_gradient`, `bs_log_density_hessian_vector_product`, `bs_model_info` and
//! `bs_major_version`. Densities are asked for with all constants and with the Jacobian of the constraints
//! (`propto = false`, `jacobian = true`), so that the integral over the unconstrained parameters, `Z`, is the marginal
//! likelihood of a model of Stan.
//!
//! Models must bear several threads. Those whose `bs_model_info` says `STAN_THREADS=false` do not: they are asked by one
//! thread at a time, all of a process together, because models of one library share what they differentiate on.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use super::{BatchTarget, Derivatives, TargetFailure};

/// Why a library cannot be a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The system does not load it.
    #[error("{path}: cannot be loaded: {message}")]
    Unloadable {
        /// The library.
        path: String,
        /// What the system says.
        message: String,
    },
    /// It lacks functions.
    #[error(
        "{path}: has no {symbols}; target.kind = \"shared-library\" needs the interface of BridgeStan 2"
    )]
    Missing {
        /// The library.
        path: String,
        /// The functions.
        symbols: String,
    },
    /// It has the interface of another version.
    #[error(
        "{path}: has version {found} of the interface of BridgeStan, and 2 is needed; compile the model anew"
    )]
    Version {
        /// The library.
        path: String,
        /// Its version.
        found: i32,
    },
    /// The model refuses its data.
    #[error("{path}: the model cannot be made: {message}")]
    Construct {
        /// The library.
        path: String,
        /// What the model says.
        message: String,
    },
    /// Nothing is left to sample.
    #[error("{path}: the model has {found} parameters, and at least 1 is needed")]
    NoParameters {
        /// The library.
        path: String,
        /// Their number.
        found: i32,
    },
    /// A text that C cannot hold.
    #[error("target.data: holds a zero character")]
    Data,
}

/// The model of a library; only its own functions look inside.
#[repr(C)]
struct Model {
    _opaque: [u8; 0],
}

type Message = *mut *mut c_char;
type Construct = unsafe extern "C" fn(*const c_char, c_uint, Message) -> *mut Model;
type Destruct = unsafe extern "C" fn(*mut Model);
type FreeMessage = unsafe extern "C" fn(*mut c_char);
type Count = unsafe extern "C" fn(*const Model) -> c_int;
type Info = unsafe extern "C" fn(*const Model) -> *const c_char;
type Density =
    unsafe extern "C" fn(*const Model, bool, bool, *const f64, *mut f64, Message) -> c_int;
type Gradient = unsafe extern "C" fn(
    *const Model,
    bool,
    bool,
    *const f64,
    *mut f64,
    *mut f64,
    Message,
) -> c_int;
type HessianVector = unsafe extern "C" fn(
    *const Model,
    bool,
    bool,
    *const f64,
    *const f64,
    *mut f64,
    *mut f64,
    Message,
) -> c_int;

/// The functions of a library; they live as long as it is loaded.
struct Functions {
    construct: Construct,
    destruct: Destruct,
    free_message: FreeMessage,
    count: Count,
    density: Density,
    gradient: Option<Gradient>,
    hessian_vector: Option<HessianVector>,
    info: Option<Info>,
}

/// Held during every evaluation of a model that bears one thread at a time. One for the process: the system loads a library
/// once, so the models of several runs (an experiment has one a thread) share its globals.
static TURNS: Mutex<()> = Mutex::new(());

/// A model of a shared library, ready to be evaluated.
pub struct SharedLibrary {
    model: *mut Model,
    functions: Functions,
    dim: usize,
    /// Whether a point that the model fails at is one of density zero.
    reject_failures: bool,
    /// Whether the model bears one thread at a time.
    takes_turns: bool,
    /// Dropped last: the functions are its.
    _library: libloading::Library,
}

// SAFETY: the interface lets a model be evaluated by several threads at once and freed by any; where it says that it was
// compiled without that, `TURNS` lets one in at a time.
unsafe impl Send for SharedLibrary {}
// SAFETY: as above.
unsafe impl Sync for SharedLibrary {}

impl SharedLibrary {
    /// Loads a library and makes its model of `data`: JSON, the path of a file that ends in `.json`, or nothing.
    ///
    /// Loading runs the code of the library.
    ///
    /// # Errors
    /// [`LibraryError`], with the model's own message where it has one.
    pub fn load(path: &Path, data: Option<&str>, seed: u32) -> Result<Self, LibraryError> {
        let name = path.display().to_string();
        let data = data.map(CString::new).transpose().map_err(|_| LibraryError::Data)?;
        // SAFETY: the user names a library whose start-up code may run.
        let library = unsafe { libloading::Library::new(path) }.map_err(|error| {
            // What the system says stands in the source.
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let message = one_line(&source.unwrap_or_else(|| error.to_string()));
            LibraryError::Unloadable { path: name.clone(), message }
        })?;
        let functions = Functions::of(&library, &name)?;
        let mut message = null_mut();
        let text = data.as_ref().map_or(null(), |data| data.as_ptr());
        // SAFETY: the function has this signature in version 2; text and message live during the call.
        let model = unsafe { (functions.construct)(text, seed, &mut message) };
        if model.is_null() {
            let message =
                functions.take(message).unwrap_or_else(|| "it gives no reason".to_owned());
            return Err(LibraryError::Construct { path: name, message });
        }
        functions.discard(message);
        // From here on dropping frees the model.
        let mut made = Self {
            model,
            functions,
            dim: 0,
            reject_failures: false,
            takes_turns: false,
            _library: library,
        };
        // SAFETY: the model was just made.
        let found = unsafe { (made.functions.count)(model) };
        made.dim = usize::try_from(found).unwrap_or(0);
        if made.dim == 0 {
            return Err(LibraryError::NoParameters { path: name, found });
        }
        made.takes_turns = made.info().contains("STAN_THREADS=false");
        Ok(made)
    }

    /// Takes a point that the model fails at for one of density zero, as samplers of Stan do: models fail by design where
    /// their parameters are of no use, and by mistake, which then only a run without any weight tells.
    #[must_use]
    pub fn reject_failures(mut self, reject_failures: bool) -> Self {
        self.reject_failures = reject_failures;
        self
    }

    /// The number of unconstrained parameters, the dimension `d`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    fn info(&self) -> String {
        let Some(info) = self.functions.info else { return String::new() };
        // SAFETY: the model lives; the text is NULL or lives as long as the model.
        unsafe {
            let text = info(self.model);
            if text.is_null() {
                String::new()
            } else {
                CStr::from_ptr(text).to_string_lossy().into_owned()
            }
        }
    }

    fn turn(&self) -> Option<MutexGuard<'static, ()>> {
        self.takes_turns.then(|| TURNS.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a call succeeded; `false` where its failure is that of a point of density zero.
    fn succeeded(
        &self,
        code: c_int,
        message: *mut c_char,
        x: &[f64],
    ) -> Result<bool, TargetFailure> {
        if code == 0 || self.reject_failures {
            self.functions.discard(message);
            return Ok(code == 0);
        }
        let said = self.functions.take(message).unwrap_or_else(|| "no reason given".to_owned());
        let first: Vec<String> = x.iter().take(3).map(|x| format!("{x:.4}")).collect();
        let dots = if x.len() > 3 { ", ..." } else { "" };
        Err(TargetFailure { message: format!("{said} (at {}{dots})", first.join(", ")), code })
    }
}

impl Drop for SharedLibrary {
    fn drop(&mut self) {
        // SAFETY: the model was made by this library and is freed once.
        unsafe { (self.functions.destruct)(self.model) }
    }
}

impl Functions {
    fn of(library: &libloading::Library, path: &str) -> Result<Self, LibraryError> {
        // SAFETY: the symbol is an `int` wherever it exists.
        if let Ok(version) = unsafe { library.get::<*const c_int>(b"bs_major_version\0") } {
            // SAFETY: as above.
            let found = unsafe { **version };
            if found != 2 {
                return Err(LibraryError::Version { path: path.to_owned(), found });
            }
        }
        let mut missing = Vec::new();
        let (construct, destruct, free_message, count, density) = (
            required::<Construct>(library, "bs_model_construct", &mut missing),
            required::<Destruct>(library, "bs_model_destruct", &mut missing),
            required::<FreeMessage>(library, "bs_free_error_msg", &mut missing),
            required::<Count>(library, "bs_param_unc_num", &mut missing),
            required::<Density>(library, "bs_log_density", &mut missing),
        );
        let (Some(construct), Some(destruct), Some(free_message), Some(count), Some(density)) =
            (construct, destruct, free_message, count, density)
        else {
            let symbols = missing.join(", ");
            return Err(LibraryError::Missing { path: path.to_owned(), symbols });
        };
        Ok(Self {
            construct,
            destruct,
            free_message,
            count,
            density,
            gradient: function(library, "bs_log_density_gradient"),
            hessian_vector: function(library, "bs_log_density_hessian_vector_product"),
            info: function(library, "bs_model_info"),
        })
    }

    /// The text of a message, which is freed.
    fn take(&self, message: *mut c_char) -> Option<String> {
        if message.is_null() {
            return None;
        }
        // SAFETY: the library made the message, which ends with NUL.
        let text = one_line(&unsafe { CStr::from_ptr(message) }.to_string_lossy());
        self.discard(message);
        Some(text)
    }

    fn discard(&self, message: *mut c_char) {
        if !message.is_null() {
            // SAFETY: the library made the message, and nobody looks at it any more.
            unsafe { (self.free_message)(message) }
        }
    }
}

/// A function of a library, if it has it. `F` is its type in version 2 of the interface.
fn function<F: Copy>(library: &libloading::Library, name: &str) -> Option<F> {
    // SAFETY: every `F` of this file is the type that the interface gives the function of that name.
    unsafe { library.get::<F>(name.as_bytes()) }.ok().map(|symbol| *symbol)
}

fn required<F: Copy>(
    library: &libloading::Library,
    name: &'static str,
    missing: &mut Vec<&'static str>,
) -> Option<F> {
    let found = function(library, name);
    if found.is_none() {
        missing.push(name);
    }
    found
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl BatchTarget for SharedLibrary {
    fn offers(&self, _dim: usize) -> Derivatives {
        match (self.functions.gradient, self.functions.hessian_vector) {
            (None, _) => Derivatives::None,
            (Some(_), None) => Derivatives::Score,
            (Some(_), Some(_)) => Derivatives::HessianProduct,
        }
    }

    fn log_densities(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
    ) -> Result<(), TargetFailure> {
        check_dim(self.dim, dim)?;
        let _turn = self.turn();
        for (x, value) in x.chunks_exact(dim).zip(log_densities) {
            let mut message = null_mut();
            // SAFETY: the model lives, the point has its number of parameters, the others are single variables.
            let code = unsafe {
                (self.functions.density)(self.model, false, true, x.as_ptr(), value, &mut message)
            };
            if !self.succeeded(code, message, x)? {
                *value = f64::NEG_INFINITY;
            }
        }
        Ok(())
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        check_dim(self.dim, dim)?;
        let gradient = self.functions.gradient.ok_or_else(|| absent("bs_log_density_gradient"))?;
        let _turn = self.turn();
        let points = x.chunks_exact(dim).zip(scores.chunks_exact_mut(dim));
        for ((x, score), value) in points.zip(log_densities) {
            let (mut message, slope) = (null_mut(), score.as_mut_ptr());
            // SAFETY: as above; the gradient has as many numbers as the point.
            let code = unsafe {
                gradient(self.model, false, true, x.as_ptr(), value, slope, &mut message)
            };
            if !self.succeeded(code, message, x)? {
                *value = f64::NEG_INFINITY;
                score.fill(0.0);
            }
        }
        Ok(())
    }

    fn hessian_products(
        &self,
        x: &[f64],
        v: &[f64],
        dim: usize,
        out: &mut [f64],
    ) -> Result<(), TargetFailure> {
        check_dim(self.dim, dim)?;
        let name = "bs_log_density_hessian_vector_product";
        let product = self.functions.hessian_vector.ok_or_else(|| absent(name))?;
        let _turn = self.turn();
        let points = x.chunks_exact(dim).zip(v.chunks_exact(dim));
        for ((x, v), out) in points.zip(out.chunks_exact_mut(dim)) {
            let (mut message, mut value, v) = (null_mut(), 0.0, v.as_ptr());
            let product_out = out.as_mut_ptr();
            // SAFETY: as above; vector and product have as many numbers as the point.
            let code = unsafe {
                product(
                    self.model,
                    false,
                    true,
                    x.as_ptr(),
                    v,
                    &mut value,
                    product_out,
                    &mut message,
                )
            };
            if !self.succeeded(code, message, x)? {
                out.fill(0.0);
            }
        }
        Ok(())
    }
}

fn check_dim(expected: usize, found: usize) -> Result<(), TargetFailure> {
    if expected == found {
        return Ok(());
    }
    let message = format!("the model has {expected} parameters, and points {found} coordinates");
    Err(TargetFailure { message, code: 0 })
}

fn absent(name: &str) -> TargetFailure {
    TargetFailure { message: format!("the library has no {name}"), code: 0 }
}
