//! Hostile numbers, and what counts as an answer to them.

use std::cell::RefCell;

use gibbsian_core::error::{Error, Result};
use gibbsian_core::{Density, Seed};

/// What is no number, what is out of most domains, and the ends of the range of doubles.
pub const HOSTILE: [f64; 20] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    -1.0,
    5e-324,
    -5e-324,
    1e-310,
    1e-300,
    1e-155,
    1e-20,
    2.5,
    1e20,
    1e155,
    1e300,
    1e308,
    -1e308,
    f64::MAX,
    f64::MIN,
];

thread_local! {
    static COMPLAINTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes what was wrong, so that one run shows everything; [`verdict`] ends a test.
pub fn check(holds: bool, complaint: impl FnOnce() -> String) {
    if !holds {
        COMPLAINTS.with(|all| all.borrow_mut().push(complaint()));
    }
}

/// Panics with everything that was noted.
#[track_caller]
pub fn verdict() {
    let all = COMPLAINTS.with(RefCell::take);
    assert!(all.is_empty(), "{} complaints:\n{}", all.len(), all.join("\n"));
}

/// The name of a type without its path.
pub fn name_of<T: ?Sized>() -> String {
    let full = std::any::type_name::<T>();
    let words = full.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words
        .map(|word| word.rsplit("::").next().unwrap_or_default())
        .collect()
}

/// Requires an error that names a parameter, its value and a requirement; the value must be `given` if the name is that of the argument.
pub fn named(place: &str, error: &Error, argument: &str, given: f64) {
    let holds = match error {
        Error::Parameter {
            name,
            value,
            requirement,
        } => {
            let whole = name.contains(argument) && !value.is_empty() && !requirement.is_empty();
            whole && (*name != *argument || *value == given.to_string())
        }
        Error::NonFinite {
            name, value, context, ..
        } => name.contains(argument) && !value.is_finite() && !context.is_empty(),
        _ => false,
    };
    check(holds, || format!("{place}: {error}"));
}

/// Requires a normaliser, and draws of finite density and energy. A draw that overflows, as those of a linear map with entries near the end of the
/// range, must have no density.
pub fn sound(place: &str, density: &dyn Density) {
    let x = density.sample(64, &mut Seed::new(1).rng());
    let (log_p, energy, log_z) = (
        density.log_density(x.view()),
        density.energy(x.view()),
        density.log_z(),
    );
    let finite = |b: usize| match x.row(b).iter().all(|x| x.is_finite()) {
        true => log_p[b].is_finite() && energy[b].is_finite(),
        false => log_p[b] == f64::NEG_INFINITY && energy[b] == f64::INFINITY,
    };
    check(log_z.is_finite() && (0..64).all(finite), || {
        let b = (0..64).find(|&b| !finite(b)).unwrap_or(0);
        format!(
            "{place}: log Z = {log_z}, log p = {}, E = {} at the draw {:e}",
            log_p[b],
            energy[b],
            x.row(b)
        )
    });
}

/// Feeds every hostile number to a constructor: a named error or a sound density.
pub fn feed<D: Density>(argument: &str, build: impl Fn(f64) -> Result<D>) {
    for v in HOSTILE {
        match build(v) {
            Ok(density) => answer(&name_of::<D>(), argument, v, Ok(&density)),
            Err(error) => answer(&name_of::<D>(), argument, v, Err(&error)),
        }
    }
}

fn answer(type_name: &str, argument: &str, v: f64, built: Result<&dyn Density, &Error>) {
    let place = format!("{type_name}, `{argument}` = {v:e}");
    match built {
        Ok(density) => {
            check(v.is_finite(), || format!("{place}: taken"));
            sound(&place, density);
        }
        Err(error) => named(&place, error, argument, v),
    }
}
