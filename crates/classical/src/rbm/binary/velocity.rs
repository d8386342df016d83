//! The velocity of every parameter under momentum, in the machine's own layout.
//!
//! Without momentum there is none: a step then neither reads nor writes one, and a momentum that is switched on later starts from
//! rest. Snapshots hold it in the order of the parameters, so that they do not depend on how the machine arranges its panels.

use gibbsian_core::{Error, Record, Result, Values};
use gibbsian_linalg::kernels::{Line, PANEL, panels};

use super::{BinaryRbm, largest};

/// The velocity of a machine's parameters, or of none at rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Velocity {
    n_visible: usize,
    n_hidden: usize,
    /// One a hidden panel of the machine.
    pub(super) panels: Vec<PanelVelocity>,
    pub(super) visible_bias: Vec<f32>,
    /// No entry is larger than this in magnitude.
    pub(super) magnitude: f64,
}

/// The velocity of the weights and biases of 64 hidden units.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PanelVelocity {
    /// One line a visible unit, or none at rest.
    pub(crate) weights: Vec<Line>,
    pub(crate) bias: Line,
}

impl PanelVelocity {
    /// Zero velocity of a panel with weights to so many units, none at rest.
    pub(crate) fn zeros(lines: usize) -> Self {
        PanelVelocity {
            weights: vec![Line::ZERO; lines],
            bias: Line::ZERO,
        }
    }

    /// The largest magnitude of an entry.
    pub(crate) fn largest(&self) -> f64 {
        largest(Line::flatten(&self.weights)).max(largest(&self.bias.0))
    }

    /// The velocities of some visible units, or nothing at rest.
    pub(crate) fn of_units(&mut self, units: std::ops::Range<usize>) -> &mut [f32] {
        self.weights
            .get_mut(units)
            .map_or(&mut [], |lines| Line::flatten_mut(lines))
    }
}

impl Velocity {
    /// Makes room for the velocity of `machine`, at rest if it was not there, or forgets it where there is no momentum.
    ///
    /// # Errors
    /// A velocity of another machine's shape.
    pub(super) fn prepare(&mut self, machine: &BinaryRbm, has_momentum: bool) -> Result<()> {
        let shape = (machine.n_visible, machine.n_hidden);
        if has_momentum && !self.is_at_rest() && (self.n_visible, self.n_hidden) != shape {
            let found = [self.n_visible, self.n_hidden];
            return Err(Error::shape(
                "velocity",
                &found,
                format!("{:?}", [shape.0, shape.1]),
            ));
        }
        if has_momentum == self.is_at_rest() || self.panels.len() != panels(shape.1) {
            *self = Velocity::zeros(shape.0, shape.1, has_momentum);
        }
        Ok(())
    }

    fn zeros(n_visible: usize, n_hidden: usize, has_momentum: bool) -> Self {
        let lines = if has_momentum { n_visible } else { 0 };
        Velocity {
            n_visible,
            n_hidden,
            panels: vec![PanelVelocity::zeros(lines); panels(n_hidden)],
            visible_bias: vec![0.0; lines],
            magnitude: 0.0,
        }
    }

    fn is_at_rest(&self) -> bool {
        self.visible_bias.is_empty()
    }

    /// The largest magnitude of an entry.
    pub(super) fn largest(&self) -> f64 {
        let panels = self.panels.iter().map(PanelVelocity::largest);
        panels.fold(largest(&self.visible_bias), f64::max)
    }

    /// Adds the entries `velocity.weights`, `velocity.visible.bias` and `velocity.hidden.bias`; empty ones at rest.
    pub(super) fn snapshot(&self, record: &mut Record) {
        let (v, h) = if self.is_at_rest() {
            (0, 0)
        } else {
            (self.n_visible, self.n_hidden)
        };
        let weights = (0..v).flat_map(|i| (0..h).map(move |j| (i, j)));
        let weights = weights.map(|(i, j)| self.panels[j / PANEL].weights[i].0[j % PANEL]);
        let hidden = (0..h).map(|j| self.panels[j / PANEL].bias.0[j % PANEL]);
        record.put("velocity.weights", &[v, h], Values::F32(weights.collect()));
        record.put(
            "velocity.visible.bias",
            &[v],
            Values::F32(self.visible_bias.clone()),
        );
        record.put("velocity.hidden.bias", &[h], Values::F32(hidden.collect()));
    }

    /// The velocity that a record holds.
    ///
    /// # Errors
    /// An entry that is missing, does not fit the others, or holds a number that is not finite.
    pub(super) fn restored(record: &Record) -> Result<Self> {
        let (v, h) = match record.shape("velocity.weights") {
            Some(&[v, h]) => (v, h),
            // The accessor below says what is wrong.
            _ => (0, 0),
        };
        let weights = record.f32s("velocity.weights", &[v, h])?;
        let visible = record.f32s("velocity.visible.bias", &[v])?;
        let hidden = record.f32s("velocity.hidden.bias", &[h])?;
        for (name, values) in [
            ("weights", weights),
            ("visible.bias", visible),
            ("hidden.bias", hidden),
        ] {
            if let Some(bad) = values.iter().find(|x| !x.is_finite()) {
                let origin = format!("snapshot entry `velocity.{name}`");
                return Err(Error::format(origin, bad, "finite numbers"));
            }
        }
        if v == 0 {
            return Ok(Velocity::default());
        }
        let mut velocity = Velocity::zeros(v, h, true);
        for (k, w) in weights.iter().enumerate() {
            velocity.panels[k % h / PANEL].weights[k / h].0[k % h % PANEL] = *w;
        }
        for (j, c) in hidden.iter().enumerate() {
            velocity.panels[j / PANEL].bias.0[j % PANEL] = *c;
        }
        velocity.visible_bias.copy_from_slice(visible);
        velocity.magnitude = velocity.largest();
        Ok(velocity)
    }

    /// The number of visible units of the machine, or `None` at rest.
    pub(super) fn n_visible(&self) -> Option<usize> {
        (!self.is_at_rest()).then_some(self.n_visible)
    }
}
