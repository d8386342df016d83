//! One affine coupling layer (Dinh, Sohl-Dickstein and Bengio 2017, equations 4 and 5, with the mask of equation 9).
//!
//! The coordinates of one parity, `u_A`, pass unchanged and decide what happens to the others:
//!
//! - `h = tanh(W u_A + c)`, `(r, t) = V h + d`, `s = S tanh(r / S)`;
//! - `u_B ← u_B ∘ exp(s) + t`, whose Jacobian is triangular, with `log|det| = Σ s`.

use gibbsian_core::Layout;

use super::number::Number;

/// The shape of a layer, and which coordinates it changes.
#[derive(Clone, Debug)]
pub(super) struct Coupling {
    /// `A`, the coordinates that pass.
    passed: Vec<usize>,
    /// `B`, those that change.
    changed: Vec<usize>,
    n_hidden: usize,
    /// `S`.
    largest_log_scale: f64,
}

/// What a forward pass leaves for the backward pass.
#[derive(Clone)]
pub(super) struct Trace<T> {
    input: Vec<T>,
    hidden: Vec<T>,
    log_scale: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
}

impl<T: Number> Trace<T> {
    pub(super) fn new(layer: &Coupling) -> Self {
        let zero = |n| vec![T::constant(0.0); n];
        Trace {
            input: zero(layer.passed.len() + layer.changed.len()),
            hidden: zero(layer.n_hidden),
            log_scale: zero(layer.changed.len()),
            scale: zero(layer.changed.len()),
            shift: zero(layer.changed.len()),
        }
    }
}

/// The parameters of a layer, or their gradient.
struct Parts<'a, T> {
    /// `W` `(H, |A|)`, `c` `(H)`, `V` `(2|B|, H)` and `d` `(2|B|)`; the first `|B|` outputs are `r`, the others `t`.
    hidden_weights: &'a [T],
    hidden_bias: &'a [T],
    output_weights: &'a [T],
    output_bias: &'a [T],
}

impl Coupling {
    /// Layer number `index`: it changes the coordinates `i` with `i + index` odd.
    pub(super) fn new(index: usize, dim: usize, n_hidden: usize, largest_log_scale: f64) -> Self {
        let (changed, passed) = (0..dim).partition(|i| (i + index) % 2 == 1);
        Coupling {
            passed,
            changed,
            n_hidden,
            largest_log_scale,
        }
    }

    pub(super) fn layout(&self) -> Layout {
        let n_outputs = 2 * self.changed.len();
        Layout::new()
            .with("hidden_weights", &[self.n_hidden, self.passed.len()])
            .with("hidden_bias", &[self.n_hidden])
            .with("output_weights", &[n_outputs, self.n_hidden])
            .with("output_bias", &[n_outputs])
    }

    fn parts<'a, T>(&self, flat: &'a [T]) -> Parts<'a, T> {
        let (hidden_weights, rest) = flat.split_at(self.n_hidden * self.passed.len());
        let (hidden_bias, rest) = rest.split_at(self.n_hidden);
        let (output_weights, output_bias) = rest.split_at(2 * self.changed.len() * self.n_hidden);
        Parts {
            hidden_weights,
            hidden_bias,
            output_weights,
            output_bias,
        }
    }

    /// Fills the trace with what `u_A` says: the hidden layer, scales and shifts.
    fn condition<T: Number>(&self, params: &[f64], trace: &mut Trace<T>) {
        let theta = self.parts(params);
        for (k, weights) in theta.hidden_weights.chunks_exact(self.passed.len()).enumerate() {
            let mut sum = T::constant(theta.hidden_bias[k]);
            for (&i, &w) in self.passed.iter().zip(weights) {
                sum = sum + trace.input[i].times(w);
            }
            trace.hidden[k] = sum.tanh();
        }
        let (n_changed, bound) = (self.changed.len(), self.largest_log_scale);
        for (o, weights) in theta.output_weights.chunks_exact(self.n_hidden).enumerate() {
            let mut sum = T::constant(theta.output_bias[o]);
            for (&h, &w) in trace.hidden.iter().zip(weights) {
                sum = sum + h.times(w);
            }
            if o < n_changed {
                trace.log_scale[o] = sum.times(1.0 / bound).tanh().times(bound);
                trace.scale[o] = trace.log_scale[o].exp();
            } else {
                trace.shift[o - n_changed] = sum;
            }
        }
    }

    /// Applies the layer to `u` and returns `log|det|`.
    pub(super) fn forward<T: Number>(&self, params: &[f64], u: &mut [T], trace: &mut Trace<T>) -> T {
        trace.input.copy_from_slice(u);
        self.condition(params, trace);
        let mut log_det = T::constant(0.0);
        for (j, &i) in self.changed.iter().enumerate() {
            u[i] = u[i] * trace.scale[j] + trace.shift[j];
            log_det = log_det + trace.log_scale[j];
        }
        log_det
    }

    /// Undoes the layer (Dinh et al., equation 8).
    pub(super) fn inverse(&self, params: &[f64], u: &mut [f64], trace: &mut Trace<f64>) {
        // What decides, u_A, is the same on both sides.
        trace.input.copy_from_slice(u);
        self.condition(params, trace);
        for (j, &i) in self.changed.iter().enumerate() {
            u[i] = (u[i] - trace.shift[j]) / trace.scale[j];
        }
    }

    /// Turns `g`, the gradient of a number in the layer's output, into that in its input, where the number depends on the layer's `log|det|` with
    /// the factor `det` too, and adds the gradient in the parameters to `grad` if it is wanted.
    pub(super) fn backward<T: Number>(
        &self,
        params: &[f64],
        trace: &Trace<T>,
        g: &mut [T],
        det: T,
        grad: Option<&mut [T]>,
    ) {
        let theta = self.parts(params);
        let (n_passed, n_changed, bound) = (self.passed.len(), self.changed.len(), self.largest_log_scale);
        let one = T::constant(1.0);
        let mut in_outputs = vec![T::constant(0.0); 2 * n_changed];
        for (j, &i) in self.changed.iter().enumerate() {
            let in_log_scale = g[i] * trace.input[i] * trace.scale[j] + det;
            // ds/dr = 1 − tanh²(r / S).
            let t = trace.log_scale[j].times(1.0 / bound);
            in_outputs[j] = in_log_scale * ((one - t) * (one + t));
            in_outputs[n_changed + j] = g[i];
            g[i] = g[i] * trace.scale[j];
        }
        let mut in_hidden = vec![T::constant(0.0); self.n_hidden];
        for (&delta, weights) in in_outputs
            .iter()
            .zip(theta.output_weights.chunks_exact(self.n_hidden))
        {
            for (sum, &w) in in_hidden.iter_mut().zip(weights) {
                *sum = *sum + delta.times(w);
            }
        }
        for (delta, &h) in in_hidden.iter_mut().zip(&trace.hidden) {
            *delta = *delta * ((one - h) * (one + h));
        }
        for (&delta, weights) in in_hidden.iter().zip(theta.hidden_weights.chunks_exact(n_passed)) {
            for (&i, &w) in self.passed.iter().zip(weights) {
                g[i] = g[i] + delta.times(w);
            }
        }
        if let Some(grad) = grad {
            let mut entries = grad.iter_mut();
            let mut add = |value: T| {
                if let Some(entry) = entries.next() {
                    *entry = *entry + value;
                }
            };
            // In the order of the layout.
            for &delta in &in_hidden {
                self.passed.iter().for_each(|&i| add(delta * trace.input[i]));
            }
            in_hidden.iter().for_each(|&delta| add(delta));
            for &delta in &in_outputs {
                trace.hidden.iter().for_each(|&h| add(delta * h));
            }
            in_outputs.iter().for_each(|&delta| add(delta));
        }
    }
}
