//! Fingerprints of records.

use gibbsian_checkpoint::fingerprint_of;
use gibbsian_core::{Record, Values};

#[test]
fn records_that_differ_in_anything_have_other_fingerprints() {
    let record = |entries: &[(&str, &[usize], Values)]| {
        let mut record = Record::new();
        for (name, shape, values) in entries {
            record.put(*name, shape, values.clone());
        }
        fingerprint_of(&record)
    };
    let two = || Values::F64(vec![0.0, 1.0]);
    let all = [
        record(&[]),
        record(&[("x", &[2], two())]),
        record(&[("y", &[2], two())]),
        record(&[("x", &[2, 1], two())]),
        record(&[("x", &[1, 2], two())]),
        record(&[("x", &[2], Values::F64(vec![-0.0, 1.0]))]),
        record(&[("x", &[2], Values::U64(vec![0, 1.0_f64.to_bits()]))]),
        record(&[
            ("x", &[1], Values::F64(vec![0.0])),
            ("y", &[1], Values::F64(vec![1.0])),
        ]),
        record(&[
            ("y", &[1], Values::F64(vec![1.0])),
            ("x", &[1], Values::F64(vec![0.0])),
        ]),
        record(&[("x", &[2], two()), ("empty", &[0], Values::U8(vec![]))]),
    ];
    for (i, a) in all.iter().enumerate() {
        assert_eq!(a.len(), 64);
        assert!(all[..i].iter().all(|b| a != b), "{i}");
    }
    assert_eq!(all[1], record(&[("x", &[2], two())]));
}
