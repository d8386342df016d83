//! One layer of every kind, with its energy in plain sums.

use gibbsian_classical::{
    Bernoulli, Binomial, DoubleRectified, FiniteLayer, Gaussian, Joined, Layer, Rectified, Softmax, Spin,
};
use gibbsian_testkit::quadrature::Support;
use ndarray::{Array1, Array2, array};

/// A layer, another of the same kind to start a path from, and its energy written down once more.
pub struct Kind {
    pub name: &'static str,
    pub layer: Layer,
    pub base: Layer,
    pub finite: Option<(FiniteLayer, FiniteLayer)>,
    pub energy: fn(&[f64]) -> f64,
}

impl Kind {
    /// The states of the layer, or quadrature nodes of its one unit, with the logarithms of their weights.
    pub fn points(&self) -> (Array2<f64>, Array1<f64>) {
        use gibbsian_core::{FiniteUnits, Units};
        if let Some((layer, _)) = &self.finite {
            let n = layer.n_states().unwrap() as usize;
            let mut states = Array2::zeros((n, layer.n_units()));
            layer.states_into(0, states.view_mut());
            return (states, Array1::zeros(n));
        }
        assert_eq!(self.layer.n_units(), 1);
        let (x, w) = Support::of(|x| self.layer.admits(0, x)).rule(1.0 / 64.0);
        // Beyond, densities vanish by e^−400 and more.
        let nodes: Vec<(f64, f64)> = x.into_iter().zip(w).filter(|(x, _)| x.abs() < 40.0).collect();
        let (x, w): (Vec<f64>, Vec<f64>) = nodes.into_iter().unzip();
        (
            Array2::from_shape_vec((x.len(), 1), x).unwrap(),
            Array1::from(w).mapv(f64::ln),
        )
    }

    /// Rows of generic values.
    pub fn probes(&self) -> Array2<f64> {
        match &self.finite {
            Some(_) => self.points().0,
            None if (self.energy)(&[-1.0]) == f64::INFINITY => array![[0.2], [1.4], [0.7], [2.6]],
            None => array![[-1.3], [0.2], [0.7], [2.1]],
        }
    }
}

fn finite(
    name: &'static str,
    layer: impl Into<FiniteLayer>,
    base: impl Into<FiniteLayer>,
    energy: fn(&[f64]) -> f64,
) -> Kind {
    let (layer, base) = (layer.into(), base.into());
    Kind {
        name,
        layer: layer.clone().into(),
        base: base.clone().into(),
        finite: Some((layer, base)),
        energy,
    }
}

fn continuous(
    name: &'static str,
    layer: impl Into<Layer>,
    base: impl Into<Layer>,
    energy: fn(&[f64]) -> f64,
) -> Kind {
    Kind {
        name,
        layer: layer.into(),
        base: base.into(),
        finite: None,
        energy,
    }
}

/// Every kind, small.
pub fn kinds() -> Vec<Kind> {
    let bits = |a, b| Bernoulli::new(array![a, b]).unwrap();
    let spins = |a, b| Spin::new(array![a, b]).unwrap();
    let counts = |a| Binomial::new(array![a], 3).unwrap();
    let labels = |a, b, c| Softmax::new(array![[a, b, c]]).unwrap();
    let joined = |a: f64, b, c, d| -> Joined<FiniteLayer, FiniteLayer> {
        Joined::new(Bernoulli::new(array![a]).unwrap().into(), labels(b, c, d).into())
    };
    let double = |p: [f64; 4]| {
        let [a, b, c, d] = p.map(|p| array![p]);
        DoubleRectified::new(a, b, c, d).unwrap()
    };
    vec![
        finite("Bernoulli", bits(0.3, -0.6), bits(-0.2, 0.4), |x| {
            -0.3 * x[0] + 0.6 * x[1]
        }),
        finite("spin", spins(0.2, -0.5), spins(0.3, 0.1), |x| {
            -0.2 * x[0] + 0.5 * x[1]
        }),
        // log (3 choose x): 0, log 3, log 3, 0.
        finite("binomial", counts(-0.4), counts(0.2), |x| {
            0.4 * x[0]
                - if x[0] == 1.0 || x[0] == 2.0 {
                    3.0_f64.ln()
                } else {
                    0.0
                }
        }),
        finite("softmax", labels(0.5, -0.3, 0.1), labels(0.1, 0.2, -0.4), |x| {
            if x.iter().sum::<f64>() == 1.0 {
                -0.5 * x[0] + 0.3 * x[1] - 0.1 * x[2]
            } else {
                f64::INFINITY
            }
        }),
        finite(
            "joined",
            joined(0.7, 0.2, -0.3, 0.4),
            joined(0.1, 0.3, 0.2, -0.2),
            |x| -0.7 * x[0] - 0.2 * x[1] + 0.3 * x[2] - 0.4 * x[3],
        ),
        continuous(
            "Gaussian",
            Gaussian::new(array![0.4], array![1.3]).unwrap(),
            Gaussian::new(array![-0.2], array![0.9]).unwrap(),
            |x| 0.65 * x[0] * x[0] - 0.4 * x[0],
        ),
        continuous(
            "rectified",
            Rectified::new(array![-0.6], array![1.5]).unwrap(),
            Rectified::new(array![0.2], array![0.8]).unwrap(),
            |x| {
                if x[0] < 0.0 {
                    f64::INFINITY
                } else {
                    0.75 * x[0] * x[0] + 0.6 * x[0]
                }
            },
        ),
        continuous(
            "double-rectified",
            double([0.8, 1.2, -0.5, 1.7]),
            double([0.1, 0.9, 0.2, 1.1]),
            |x| {
                if x[0] < 0.0 {
                    0.85 * x[0] * x[0] + 0.5 * x[0]
                } else {
                    0.6 * x[0] * x[0] - 0.8 * x[0]
                }
            },
        ),
    ]
}
