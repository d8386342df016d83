//! Values of densities to 50 digits, and the bound that the library is held to.
//!
//! The tables lie in `tests/reference`, each beside the program that wrote it; `common.py` there describes the format. A value passes
//! within 4 units in the last place, or within 4 ε times the sum of the absolute values of the terms of its formula.

use gibbsian_core::{Density, Score};
use ndarray::{Array1, Array2, ArrayView1};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The least that a table must hold for its density to count as checked.
pub const MIN_SETS: usize = 20;
/// The least number of points of a set.
pub const MIN_POINTS: usize = 50;

#[derive(Deserialize)]
struct Table {
    sets: Vec<Set>,
}

/// One parameter set: points, values, and the terms of each.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Set {
    parameters: Map<String, Value>,
    x: Vec<Vec<f64>>,
    /// Times, and directions of Jacobian-vector products.
    pub t: Vec<f64>,
    v: Vec<Vec<f64>>,
    pub log_density: Vec<String>,
    pub log_density_terms: Vec<f64>,
    pub score: Vec<Vec<String>>,
    pub score_terms: Vec<Vec<f64>>,
    pub jvp: Vec<Vec<String>>,
    pub jvp_terms: Vec<Vec<f64>>,
    pub divergence: Vec<String>,
    pub divergence_terms: Vec<f64>,
    pub denoised: Vec<Vec<String>>,
    pub denoised_terms: Vec<Vec<f64>>,
}

impl Set {
    /// The parameters of the density.
    pub fn parameters(&self) -> Parameters<'_> {
        Parameters(&self.parameters)
    }

    /// The points `(B, D)`.
    pub fn x(&self) -> Array2<f64> {
        matrix(&self.x)
    }

    /// The directions `(B, D)`.
    pub fn v(&self) -> Array2<f64> {
        matrix(&self.v)
    }

    /// Panics unless every one of these numbers is within four units in the last place of its exact value, or of the rounding of its terms.
    pub fn compare(&self, what: &str, found: ArrayView1<f64>, exact: &[String], terms: &[f64]) {
        assert_eq!(exact.len(), found.len(), "{what}: a value for every point");
        for (b, &found) in found.indexed_iter() {
            let place = format!("{:?}, {what} of row {b}, x = {:?}", self.parameters, self.x[b]);
            compare(&place, found, &exact[b], terms[b]);
        }
    }

    /// The same for numbers with an entry a coordinate.
    pub fn compare_rows(&self, what: &str, found: &Array2<f64>, exact: &[Vec<String>], terms: &[Vec<f64>]) {
        assert_eq!(exact.len(), found.nrows(), "{what}: a value for every point");
        for (b, row) in found.rows().into_iter().enumerate() {
            for (d, &found) in row.indexed_iter() {
                let place = format!(
                    "{:?}, {what} {d} of row {b}, x = {:?}",
                    self.parameters, self.x[b]
                );
                compare(&place, found, &exact[b][d], terms[b][d]);
            }
        }
    }
}

/// The parameters of one set, by name.
pub struct Parameters<'a>(&'a Map<String, Value>);

impl<'a> Parameters<'a> {
    /// The parameters of a set of another table.
    pub fn new(parameters: &'a Map<String, Value>) -> Self {
        Parameters(parameters)
    }

    /// Whether the set has a parameter of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A word.
    pub fn word(&self, name: &str) -> &str {
        self.0[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} is no word"))
    }

    /// A number.
    pub fn number(&self, name: &str) -> f64 {
        self.0[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} is no number"))
    }

    /// A vector.
    pub fn vector(&self, name: &str) -> Array1<f64> {
        serde_json::from_value::<Vec<f64>>(self.0[name].clone())
            .unwrap()
            .into()
    }

    /// A matrix, given as its rows.
    pub fn matrix(&self, name: &str) -> Array2<f64> {
        matrix(&serde_json::from_value::<Vec<Vec<f64>>>(self.0[name].clone()).unwrap())
    }

    /// Several matrices.
    pub fn matrices(&self, name: &str) -> Vec<Array2<f64>> {
        let list = serde_json::from_value::<Vec<Vec<Vec<f64>>>>(self.0[name].clone()).unwrap();
        list.iter().map(|rows| matrix(rows)).collect()
    }
}

/// Holds `log_density` to the table `name`.
pub fn log_density<M: Density>(name: &str, build: impl Fn(&Parameters) -> M) {
    each_set(name, |set| {
        let x = set.x();
        let density = build(&set.parameters());
        let (found, energy, log_z) = (
            density.log_density(x.view()),
            density.energy(x.view()),
            density.log_z(),
        );
        set.compare(
            "log-density",
            found.view(),
            &set.log_density,
            &set.log_density_terms,
        );
        for b in 0..x.nrows() {
            // The same number by its two parts, up to the rounding of each, of the logarithms inside and of their sum.
            let size = energy[b].abs() + log_z.abs() + set.log_density_terms[b] + 1.0;
            assert!(
                energy[b] == f64::INFINITY
                    || (found[b] + energy[b] + log_z).abs() <= 32.0 * f64::EPSILON * size,
                "{name} {:?} at {}: {} is not −E − log Z with E = {} and log Z = {log_z}",
                set.parameters,
                x.row(b),
                found[b],
                energy[b]
            );
        }
    });
}

/// Holds `log_density` and `score` to the table `name`.
pub fn log_density_and_score<M: Density + Score>(name: &str, build: impl Fn(&Parameters) -> M) {
    log_density(name, &build);
    each_set(name, |set| {
        let found = build(&set.parameters()).score(set.x().view());
        set.compare_rows("score", &found, &set.score, &set.score_terms);
    });
}

/// Calls `check` with the parameters of every set of the table `name`.
pub fn each_parameters(name: &str, mut check: impl FnMut(&Parameters)) {
    each_set(name, |set| check(&set.parameters()));
}

/// Checks each set of the table `name`.
pub fn each_set(name: &str, mut check: impl FnMut(&Set)) {
    let path = format!("{}/tests/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let table: Table = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    assert!(
        table.sets.len() >= MIN_SETS,
        "{name} has {} sets",
        table.sets.len()
    );
    for set in &table.sets {
        assert!(
            set.x.len() >= MIN_POINTS,
            "{name} has a set of {} points",
            set.x.len()
        );
        check(set);
    }
}

/// Panics unless `found` is within four units in the last place of the 50-digit number `exact`, or of the rounding of its terms.
pub fn compare(place: &str, found: f64, exact: &str, terms: f64) {
    let rounded: f64 = exact.parse().unwrap_or_else(|e| panic!("{place}: {exact}: {e}"));
    if found == rounded {
        return;
    }
    let ulp = rounded.abs().next_up() - rounded.abs();
    // Parsing has rounded by up to half a unit in the last place.
    let error = (found - rounded).abs() + 0.5 * ulp;
    let bound = (4.0 * ulp).max(4.0 * f64::EPSILON * terms);
    assert!(
        error <= bound,
        "{place}: {found:e} instead of {exact}: off by {:.1} ulp, {:.1} ε of its terms {terms:e}",
        error / ulp,
        error / (f64::EPSILON * terms),
    );
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    let width = rows.first().map_or(0, Vec::len);
    Array2::from_shape_vec((rows.len(), width), rows.concat()).expect("rows of equal length")
}
