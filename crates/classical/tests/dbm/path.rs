//! Annealing paths: to the machine and to the posterior of a case, with either half kept.

use gibbsian_classical::dbm::Half;
use gibbsian_classical::{Bernoulli, Binomial, Dbm, DbmPath, Rbm, RbmPath, Softmax};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{FiniteUnits, Path, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, array};

use crate::machines::{layer, machine, product, rbm, spins, states_of, visible_states};

const DOUBLE: Precision = Precision::DOUBLE;

/// All states of the half of the layers `first..` that the path keeps.
fn states<V: FiniteUnits>(dbm: &Dbm<V, Bernoulli>, first: usize, half: Half) -> Array2<f64> {
    let parity = if half == Half::Even { 0 } else { 1 };
    let layers: Vec<_> = (first..=dbm.depth())
        .filter(|l| l % 2 == parity)
        .map(|l| match l {
            0 => visible_states(dbm),
            l => states_of(dbm.hidden(l)),
        })
        .collect();
    product(&layers)
}

/// `log Z_1`, by work from the start over all states.
pub fn log_z<P: Path>(path: &P, states: &Array2<f64>) -> f64 {
    let mut state = path.place(states.view()).unwrap();
    let mut log_weights = vec![0.0; states.nrows()];
    path.log_start(&state, &mut log_weights);
    path.work(&mut state, 0.0, 1.0, &mut log_weights);
    log_sum_exp(&log_weights)
}

fn bases<V>(dbm: &Dbm<V, Bernoulli>) -> Vec<Bernoulli>
where
    V: FiniteUnits,
{
    let seed = Seed::new(99).child("base");
    (1..=dbm.depth())
        .map(|l| layer(dbm.sizes()[l], seed.nth(l as u64)))
        .collect()
}

/// A path from biased bases to the machine, whose end is normalised by its `log Z`.
fn check<V: FiniteUnits>(dbm: &Dbm<V, Bernoulli>, base: &V, halves: &[Half], seed: Seed) {
    for half in halves {
        let path = DbmPath::new(dbm, base.clone(), bases(dbm))
            .unwrap()
            .keeping(*half)
            .unwrap();
        let states = states(dbm, 0, *half);
        close(
            "the end is normalised by log Z",
            &array![log_z(&path, &states)],
            &array![dbm.log_z().unwrap()],
            DOUBLE.agreement(),
        )
        .unwrap();
        conformance::path(&path, states.view(), DOUBLE, seed.child("path")).unwrap();
        conformance::finite_path(&path, states.view(), DOUBLE, seed.child("finite")).unwrap();
    }
}

#[test]
fn paths_to_machines_of_every_depth_obey_the_laws() {
    let both = [Half::Even, Half::Odd];
    let check_sizes = |sizes: &[usize], halves: &[Half], seed: u64| {
        let base = layer(sizes[0], Seed::new(seed));
        check(&machine(sizes, 0.9, seed), &base, halves, Seed::new(seed));
    };
    check_sizes(&[2, 2], &[Half::Odd], 1);
    check_sizes(&[2, 3, 2], &both, 2);
    check_sizes(&[2, 1, 2, 1], &[Half::Even], 3);
    check_sizes(&[1, 2, 1, 1, 1], &[Half::Odd], 4);
    let spins = spins(&[2, 2, 1], 0.6, 5);
    check(&spins, spins.visible(), &[Half::Odd], Seed::new(5));
}

/// What no parameter of a base says, as the number of trials, is the machine's; a base of another alphabet is refused.
#[test]
fn bases_are_of_the_kind_of_their_layers() {
    let visible = layer(3, Seed::new(21));
    let hidden = vec![
        Binomial::unbiased(2, 3).unwrap(),
        Binomial::unbiased(1, 3).unwrap(),
    ];
    let dbm = Dbm::random(visible.clone(), hidden, 0.8, Seed::new(22)).unwrap();
    let tossed = vec![
        Binomial::unbiased(2, 1).unwrap(),
        Binomial::unbiased(1, 1).unwrap(),
    ];
    for half in [Half::Even, Half::Odd] {
        let path = DbmPath::new(&dbm, visible.clone(), tossed.clone()).unwrap();
        let path = path.keeping(half).unwrap();
        // Three hidden units of 2³ tosses each, and the visible ones.
        let free = visible.bias().mapv(gibbsian_core::math::softplus).sum() + 9.0 * 2.0_f64.ln();
        close("log Z_0", &array![path.log_z_start()], &array![free], 1e-14).unwrap();
        let states = match half {
            Half::Odd => states_of(dbm.hidden(1)),
            Half::Even => product(&[states_of(dbm.visible()), states_of(dbm.hidden(2))]),
        };
        close(
            "the end is normalised by log Z",
            &array![log_z(&path, &states)],
            &array![dbm.log_z().unwrap()],
            DOUBLE.agreement(),
        )
        .unwrap();
        conformance::finite_path(&path, states.view(), DOUBLE, Seed::new(23)).unwrap();
    }
    // Six indicators of two units of three values, or of three of two.
    let labels = |n, q| Softmax::unbiased(n, q).unwrap();
    let dbm = Dbm::random(layer(2, Seed::new(24)), vec![labels(2, 3)], 0.5, Seed::new(25)).unwrap();
    let base = || layer(2, Seed::new(26));
    assert!(DbmPath::new(&dbm, base(), vec![labels(2, 3)]).is_ok());
    let message = DbmPath::new(&dbm, base(), vec![labels(3, 2)])
        .unwrap_err()
        .to_string();
    assert!(message.contains("base_hidden"), "{message}");
}

#[test]
fn halves_of_joint_states_are_their_layers() {
    let joint = Array2::from_shape_fn((2, 10), |(b, i)| (10 * b + i) as f64);
    let sizes = [2, 3, 1, 4];
    let (even, odd) = (
        array![[0.0, 1.0, 5.0], [10.0, 11.0, 15.0]],
        array![
            [2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0],
            [12.0, 13.0, 14.0, 16.0, 17.0, 18.0, 19.0]
        ],
    );
    assert_eq!(Half::Even.of(joint.view(), &sizes).unwrap(), even);
    assert_eq!(Half::Odd.of(joint.view(), &sizes).unwrap(), odd);
    let message = Half::Odd.of(joint.view(), &[2, 3]).unwrap_err().to_string();
    assert!(message.contains("joint"), "{message}");
}

#[test]
fn paths_to_the_posterior_end_at_the_free_energy() {
    for (k, sizes) in [&[3, 2][..], &[3, 2, 2], &[3, 2, 2, 1]].into_iter().enumerate() {
        let dbm = machine(sizes, 1.2, 40 + k as u64);
        let v = visible_states(&dbm);
        let q = dbm.mean_field(v.view(), 1e-12, 500).unwrap();
        let exact = dbm.free_energy(v.view()).unwrap();
        let bound = dbm.variational_free_energy(v.view(), &q);
        // A case a depth, and either half where there are two.
        for (case, half) in [(1, Half::Odd), (6, Half::Even)] {
            if half == Half::Odd || dbm.depth() > 1 {
                let one = q.select(&[case]);
                let path = DbmPath::posterior(&dbm, v.row(case), &one)
                    .unwrap()
                    .keeping(half)
                    .unwrap();
                assert!(path.log_z_start().abs() < 1e-14);
                let states = states(&dbm, 1, half);
                let found = log_z(&path, &states);
                close("log Z_1 = −F(v)", &array![found], &array![-exact[case]], 1e-13).unwrap();
                // The mean work under q is the bound (the first step of annealing with one temperature).
                assert!(-bound[case] <= found + 1e-13);
                let seed = Seed::new(50 + case as u64);
                conformance::path(&path, states.view(), DOUBLE, seed.child("path")).unwrap();
                conformance::finite_path(&path, states.view(), DOUBLE, seed.child("finite")).unwrap();
            }
        }
    }
}

#[test]
fn one_hidden_layer_has_the_path_of_a_restricted_machine() {
    let machine: Rbm = rbm(3, 4, 1.0, 8);
    let dbm = Dbm::from(&machine);
    let (base_v, base_h) = (layer(3, Seed::new(1)), layer(4, Seed::new(2)));
    let deep = DbmPath::new(&dbm, base_v.clone(), vec![base_h.clone()]).unwrap();
    let flat = RbmPath::new(&machine, base_v, base_h).unwrap();
    assert_eq!(deep.half(), Half::Even);
    let v = visible_states(&dbm);
    let values = |work: &dyn Fn(&mut [f64])| {
        let mut out = vec![0.0; v.nrows()];
        work(&mut out);
        Array1::from(out)
    };
    for (from, to) in [(0.0, 0.3), (0.5, 1.0)] {
        close(
            "work",
            &values(&|out| deep.work(&mut deep.place(v.view()).unwrap(), from, to, out)),
            &values(&|out| flat.work(&mut flat.place(v.view()).unwrap(), from, to, out)),
            DOUBLE.agreement(),
        )
        .unwrap();
        close(
            "slope",
            &values(&|out| deep.slope(&deep.place(v.view()).unwrap(), from, out)),
            &values(&|out| flat.slope(&flat.place(v.view()).unwrap(), from, out)),
            DOUBLE.agreement(),
        )
        .unwrap();
    }
    close(
        "log Z_0",
        &array![deep.log_z_start()],
        &array![flat.log_z_start()],
        DOUBLE.agreement(),
    )
    .unwrap();
}

#[test]
fn the_half_with_fewer_units_is_kept() {
    let half = |sizes: &[usize]| {
        let dbm = machine(sizes, 0.5, 1);
        DbmPath::new(&dbm, layer(sizes[0], Seed::new(1)), bases(&dbm))
            .unwrap()
            .half()
    };
    assert_eq!(half(&[7, 5, 9]), Half::Odd);
    assert_eq!(half(&[2, 9, 3]), Half::Even);
    assert_eq!(half(&[7, 5, 3, 9]), Half::Even);
}

#[test]
fn paths_that_do_not_fit_are_refused() {
    let dbm = machine(&[3, 2, 2], 0.5, 1);
    let seed = Seed::new(1);
    assert!(DbmPath::new(&dbm, layer(3, seed), vec![layer(2, seed)]).is_err());
    assert!(DbmPath::new(&dbm, layer(2, seed), vec![layer(2, seed), layer(2, seed)]).is_err());
    let v = visible_states(&dbm);
    let q = dbm.mean_field(v.view(), 0.0, 5).unwrap();
    // One case, not eight; and one that the machine can take.
    assert!(DbmPath::posterior(&dbm, v.row(0), &q).is_err());
    let one = q.select(&[0]);
    assert!(DbmPath::posterior(&dbm, array![0.0, f64::NAN, 0.0].view(), &one).is_err());
    let other = machine(&[3, 2, 2, 2], 0.5, 1);
    assert!(DbmPath::posterior(&other, v.row(0), &one).is_err());
    let flat = Dbm::from(&rbm(3, 2, 1.0, 1));
    let q = flat.mean_field(v.view(), 0.0, 5).unwrap().select(&[0]);
    let path = DbmPath::posterior(&flat, v.row(0), &q).unwrap();
    assert!(path.keeping(Half::Even).is_err());
}
