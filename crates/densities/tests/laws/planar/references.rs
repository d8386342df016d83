//! Every target against 50-digit values, at parameters from narrow to wide and up to 40 standard deviations out.

use gibbsian_densities::planar::*;

use crate::common::reference::{log_density, log_density_and_score};

#[test]
fn eight_normals() {
    log_density_and_score("eight_gaussians", |p| {
        eight_gaussians(p.number("radius"), p.number("deviation")).unwrap()
    });
}

#[test]
fn rings() {
    log_density_and_score("rings", |p| {
        Rings::new(p.vector("radii"), p.number("deviation")).unwrap()
    });
}

#[test]
fn pinwheel() {
    log_density_and_score("pinwheel", |p| {
        Pinwheel::new(PinwheelOptions {
            n_blades: p.number("n_blades") as usize,
            radius: p.number("radius"),
            radial_deviation: p.number("radial_deviation"),
            tangential_deviation: p.number("tangential_deviation"),
            twist: p.number("twist"),
        })
        .unwrap()
    });
}

#[test]
fn banana() {
    log_density_and_score("banana", |p| {
        Banana::new(BananaOptions {
            mean: p.number("mean"),
            deviation: p.number("deviation"),
            curvature: p.number("curvature"),
            offset: p.number("offset"),
            width: p.number("width"),
        })
        .unwrap()
    });
}

#[test]
fn funnel() {
    log_density_and_score("funnel", |p| {
        Funnel::new(p.number("dim") as usize, p.number("deviation")).unwrap()
    });
}

#[test]
fn checkerboard() {
    log_density("checkerboard", |p| {
        Checkerboard::new(p.number("n") as usize, p.number("half_width")).unwrap()
    });
}

#[test]
fn two_moons() {
    log_density_and_score("two_moons", |p| {
        TwoMoons::new(p.number("radius"), p.number("deviation")).unwrap()
    });
}

#[test]
fn two_spirals() {
    log_density_and_score("two_spirals", |p| {
        TwoSpirals::new(p.number("growth"), p.number("sweep"), p.number("deviation")).unwrap()
    });
}
