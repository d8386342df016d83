//! Weights that PyTorch trained, in a network of this library, and back.
//!
//! A dense layer is `x W + b` here, with `W` of inputs × outputs under `NAME.weights`; `torch.nn.Linear` is `x Aᵀ + b` and keeps `A`, outputs × inputs, under `NAME.weight`. So matrices are turned and renamed, and the rest is
//! taken as it is. Where the names of a file and those of a network do not fit, the error says which.
//!
//! `cargo run -p gibbsian --example torch_weights`
//!
//! reads what `safetensors.torch.save_file(model.state_dict(), path)` writes for `Sequential(Linear(2, 3), Tanh(), Linear(3, 1))`, and prints energy and score beside the formulas.

#![allow(clippy::print_stdout)]

use gibbsian::checkpoint::{read_weights, write_weights};
use gibbsian::core::{Layout, Record, Values};
use gibbsian::ndarray::{Array1, Array2, ArrayView2, array, aview1};
use gibbsian::nn::{Net, Precision, Var};
use gibbsian::prelude::*;

/// The rows of a matrix one after the other, once it is turned.
fn turned(values: &[f32], shape: (usize, usize)) -> Values {
    let (rows, columns) = shape;
    let entry = |k: usize| values[(k % rows) * columns + k / rows];
    Values::F32((0..rows * columns).map(entry).collect())
}

/// The parameters of a network of this layout, from a file of PyTorch's names.
fn from_torch(layout: &Layout, theirs: &Record) -> Result<Array1<f64>> {
    let mut ours = Record::new();
    for tensor in layout.tensors() {
        let values = match (tensor.name.strip_suffix(".weights"), &tensor.shape[..]) {
            (Some(layer), &[n_in, n_out]) => {
                let values = theirs.f32s(&format!("{layer}.weight"), &[n_out, n_in])?;
                turned(values, (n_out, n_in))
            }
            _ => Values::F32(theirs.f32s(&tensor.name, &tensor.shape)?.to_vec()),
        };
        ours.put(&*tensor.name, &tensor.shape, values);
    }
    ours.params(layout)
}

/// The same parameters under PyTorch's names.
fn to_torch(model: &impl Parametric) -> Result<Record> {
    let (layout, ours) = (model.layout(), Record::of_params(model).in_single_precision());
    let mut theirs = Record::new();
    for tensor in layout.tensors() {
        let values = ours.f32s(&tensor.name, &tensor.shape)?;
        match (tensor.name.strip_suffix(".weights"), &tensor.shape[..]) {
            (Some(layer), &[n_in, n_out]) => {
                let shape = [n_out, n_in];
                theirs.put(format!("{layer}.weight"), &shape, turned(values, (n_in, n_out)));
            }
            _ => theirs.put(&*tensor.name, &tensor.shape, Values::F32(values.to_vec())),
        }
    }
    Ok(theirs)
}

/// `E(x) = u · tanh(A x + b) + c` and `−∇E`, written out.
fn formulas(x: ArrayView2<f64>) -> (Array1<f64>, Array2<f64>) {
    let (a, b) = (array![[0.5, -1.0], [0.25, 2.0], [-1.5, 0.125]], [0.0, 0.5, -0.25]);
    let (u, c) = ([1.0, -0.5, 2.0], 0.75);
    let h = (x.dot(&a.t()) + aview1(&b)).mapv(f64::tanh);
    let slope = h.mapv(|h| h * h - 1.0) * aview1(&u);
    (h.dot(&aview1(&u)) + c, slope.dot(&a))
}

/// Reads, compares and writes.
pub fn main() -> Result<()> {
    // What PyTorch would have written.
    let path = std::env::temp_dir().join(format!("gibbsian-torch-{}.safetensors", std::process::id()));
    let mut state = Record::new();
    let mut put = |name: &str, shape: &[usize], values: &[f32]| {
        state.put(name, shape, Values::F32(values.to_vec()));
    };
    put("0.weight", &[3, 2], &[0.5, -1.0, 0.25, 2.0, -1.5, 0.125]);
    put("0.bias", &[3], &[0.0, 0.5, -0.25]);
    put("2.weight", &[1, 3], &[1.0, -0.5, 2.0]);
    put("2.bias", &[1], &[0.75]);
    write_weights(&path, &state)?;

    let forward = |net: &mut Net<'_>, x: Var| {
        let h = net.dense("0", x, 3);
        let h = net.tanh(h);
        net.dense("2", h, 1)
    };
    let mut energy =
        NeuralEnergy::new(2, forward, &mut Seed::new(1).rng())?.with_precision(Precision::Double);
    let theirs = read_weights(&path)?;
    energy.set_params(from_torch(&energy.layout(), &theirs)?.view())?;

    let x = array![[0.3, -1.0], [2.0, 0.5], [0.0, 0.0]];
    let (expected_energy, expected_score) = formulas(x.view());
    let (found_energy, found_score) = (energy.energy(x.view()), energy.score(x.view()));
    println!("energies\n{found_energy:.6}\nby the formula\n{expected_energy:.6}");
    println!("scores\n{found_score:.6}\nby the formula\n{expected_score:.6}");
    let errors = [
        (&found_energy - &expected_energy).mapv(f64::abs).sum(),
        (&found_score - &expected_score).mapv(f64::abs).sum(),
    ];
    assert!(errors.iter().all(|error| *error < 1e-13), "{errors:?}");

    write_weights(&path, &to_torch(&energy)?)?;
    assert_eq!(read_weights(&path)?, theirs);
    std::fs::remove_file(&path).ok();

    // A network of another shape.
    let forward = |net: &mut Net<'_>, x: Var| {
        let h = net.dense("0", x, 4);
        let h = net.tanh(h);
        net.dense("2", h, 1)
    };
    let wider = NeuralEnergy::new(2, forward, &mut Seed::new(1).rng())?;
    match from_torch(&wider.layout(), &theirs) {
        Err(refusal) => println!("{refusal}"),
        Ok(_) => panic!("weights of three units fitted four"),
    }
    Ok(())
}
