//! Nine pixels, all 512 observations.
//!
//! Parameters are fractions of small powers of two, so that all energies are exact in double precision and a tie is a tie. In the first setting `η = 2J`: a pixel that contradicts its observation for two neighbours more
//! has the same energy, and ties abound.

use gibbsian_classical::field::{
    ConditionalModes, Denoiser, FlipNoise, TiedField, flip_probability, lowest_by_cut,
};
use gibbsian_classical::{Boundary, Graph};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy};
use ndarray::{Array1, Array2, Axis, array, concatenate};

use crate::{Check, Claim, Context, Provenance, Result, Table};

/// Coupling `J` and fidelity `η`.
const SETTINGS: [(f64, f64); 3] = [(0.75, 1.5), (1.0, 1.25), (0.5, 1.75)];

pub(super) const POSTERIOR: Claim = Claim {
    claim: "3 × 3, all 512 observations, three settings: how often the likeliest pictures given x are not those of the likeliest pairs with x",
    source: "the lecture note's third example: Z and p(x) do not depend on y",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "argmax p(y | x) = argmax p(y, x) as sets, by enumeration of 512 normalised posteriors of the noise model and of the joint field of 18 pixels; probabilities within 10⁻¹² of the largest count as \
             tied, and energies that differ do so by a quarter at least",
};

pub(super) const CUT: Claim = Claim {
    claim: "how often the graph cut's picture is not among them, or its flow is not their energy",
    source: "Greig, Porteous and Seheult (1989)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "energies are whole multiples of a quarter and exact in double precision, so equality is meant",
};

pub(super) const TIES: Claim = Claim {
    claim: "how often the cut is wrong about ties: its count of pixels that lowest pictures disagree on",
    source: "the sets of nodes reached from source and sink at the largest flow (Picard and Queyranne 1980)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "exact, as above",
};

pub(super) const STUCK: Claim = Claim {
    claim: "observations from which iterated conditional modes end above the lowest energy, at J = 1, η = 1.25",
    source: "Besag (1986): modes are local",
    provenance: Provenance::Exact,
    quick: Some(Check::between(16.0, 511.0)),
    full: Check::between(16.0, 511.0),
    reason: "derived before the run: two neighbouring pixels in a corner that differ from the rest have three bonds to it, so flipping both wins 3J − 2η > 0, while flipping one wins at most \
             J − η < 0; there are eight such pairs and two colours. A constant picture cannot be stuck",
};

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let (mut wrong_pairs, mut wrong_cuts, mut wrong_ties) = (0, 0, 0);
    let mut table = Table::new([
        "coupling",
        "fidelity",
        "observations_with_ties",
        "modes_stuck",
        "worst_energy_above",
    ]);
    for (coupling, fidelity) in SETTINGS {
        let graph = Graph::lattice(&[3, 3], Boundary::Open)?;
        let labels = vec![0.0, 1.0];
        let bias = array![0.0];
        // The lecture note's ψ, with x as nine more pixels, and the same as a prior seen through noise that flips with probability 1/(1 + e^η).
        let joint = TiedField::noisy(&graph, labels.clone(), coupling, bias.view(), fidelity)?;
        let prior = TiedField::smooth(graph, labels.clone(), coupling, bias.view())?;
        let noise = FlipNoise::symmetric(labels, flip_probability(fidelity, 2))?;
        let denoiser = Denoiser::new(prior.field().clone(), noise);
        let pictures = prior.states()?;
        let (mut n_tied, mut n_stuck, mut worst) = (0, 0, 0.0_f64);
        for x in pictures.rows() {
            let pairs = concatenate![
                Axis(1),
                pictures,
                x.broadcast(pictures.dim()).ok_or("a row fits")?
            ];
            let energy = joint.energy(pairs.view());
            let least = energy.iter().copied().fold(f64::INFINITY, f64::min);
            let of_pairs: Vec<usize> = (0..512).filter(|k| energy[*k] == least).collect();

            let log_weights = denoiser.posterior(x)?.energy(pictures.view()).mapv(|e| -e);
            let log_z = log_sum_exp(&log_weights.to_vec());
            let p: Array1<f64> = log_weights.mapv(|w| (w - log_z).exp());
            let most = p.iter().copied().fold(0.0, f64::max);
            let given_x: Vec<usize> = (0..512).filter(|k| p[*k] >= most * (1.0 - 1e-12)).collect();
            wrong_pairs += u32::from(of_pairs != given_x);

            // The same with exact energies: U_i(a) = −η [a = x_i].
            let unary =
                Array2::from_shape_fn((9, 2), |(i, a)| if x[i] == a as f64 { -fidelity } else { 0.0 });
            let field = prior.field().with_unary(unary)?;
            let cut = lowest_by_cut(&field)?;
            let is_lowest = of_pairs.iter().any(|k| pictures.row(*k) == cut.labels);
            wrong_cuts += u32::from(!is_lowest || cut.energy != least || cut.lower_bound != least);
            let tied = pictures.select(Axis(0), &of_pairs);
            let disagree = tied
                .columns()
                .into_iter()
                .filter(|c| c.iter().any(|v| *v != c[0]))
                .count();
            wrong_ties += u32::from(cut.n_undecided != disagree);
            n_tied += u32::from(of_pairs.len() > 1);

            let modes = ConditionalModes::default().run(&field, x)?;
            n_stuck += u32::from(modes.energy > least);
            worst = worst.max(modes.energy - least);
        }
        if (coupling, fidelity) == SETTINGS[1] {
            ctx.measure(&STUCK, f64::from(n_stuck))?;
        }
        table.row([
            coupling.into(),
            fidelity.into(),
            f64::from(n_tied).into(),
            f64::from(n_stuck).into(),
            worst.into(),
        ])?;
    }
    ctx.measure(&POSTERIOR, f64::from(wrong_pairs))?;
    ctx.measure(&CUT, f64::from(wrong_cuts))?;
    ctx.measure(&TIES, f64::from(wrong_ties))?;
    ctx.table(
        "nine-pixels",
        "Of 512 observations of 3 × 3 pixels: how many have several likeliest pictures, and from how many iterated conditional modes, started there, end above the lowest energy.",
        &table,
    )
}
