//! An objective of one's own: the conditional likelihood of one bit given the others, for any binary energy.
//!
//! `−log p(x_i | x_rest) = log(1 + exp(E(x) − E(x̃)))`, `x̃` with bit `i` changed: no normaliser. Its gradient is `⟨σ(E(x) − E(x̃)) (∂E(x)/∂θ − ∂E(x̃)/∂θ)⟩`, one weighted pullback of energies over the rows of `x` and `x̃`
//! together. For a Boltzmann machine this is logistic regression of bit `i` on the others, which is the oracle.
//!
//! `cargo run -p gibbsian --example own_objective`
//!
//! prints the loss beside that of logistic regression, and the loss after training beside the entropy of the bit, which is what a machine without couplings is left with.

#![allow(clippy::print_stdout)]

use gibbsian::classical::BoltzmannMachine;
use gibbsian::core::Stateless;
use gibbsian::core::math::{sigmoid, softplus};
use gibbsian::data::{LastBatch, bars_and_stripes};
use gibbsian::ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, concatenate};
use gibbsian::prelude::*;
use gibbsian::rand::Rng;
use gibbsian::train::{Adam, AdamOptions, Constant, Decay};

struct ConditionalBit {
    bit: usize,
}

impl<M: EnergyPullback + Discrete> Objective<M> for ConditionalBit {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_states("x", x)?;
        let n = x.nrows();
        let mut changed = x.to_owned();
        let alphabet = model.alphabet(self.bit);
        changed
            .column_mut(self.bit)
            .mapv_inplace(|v| alphabet[usize::from(v == alphabet[0])]);
        let both = concatenate![Axis(0), x, changed];
        let mut loss = 0.0;
        grad.fill(0.0);
        // Energies come, weights go, and the gradient of their weighted sum is added: one pass.
        let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
            for b in 0..n {
                let excess = energy[b] - energy[n + b];
                loss += softplus(excess) / n as f64;
                w[b] = sigmoid(excess) / n as f64;
                w[n + b] = -w[b];
            }
        };
        model.energy_pullback_with(both.view(), &mut weigh, grad);
        Ok(loss)
    }
}

impl Stateless for ConditionalBit {}

/// Compares with logistic regression and trains.
pub fn main() -> Result<()> {
    let (x, bit) = (bars_and_stripes(3)?.sample(500, &mut Seed::new(1).rng()), 4);
    let mut machine = BoltzmannMachine::random(9, 0.5, Seed::new(2))?;
    let mut grad = Array1::zeros(machine.n_params());
    let mut rng = Seed::new(3).rng();
    let loss = ConditionalBit { bit }.loss_and_grad_into(&machine, x.view(), &mut rng, grad.view_mut())?;

    // Logistic regression: p = σ(b_i + Σ_j w_ij x_j), with the gradient ⟨(p − x_i) x_j⟩ in w_ij and ⟨p − x_i⟩ in b_i.
    let p = machine.field(x.view(), bit).mapv(sigmoid);
    let likelihood = -p
        .iter()
        .zip(x.column(bit))
        .map(|(p, x)| if *x == 1.0 { p.ln() } else { (1.0 - p).ln() })
        .sum::<f64>()
        / 500.0;
    let residual = p - x.column(bit);
    let mut second = Array2::<f64>::zeros((9, 9));
    for j in 0..9 {
        let slope = if j == bit {
            residual.sum()
        } else {
            residual.dot(&x.column(j))
        } / 500.0;
        (second[[bit, j]], second[[j, bit]]) = (slope, slope);
    }
    let expected = machine.statistics(second.view());
    println!("loss {loss:.12}, of logistic regression {likelihood:.12}");
    assert!((loss - likelihood).abs() < 1e-13);
    assert!((&grad - &expected).iter().all(|d| d.abs() < 1e-13));

    // Any optimiser and the training loop take it.
    let adam = Adam::new(&machine.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut order = Minibatches::new(500, 100, LastBatch::Keep, Seed::new(4))?;
    let trainer = Trainer::new(100, Constant::new(0.02)?, Seed::new(5))?;
    let outcome = trainer.fit(
        &mut machine,
        &mut Descent::new(ConditionalBit { bit }, adam),
        &Matrix::new(x.view())?,
        &mut order,
        &mut (),
    )?;
    let after = ConditionalBit { bit }.loss_and_grad_into(&machine, x.view(), &mut rng, grad.view_mut())?;
    let on = x.column(bit).mean().unwrap_or(f64::NAN);
    let entropy = -on * on.ln() - (1.0 - on) * (1.0 - on).ln();
    println!(
        "loss before {loss:.4}, after {} steps {after:.4}; entropy of the bit {entropy:.4}",
        outcome.n_steps
    );
    assert!(after < 0.5 * entropy && after < loss);
    Ok(())
}
