//! Noise schedules, as a structure.

use amc_core::path::{NoiseSchedule, VeShape};

use crate::error::{Failure, amc_status};
use crate::structure::{self, Structure};

/// How signal alpha_t and noise variance v_t depend on the time t.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amc_schedule_kind {
    /// alpha_t = exp(-B/2), v_t = 1 - exp(-B), B = beta_min t + (beta_max - beta_min) t^2/2.
    AMC_VP_LINEAR = 0,
    /// alpha_t = cos(pi t/2), v_t = sin(pi t/2)^2; t < 1.
    AMC_VP_COSINE = 1,
    /// alpha_t = 1, sqrt(v_t) = sigma_min (sigma_max/sigma_min)^t, and v_0 = 0.
    AMC_VE_GEOMETRIC = 2,
    /// alpha_t = 1, the seventh root of sqrt(v_t) linear in t from sigma_min to sigma_max, and v_0 = 0.
    AMC_VE_RHO_7 = 3,
}

/// A noise schedule: {sizeof(amc_schedule), kind, ...}, all else 0. A parameter that is 0 takes its default.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_schedule {
    /// sizeof(amc_schedule).
    pub size: usize,
    /// An `amc_schedule_kind`.
    pub kind: i32,
    /// 0.
    pub reserved: i32,
    /// Rate of noise at t = 0, of AMC_VP_LINEAR only: above 0 and at most 700; 0 stands for 0.1.
    pub beta_min: f64,
    /// Rate of noise at t = 1, of AMC_VP_LINEAR only: from beta_min to 700; 0 stands for 20.
    pub beta_max: f64,
    /// Least noise, of AMC_VE_... only: from 1e-150; 0 stands for 0.002.
    pub sigma_min: f64,
    /// Most noise, of AMC_VE_... only: above sigma_min, at most 1e150; 0 stands for 80.
    pub sigma_max: f64,
}

// SAFETY: `repr(C)`, numbers only, the first a `usize`.
unsafe impl Structure for amc_schedule {
    const NAME: &'static str = "amc_schedule";
    const FIRST: usize = 48;
}

/// The schedule that a structure describes; NULL is the default, AMC_VP_LINEAR.
///
/// # Safety
/// `schedule` is NULL or points to a structure of its `size`.
pub(crate) unsafe fn read(schedule: *const amc_schedule) -> Result<NoiseSchedule, Failure> {
    if schedule.is_null() {
        return Ok(NoiseSchedule::vp_linear(BETA.0, BETA.1)?);
    }
    // SAFETY: as promised by the caller.
    let given = unsafe { structure::read(schedule) }?;
    let amc_schedule { kind, reserved, beta_min, beta_max, sigma_min, sigma_max, .. } = given;
    let unused = |name: &str, value: f64| match value == 0.0 {
        true => Ok(()),
        false => Err(value_of(format!(
            "schedule.{name} = {value} is not a parameter of this kind; set it to 0"
        ))),
    };
    if reserved != 0 {
        return Err(value_of(format!("schedule.reserved = {reserved} must be 0")));
    }
    let beta = [("beta_min", beta_min), ("beta_max", beta_max)];
    let sigma = [("sigma_min", sigma_min), ("sigma_max", sigma_max)];
    let is = |known: amc_schedule_kind| kind == known as i32;
    let (idle, schedule) = if is(amc_schedule_kind::AMC_VP_LINEAR) {
        let (low, high) = (or_default(beta_min, BETA.0), or_default(beta_max, BETA.1));
        (sigma.to_vec(), NoiseSchedule::vp_linear(low, high))
    } else if is(amc_schedule_kind::AMC_VP_COSINE) {
        ([beta, sigma].concat(), Ok(NoiseSchedule::vp_cosine()))
    } else if is(amc_schedule_kind::AMC_VE_GEOMETRIC) || is(amc_schedule_kind::AMC_VE_RHO_7) {
        let geometric = is(amc_schedule_kind::AMC_VE_GEOMETRIC);
        let shape = if geometric { VeShape::Geometric } else { VeShape::Rho7 };
        let (low, high) = (or_default(sigma_min, SIGMA.0), or_default(sigma_max, SIGMA.1));
        (beta.to_vec(), NoiseSchedule::ve(low, high, shape))
    } else {
        return Err(value_of(format!(
            "schedule.kind = {kind} is none of amc_schedule_kind, 0 to 3"
        )));
    };
    idle.into_iter().try_for_each(|(name, value)| unused(name, value))?;
    Ok(schedule?)
}

/// The defaults of the configuration files.
const BETA: (f64, f64) = (0.1, 20.0);
const SIGMA: (f64, f64) = (2e-3, 80.0);

fn or_default(value: f64, default: f64) -> f64 {
    if value == 0.0 { default } else { value }
}

fn value_of(message: String) -> Failure {
    Failure::new(amc_status::AMC_ERROR_VALUE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_harness::config::{PathFamily, RunConfig};
    use std::path::Path;

    const NONE: amc_schedule = amc_schedule {
        size: size_of::<amc_schedule>(),
        kind: 0,
        reserved: 0,
        beta_min: 0.0,
        beta_max: 0.0,
        sigma_min: 0.0,
        sigma_max: 0.0,
    };

    fn found(schedule: amc_schedule) -> Result<NoiseSchedule, Failure> {
        // SAFETY: a whole structure of this version.
        unsafe { read(&schedule) }
    }

    /// Fails if a kind means another schedule or other defaults than its name in a configuration file.
    #[test]
    fn kinds_and_defaults_are_those_of_the_files() {
        for (kind, text) in [
            (0, "schedule = \"vp-linear\""),
            (1, "schedule = \"vp-cosine\""),
            (2, "schedule = \"ve\""),
            (3, "schedule = \"ve\"\nshape = \"rho-7\""),
        ] {
            let config =
                RunConfig::from_toml(&format!("[path]\n{text}\n"), "test", Path::new("."), &[])
                    .unwrap();
            let PathFamily::Diffusion { schedule, .. } = config.path.family else {
                panic!("{text}")
            };
            assert_eq!(
                found(amc_schedule { kind, ..NONE }),
                Ok(schedule.to_core().unwrap()),
                "{text}"
            );
        }
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { read(std::ptr::null()) }, found(NONE));
    }

    /// Fails if a parameter is ignored, crossed with another, or accepted where it has no meaning.
    #[test]
    fn parameters_are_used_or_refused() {
        let linear = amc_schedule { beta_min: 0.3, beta_max: 7.0, ..NONE };
        assert_eq!(found(linear), Ok(NoiseSchedule::vp_linear(0.3, 7.0).unwrap()));
        let ve = amc_schedule { kind: 3, sigma_min: 0.01, sigma_max: 9.0, ..NONE };
        assert_eq!(found(ve), Ok(NoiseSchedule::ve(0.01, 9.0, VeShape::Rho7).unwrap()));
        for wrong in [
            amc_schedule { kind: 4, ..NONE },
            amc_schedule { kind: -1, ..NONE },
            amc_schedule { reserved: 1, ..NONE },
            amc_schedule { kind: 1, beta_max: 20.0, ..NONE },
            amc_schedule { sigma_min: 0.01, ..NONE },
            amc_schedule { beta_min: 21.0, ..NONE },
            amc_schedule { beta_min: f64::NAN, ..NONE },
            amc_schedule { kind: 2, sigma_max: 1e-3, ..NONE },
        ] {
            assert_eq!(found(wrong).unwrap_err().status, amc_status::AMC_ERROR_VALUE, "{wrong:?}");
        }
        assert_eq!(
            found(amc_schedule { size: 0, ..NONE }).unwrap_err().status,
            amc_status::AMC_ERROR_SHAPE
        );
    }
}
