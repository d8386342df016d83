//! The records that models of pairs are saved in.

use gibbsian_classical::{Boundary, Graph, Ising, PairwiseField, Potts, Xy};
use gibbsian_core::{Parametric, Record, Snapshot, Values};
use ndarray::{Array2, Array3, array};

/// Names, shapes and order of the entries are a format, which saved models have.
#[test]
fn models_of_pairs_keep_the_records_that_they_were_saved_in() {
    let graph = || Graph::lattice(&[3], Boundary::Open).unwrap();
    let check = |record: Record, model: &dyn Parametric, tensors: [(&str, &[usize]); 2]| {
        let mut expected = Record::new();
        let (params, mut at) = (model.params(), 0);
        for (name, shape) in tensors {
            let n: usize = shape.iter().product();
            let values = params.slice(ndarray::s![at..at + n]).to_vec();
            expected.put(name, shape, Values::F64(values));
            at += n;
        }
        assert_eq!((record, at), (expected, params.len()));
    };
    let couplings = || array![0.5, -1.0];
    let numbers = |n: usize, q: usize| Array2::from_shape_fn((n, q), |(i, a)| (q * i + a) as f64 - 1.5);
    let ising = Ising::new(graph(), couplings(), array![0.1, 0.2, 0.3]).unwrap();
    check(ising.snapshot(), &ising, [("couplings", &[2]), ("fields", &[3])]);
    let potts = Potts::new(graph(), couplings(), numbers(3, 4)).unwrap();
    check(
        potts.snapshot(),
        &potts,
        [("couplings", &[2]), ("fields", &[3, 4])],
    );
    let xy = Xy::new(graph(), couplings(), numbers(3, 2)).unwrap();
    check(xy.snapshot(), &xy, [("couplings", &[2]), ("fields", &[3, 2])]);
    let tables = Array3::from_shape_fn((2, 2, 2), |(t, a, b)| (4 * t + 2 * a + b) as f64);
    let field = PairwiseField::new(graph(), vec![0.0, 1.0], numbers(3, 2), tables, vec![0, 1]).unwrap();
    check(
        field.snapshot(),
        &field,
        [("unary", &[3, 2]), ("tables", &[2, 2, 2])],
    );
}
