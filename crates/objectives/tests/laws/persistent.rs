//! Persistent chains: they go on where they were, forget nothing in a snapshot, and reach the likelihood gradient.

use crate::common::{call, data, energy_derivatives, model, refusal};
use gibbsian_core::{Energy, Kernel, Record, Seed, Snapshot, TransitionLaw, Values};
use gibbsian_objectives::{ExactLikelihood, PersistentContrastiveDivergence};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{Array1, Array2, Axis};

type Persistent = PersistentContrastiveDivergence<Sweep, Pairwise>;

fn chains(n: usize, n_steps: usize) -> Persistent {
    PersistentContrastiveDivergence::new(Sweep::Forward, n_steps, Array2::ones((n, 3))).unwrap()
}

#[test]
fn chains_go_on_where_they_were() {
    let (model, x) = (model(), data());
    let mut objective = chains(50, 3);
    let mut rng = Seed::new(1).rng();
    // The same chains by hand, with the same random numbers.
    let mut by_hand = Sweep::Forward.init(&model, Array2::ones((50, 3))).unwrap();
    let mut same_rng = Seed::new(1).rng();
    let positive = energy_derivatives(&model, x.view()).mean_axis(Axis(0)).unwrap();
    for call_number in 0..4 {
        let (loss, grad) = call(&mut objective, x.view(), &mut rng).unwrap();
        for _ in 0..3 {
            Sweep::Forward.step(&model, &mut by_hand, &mut same_rng);
        }
        assert_eq!(objective.positions(), by_hand, "call {call_number}");
        let negative = energy_derivatives(&model, by_hand.view())
            .mean_axis(Axis(0))
            .unwrap();
        let error = (&grad - &positive + negative).mapv(f64::abs).sum();
        assert!(error <= 1e-13, "call {call_number}: {error:e}");
        let contrast = model.energy(x.view()).mean().unwrap() - model.energy(by_hand.view()).mean().unwrap();
        assert!(
            (loss - contrast).abs() <= 1e-13,
            "call {call_number}: {loss} instead of {contrast}"
        );
    }
}

#[test]
fn chains_at_rest_give_the_likelihood_gradient() {
    const N_CHAINS: usize = 1 << 16;
    const N_STEPS: usize = 40;
    let (model, x) = (model(), data());
    let audit = Audit::new(&model).unwrap();
    // From all spins up the law after these steps is the target to well below the Monte Carlo error.
    let p = Sweep::Forward.transition_matrix(&model, audit.states.view());
    let mut law = Array1::zeros(8);
    law[7] = 1.0;
    assert_eq!(audit.states.row(7), Array1::<f64>::ones(3));
    for _ in 0..N_STEPS {
        law = law.dot(&p);
    }
    assert!((&law - &audit.pi).mapv(f64::abs).sum() < 1e-6);

    let mut objective = chains(N_CHAINS, N_STEPS / 4);
    let mut rng = Seed::new(2).rng();
    let mut last = Array1::zeros(6);
    for _ in 0..4 {
        last = call(&mut objective, x.view(), &mut rng).unwrap().1;
    }
    let (_, exact) = call(&mut ExactLikelihood, x.view(), &mut rng).unwrap();
    let at_states = energy_derivatives(&model, audit.states.view());
    let mean = audit.pi.dot(&at_states);
    let variance = audit.pi.dot(&at_states.mapv(|g| g * g)) - &mean * &mean;
    let tests: Vec<_> = (0..6)
        .map(|i| {
            let error = (variance[i] / N_CHAINS as f64).sqrt();
            z_test(&format!("parameter {i}"), last[i], exact[i], error)
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    conformance::objective(|| chains(100, 2), &model(), data().view(), Seed::new(3)).unwrap();
}

#[test]
fn a_run_resumes_from_a_snapshot_bit_for_bit() {
    let x = data();
    let mut whole = chains(40, 2);
    let mut rng = Seed::new(4).rng();
    for _ in 0..3 {
        call(&mut whole, x.view(), &mut rng).unwrap();
    }
    let mut resumed = chains(40, 2);
    resumed.restore(&whole.snapshot()).unwrap();
    // What waits for a model can be saved again.
    assert_eq!(resumed.snapshot(), whole.snapshot());
    // Also into chains that run already.
    let mut running = chains(40, 2);
    call(&mut running, x.view(), &mut Seed::new(9).rng()).unwrap();
    running.restore(&whole.snapshot()).unwrap();

    let go_on = |objective: &mut Persistent| {
        let (_, grad) = call(objective, x.view(), &mut Seed::new(5).rng()).unwrap();
        (grad, objective.positions())
    };
    let expected = go_on(&mut whole);
    assert_eq!(go_on(&mut resumed), expected);
    assert_eq!(go_on(&mut running), expected);
}

/// A kernel whose state is more than positions: with every step it also counts, and it moves by what it has counted.
struct Counting;

#[derive(Clone)]
struct Counted(Array2<f64>, f64);

impl Snapshot for Counted {
    fn snapshot(&self) -> Record {
        let mut record = self.0.snapshot();
        record.put("count", &[], Values::F64(vec![self.1]));
        record
    }

    fn restore(&mut self, record: &Record) -> gibbsian_core::Result<()> {
        let count = record.f64s("count", &[])?[0];
        self.0.restore(record)?;
        self.1 = count;
        Ok(())
    }
}

impl Kernel<Pairwise> for Counting {
    type State = Counted;
    type Info = ();

    fn init(&self, _: &Pairwise, x: Array2<f64>) -> gibbsian_core::Result<Counted> {
        Ok(Counted(x, 0.0))
    }

    fn refresh(&self, _: &Pairwise, _: &mut Counted) {}

    fn positions<'s>(&self, state: &'s Counted) -> ndarray::CowArray<'s, f64, ndarray::Ix2> {
        state.0.view().into()
    }

    fn step(&self, _: &Pairwise, state: &mut Counted, _: &mut dyn rand::Rng) {
        state.1 += 1.0;
        state.0 *= state.1;
    }
}

#[test]
fn what_a_kernel_remembers_besides_positions_is_saved_too() {
    let new = || PersistentContrastiveDivergence::new(Counting, 1, Array2::ones((2, 3))).unwrap();
    let (mut whole, x) = (new(), data());
    call(&mut whole, x.view(), &mut Seed::new(1).rng()).unwrap();
    call(&mut whole, x.view(), &mut Seed::new(1).rng()).unwrap();
    let saved = whole.snapshot();
    let mut resumed = new();
    resumed.restore(&saved).unwrap();
    for objective in [&mut whole, &mut resumed] {
        call(objective, x.view(), &mut Seed::new(1).rng()).unwrap();
        assert_eq!(objective.positions(), Array2::from_elem((2, 3), 6.0));
    }
    // A state that does not fit is refused when the model is there.
    let mut misfit = Record::new();
    misfit.put("chains", &[2, 3], Values::F64(vec![1.0; 6]));
    misfit.put("state.x", &[2, 3], Values::F64(vec![1.0; 6]));
    assert!(whole.restore(&misfit).is_err());
    assert_eq!(whole.positions()[[0, 0]], 6.0);
    let mut waiting = new();
    waiting.restore(&misfit).unwrap();
    let refused = call(&mut waiting, x.view(), &mut Seed::new(1).rng()).unwrap_err();
    assert!(refused.to_string().contains("count"), "{refused}");
}

#[test]
fn starts_are_saved_before_there_is_a_state() {
    let mut other = Persistent::new(Sweep::Forward, 1, Array2::zeros((40, 3))).unwrap();
    conformance::snapshot(&chains(40, 2), &mut other).unwrap();
}

#[test]
fn bad_input_is_refused_by_name() {
    let new = |n_steps, start| {
        Persistent::new(Sweep::Forward, n_steps, start)
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(
        new(0, Array2::ones((2, 3))),
        "`n_steps` is 0, but must be at least 1"
    );
    assert_eq!(
        new(1, Array2::ones((0, 3))),
        "`n_chains` is 0, but must be at least 1"
    );
    assert_eq!(
        refusal(&mut chains(2, 1), Array2::zeros((3, 2))),
        "`x` has shape [3, 2], but must have shape (at least 1, 3); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()"
    );
    let mut record = Record::new();
    record.put("chains", &[3, 3], Values::F64(vec![1.0; 9]));
    assert_eq!(
        chains(2, 1).restore(&record).unwrap_err().to_string(),
        "snapshot entry `chains`: found shape [3, 3], expected shape [2, 3]"
    );
}
