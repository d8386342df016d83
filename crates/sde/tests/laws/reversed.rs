//! The reverse of equations with additive noise: against that of linear-Gaussian processes, and against what reversibility says.

use gibbsian_core::process::{
    Cosine, LinearGaussian, OrnsteinUhlenbeck, SteadyClock, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{Seed, Space, TimeScore};
use gibbsian_sde::{
    AdditiveSde, DiagonalSde, EulerMaruyama, FixedSteps, Forward, FreshNoise, LinearSde, MarginalFlow, Ode,
    OwnClock, ProbabilityFlow, ReverseSde, Reversed, Sde, StoredPath, TimeGrid, UnderdampedLangevin,
};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip, array};

use crate::linear::{covariance_is_of_the_noise, largest};

fn two_modes<P: LinearGaussian>(process: P) -> Noised<P> {
    let mixture = Mixture::new(
        array![0.3, 0.7],
        array![[-2.0, 0.0], [2.0, 1.0]],
        array![0.5, 0.3],
    )
    .unwrap();
    Noised::new(mixture, process)
}

fn points() -> Array2<f64> {
    array![[0.3, -0.2], [1.9, 0.8], [-4.0, 3.0], [0.0, 0.0]]
}

/// What an equation writes at these points and times.
fn written(f: impl Fn(ArrayView2<f64>, ArrayView1<f64>, ArrayViewMut2<f64>), t: f64) -> Array2<f64> {
    let x = points();
    let mut out = Array2::from_elem(x.raw_dim(), f64::NAN);
    f(x.view(), Array1::from_elem(x.nrows(), t).view(), out.view_mut());
    out
}

fn agrees<P: LinearGaussian + Copy>(process: P) {
    let general = Reversed::new(Forward::new(process, 2).unwrap(), two_modes(process)).unwrap();
    let special = ReverseSde::new(process, two_modes(process));
    let w = array![[0.1, -0.3], [1.0, 2.0], [0.0, 0.5], [-1.0, 1.0]];
    for share in [0.05, 0.4, 0.95] {
        let t = share * process.horizon();
        // With λ = 1 nothing is rounded otherwise.
        assert_eq!(
            written(|x, t, out| general.drift_into(x, t, out), t),
            written(|x, t, out| special.drift_into(x, t, out), t)
        );
        assert_eq!(
            written(|x, t, out| general.diffuse_into(x, t, w.view(), out), t),
            written(|x, t, out| special.diffuse_into(x, t, w.view(), out), t)
        );
        assert_eq!(
            written(|x, t, out| general.diffusion_into(x, t, out), t),
            written(|x, t, out| special.diffusion_into(x, t, out), t)
        );
        assert_eq!(
            written(|_, t, out| general.covariance_product_into(t, w.view(), out), t),
            written(|_, t, out| special.covariance_product_into(t, w.view(), out), t)
        );
        let (general, special) = (
            Reversed::new(Forward::new(process, 2).unwrap(), two_modes(process))
                .unwrap()
                .with_stochasticity(0.3)
                .unwrap(),
            ReverseSde::new(process, two_modes(process))
                .with_stochasticity(0.3)
                .unwrap(),
        );
        covariance_is_of_the_noise(&general, t);
        let pairs = [
            (
                written(|x, t, out| general.drift_into(x, t, out), t),
                written(|x, t, out| special.drift_into(x, t, out), t),
            ),
            (
                written(|x, t, out| general.diffuse_into(x, t, w.view(), out), t),
                written(|x, t, out| special.diffuse_into(x, t, w.view(), out), t),
            ),
            (
                written(|x, t, out| general.diffusion_into(x, t, out), t),
                written(|x, t, out| special.diffusion_into(x, t, out), t),
            ),
            (
                written(|_, t, out| general.covariance_product_into(t, w.view(), out), t),
                written(|_, t, out| special.covariance_product_into(t, w.view(), out), t),
            ),
            (
                {
                    let flow = MarginalFlow::new(Forward::new(process, 2).unwrap(), two_modes(process));
                    written(|x, t, out| flow.as_ref().unwrap().velocity_into(x, t, out), t)
                },
                {
                    let flow = ProbabilityFlow::new(process, two_modes(process));
                    written(|x, t, out| flow.velocity_into(x, t, out), t)
                },
            ),
        ];
        for (found, expected) in pairs {
            assert!(largest(&(found - &expected)) <= 1e-14 * largest(&expected));
        }
    }
}

#[test]
fn linear_gaussian_processes_are_reversed_as_by_their_own_type() {
    agrees(OrnsteinUhlenbeck::new(3.0).unwrap());
    agrees(VariancePreserving::new(0.1, 20.0).unwrap());
    agrees(VarianceExploding::new(0.1, 10.0).unwrap());
    agrees(Cosine::new(0.008, 0.99).unwrap());
}

#[test]
fn forwards_a_process_has_its_own_coefficients() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let forward = Forward::new(process, 2).unwrap();
    covariance_is_of_the_noise(&forward, 0.3);
    let t = 0.3;
    let drift = written(|x, t, out| forward.drift_into(x, t, out), t);
    assert_eq!(drift, points() * process.drift_rate(t));
    let g = written(|x, t, out| forward.diffusion_into(x, t, out), t);
    assert!(g.iter().all(|&g| g == process.diffusion(t)));
    let slope = written(|x, t, out| forward.diffusion_slope_into(x, t, out), t);
    assert!(slope.iter().all(|&s| s == 0.0));
    assert!(Forward::new(process, 0).is_err());
}

#[test]
fn points_are_the_same_in_either_clock_and_by_either_type() {
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let general = || Reversed::new(Forward::new(process, 2).unwrap(), two_modes(process)).unwrap();
    let grid = TimeGrid::uniform(4.0, 0.0, 64).unwrap();
    let own = grid.in_own_clock(4.0).unwrap();
    let start = FreshNoise::new(Seed::new(3)).normal((40, 2));
    let path = |grid: &TimeGrid| StoredPath::draw(grid.clone(), (40, 2), Seed::new(4)).unwrap();
    let special = FixedSteps::new(grid.clone())
        .solve(
            &EulerMaruyama,
            &ReverseSde::new(process, two_modes(process)),
            start.clone(),
            &path(&grid),
        )
        .unwrap();
    let backwards = FixedSteps::new(grid.clone())
        .solve(&EulerMaruyama, &general(), start.clone(), &path(&grid))
        .unwrap();
    let forwards = FixedSteps::new(own.clone())
        .solve(
            &EulerMaruyama,
            &general().in_own_clock(4.0).unwrap(),
            start,
            &path(&own),
        )
        .unwrap();
    assert_eq!(backwards, special);
    assert_eq!(backwards, forwards);
}

/// A user's own equation: `dX = −∇U dt + √2 dB` with `U = (x² − 1)²/4 + x y/2 + y²`, which is not linear.
struct DoubleWell;

impl Space for DoubleWell {
    fn dim(&self) -> usize {
        2
    }
}

impl Sde for DoubleWell {
    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            out[0] = -(x[0] * (x[0] * x[0] - 1.0) + 0.5 * x[1]);
            out[1] = -(0.5 * x[0] + 2.0 * x[1]);
        }
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        Zip::from(&mut out)
            .and(w)
            .for_each(|out, w| *out = 2.0_f64.sqrt() * w);
    }
}

impl AdditiveSde for DoubleWell {
    fn covariance_product_into(&self, _: ArrayView1<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&(&v * 2.0));
    }
}

/// In its stationary law `e^{−U}` the score is `−∇U`, the drift itself.
impl TimeScore for DoubleWell {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.drift_into(x, t, out);
    }
}

#[test]
fn a_reversible_equation_is_its_own_reverse_and_does_not_flow() {
    let reverse = Reversed::new(DoubleWell, DoubleWell)
        .unwrap()
        .in_own_clock(1.0)
        .unwrap();
    let forward = written(|x, t, out| DoubleWell.drift_into(x, t, out), 0.5);
    let back = written(|x, t, out| reverse.drift_into(x, t, out), 0.5);
    assert!(largest(&(&back - &forward)) < 1e-15 * largest(&forward) * 4.0);
    let flow = MarginalFlow::new(DoubleWell, DoubleWell).unwrap();
    let velocity = written(|x, t, out| flow.velocity_into(x, t, out), 0.5);
    assert!(largest(&velocity) == 0.0);
}

/// The stationary score of positions `N(0, 1)` and velocities `N(0, M)`.
struct Stationary(f64);

impl Space for Stationary {
    fn dim(&self) -> usize {
        2
    }
}

impl TimeScore for Stationary {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            out[0] = -x[0];
            out[1] = -x[1] / self.0;
        }
    }
}

#[test]
fn langevin_diffusion_at_rest_runs_back_with_its_velocities_turned() {
    let clock = SteadyClock::new(1.5, 1.0).unwrap();
    let process = UnderdampedLangevin::new(1, 0.25, 0.7, clock).unwrap();
    let reverse = OwnClock::new(Reversed::new(process, Stationary(0.25)).unwrap(), 1.0).unwrap();
    let back = written(|x, t, out| reverse.drift_into(x, t, out), 0.5);
    let turn = array![1.0, -1.0];
    let turned = written(
        |x, t, mut out| {
            process.drift_into((&x * &turn).view(), t, out.view_mut());
            out *= &turn;
        },
        0.5,
    );
    assert!(largest(&(&back - &turned)) < 1e-14 * largest(&turned));
}

/// A score that is lost at some time.
#[derive(Debug)]
struct Lost;

impl Space for Lost {
    fn dim(&self) -> usize {
        2
    }
}

impl TimeScore for Lost {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let lost = t[0] < 0.5;
        out.assign(&x.mapv(|x| if lost { f64::NAN } else { -x }));
    }
}

#[test]
fn what_cannot_be_reversed_is_refused() {
    let forward = Forward::new(OrnsteinUhlenbeck::new(1.0).unwrap(), 3).unwrap();
    let message = |e: gibbsian_core::Error| e.to_string();
    assert_eq!(
        message(Reversed::new(forward, Lost).unwrap_err()),
        "`model.dim` is 2, but must be 3, the dimension of the equation; make both for the same data"
    );
    assert!(MarginalFlow::new(forward, Lost).is_err());
    let reversed = Reversed::new(DoubleWell, Lost).unwrap();
    assert!(reversed.with_stochasticity(-1.0).is_err());
    let reversed = Reversed::new(DoubleWell, Lost).unwrap();
    assert!(reversed.in_own_clock(f64::INFINITY).is_err());
    // A score that stops being a number is an error with its time and step.
    let noise = FreshNoise::new(Seed::new(1));
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 8).unwrap());
    let reversed = Reversed::new(DoubleWell, Lost).unwrap();
    let error = steps
        .solve(&EulerMaruyama, &reversed, noise.normal((2, 2)), &noise)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`x[0, 0]` became NaN in step 6 of 8, from time 0.375 to 0.25, but must stay finite"
    );
    // So is one in the last step.
    let reverse = ReverseSde::new(OrnsteinUhlenbeck::new(1.0).unwrap(), Lost);
    let points = Array2::ones((3, 2));
    assert!(reverse.denoise(points.view(), 0.7).is_ok());
    assert_eq!(
        message(reverse.denoise(points.view(), 0.25).unwrap_err()),
        "`the expected datum of x[0, 0]` became NaN at time 0.25, but must stay finite"
    );
    // Matrices are reversed like everything else.
    let clock = SteadyClock::new(1.0, 1.0).unwrap();
    let linear = LinearSde::new(-Array2::<f64>::eye(2), Array2::eye(2) * 2.0_f64.sqrt(), clock).unwrap();
    let ou = Forward::new(OrnsteinUhlenbeck::new(1.0).unwrap(), 2).unwrap();
    let score = two_modes(OrnsteinUhlenbeck::new(1.0).unwrap());
    let (a, b) = (
        Reversed::new(linear, score.clone()).unwrap(),
        Reversed::new(ou, score).unwrap(),
    );
    let (a, b) = (
        written(|x, t, out| a.drift_into(x, t, out), 0.3),
        written(|x, t, out| b.drift_into(x, t, out), 0.3),
    );
    assert!(largest(&(&a - &b)) < 1e-14 * largest(&b));
}
