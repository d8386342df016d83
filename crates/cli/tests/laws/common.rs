//! Running the program, and data for it.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gibbsian_checkpoint::Checkpoint;
use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_cli::console::Console;
use gibbsian_core::{Density, Energy, Record, Seed};
use gibbsian_data::{Header, bars_and_stripes, read_table};
use gibbsian_densities::{Covariances, GaussianMixture};
use ndarray::{Array1, Array2, ArrayView2, array};
use rand::RngExt;
use serde_json::Value;

/// What the program answered.
pub struct Answer {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Answer {
    /// Requires success.
    pub fn fine(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A folder of its own for a test, which is removed at its end.
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gibbsian-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Writes a table with a header.
    pub fn table(&self, name: &str, names: &str, x: ArrayView2<f64>) -> PathBuf {
        let mut text = format!("{names}\n");
        for row in x.rows() {
            let fields: Vec<String> = row.iter().map(f64::to_string).collect();
            text += &(fields.join(",") + "\n");
        }
        self.write(name, text)
    }

    /// Runs the program; words that start with @ are names in this folder.
    pub fn run(&self, line: &str) -> Answer {
        let arguments: Vec<OsString> = line
            .split_whitespace()
            .map(|word| {
                word.strip_prefix('@')
                    .map_or_else(|| word.into(), |name| self.path(name).into())
            })
            .collect();
        Place::run_words(arguments)
    }

    /// Runs the program with words that need not be text.
    pub fn run_words(arguments: Vec<OsString>) -> Answer {
        let (out, err) = (Shared::default(), Shared::default());
        let code = gibbsian_cli::main(arguments, &Console::piped(out.clone(), err.clone()));
        Answer {
            code,
            out: out.text(),
            err: err.text(),
        }
    }

    /// The text without the name of this folder.
    pub fn anonymous(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.display()), "")
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    /// The values that `evaluate` wrote beside the numbers of their rows, by the strict reader.
    pub fn column(&self, name: &str) -> Array1<f64> {
        self.values(name).column(1).to_owned()
    }

    pub fn values(&self, name: &str) -> Array2<f64> {
        read_table(self.path(name), Header::Present)
            .unwrap()
            .into_values()
    }

    /// The parameters of the model of a run.
    pub fn weights(&self, run: &str) -> Record {
        let file = self.path(run).join("weights.safetensors");
        Checkpoint::read(file).unwrap().record.part("model")
    }

    /// The restricted machine of a run, as the library reads its weights.
    pub fn rbm(&self, run: &str, n_visible: usize, n_hidden: usize) -> Rbm<Bernoulli, Bernoulli> {
        let weights = self.weights(run);
        let double = |name: &str, shape: &[usize]| -> Array1<f64> {
            let x = weights.f32s(name, shape).unwrap();
            x.iter().map(|v| f64::from(*v)).collect()
        };
        let shape = (n_visible, n_hidden);
        Rbm::new(
            Bernoulli::new(double("visible.bias", &[n_visible])).unwrap(),
            Bernoulli::new(double("hidden.bias", &[n_hidden])).unwrap(),
            double("weights", &[n_visible, n_hidden])
                .into_shape_with_order(shape)
                .unwrap(),
        )
        .unwrap()
    }
}

/// `log p` of rows of nine bits, by the sum over all states.
pub fn log_probabilities(rbm: &Rbm<Bernoulli, Bernoulli>, x: ArrayView2<f64>) -> Array1<f64> {
    let minus_energy = -rbm.energy(all_states().view());
    let largest = minus_energy.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    let log_z = largest + minus_energy.mapv(|e| (e - largest).exp()).sum().ln();
    -rbm.energy(x) - log_z
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub const NINE: &str = "a,b,c,d,e,f,g,h,i";

/// Draws of bars and stripes, three by three.
pub fn bars(n: usize) -> Array2<f64> {
    let patterns = bars_and_stripes(3).unwrap();
    let mut rng = Seed::new(7).rng();
    let points = patterns.points();
    let rows: Vec<usize> = (0..n).map(|_| rng.random_range(0..points.nrows())).collect();
    points.select(ndarray::Axis(0), &rows)
}

/// All states of nine bits.
pub fn all_states() -> Array2<f64> {
    Array2::from_shape_fn((512, 9), |(b, i)| f64::from(u8::from(b >> i & 1 == 1)))
}

/// Two normal densities away from the origin and of unequal scale, so that scaling has something to do.
pub fn mixture() -> GaussianMixture {
    let full = array![[[1.0, 0.5], [0.5, 4.0]], [[0.5, 0.0], [0.0, 2.0]]];
    GaussianMixture::new(
        array![0.4, 0.6],
        array![[8.0, 20.0], [11.0, 26.0]],
        Covariances::Full(full),
    )
    .unwrap()
}

pub fn points(n: usize) -> Array2<f64> {
    mixture().sample(n, &mut Seed::new(3).rng())
}

/// Points of a grid that has nearly all mass of the mixture and of what is learnt of it, and the area of a cell.
pub fn grid() -> (Array2<f64>, f64) {
    let (nx, ny) = (40, 40);
    let (low, high) = (array![3.0, 9.0], array![16.0, 35.0]);
    let step = [(high[0] - low[0]) / nx as f64, (high[1] - low[1]) / ny as f64];
    let x = Array2::from_shape_fn((nx * ny, 2), |(b, i)| {
        let k = if i == 0 { b % nx } else { b / nx };
        low[i] + (k as f64 + 0.5) * step[i]
    });
    (x, step[0] * step[1])
}

/// Means and standard deviations of a density on the grid.
pub fn moments(x: ArrayView2<f64>, log_p: &Array1<f64>, area: f64) -> ([f64; 2], [f64; 2]) {
    let p = log_p.mapv(f64::exp) * area;
    let mass = p.sum();
    let mean = [0, 1].map(|i| x.column(i).dot(&p) / mass);
    let sd = [0, 1].map(|i| ((&x.column(i) - mean[i]).mapv(|d| d * d).dot(&p) / mass).sqrt());
    (mean, sd)
}

/// The folder of examples of the crate.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}
